/** Finds, installs or builds what a driver needs. */
import { runOrThrow } from "../../local/program.ts";
import { getServer } from "../../local/server-fetch.ts";
import { builtCommand, type DriverSpec } from "./driver-list.ts";
import { install, installedVersion } from "./installation.ts";

/** A driver that is there. */
export interface ReadyDriver {
  readonly driver: DriverSpec;
  readonly name: string;
  readonly version: string;
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** One that is not. */
export interface AbsentDriver {
  readonly name: string;
  readonly reason: string;
}

export interface Preparing {
  /** For compiled programs, and what programs write. */
  readonly folder: string;
  readonly mayInstall: boolean;
  readonly say: (line: string) => void;
}

export function nameOf({ name, way }: DriverSpec): string {
  return `${name}, ${way}`;
}

export async function prepareDriver(
  driver: DriverSpec,
  preparing: Preparing,
): Promise<ReadyDriver | AbsentDriver> {
  const name = nameOf(driver);
  if (driver.clientOf !== undefined) return prepareClient(driver, preparing);
  let version = await installedVersion(driver);
  if (version === null && driver.packages.length > 0 && preparing.mayInstall) {
    const problem = await install(driver.packages, preparing.say);
    if (problem !== null) return { name, reason: problem };
    version = await installedVersion(driver);
  }
  if (version === null)
    return { name, reason: `not installed (${driver.packages.join(" ") || "npm ci"})` };
  const env = { DRIVER_VARIANT: driver.variant };
  if (driver.build === undefined) return { driver, name, version, command: driver.command, env };
  const { command, env: compilerEnv } = driver.build(preparing.folder);
  try {
    await runOrThrow(command, { env: { ...process.env, ...compilerEnv }, timeoutMs: 600_000 });
  } catch (error) {
    return { name, reason: (error as Error).message };
  }
  return { driver, name, version, command: builtCommand(driver, preparing.folder), env };
}

async function prepareClient(
  driver: DriverSpec,
  preparing: Preparing,
): Promise<ReadyDriver | AbsentDriver> {
  const name = nameOf(driver);
  const engine = driver.clientOf!;
  const server = await getServer(engine, { say: preparing.say });
  const client = server.tool(engine);
  const dumper =
    engine === "mysql"
      ? server.tool("mysqldump")
      : (server.tool("mariadb-dump") ?? (await systemDumper(preparing)));
  if (client === null || dumper === null)
    return { name, reason: "the server's packages came without the client or its dump program" };
  const env = {
    DRIVER_VARIANT: driver.variant,
    DRIVER_COMMAND: JSON.stringify(client),
    DRIVER_DUMPER: JSON.stringify(dumper),
  };
  return { driver, name, version: server.version, command: driver.command, env };
}

/** MariaDB's dump program comes in a package of its own. */
async function systemDumper({ mayInstall, say }: Preparing): Promise<readonly string[] | null> {
  const installed = () =>
    runOrThrow(["mariadb-dump", "--version"]).then(
      () => ["mariadb-dump"],
      () => null,
    );
  const found = await installed();
  if (found !== null || !mayInstall) return found;
  return (await install(["mariadb-client"], say)) === null ? installed() : null;
}
