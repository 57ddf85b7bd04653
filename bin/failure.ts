/** An expected failure of a command: printed as it is, without a stack. */
export class CommandFailure extends Error {
  /** 1: it failed · 2: bad usage or bad configuration. */
  readonly exitCode: 1 | 2;

  constructor(exitCode: 1 | 2, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "CommandFailure";
    this.exitCode = exitCode;
  }
}
