/** What a table of procedures holds for each argument and result: both directions of one XDR type. */
import type { XdrReader } from './reader.js';
import type { XdrWriter } from './writer.js';

export interface Codec<T> {
  /** Throws XdrError; leaves the reader after the last byte of the type. */
  readonly decode: (reader: XdrReader) => T;
  readonly encode: (writer: XdrWriter, value: T) => void;
}

/** RFC 4506 section 4.16. */
export const VOID: Codec<void> = {
  decode: () => undefined,
  encode: () => undefined,
};
