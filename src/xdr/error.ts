/** The one way in which untrusted bytes fail to decode. It becomes GARBAGE_ARGS, or a message dropped, at the door. */

export type XdrReason =
  | 'truncated' // the bytes end before the item does
  | 'too-long' // a length beyond its named limit
  | 'bad-value'; // a discriminant, boolean or enum that the type does not have

export class XdrError extends Error {
  override readonly name = 'XdrError';
  readonly reason: XdrReason;

  constructor(reason: XdrReason, message: string) {
    super(message);
    this.reason = reason;
  }
}
