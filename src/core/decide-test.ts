/** TEST: would this LOCK be granted? The owner's own locks do not count. */

import type { TestCommand } from './command.js';
import { findConflict, findEarlierWaiter, holderOfLock, holderOfWaiter, UNSURE } from './conflict.js';
import { AGAIN, answer, GRANTED, type Decision } from './decision.js';
import { findFile, findOwner } from './names.js';
import type { NlmFiles } from './state.js';

export function decideTest(state: NlmFiles, command: TestCommand): Decision {
  const file = findFile(state, command.file);
  const owner = findOwner(state, command.owner);
  const slot = findConflict(state, file, owner, command.range, command.exclusive);
  if (slot === UNSURE) return AGAIN;
  if (slot !== 0) return answer({ type: 'denied', holder: holderOfLock(state, slot) });
  const earlier = findEarlierWaiter(state, file, owner, command.range, command.exclusive);
  return earlier === 0 ? answer(GRANTED) : answer({ type: 'denied', holder: holderOfWaiter(state, earlier) });
}
