/** Which files have waiters that a release may have helped. Not part of the fold: a replay queues every file. */

import { U64_MAX, U64_ZERO } from '../base/u64.js';
import type { FileId } from './event.js';
import { hull, type Range } from './range.js';
import { F_USED, F_WAITER, type NlmFiles } from './state.js';

export const WHOLE_FILE: Range = { start: U64_ZERO, end: U64_MAX };

export function queueWake(state: NlmFiles, file: FileId, range: Range): void {
  if (state.files.get(file, F_WAITER) === 0) return;
  const known = state.freed.get(file);
  if (known === undefined) {
    state.freed.set(file, { file, range, next: 0, version: 0 });
  } else {
    known.range = hull(known.range, range);
    known.next = 0;
    known.version += 1;
  }
}

/** After a replay or a change of owner: a crash between a release and its wakes loses nothing. */
export function queueAllWakes(state: NlmFiles): void {
  for (let file = 1; file < state.fileNext; file += 1) {
    if (state.files.get(file, F_USED) === 1) queueWake(state, file, WHOLE_FILE);
  }
}

/** Whether `{type: 'wake'}` may have something to do. */
export function hasWakes(state: NlmFiles): boolean {
  return state.freed.size > 0;
}
