import { stringify } from "yaml";
import type { AuroraCluster, TlsFiles } from "../../local/index.ts";

export interface ProxyConfigOptions {
  readonly aurora: AuroraCluster;
  readonly secretArn: string;
  /** What clients are shown. */
  readonly tls: TlsFiles;
  readonly ports: { readonly proxy: number; readonly reader: number; readonly admin: number };
}

export const PROXY_NAME = "local";
export const WRITER_ENDPOINT = "default";
export const READER_ENDPOINT = "reader";
/** The environment variable that holds the monitor's password. */
export const MONITOR_PASSWORD = "SLUICE_MONITOR_PASSWORD";

const HEAD = `# The proxy of this "sluice up". Changes take effect when the file is saved; a file that is wrong changes nothing.
`;

/** The configuration file of the proxy in front of a local cluster. No password stands in it. */
export function proxyConfig({ aurora, secretArn, tls, ports }: ProxyConfigOptions): string {
  const { cluster, endpoint, instances } = aurora;
  const { application, monitor } = cluster.accounts;
  const host = "127.0.0.1";
  return (
    HEAD +
    stringify({
      name: PROXY_NAME,
      endpoints: [
        { name: WRITER_ENDPOINT, targetRole: "READ_WRITE", host, port: ports.proxy },
        { name: READER_ENDPOINT, targetRole: "READ_ONLY", host, port: ports.reader },
      ],
      tls: { certFile: tls.certFile, keyFile: tls.keyFile },
      auth: [{ username: application.user, secretArn }],
      target: {
        // One address is enough: the instances are found there. On this machine they differ by port, which their ids do not tell.
        hosts: [`${endpoint.host}:${endpoint.port}`],
        topology: "aurora",
        instances: Object.fromEntries(
          instances.map((each) => [each.id, `${each.host}:${each.port}`]),
        ),
        tls: "VERIFY_IDENTITY",
        caFile: cluster.caFile,
        monitor: { username: monitor.user, password: { env: MONITOR_PASSWORD } },
      },
      admin: { host, port: ports.admin },
    })
  );
}
