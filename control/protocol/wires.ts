import { JsonCodec2, XmlShapeSerializer } from "@aws-sdk/core/protocols";
import { CborCodec, cbor } from "@smithy/core/cbor";
import type { NormalizedSchema } from "@smithy/core/schema";
import { type AwsFault, commonFault } from "./fault.ts";
import { readForm } from "./form-reader.ts";
import { refuseUnknown } from "./input-check.ts";
import type { Operation, ServiceModel } from "./service-model.ts";

export type WireName = "query" | "json-1.0" | "json-1.1" | "cbor";

export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array | string;
}

/** How requests are read and answers written in one protocol. */
export interface Wire {
  readonly name: WireName;
  read(body: Uint8Array, schema: NormalizedSchema): Promise<unknown>;
  answer(model: ServiceModel, operation: Operation, output: unknown, requestId: string): Reply;
  refuse(model: ServiceModel | null, fault: AwsFault, requestId: string): Reply;
}

/** The service's own error of this name or code; null for those that are no part of its model. */
function errorShapeOf(model: ServiceModel | null, { code }: AwsFault) {
  if (model === null) return null;
  const named = model.errors.get(code);
  if (named !== undefined) return named;
  for (const error of model.errors.values()) if (error.code === code) return error;
  return null;
}

const XML_SETTINGS = {
  timestampFormat: { useTrait: true, default: 5 as const },
  httpBindings: false,
  xmlNamespace: "",
  serviceNamespace: "",
};

/** The members of a structure, without the element around them: its name depends on who asks. */
function xmlMembers(schema: NormalizedSchema, value: unknown): string {
  const serializer = new XmlShapeSerializer(XML_SETTINGS);
  serializer.write(schema, value);
  const text = String(serializer.flush());
  const open = text.indexOf(">");
  return text[open - 1] === "/" ? "" : text.slice(open + 1, text.lastIndexOf("</"));
}

function xmlText(text: string): string {
  return text
    .replaceAll(/[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD]/g, " ")
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;");
}

const QUERY: Wire = {
  name: "query",
  async read(body, schema) {
    return readForm(Buffer.from(body).toString("utf8"), schema);
  },
  answer({ xmlNamespace }, { name, output: schema }, output, requestId) {
    const result = schema.isStructSchema()
      ? `<${name}Result>${xmlMembers(schema, output)}</${name}Result>`
      : "";
    const metadata = `<ResponseMetadata><RequestId>${requestId}</RequestId></ResponseMetadata>`;
    const body = `<${name}Response xmlns="${xmlNamespace}">${result}${metadata}</${name}Response>`;
    return { status: 200, headers: xmlHeaders(requestId), body };
  },
  refuse(model, fault, requestId) {
    const shape = errorShapeOf(model, fault);
    const status = shape?.status ?? fault.status;
    const type = status < 500 ? "Sender" : "Receiver";
    const members =
      shape === null ? "" : xmlMembers(shape.schema, { ...fault.members, message: undefined });
    const code = xmlText(shape?.code ?? fault.code);
    const error = `<Error><Type>${type}</Type><Code>${code}</Code><Message>${xmlText(fault.message)}</Message>${members}</Error>`;
    const namespace = model?.xmlNamespace ?? "";
    const body = `<ErrorResponse xmlns="${namespace}">${error}<RequestId>${requestId}</RequestId></ErrorResponse>`;
    return { status, headers: xmlHeaders(requestId), body };
  },
};

function xmlHeaders(requestId: string): Record<string, string> {
  return { "content-type": "text/xml", "x-amzn-requestid": requestId };
}

/** What JSON and CBOR call failures that are no part of a service's model. */
const DOCUMENT_CODES: Readonly<Record<string, string>> = {
  MissingParameter: "ValidationException",
  InvalidParameterValue: "ValidationException",
  InvalidAction: "UnknownOperationException",
  UnknownParameter: "SerializationException",
  MalformedRequest: "SerializationException",
  AccessDenied: "AccessDeniedException",
  SignatureDoesNotMatch: "InvalidSignatureException",
  InvalidClientTokenId: "UnrecognizedClientException",
  MissingAuthenticationToken: "MissingAuthenticationTokenException",
  IncompleteSignature: "IncompleteSignatureException",
};

