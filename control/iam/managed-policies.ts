/** Policies of AWS's own that may be attached. Others are refused: what they allow is not known here. */
const ALLOW_ALL = { Effect: "Allow", Action: "*", Resource: "*" };
const LOGS = {
  Effect: "Allow",
  Action: ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"],
  Resource: "*",
};
const INTERFACES = {
  Effect: "Allow",
  Action: [
    "ec2:CreateNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:DeleteNetworkInterface",
    "ec2:AssignPrivateIpAddresses",
    "ec2:UnassignPrivateIpAddresses",
  ],
  Resource: "*",
};

const MANAGED: Readonly<Record<string, readonly unknown[]>> = {
  AdministratorAccess: [ALLOW_ALL],
  "service-role/AWSLambdaBasicExecutionRole": [LOGS],
  "service-role/AWSLambdaVPCAccessExecutionRole": [LOGS, INTERFACES],
};

const PREFIX = "arn:aws:iam::aws:policy/";

/** null: not one of AWS's that is known. */
export function managedPolicyText(arn: string): string | null {
  const name = arn.startsWith(PREFIX) ? arn.slice(PREFIX.length) : "";
  const statements = Object.hasOwn(MANAGED, name) ? MANAGED[name] : undefined;
  return statements === undefined
    ? null
    : JSON.stringify({ Version: "2012-10-17", Statement: statements });
}

export function isManaged(arn: string): boolean {
  return arn.startsWith(PREFIX);
}
