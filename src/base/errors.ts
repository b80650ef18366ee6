/**
 * Operating errors: the second kind of error. One class with a literal code; every door has a table from code to
 * its own answer (exit code, RPC accept status, errno, NATS service error). Nobody matches message text.
 */

export type ErrorCode =
  | 'bad-address' // does not parse as an IP address
  | 'bad-request' // a payload or an option that its schema refuses
  | 'bad-configuration' // the configuration file, with the place
  | 'path-not-found' // no such path, or its parent is no directory
  | 'path-not-served' // a path whose file system no export serves
  | 'not-found' // no such lock, client, command or position
  | 'refused' // not allowed here: wrong source, wrong epoch, policy
  | 'limit' // a named limit was reached
  | 'busy' // the folder, port or socket belongs to a running process
  | 'unavailable' // the ledger or the node cannot be reached, or is stopping
  | 'no-space' // the disk of the ledger is full
  | 'io' // the disk failed: EIO, a failed sync
  | 'damaged' // bytes of the ledger are not what was written
  | 'newer-version' // written by a newer release
  | 'timeout'
  | 'unsupported'; // this platform or these privileges do not allow it

export class LedgerError extends Error {
  override readonly name = 'LedgerError';
  readonly code: ErrorCode;
  readonly details: Readonly<Record<string, unknown>>;

  /** `message` says what happened and what to do next. */
  constructor(
    code: ErrorCode,
    message: string,
    options: { details?: Readonly<Record<string, unknown>>; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.details = options.details ?? {};
  }
}
