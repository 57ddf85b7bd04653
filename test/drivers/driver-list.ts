import { join } from "node:path";
import type { Engine } from "../../local/engine.ts";

/** A driver in one of its ways of speaking. */
export interface DriverSpec {
  readonly name: string;
  /** How it passes parameters. */
  readonly way: string;
  readonly variant: string;
  /** What starts its program; the file with the steps follows. */
  readonly command: readonly string[];
  /** Debian's packages, where it is no npm package. */
  readonly packages: readonly string[];
  /** Succeeds where the driver is installed, and prints its version. */
  readonly version: readonly string[];
  /** Runs once before the first conversation: a compiler. */
  readonly build?: (folder: string) => { command: readonly string[]; env: Record<string, string> };
  /** The server whose packages bring the client. */
  readonly clientOf?: Engine;
  /** It has no `mysql_native_password`: what the driver says, or null where it has. */
  readonly withoutNative?: string;
  /** Prepares on the server. */
  readonly prepares: boolean;
  /** What it refuses by itself, as its program prints that: then it must do so through the proxy too. */
  readonly limits?: readonly RegExp[];
  /** An error after which it does not know its own state any more: what follows compares nothing. */
  readonly breaksAt?: RegExp;
  /** How to keep its parameters from pinning. */
  readonly fix: string;
  /** How to keep it from pinning at connect, where it does. */
  readonly connectFix?: string;
}

const PROGRAMS = join(import.meta.dirname, "programs");
const TSX = ["node", "--import", "tsx"];
const SQL_FIX = "pass parameters in the text";

function program(name: string): string {
  return join(PROGRAMS, name);
}

function npmVersion(name: string): readonly string[] {
  const manifest = join(import.meta.dirname, "../../node_modules", name, "package.json");
  return ["node", "-p", `require(${JSON.stringify(manifest)}).version`];
}

const NODE: readonly DriverSpec[] = [
  {
    name: "mysql2 (Node.js)",
    way: "query",
    variant: "query",
    command: [...TSX, program("mysql2.ts")],
    packages: [],
    version: npmVersion("mysql2"),
    prepares: false,
    fix: "",
  },
  {
    name: "mysql2 (Node.js)",
    way: "execute",
    variant: "execute",
    command: [...TSX, program("mysql2.ts")],
    packages: [],
    version: npmVersion("mysql2"),
    prepares: true,
    fix: "`query()` instead of `execute()`",
  },
  {
    name: "mariadb (Node.js)",
    way: "query",
    variant: "query",
    command: [...TSX, program("mariadb.ts")],
    packages: [],
    version: npmVersion("mariadb"),
    limits: [/changeUser not available for MySQL server/],
    prepares: false,
    fix: "",
  },
  {
    name: "mariadb (Node.js)",
    way: "execute, bulk",
    variant: "execute",
    command: [...TSX, program("mariadb.ts")],
    packages: [],
    version: npmVersion("mariadb"),
    limits: [/changeUser not available for MySQL server/],
    prepares: true,
    fix: "`query()` instead of `execute()`, `bulk: false`",
  },
];

/** It prepares every statement, and knows of few types. */
const ODBC_LIMITS = [
  /ODBC SQL type \d+ is not yet supported/,
  /SQL command SET NAMES is not allowed/,
  /not supported in the prepared statement protocol yet/,
  /"00000", "\[00000\] \[ma-[\d.]+\]\[[^\]]*\] \(0\)/,
];

function python(name: string, module: string, packages: readonly string[]): DriverSpec {
  const show = `import ${module} as m; print(getattr(m, "__version__", None) or m.version)`;
  const prepares = module === "pyodbc";
  return {
    name,
    way: prepares ? "prepared" : "text",
    variant: module,
    // Debian's own Python: its packages are not for another one.
    command: ["/usr/bin/python3", program("talk.py")],
    packages,
    version: ["/usr/bin/python3", "-c", show],
    prepares,
    limits: prepares ? ODBC_LIMITS : [],
    ...(prepares ? { breaksAt: /malformed packet \(2027\)|Commands out of sync.*\(2014\)/ } : {}),
    fix: prepares ? SQL_FIX : "",
  };
}

/** With native prepares it sends one statement at a time: the table of several statements never is. */
const PDO_LIMITS = [
  /1064 You have an error.*near '(?:SELECT 2 AS b|CREATE TABLE several)/,
  /1146 Table '\w+\.several' doesn't exist/,
];

