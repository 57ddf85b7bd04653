import { createHash, createHmac } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type IamTokenCheck,
  type IamTokenVerdict,
  verifyIamToken,
} from "../../../proxy/auth/iam-token.ts";

const HOST = "app.proxy-abcdefghijkl.us-east-1.rds.amazonaws.com:3306";
const ACCESS_KEY = "AKIDEXAMPLE";
const SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
/** 2026-02-28T23:59:30Z. */
const SIGNED_AT = Date.UTC(2026, 1, 28, 23, 59, 30);

function hmac(key: string | Buffer, data: string): Buffer {
  return createHmac("sha256", key).update(data).digest();
}

const encode = (text: string): string =>
  [...Buffer.from(text)]
    .map((byte) =>
      /[A-Za-z0-9_.~-]/.test(String.fromCharCode(byte))
        ? String.fromCharCode(byte)
        : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`,
    )
    .join("");

interface Recipe {
  host?: string;
  path?: string;
  secret?: string;
  params?: Record<string, string>;
}

/** A token by the public specification, written down a second time and without a look at the code under test. */
function token({ host = HOST, path = "/", secret = SECRET, params = {} }: Recipe = {}): string {
  const all: Record<string, string> = {
    Action: "connect",
    DBUser: "app",
    "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
    "X-Amz-Credential": `${ACCESS_KEY}/20260228/us-east-1/rds-db/aws4_request`,
    "X-Amz-Date": "20260228T235930Z",
    "X-Amz-Expires": "900",
    "X-Amz-SignedHeaders": "host",
    ...params,
  };
  const query = Object.entries(all)
    .map(([name, value]) => `${encode(name)}=${encode(value)}`)
    .sort()
    .join("&");
  const empty = createHash("sha256").digest("hex");
  const request = ["GET", "/", query, `host:${host}`, "", "host", empty].join("\n");
  const [, day, region, service] = all["X-Amz-Credential"]!.split("/");
  const scope = `${day}/${region}/${service}/aws4_request`;
  const toSign = [
    "AWS4-HMAC-SHA256",
    all["X-Amz-Date"],
    scope,
    createHash("sha256").update(request).digest("hex"),
  ].join("\n");
  const key = hmac(hmac(hmac(hmac(`AWS4${secret}`, day!), region!), service!), "aws4_request");
  return `${host}${path}?${query}&X-Amz-Signature=${hmac(key, toSign).toString("hex")}`;
}

function verify(text: string, changes: Partial<IamTokenCheck> = {}): IamTokenVerdict {
  return verifyIamToken(text, {
    user: "app",
    endpoints: [HOST, "127.0.0.1:6033"],
    region: "us-east-1",
    nowMs: SIGNED_AT + 60_000,
    secretOf: (id) => (id === ACCESS_KEY ? SECRET : null),
    ...changes,
  });
}

const GOOD: IamTokenVerdict = { ok: true, accessKeyId: ACCESS_KEY };
const no = (reason: string): unknown => ({ ok: false, reason });

describe("a token", () => {
  it("is good for the user, endpoint and region that it was signed for", () => {
    expect(verify(token())).toEqual(GOOD);
    expect(verify(token({ host: "127.0.0.1:6033" }))).toEqual(GOOD);
    expect(
      verify(token({ params: { DBUser: "jürgen o'neil (*)!" } }), { user: "jürgen o'neil (*)!" }),
    ).toEqual(GOOD);
  });

  it("may lack the slash, as Go's do", () => {
    expect(verify(token({ path: "" }))).toEqual(GOOD);
  });

  it("may spell the host in capitals", () => {
    expect(verify(token({ host: HOST.toUpperCase() }))).toEqual(GOOD);
    expect(verify(token().replace(HOST, HOST.toUpperCase()))).toEqual(GOOD);
  });

  it("of temporary credentials hands their session token to the look-up, under the signature", () => {
    const text = token({ params: { "X-Amz-Security-Token": "FwoG+/==" } });
    const asked: (string | null)[] = [];
    const secretOf = (_: string, session: string | null): string => {
      asked.push(session);
      return SECRET;
    };
    expect(verify(text, { secretOf })).toEqual(GOOD);
    expect(verify(text.replace("FwoG", "Fwog"), { secretOf })).toEqual(no("wrong signature"));
    verify(token(), { secretOf });
    expect(asked).toEqual(["FwoG+/==", "Fwog+/==", null]);
  });

  it("lives for as long as it says, to the second, and at most 15 minutes", () => {
    expect(verify(token(), { nowMs: SIGNED_AT + 899_999 })).toEqual(GOOD);
    expect(verify(token(), { nowMs: SIGNED_AT + 900_000 })).toEqual(no("expired"));
    const short = token({ params: { "X-Amz-Expires": "60" } });
    expect(verify(short, { nowMs: SIGNED_AT + 59_000 })).toEqual(GOOD);
    expect(verify(short, { nowMs: SIGNED_AT + 60_000 })).toEqual(no("expired"));
    for (const lifetime of ["901", "0", "-5", "1e2", "", "99999999999", "9.5"]) {
      expect(verify(token({ params: { "X-Amz-Expires": lifetime } })), lifetime).toEqual(
        no("bad lifetime"),
      );
    }
  });

  it("may come from a clock five minutes ahead, not more", () => {
    expect(verify(token(), { nowMs: SIGNED_AT - 300_000 })).toEqual(GOOD);
    expect(verify(token(), { nowMs: SIGNED_AT - 300_001 })).toEqual(no("not yet valid"));
  });

  it("must carry a date that exists", () => {
    const dates = [
      "20260229T000000Z",
      "20261301T000000Z",
      "20260231T000000Z",
      "20260200T000000Z",
      "20260228T240000Z",
    ];
    for (const date of [...dates, "20260228T236000Z", "2026-02-28T00:00Z", "20260228T235930"]) {
      const credential = `${ACCESS_KEY}/${date.slice(0, 8)}/us-east-1/rds-db/aws4_request`;
      const text = token({ params: { "X-Amz-Date": date, "X-Amz-Credential": credential } });
      expect(verify(text), date).toEqual(no("bad date"));
    }
  });

  it("counts days as the calendar does", () => {
    for (const at of [
      Date.UTC(2024, 1, 29, 12),
      Date.UTC(2025, 11, 31, 23, 59, 59),
      Date.UTC(2000, 1, 29),
      Date.UTC(2100, 2, 1),
    ]) {
      const date = new Date(at).toISOString().replace(/[-:]|\.\d+/g, "");
      const credential = `${ACCESS_KEY}/${date.slice(0, 8)}/us-east-1/rds-db/aws4_request`;
      const text = token({ params: { "X-Amz-Date": date, "X-Amz-Credential": credential } });
      expect(verify(text, { nowMs: at + 899_000 }), date).toEqual(GOOD);
      expect(verify(text, { nowMs: at + 900_000 }), date).toEqual(no("expired"));
    }
  });
});

describe("a token is refused", () => {
  it("without ever throwing, whatever it is", () => {
    const good = token();
    const texts = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.string().map((text) => `${HOST}/?${text}`),
      fc
        .tuple(fc.nat(good.length - 1), fc.string({ unit: "binary", minLength: 1, maxLength: 3 }))
        .map(([at, text]) => good.slice(0, at) + text + good.slice(at + text.length)),
    );
    const plain = (text: string): string => decodeURIComponent(text).toLowerCase();
    fc.assert(fc.property(texts, (text) => !verify(text).ok || plain(text) === plain(good)));
    expect(verify(`${HOST}/?a=\ud800`)).toEqual(no("not a token"));
  });

  it("for another user, also where only the login or only the token was changed", () => {
    expect(verify(token(), { user: "root" })).toEqual(no("wrong user"));
    expect(verify(token(), { user: "App" })).toEqual(no("wrong user"));
    expect(verify(token().replace("DBUser=app", "DBUser=root"), { user: "root" })).toEqual(
      no("wrong signature"),
    );
    expect(verify(token({ params: { DBUser: "" } }), { user: "" })).toEqual(no("wrong user"));
  });

  it("for another endpoint or port", () => {
    expect(verify(token(), { endpoints: [] })).toEqual(no("wrong endpoint"));
    expect(verify(token({ host: HOST.replace("3306", "3307") }))).toEqual(no("wrong endpoint"));
    expect(verify(token().replace(HOST, "127.0.0.1:6033"))).toEqual(no("wrong signature"));
  });

  it("for another region, service, day or scope", () => {
    const scopes = [
      `${ACCESS_KEY}/20260228/eu-west-1/rds-db/aws4_request`,
      `${ACCESS_KEY}/20260228/us-east-1/rds/aws4_request`,
      `${ACCESS_KEY}/20260227/us-east-1/rds-db/aws4_request`,
      `${ACCESS_KEY}/20260228/us-east-1/rds-db/aws4`,
      `${ACCESS_KEY}/20260228/us-east-1/rds-db/aws4_request/more`,
    ];
    for (const scope of scopes) {
      expect(verify(token({ params: { "X-Amz-Credential": scope } })), scope).toEqual(
        no("wrong scope"),
      );
    }
  });

  it("for a key that nobody has, even if the signature were that of an empty secret", () => {
    expect(verify(token({ secret: "" }), { secretOf: () => null })).toEqual(
      no("unknown access key"),
    );
  });

  it("for a wrong, cut or missing signature", () => {
    const text = token();
    const flipped = text.slice(0, -1) + (text.endsWith("0") ? "1" : "0");
    for (const bad of [
      flipped,
      text.slice(0, -1),
      text.slice(0, text.indexOf("&X-Amz-Signature")),
      `${text}0`,
    ]) {
      expect(verify(bad), bad.slice(-80)).toEqual(no("wrong signature"));
    }
    expect(verify(token({ secret: "another" }))).toEqual(no("wrong signature"));
  });

  it("for a parameter added or given twice", () => {
    expect(verify(`${token()}&Extra=1`)).toEqual(no("wrong signature"));
    expect(verify(`${token()}&DBUser=app`)).toEqual(no("not a token"));
    expect(verify(`${token()}&D%42User=root`)).toEqual(no("not a token"));
  });

  it("for another action, algorithm or set of signed headers", () => {
    expect(verify(token({ params: { Action: "drop" } }))).toEqual(no("wrong action"));
    expect(verify(token({ params: { "X-Amz-Algorithm": "AWS4-HMAC-SHA1" } }))).toEqual(
      no("wrong algorithm"),
    );
    expect(verify(token({ params: { "X-Amz-SignedHeaders": "date" } }))).toEqual(
      no("wrong signed headers"),
    );
  });

  it("when it is none", () => {
    const texts = [
      "",
      "secret",
      "?",
      "host?",
      "host:1/?a",
      "host:1/?=1",
      "host:1/?a=%",
      "host:1/?a=%ff",
      "a?".repeat(20_000),
    ];
    for (const text of [...texts, `host:1/?${"a=1&".repeat(40)}`])
      expect(verify(text), text).toEqual(no("not a token"));
  });
});
