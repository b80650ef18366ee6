/**
 * The form of events in the ledger: one after the other, each a msgpack array with its kind first (see event-codec.ts and
 * schemas/events.json).
 */
export interface EncodedEvents {
  readonly count: number;
  readonly bytes: Uint8Array;
}
