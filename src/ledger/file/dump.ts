/** Entries as JSON, one a line: the ledger for eyes and for other tools. Behind `ledger dump`; reads only. */

import type { EncodedEvents, Entry, Position } from '../port.js';

export interface DumpOptions {
  readonly from: Position;
  readonly upTo?: Position;
  /** Makes events readable. */
  readonly decode: (events: EncodedEvents) => readonly unknown[];
}

/** Bytes are printed as hex, 64-bit integers beyond 2^53 as decimal strings. */
export async function* dump(
  reader: { read(from: Position, upTo?: Position): AsyncIterable<readonly Entry[]> },
  options: DumpOptions,
): AsyncGenerator<string> {
  for await (const entries of reader.read(options.from, options.upTo)) {
    for (const entry of entries) {
      yield JSON.stringify({ ...entry, events: options.decode(entry.events) }, printable);
    }
  }
}

/** One line of JSON, printed in the same way. */
export function jsonText(value: unknown): string {
  return JSON.stringify(value, printable);
}

function printable(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString();
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  // Buffer has a toJSON of its own, which runs before this function.
  if (isBufferJson(value)) return Buffer.from(value.data).toString('hex');
  return value;
}

function isBufferJson(value: unknown): value is { readonly type: 'Buffer'; readonly data: number[] } {
  return typeof value === 'object' && value !== null && 'type' in value && value.type === 'Buffer' && 'data' in value;
}
