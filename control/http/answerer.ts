import type { Principal } from "../iam/principal.ts";
import { AwsFault, commonFault } from "../protocol/fault.ts";
import { checkInput } from "../protocol/input-check.ts";
import { type HttpRequest, type RequestShape, shapeOf, wireOf } from "../protocol/request-shape.ts";
import type { Operation, ServiceModel } from "../protocol/service-model.ts";
import type { Reply } from "../protocol/wires.ts";
import type { Service } from "../service.ts";
import {
  type SignatureScope,
  type SignedRequest,
  type SigningKey,
  verifySignature,
} from "../signing/verify-signature.ts";

export interface AnswererOptions {
  readonly services: readonly Service[];
  readonly region: string;
  readonly nowMs: () => number;
  readonly keyOf: (accessKeyId: string) => (SigningKey & { readonly principal: Principal }) | null;
  /** Throws where no policy of the caller's allows it. */
  readonly authorize: (caller: Principal, action: string, resource: string) => void;
  readonly onBug: (error: unknown) => void;
}

/** Services whose endpoint has no region: clients sign for us-east-1 whatever theirs is. */
const GLOBAL = ["iam", "sts"];
const GLOBAL_REGION = "us-east-1";

/** Turns a request into an answer: who asks, what for, may they, is it well formed; then the handler. */
export class Answerer {
  readonly #options: AnswererOptions;

  constructor(options: AnswererOptions) {
    this.#options = options;
  }

  async answer(signed: SignedRequest, request: HttpRequest, requestId: string): Promise<Reply> {
    let model: ServiceModel | null = null;
    try {
      const { nowMs, keyOf } = this.#options;
      const shape = shapeOf(request);
      const scope = verifySignature(signed, { nowMs: nowMs(), keyOf });
      const service = this.#serviceOf(shape, scope);
      model = service.model;
      this.#checkRegion(scope);
      const operation = operationOf(service, shape);
      const input = await shape.wire.read(shape.body, operation.input);
      const output = await this.#call(service, operation, input, scope, requestId);
      return shape.wire.answer(model, operation, output ?? {}, requestId);
    } catch (error) {
      return wireOf(request).refuse(model, this.#faultOf(error), requestId);
    }
  }

  async #call(
    service: Service,
    operation: Operation,
    input: unknown,
    scope: SignatureScope,
    requestId: string,
  ): Promise<unknown> {
    const { keyOf, authorize, nowMs } = this.#options;
    const { name } = operation;
    const fields = input as Record<string, unknown>;
    checkInput(fields, operation.input);
    service.checkLimits(name, fields);
    const { principal: caller } = keyOf(scope.accessKeyId)!;
    if (service.open?.includes(name) !== true)
      authorize(caller, `${service.actionPrefix}:${name}`, service.resourceOf(name, fields));
    return service.handlers[name]!(input as never, { caller, requestId, nowMs: nowMs() });
  }

  /** JSON and CBOR name their service; of Query requests only the signature tells. */
  #serviceOf({ target, version }: RequestShape, scope: SignatureScope): Service {
    const { services } = this.#options;
    const found =
      target === null
        ? services.find(({ model }) => model.signingName === scope.service)
        : services.find(({ model }) => model.target === target);
    if (found === undefined)
      throw commonFault("InvalidAction", `The service ${target ?? scope.service} is not served`);
    const { model } = found;
    if (model.signingName !== scope.service)
      throw commonFault(
        "SignatureDoesNotMatch",
        `Credential should be scoped to correct service: '${model.signingName}'.`,
      );
    if (version !== null && version !== model.version)
      throw commonFault(
        "InvalidAction",
        `Could not find operation for version ${version} of ${model.signingName}`,
      );
    return found;
  }

  #checkRegion({ region, service }: SignatureScope): void {
    const { region: own } = this.#options;
    if (region === own || (region === GLOBAL_REGION && GLOBAL.includes(service))) return;
    throw commonFault(
      "SignatureDoesNotMatch",
      `Credential should be scoped to a valid region, not '${region}'. This endpoint is ${own}.`,
    );
  }

  #faultOf(error: unknown): AwsFault {
    if (error instanceof AwsFault) return error;
    this.#options.onBug(error);
    return commonFault("InternalFailure", "The request failed for an unknown reason");
  }
}

function operationOf({ model, handlers }: Service, { operation: name }: RequestShape): Operation {
  const operation = model.operations.get(name);
  if (operation === undefined)
    throw commonFault(
      "InvalidAction",
      `Could not find operation ${name} for version ${model.version}`,
    );
  if (!Object.hasOwn(handlers, name))
    throw commonFault("InvalidAction", `The operation ${name} is not served by this endpoint`);
  return operation;
}