function php(api: "pdo" | "mysqli", way: "emulated" | "native"): DriverSpec {
  const prepares = way === "native";
  const extension = api === "pdo" ? "pdo_mysql" : "mysqli";
  return {
    name: api === "pdo" ? "PHP PDO" : "PHP mysqli",
    way: prepares ? "native prepares" : "emulated prepares",
    variant: `${api}-${way}`,
    command: ["php", "-d", "mysqli.allow_local_infile=1", program("talk.php")],
    packages: ["php-cli", "php-mysql"],
    version: ["php", "-r", `extension_loaded("${extension}") || exit(1); echo PHP_VERSION;`],
    prepares,
    limits: api === "pdo" && prepares ? PDO_LIMITS : [],
    fix: prepares
      ? api === "pdo"
        ? "`PDO::ATTR_EMULATE_PREPARES => true`"
        : "`query()` with `real_escape_string()`"
      : "",
  };
}

function perl(module: "mysql" | "MariaDB", way: "emulated" | "native"): DriverSpec {
  const prepares = way === "native";
  return {
    name: `Perl DBD::${module}`,
    way: prepares ? "server prepares" : "emulated prepares",
    variant: `${module}-${way}`,
    command: ["perl", program("talk.pl")],
    packages: [`libdbd-${module.toLowerCase()}-perl`],
    version: ["perl", `-MDBD::${module}`, "-e", `print $DBD::${module}::VERSION`],
    prepares,
    fix: prepares ? `\`${module.toLowerCase()}_server_prepare=0\`, the default` : "",
  };
}

function go(way: "prepared" | "interpolated"): DriverSpec {
  return {
    name: "go-sql-driver",
    way,
    variant: way,
    command: [],
    packages: ["golang-go", "golang-github-go-sql-driver-mysql-dev"],
    version: ["dpkg-query", "-W", "golang-github-go-sql-driver-mysql-dev"],
    build: (folder) => ({
      command: ["go", "build", "-o", join(folder, "talk-go"), program("talk.go")],
      env: {
        GO111MODULE: "off",
        GOPATH: "/usr/share/gocode",
        GOCACHE: join(folder, "go-cache"),
        GOFLAGS: "",
      },
    }),
    prepares: way === "prepared",
    fix: way === "prepared" ? "`interpolateParams=true`" : "",
  };
}

function ruby(way: "text" | "native"): DriverSpec {
  return {
    name: "Ruby mysql2",
    way: way === "text" ? "query" : "prepare",
    variant: way,
    command: ["ruby", program("talk.rb")],
    packages: ["ruby", "ruby-mysql2"],
    version: ["ruby", "-rmysql2", "-e", "puts Mysql2::VERSION"],
    prepares: way === "native",
    fix: way === "native" ? "`query` with `escape`" : "",
  };
}

const JAVA_JAR = "/usr/share/java/mariadb-java-client.jar";

function java(way: "text" | "native"): DriverSpec {
  return {
    name: "MariaDB Connector/J",
    way: way === "text" ? "client prepares" : "server prepares",
    variant: way,
    command: [],
    packages: ["libmariadb-java", "default-jdk-headless"],
    version: ["dpkg-query", "-W", "libmariadb-java"],
    build: (folder) => ({
      command: ["javac", "-d", join(folder, "talk-java"), program("talk.java")],
      env: {},
    }),
    prepares: way === "native",
    fix: way === "native" ? "`useServerPrepStmts=false`, the default" : "",
  };
}

function commandLine(engine: Engine): DriverSpec {
  const name = engine === "mysql" ? "mysql" : "mariadb";
  return {
    name: `${name} client`,
    way: "prompt, dump",
    variant: name,
    command: [...TSX, program("command-line.ts")],
    packages: [],
    version: [],
    clientOf: engine,
    ...(engine === "mysql" ? { withoutNative: "it has no mysql_native_password any more" } : {}),
    prepares: false,
    fix: "",
  };
}

export const DRIVERS: readonly DriverSpec[] = [
  ...NODE,
  python("PyMySQL", "pymysql", ["python3-pymysql", "python3-cryptography"]),
  python("mysqlclient (Python)", "MySQLdb", ["python3-mysqldb"]),
  python("MariaDB ODBC (pyodbc)", "pyodbc", ["python3-pyodbc", "odbc-mariadb"]),
  php("pdo", "emulated"),
  php("pdo", "native"),
  php("mysqli", "native"),
  perl("mysql", "emulated"),
  perl("mysql", "native"),
  perl("MariaDB", "emulated"),
  perl("MariaDB", "native"),
  go("interpolated"),
  go("prepared"),
  ruby("text"),
  ruby("native"),
  java("text"),
  java("native"),
  commandLine("mysql"),
  commandLine("mariadb"),
];

/** What starts a driver whose program was compiled. */
export function builtCommand(driver: DriverSpec, folder: string): readonly string[] {
  if (driver.name === "go-sql-driver") return [join(folder, "talk-go")];
  const options = ["-Xmx1g", "-XX:TieredStopAtLevel=1", "-cp"];
  return ["java", ...options, `${JAVA_JAR}:${join(folder, "talk-java")}`, "Talk"];
}
