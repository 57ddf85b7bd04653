import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";

export interface ListedInstance {
  readonly id: string;
  /** null: it has none yet. */
  readonly address: { readonly host: string; readonly port: number } | null;
}

/** As much of the RDS API as tells where instances are: DescribeDBInstances in the Query protocol, a page for every instance. */
export class RdsApi implements AsyncDisposable {
  /** Filters of the questions so far, as `name=value`. */
  readonly asked: string[] = [];
  instances: readonly ListedInstance[] = [];
  /** Answered instead of instances, where set. */
  fault: { readonly code: string; readonly message: string } | null = null;
  readonly #server: Server;

  private constructor() {
    this.#server = createServer(async (request, response) => {
      let body = "";
      for await (const chunk of request) body += chunk;
      const [status, xml] = this.#answer(new URLSearchParams(body));
      response.writeHead(status, { "content-type": "text/xml" }).end(xml);
    });
  }

  static async start(): Promise<RdsApi> {
    const api = new RdsApi();
    await new Promise<void>((resolve) => api.#server.listen(0, "127.0.0.1", resolve));
    return api;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #answer(form: URLSearchParams): [number, string] {
    if (form.get("Action") !== "DescribeDBInstances") return [400, faultXml("InvalidAction", "no")];
    this.asked.push(
      `${form.get("Filters.Filter.1.Name")}=${form.get("Filters.Filter.1.Values.Value.1")}`,
    );
    if (this.fault !== null) return [400, faultXml(this.fault.code, this.fault.message)];
    const at = Number(form.get("Marker") ?? "0");
    const listed = this.instances.slice(at, at + 1).map(instanceXml);
    const marker = at + 1 < this.instances.length ? `<Marker>${at + 1}</Marker>` : "";
    return [
      200,
      `<DescribeDBInstancesResponse xmlns="http://rds.amazonaws.com/doc/2014-10-31/"><DescribeDBInstancesResult><DBInstances>${listed.join("")}</DBInstances>${marker}</DescribeDBInstancesResult><ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></DescribeDBInstancesResponse>`,
    ];
  }
}

function instanceXml({ id, address }: ListedInstance): string {
  const endpoint =
    address === null
      ? ""
      : `<Endpoint><Address>${address.host}</Address><Port>${address.port}</Port></Endpoint>`;
  return `<DBInstance><DBInstanceIdentifier>${id}</DBInstanceIdentifier>${endpoint}</DBInstance>`;
}

function faultXml(code: string, message: string): string {
  return `<ErrorResponse xmlns="http://rds.amazonaws.com/doc/2014-10-31/"><Error><Type>Sender</Type><Code>${code}</Code><Message>${message}</Message></Error><RequestId>1</RequestId></ErrorResponse>`;
}
