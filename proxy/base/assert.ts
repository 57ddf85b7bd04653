/** A programmer's mistake: the process is wrong about itself. Never caught to go on as if nothing had happened. */
export class InvariantError extends Error {
  override readonly name = "InvariantError";
}

/** Throws unless the condition holds. The message is a constant: building one would cost on the hot path. */
export function invariant(condition: unknown, message: string): asserts condition {
  if (!condition) throw new InvariantError(message);
}
