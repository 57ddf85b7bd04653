import { Validations } from "aws-cdk-lib";
import type { IConstruct } from "constructs";

/**
 * Takes a finding of the checks for known, with the reason why it stays. Ids are as the report of a synthesis shows them,
 * such as `AwsSolutions::AwsSolutions-RDS11`; each is for one construct and what is below it.
 */
export function acknowledge(
  construct: IConstruct,
  findings: Readonly<Record<string, string>>,
): void {
  for (const [id, reason] of Object.entries(findings)) {
    Validations.of(construct).acknowledge({ id, reason });
  }
}
