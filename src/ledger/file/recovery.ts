/**
 * Recovery as a table: what was found in a group's folder, and what is done about it. Pure; inspect.ts gathers the
 * facts and open.ts carries the decision out. The first row whose condition holds decides; a test walks every
 * combination of facts.
 */

import type { ErrorCode } from '../../base/errors.js';

export interface Facts {
  /** Does another process hold the folder? */
  readonly folder: 'free' | 'in-use';
  readonly disk: 'writable' | 'full' | 'read-only' | 'failing';
  /** What the headers and names of the segments say together. */
  readonly segments: 'none' | 'linked' | 'missing' | 'other-group' | 'newer-version';
  /** The segments' headers. `torn`: the last one's is not whole, and no byte stands behind it; `bad`: any other fault. */
  readonly header: 'valid' | 'torn' | 'bad';
  /** What stands behind the last valid frame of the last segment. */
  readonly tail: 'clean' | 'bad-above-mark' | 'bad-at-or-below-mark';
  /** Entries of the last segment: do positions and hashes connect, and can they be read? */
  readonly chain: 'connected' | 'gap' | 'mismatch' | 'unreadable' | 'newer-version';
}

export type Decision =
  | { readonly type: 'create' }
  | { readonly type: 'open' }
  | { readonly type: 'cut-tail' }
  /** The last segment was being made when the power failed: nothing was ever in it. */
  | { readonly type: 'set-segment-aside' }
  | { readonly type: 'stop'; readonly code: ErrorCode; readonly message: string };

interface Row {
  readonly when: (facts: Facts) => boolean;
  readonly decision: Decision;
}

function stop(code: ErrorCode, message: string): Decision {
  return { type: 'stop', code, message };
}

const KEEP = 'Nothing was changed. Keep a copy of the folder, then';

export const ROWS: readonly Row[] = [
  {
    when: (f) => f.folder === 'in-use',
    decision: stop(
      'busy',
      'another process has this ledger open. Ask that one (nlm-ledger status), or end it before starting here',
    ),
  },
  {
    when: (f) => f.disk === 'failing',
    decision: stop(
      'io',
      'the disk cannot be read. Look at the kernel log, replace the disk, and restore a backup (nlm-ledger ledger restore)',
    ),
  },
  {
    when: (f) => f.segments === 'newer-version' || f.chain === 'newer-version',
    decision: stop('newer-version', 'a newer release wrote it. Start that release; nothing was changed'),
  },
  {
    when: (f) => f.disk === 'read-only',
    decision: stop(
      'io',
      'the file system is read-only. Look at the kernel log for why, mount it read-write, and start again; nlm-ledger ledger dump reads it as it is',
    ),
  },
  {
    when: (f) => f.segments === 'none' && f.disk === 'full',
    decision: stop('no-space', 'there is no room to begin a ledger. Free space or choose another --data folder'),
  },
  { when: (f) => f.segments === 'none', decision: { type: 'create' } },
  {
    when: (f) => f.segments === 'other-group',
    decision: stop(
      'damaged',
      `a segment belongs to another group or its name is not its first position. ${KEEP} put its files back where they came from, or restore a backup`,
    ),
  },
  {
    when: (f) => f.segments === 'missing',
    decision: stop(
      'damaged',
      `a segment is missing: the ledger has a hole. ${KEEP} put the missing file back, or restore a backup`,
    ),
  },
  {
    when: (f) => f.header === 'bad',
    decision: stop(
      'damaged',
      `the header of a segment is damaged, and acknowledged entries may stand behind it. ${KEEP} restore a backup or another node's archive`,
    ),
  },
  {
    when: (f) => f.header === 'torn' && f.disk === 'full',
    decision: stop('no-space', 'recovery must copy a half-made segment aside first. Free space, then start again'),
  },
  { when: (f) => f.header === 'torn', decision: { type: 'set-segment-aside' } },
  {
    when: (f) => f.chain === 'gap',
    decision: stop('damaged', `a position is missing between two entries. ${KEEP} restore a backup`),
  },
  {
    when: (f) => f.chain === 'mismatch',
    decision: stop(
      'damaged',
      `an entry does not carry the hash of the one before: bytes were changed after they were written. ${KEEP} restore a backup, and compare both with nlm-ledger audit verify`,
    ),
  },
  {
    when: (f) => f.chain === 'unreadable',
    decision: stop('damaged', `a frame is whole but its entry cannot be read. ${KEEP} restore a backup`),
  },
  {
    when: (f) => f.tail === 'bad-at-or-below-mark',
    decision: stop(
      'damaged',
      `an entry that was durable, and may have been acknowledged, is damaged: this is the disk, not a crash. ${KEEP} check the disk and restore a backup or another node's archive`,
    ),
  },
  {
    when: (f) => f.tail === 'bad-above-mark' && f.disk === 'full',
    decision: stop('no-space', 'recovery must copy a torn tail aside before cutting it. Free space, then start again'),
  },
  { when: (f) => f.tail === 'bad-above-mark', decision: { type: 'cut-tail' } },
  { when: () => true, decision: { type: 'open' } },
];

export function decideRecovery(facts: Facts): Decision {
  const row = ROWS.find(({ when }) => when(facts));
  // The last row takes everything.
  return row?.decision ?? { type: 'open' };
}
