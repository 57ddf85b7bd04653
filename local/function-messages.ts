/** What Lambda tells a handler about its invocation; the remaining time is counted down in the environment. */
export interface InvocationContext {
  readonly awsRequestId: string;
  readonly functionName: string;
  readonly functionVersion: string;
  readonly invokedFunctionArn: string;
  readonly memoryLimitInMB: string;
  readonly logGroupName: string;
  readonly logStreamName: string;
}

/** From the runner to an execution environment. */
export interface InvokeMessage {
  readonly kind: "invoke";
  readonly event: unknown;
  readonly context: InvocationContext;
  /** Milliseconds since the epoch at which the environment will be killed. */
  readonly deadline: number;
}

/** From an execution environment to the runner. */
export type EnvironmentMessage =
  | { readonly kind: "ready" }
  /** The handler's value as JSON text. */
  | { readonly kind: "returned"; readonly payload: string }
  | { readonly kind: "failed"; readonly errorType: string; readonly errorMessage: string };
