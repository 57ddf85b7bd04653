/** An expected failure of a call: the name of an error shape of the service, or one of the codes that all services know. */
export class AwsFault extends Error {
  override readonly name = "AwsFault";
  readonly code: string;
  /** Where the service's model has no error of this name. */
  readonly status: number;
  /** Further members of the error. */
  readonly members: Readonly<Record<string, unknown>>;

  constructor(
    code: string,
    message: string,
    {
      status = 400,
      members = {},
    }: { status?: number; members?: Readonly<Record<string, unknown>> } = {},
  ) {
    super(message);
    this.code = code;
    this.status = status;
    this.members = members;
  }
}

/** Failures that every service has, whatever its protocol; the wire's own word for each is chosen when it is sent. */
export type CommonFaultCode =
  | "MissingParameter"
  | "InvalidParameterValue"
  | "InvalidAction"
  | "UnknownParameter"
  | "MalformedRequest"
  | "AccessDenied"
  | "SignatureDoesNotMatch"
  | "InvalidClientTokenId"
  | "MissingAuthenticationToken"
  | "IncompleteSignature"
  | "RequestExpired"
  | "InternalFailure";

/** Statuses that are not 400. */
const STATUSES: Partial<Record<CommonFaultCode, number>> = {
  AccessDenied: 403,
  SignatureDoesNotMatch: 403,
  InvalidClientTokenId: 403,
  MissingAuthenticationToken: 403,
  RequestExpired: 403,
  InternalFailure: 500,
};

export function commonFault(code: CommonFaultCode, message: string): AwsFault {
  return new AwsFault(code, message, { status: STATUSES[code] ?? 400 });
}
