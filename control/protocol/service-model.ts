import { NormalizedSchema } from "@smithy/core/schema";

/** A schema as the SDK's clients export it: a static tuple that only `@smithy/core` understands. */
export type Schema = Parameters<typeof NormalizedSchema.of>[0];

/** What one service speaks: read from the schemas that its SDK client exports, nothing written by hand. */
export interface ServiceModel {
  /** As requests are signed for. */
  readonly signingName: string;
  readonly version: string;
  readonly xmlNamespace: string;
  /** Before the dot of `x-amz-target`, and the service's name in the path of CBOR requests. */
  readonly target: string;
  /** JSON and CBOR errors carry the codes of the Query protocol as well. */
  readonly isQueryCompatible: boolean;
  readonly namespace: string;
  readonly operations: ReadonlyMap<string, Operation>;
  readonly errors: ReadonlyMap<string, ErrorShape>;
}

export interface Operation {
  readonly name: string;
  readonly input: NormalizedSchema;
  readonly output: NormalizedSchema;
}

export interface ErrorShape {
  readonly name: string;
  /** In the Query protocol. */
  readonly code: string;
  readonly status: number;
  readonly schema: NormalizedSchema;
}

/** The part of a client's `config.protocolSettings` that is of use here. */
interface ProtocolSettings {
  readonly defaultNamespace?: string;
  readonly xmlNamespace?: string;
  readonly version?: string;
  readonly serviceTarget?: string;
  readonly awsQueryCompatible?: boolean;
}

export interface ClientModule {
  /** Everything that the client's package exports. */
  readonly exports: Readonly<Record<string, unknown>>;
  readonly config: { readonly protocolSettings?: unknown };
  readonly signingName: string;
}

/** Kinds of static schemas, by their first element. */
const OPERATION = 9;
const ERROR = -3;

type OperationSchema = readonly [9, string, string, unknown, Schema, Schema];
type ErrorSchema = readonly [-3, string, string, ...unknown[]];

export function readServiceModel({ exports, config, signingName }: ClientModule): ServiceModel {
  const settings = (config.protocolSettings ?? {}) as ProtocolSettings;
  const operations = new Map<string, Operation>();
  const errors = new Map<string, ErrorShape>();
  for (const value of Object.values(exports)) {
    if (!Array.isArray(value)) continue;
    if (value[0] === OPERATION) {
      const [, , name, , input, output] = value as unknown as OperationSchema;
      operations.set(name, { name, input: schemaOf(input), output: schemaOf(output) });
    } else if (value[0] === ERROR) {
      const error = readError(value as unknown as ErrorSchema);
      errors.set(error.name, error);
    }
  }
  return {
    signingName,
    version: settings.version ?? "",
    xmlNamespace: settings.xmlNamespace ?? "",
    target: settings.serviceTarget ?? "",
    isQueryCompatible: settings.awsQueryCompatible === true,
    namespace: settings.defaultNamespace ?? "",
    operations,
    errors,
  };
}

function readError(value: ErrorSchema): ErrorShape {
  const schema = schemaOf(value as unknown as Schema);
  const traits = schema.getMergedTraits() as {
    readonly awsQueryError?: readonly [string, number];
    readonly httpError?: number;
    readonly error?: "client" | "server";
  };
  const name = value[2];
  return {
    name,
    code: traits.awsQueryError?.[0] ?? name,
    status:
      traits.httpError ?? traits.awsQueryError?.[1] ?? (traits.error === "server" ? 500 : 400),
    schema,
  };
}

function schemaOf(schema: Schema): NormalizedSchema {
  return NormalizedSchema.of(schema);
}

/** Names of the members that a request must have: they stand first, and the schema says how many they are. */
export function requiredMembers(structure: NormalizedSchema): readonly string[] {
  const schema = structure.getSchema() as unknown as readonly unknown[];
  const names = schema[4] as readonly string[] | undefined;
  const count = schema[6];
  return names === undefined || typeof count !== "number" ? [] : names.slice(0, count);
}
