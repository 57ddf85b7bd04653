import { commonFault } from "./fault.ts";
import { WIRES, type Wire } from "./wires.ts";

/** What was asked for, found from how the request looks: services change their protocols, and one may speak several. */
export interface RequestShape {
  readonly wire: Wire;
  /** Of JSON and CBOR; the Query protocol names its service in the signature only. */
  readonly target: string | null;
  readonly operation: string;
  /** Of the Query protocol. */
  readonly version: string | null;
  /** What the wire reads. */
  readonly body: Uint8Array;
}

export interface HttpRequest {
  readonly method: string;
  /** As sent. */
  readonly path: string;
  /** Without the question mark. */
  readonly query: string;
  readonly header: (name: string) => string | undefined;
  /** After decompression. */
  readonly body: Uint8Array;
}

const CBOR_PATH = /^\/service\/([^/]+)\/operation\/([^/]+)\/?$/;

/** Which protocol a request speaks, even where the rest of it is wrong. */
export function wireOf({ path, header }: HttpRequest): Wire {
  if (header("smithy-protocol") === "rpc-v2-cbor" || CBOR_PATH.test(path)) return WIRES.cbor;
  const type = header("content-type") ?? "";
  if (type.startsWith("application/x-amz-json-1.0")) return WIRES["json-1.0"];
  if (type.startsWith("application/x-amz-json-1.1") || header("x-amz-target") !== undefined)
    return WIRES["json-1.1"];
  return WIRES.query;
}

export function shapeOf(request: HttpRequest): RequestShape {
  const wire = wireOf(request);
  const { path, header, body, query, method } = request;
  if (wire === WIRES.cbor) {
    const [, target, operation] = CBOR_PATH.exec(path) ?? [];
    if (target === undefined || operation === undefined)
      throw commonFault("InvalidAction", `There is no service at ${path}`);
    return { wire, target, operation, version: null, body };
  }
  if (wire !== WIRES.query) {
    const full = header("x-amz-target") ?? "";
    const dot = full.lastIndexOf(".");
    if (dot <= 0) throw commonFault("InvalidAction", "The header x-amz-target is missing");
    const [target, operation] = [full.slice(0, dot), full.slice(dot + 1)];
    return { wire, target, operation, version: null, body };
  }
  const form = method === "GET" ? Buffer.from(query) : body;
  const parameters = new URLSearchParams(Buffer.from(form).toString("utf8"));
  const operation = parameters.get("Action");
  if (operation === null)
    throw commonFault("MissingParameter", "The request must contain the parameter Action");
  return { wire, target: null, operation, version: parameters.get("Version"), body: form };
}
