/** The form of an event in the ledger: a msgpack array, its kind first (see event-codec.ts and schemas/events.json). */
export type EventRecord = readonly [kind: number, ...fields: readonly unknown[]];
