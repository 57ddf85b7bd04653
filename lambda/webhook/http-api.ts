/** The parts of an HTTP API event (payload format 2.0) that this function reads. */
export interface HttpApiEvent {
  readonly rawPath: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly isBase64Encoded?: boolean;
  readonly requestContext: {
    readonly requestId: string;
    readonly timeEpoch: number;
    readonly http: { readonly method: string };
  };
}

/** An answer in payload format 2.0. */
export interface HttpApiResponse {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** The parts of Lambda's context object that this function reads. */
export interface LambdaContext {
  readonly awsRequestId: string;
  getRemainingTimeInMillis(): number;
}
