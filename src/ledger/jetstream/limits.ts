/** The limits of the ledger on JetStream, each with its reason. */

/** Of one publish. A leader answers within milliseconds; one that does not is asked again with the same bytes and id. */
export const PUBLISH_MS_MAX = 1000;
/** Of one request to JetStream's API or to a peer. */
export const REQUEST_MS_MAX = 2000;
/** A question that nobody answered is asked again so often: while a stream has no leader nobody does, and an election may have just ended. */
export const ASK_AGAIN_MS = 300;
/** Between two tries of what was refused or stayed without answer. */
export const RETRY_MS = 100;
/** A stream is made within this, in a cluster that is still finding itself. */
export const CREATE_MS_MAX = 10_000;
/** A claim waits so long for a connection. */
export const CLAIM_CONNECT_MS_MAX = 5000;
/** Between two tries to follow a stream that is away: a leader change takes seconds. */
export const FOLLOW_RETRY_MS = 500;
/** A publish is known by its id for so long; afterwards the expected sequence alone tells a repeat. */
export const DUPLICATE_WINDOW_MS = 120_000;
/** What the headers of one message take (id, sequence, stream), and the envelope of a peer's page. */
const OVERHEAD_BYTES = 1024;
/** Entries that do not connect are looked at again for so long: a server that was cut off needs some seconds to be level. */
export const BREAK_MS_MAX = 15_000;
/** A follower asks so often whether another generation carries the group. */
export const GENERATION_CHECK_MS = 2000;
/** Entries that a node which is behind takes and syncs together, at the most: one segment of its archive each time. */
export const TAKEN_ENTRIES_MAX = 4096;
export const TAKEN_BYTES_MAX = 8 * 1024 * 1024;
/** Peers have so long to tell their heads; all members' heads end the wait early. */
export const HEADS_MS_MAX = 1000;
/** The position known to be agreed is written down when nothing was appended for so long; entries carry it otherwise. */
export const AGREED_IDLE_MS = 200;
/** Below this share of a bounded stream, or this many bytes, only releases are taken: some thousand of them fit. */
const RESERVE_SHARE = 1 / 10;
const RESERVE_BYTES_MAX = 16 * 1024 * 1024;
/** How often an owner looks at the end of the stream, and how full it is: an idle one that was cut off learns by it who owns. */
export const LOOK_MS = 2000;
/** A read of single positions keeps so many requests in flight: catching up is bound by the server, not by the way. */
export const READS_IN_FLIGHT = 64;
/** A higher epoch was heard of before the stream stored it, perhaps: it is looked for so often. */
export const SUPERSEDED_LOOKS = 20;

/** Bytes of an entry that fits one message of this server. */
export function entryBytesOf(payloadBytesMax: number): number {
  return payloadBytesMax - OVERHEAD_BYTES;
}

/** Bytes that a bounded stream keeps for releases. */
export function reserveOf(bytesMax: number): number {
  return Math.min(bytesMax * RESERVE_SHARE, RESERVE_BYTES_MAX);
}
/** A claim asks servers that do not answer again for so long: a lost leader of JetStream is replaced within some seconds. */
export const CLAIM_PREPARE_MS_MAX = 12_000;
