/** The exit codes of the command line: one table, printed by `--help` and in README.md. */

import type { ErrorCode } from '../base/errors.js';

export const EXIT = {
  done: 0,
  fault: 1,
  usage: 2,
  down: 3,
  refused: 4,
  notFound: 5,
  damaged: 6,
  disk: 7,
  unsupported: 8,
  grace: 10,
  degraded: 11,
  warned: 12,
  failing: 13,
  /** `call`: 20 and the NLM status. */
  nlmStatus: 20,
} as const;

export const EXIT_CODES: readonly (readonly [code: string, meaning: string])[] = [
  ['0', 'done; a purge that matched nothing is done too. status: serving. call: GRANTED'],
  ['1', 'a fault of nlm-ledger itself'],
  ['2', 'usage: an option, an address or the configuration is wrong'],
  ['3', 'the node, the server or its ledger cannot be reached, or did not answer in time. status: down'],
  ['4', 'refused: not allowed, a limit, another node or epoch, or in use by a running node'],
  ['5', 'not found: no such path, lock, client or position, or a path that no export serves'],
  ['6', 'the ledger is damaged, or was written by a newer release'],
  ['7', 'the disk is full, or failed'],
  ['8', 'this platform, or these privileges, do not allow it'],
  ['10', 'status: in grace'],
  ['11', 'status: degraded, only releases are taken'],
  ['12', 'doctor: there are warnings'],
  ['13', 'doctor: something fails'],
  [
    '21 to 29',
    'call: 20 + the NLM status (21 DENIED, 22 NOLOCKS, 23 BLOCKED, 24 GRACE, 25 DEADLCK, 26 ROFS, 27 STALE_FH, 28 FBIG, 29 FAILED)',
  ],
  ['30', 'audit verify: bytes are damaged: a header, a frame, or space that was zero'],
  ['31', 'audit verify: the chain is broken: entries were removed, doubled, swapped or changed'],
  ['32', 'audit verify: an epoch or the clock of an entry went back'],
  ['33', 'audit verify: an event that no decision can have made'],
  ['34', 'audit verify: a checkpoint or another file beside the segments is not what the ledger says'],
  ['35', 'audit verify: the ledger ends before a signed checkpoint: its tail is cut off'],
  [
    '36',
    'audit verify: another history than a signed checkpoint has: a fork. check-proof: not proved. compare: they differ',
  ],
  ['37', 'audit verify: the signature of a checkpoint is wrong, or of none of the keys that were given'],
  ['130, 143', 'interrupted by SIGINT, by SIGTERM'],
];

/** What is wrong with a ledger: the first fault decides. */
export const EXIT_OF_FAULT = {
  bytes: 30,
  chain: 31,
  order: 32,
  rules: 33,
  derived: 34,
  cut: 35,
  fork: 36,
  signature: 37,
} as const;

export const EXIT_OF_ERROR: Readonly<Record<ErrorCode, number>> = {
  'bad-address': EXIT.usage,
  'bad-request': EXIT.usage,
  'bad-configuration': EXIT.usage,
  'path-not-found': EXIT.notFound,
  'path-not-served': EXIT.notFound,
  'not-found': EXIT.notFound,
  refused: EXIT.refused,
  limit: EXIT.refused,
  busy: EXIT.refused,
  unavailable: EXIT.down,
  timeout: EXIT.down,
  'no-space': EXIT.disk,
  io: EXIT.disk,
  damaged: EXIT.damaged,
  'newer-version': EXIT.damaged,
  unsupported: EXIT.unsupported,
};

export function exitCodeOf(code: ErrorCode): number {
  return EXIT_OF_ERROR[code];
}
