/** Broken invariants: the third kind of error. They end the group's run; the ledger is replayed at the next start. */

class InvariantError extends Error {
  override readonly name = 'InvariantError';
}

export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new InvariantError(message);
}

/** Ends a `switch` over a discriminated union: a new member without its case is a compile error here. */
export function unreachable(x: never): never {
  throw new InvariantError(`unreachable: ${JSON.stringify(x)}`);
}
