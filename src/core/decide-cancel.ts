/** CANCEL: of a wait, or of a grant out of a wait that the client had not heard of (hazard 2). */

import type { CancelCommand, Context } from './command.js';
import { answer, GRANTED, type Decision } from './decision.js';
import { noted } from './decide-unlock.js';
import { findClient, findFile, findOwner } from './names.js';
import { pendingOf } from './pending.js';
import { equalRange } from './range.js';
import { W_ID, type NlmFiles } from './state.js';
import { findWaiter } from './waiters.js';

export function decideCancel(state: NlmFiles, command: CancelCommand, context: Context): Decision {
  const owner = findOwner(state, command.owner);
  const file = findFile(state, command.file);
  const client = findClient(state, command.owner.client);
  if (client === undefined) return answer(GRANTED);
  const { range, exclusive, call } = command;
  const notBefore = context.now - state.rules.replyAgeMsMax;
  if (state.replies.has(client.id, 'cancel', call, notBefore)) return answer(GRANTED);
  if (owner === 0 || file === 0) return noted(client.id, 'cancel', call);
  const waiter = findWaiter(state, owner, file, range, exclusive);
  if (waiter !== 0) {
    return answer(GRANTED, [{ type: 'waiter-cancelled', waiter: state.waiters.getWide(waiter, W_ID), call }]);
  }
  const grant = pendingOf(state, owner, file, range).find(
    (pending) => pending.exclusive === exclusive && equalRange(pending.range, range),
  );
  if (grant === undefined) return noted(client.id, 'cancel', call);
  return answer(GRANTED, [{ type: 'grant-undone', lock: grant.lock, by: 'cancel', call }]);
}
