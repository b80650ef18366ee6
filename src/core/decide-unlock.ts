/** UNLOCK. What is not held is unlocked already. */

import { compareU64, incrementU64, type U64 } from '../base/u64.js';
import type { CallIdentity, Context, UnlockCommand } from './command.js';
import { answer, GRANTED, type Decision } from './decision.js';
import type { ClientId, Event, FileId, OwnerId } from './event.js';
import { eachOwn, endOfMany } from './held.js';
import { UNLOCK_STEP_MAX } from './limits.js';
import type { Parties } from './names.js';
import { covers, type Range } from './range.js';
import { O_WAITER, W_FILE, W_ID, W_OWNER_NEXT, type NlmFiles } from './state.js';
import type { Procedure } from './replies.js';
import { waiterRange } from './waiters.js';

export function decideUnlock(state: NlmFiles, command: UnlockCommand, context: Context, parties: Parties): Decision {
  const { client, owner, file } = parties;
  if (client === undefined) return answer(GRANTED);
  const { rules } = state;
  const { range, call } = command;
  // A late copy must not free a lock that was taken since (hazard 5).
  if (state.replies.has(client.id, 'unlock', call, context.now - rules.replyAgeMsMax)) return answer(GRANTED);
  if (owner === 0 || file === 0) return noted(client.id, 'unlock', call);
  const own = look(state, owner, file, range);
  if (own === 'nothing' && !waitsWithin(state, owner, file, range)) return noted(client.id, 'unlock', call);
  const stepEnd = own === 'something' ? endOfMany(state, owner, file, range, UNLOCK_STEP_MAX) : undefined;
  if (stepEnd !== undefined) return step(state, command, owner, file, stepEnd);
  if (own === 'splits' && (client.locks >= rules.locksPerClientMax || state.lockCount >= rules.locksMax)) {
    return answer({ type: 'denied-no-locks', why: 'the unlock would split a lock at the limit of locks' });
  }
  return answer(GRANTED, [{ type: 'lock-released', owner, file, range, call }]);
}

/** The first locks of very many, and all that the owner waits for there; the rest follows, and with it the answer. */
function step(state: NlmFiles, command: UnlockCommand, owner: OwnerId, file: FileId, end: U64): Decision {
  const events: Event[] = [];
  const { waiters } = state;
  for (let slot = state.owners.get(owner, O_WAITER); slot !== 0; slot = waiters.get(slot, W_OWNER_NEXT)) {
    if (waiters.get(slot, W_FILE) === file && covers(command.range, waiterRange(state, slot))) {
      events.push({ type: 'waiter-cancelled', waiter: waiters.getWide(slot, W_ID) });
    }
  }
  events.push({ type: 'locks-released', owner, file, range: { start: command.range.start, end } });
  const rest = { ...command, range: { start: incrementU64(end), end: command.range.end } };
  return { events, outcome: { type: 'again' }, rest };
}

/** It found nothing to do: a late copy of it must not find something either (hazard 5). */
export function noted(client: ClientId, procedure: Procedure, call: CallIdentity): Decision {
  return answer(GRANTED, [{ type: 'call-noted', client, procedure, call }]);
}

/** `splits`: one lock of the owner reaches beyond the range on both sides. */
function look(state: NlmFiles, owner: OwnerId, file: FileId, range: Range): 'nothing' | 'splits' | 'something' {
  let found: 'nothing' | 'splits' | 'something' = 'nothing';
  eachOwn(state, owner, file, range, (slot) => {
    const theirs = state.locks.rangeOf(slot);
    const inside = compareU64(theirs.start, range.start) < 0 && compareU64(theirs.end, range.end) > 0;
    found = inside ? 'splits' : 'something';
    return false;
  });
  return found;
}

function waitsWithin(state: NlmFiles, owner: OwnerId, file: FileId, range: Range): boolean {
  const { waiters } = state;
  for (let slot = state.owners.get(owner, O_WAITER); slot !== 0; slot = waiters.get(slot, W_OWNER_NEXT)) {
    if (waiters.get(slot, W_FILE) === file && covers(range, waiterRange(state, slot))) return true;
  }
  return false;
}
