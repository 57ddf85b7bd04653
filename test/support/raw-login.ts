import { BackendLogin } from "../../proxy/auth/client-exchange.ts";
import { Capability } from "../../proxy/wire/capabilities.ts";
import { decodeErr, type ErrFields, isErr } from "../../proxy/wire/err.ts";
import { decodeGreeting, type Greeting } from "../../proxy/wire/greeting.ts";
import { encodeAttributes, encodeLogin, encodeSslRequest } from "../../proxy/wire/login.ts";
import { PacketLink } from "./packet-link.ts";

export const LOGIN_CAPABILITIES =
  Capability.LONG_PASSWORD |
  Capability.LONG_FLAG |
  Capability.CONNECT_WITH_DB |
  Capability.PROTOCOL_41 |
  Capability.TRANSACTIONS |
  Capability.SECURE_CONNECTION |
  Capability.PLUGIN_AUTH |
  Capability.PLUGIN_AUTH_LENENC_CLIENT_DATA |
  Capability.CONNECT_ATTRS |
  Capability.DEPRECATE_EOF;

export interface LoginWish {
  readonly user: string;
  readonly password: string;
  readonly schema?: string;
  /** Named in the login; the greeting's when absent. */
  readonly plugin?: string;
  readonly capabilities?: number;
  readonly charset?: number;
  readonly attributes?: readonly (readonly [string, string])[];
  readonly tls?: boolean;
}

/** What became of a login, packet by packet. */
export interface LoginTrace {
  readonly greeting: Greeting;
  /** Every payload that the server sent after its greeting. */
  readonly received: readonly Buffer[];
  /** null: it succeeded. */
  readonly error: ErrFields | null;
  readonly link: PacketLink;
}

/** Logs in by hand. The link stays open: close it. */
export async function rawLogin(host: string, port: number, wish: LoginWish): Promise<LoginTrace> {
  const link = await PacketLink.to(host, port);
  const greeting = decodeGreeting(await link.read());
  if (greeting.kind === "err") throw new Error(greeting.message);
  const { user, password, schema = "", tls = false, charset = 45, attributes = [] } = wish;
  const wanted = (wish.capabilities ?? LOGIN_CAPABILITIES) | (tls ? Capability.SSL : 0);
  const head = {
    capabilities: wanted >>> 0,
    mariadbCapabilities: 0,
    maxPacketBytes: 0x100_0000,
    charset,
  };
  if (tls) {
    link.write(encodeSslRequest({ kind: "sslRequest", ...head }));
    await link.startTls();
  }
  const login = new BackendLogin({
    plugin: wish.plugin ?? greeting.plugin,
    nonce: greeting.nonce,
    password,
    secure: tls,
    publicKey: null,
    mayAskForPublicKey: true,
  });
  const first = login.first();
  link.write(
    encodeLogin({
      kind: "login",
      ...head,
      user,
      authResponse: first.authResponse,
      plugin: first.plugin,
      schema,
      attributes: encodeAttributes(attributes),
      zstdLevel: 0,
    }),
  );
  const received: Buffer[] = [];
  for (;;) {
    const payload = await link.read();
    received.push(payload);
    if (isErr(payload)) return { greeting, received, error: decodeErr(payload), link };
    const step = login.receive(payload);
    if (step.kind === "send") link.write(step.payload);
    else if (step.kind === "done") return { greeting, received, error: null, link };
    else if (step.kind === "failed") throw new Error(JSON.stringify(step.failure));
  }
}