interface DocumentError {
  readonly status: number;
  readonly type: string;
  readonly members: Readonly<Record<string, unknown>>;
  readonly headers: Readonly<Record<string, string>>;
}

function documentError(model: ServiceModel | null, fault: AwsFault): DocumentError {
  const shape = errorShapeOf(model, fault);
  const type = shape?.name ?? DOCUMENT_CODES[fault.code] ?? fault.code;
  const status = shape?.status ?? fault.status;
  const headers: Record<string, string> = { "x-amzn-errortype": type };
  if (model?.isQueryCompatible === true)
    headers["x-amzn-query-error"] =
      `${shape?.code ?? fault.code};${status < 500 ? "Sender" : "Receiver"}`;
  // Services differ in how they spell it, and clients in what they read.
  const members = { ...fault.members, message: fault.message, Message: fault.message };
  return { status, type, members, headers };
}

const JSON_SETTINGS = { timestampFormat: { useTrait: true, default: 7 as const }, jsonName: false };

function jsonWire(version: "1.0" | "1.1"): Wire {
  const codec = new JsonCodec2(JSON_SETTINGS);
  const contentType = `application/x-amz-json-${version}`;
  const headersOf = (requestId: string) => ({
    "content-type": contentType,
    "x-amzn-requestid": requestId,
  });
  return {
    name: `json-${version}`,
    async read(body, schema) {
      const text = Buffer.from(body).toString("utf8") || "{}";
      refuseUnknown(parseDocument(text), schema);
      if (!schema.isStructSchema()) return {};
      try {
        return await codec.createDeserializer().read(schema, text);
      } catch (error) {
        throw commonFault("MalformedRequest", (error as Error).message);
      }
    },
    answer(_model, { output: schema }, output, requestId) {
      if (!schema.isStructSchema())
        return { status: 200, headers: headersOf(requestId), body: "{}" };
      const serializer = codec.createSerializer();
      serializer.write(schema, output as object);
      return { status: 200, headers: headersOf(requestId), body: serializer.flush() };
    },
    refuse(model, fault, requestId) {
      const { status, type, members, headers } = documentError(model, fault);
      return {
        status,
        headers: { ...headersOf(requestId), ...headers },
        body: JSON.stringify({ __type: type, ...members }),
      };
    },
  };
}

function parseDocument(text: string): unknown {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    document = null;
  }
  if (typeof document === "object" && document !== null && !Array.isArray(document))
    return document;
  throw commonFault("MalformedRequest", "The request is no JSON object");
}

const CBOR_CODEC = new CborCodec();

const CBOR: Wire = {
  name: "cbor",
  async read(body, schema) {
    if (body.length === 0 || !schema.isStructSchema()) return {};
    try {
      return await CBOR_CODEC.createDeserializer().read(schema, body);
    } catch (error) {
      throw commonFault("MalformedRequest", `The request is no CBOR: ${(error as Error).message}`);
    }
  },
  answer(_model, { output: schema }, output, requestId) {
    if (!schema.isStructSchema())
      return { status: 200, headers: cborHeaders(requestId), body: cbor.serialize({}) };
    const serializer = CBOR_CODEC.createSerializer();
    serializer.write(schema, output);
    return { status: 200, headers: cborHeaders(requestId), body: serializer.flush() };
  },
  refuse(model, fault, requestId) {
    const { status, type, members, headers } = documentError(model, fault);
    const name = model === null ? type : `${model.namespace}#${type}`;
    return {
      status,
      headers: { ...cborHeaders(requestId), ...headers },
      body: cbor.serialize({ __type: name, ...members }),
    };
  },
};

function cborHeaders(requestId: string): Record<string, string> {
  return {
    "content-type": "application/cbor",
    "smithy-protocol": "rpc-v2-cbor",
    "x-amzn-requestid": requestId,
  };
}

export const WIRES: Readonly<Record<WireName, Wire>> = {
  query: QUERY,
  "json-1.0": jsonWire("1.0"),
  "json-1.1": jsonWire("1.1"),
  cbor: CBOR,
};
