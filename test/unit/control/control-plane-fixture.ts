import { afterEach } from "vitest";
import { ControlPlane, type ControlPlaneOptions } from "../../../control/index.ts";
import { type AwsClients, awsClients } from "../../support/aws-clients.ts";
import { PretendDatabases, PretendDataPlane } from "./pretend-ports.ts";

export interface Started {
  readonly control: ControlPlane;
  readonly clients: AwsClients;
  readonly dataPlane: PretendDataPlane;
  readonly databases: PretendDatabases;
}

const running: ControlPlane[] = [];
const bugs: unknown[] = [];

afterEach(async () => {
  await Promise.all(running.splice(0).map((control) => control.stop()));
  if (bugs.length > 0) throw bugs.splice(0)[0];
});

/** A control plane for one test; what it reports as its own defect fails the test. */
export async function startControl(options: Partial<ControlPlaneOptions> = {}): Promise<Started> {
  const dataPlane = new PretendDataPlane();
  const databases = new PretendDatabases();
  const control = await ControlPlane.start({
    dataPlane,
    databases,
    settleMs: 0,
    onBug: (error) => bugs.push(error),
    ...options,
  });
  running.push(control);
  return { control, dataPlane, databases, clients: awsClients(control) };
}
