/** SHARE and UNSHARE (X/Open XNFS chapter 11): several grants an owner, so only the reply cache knows a copy. */

import type { Context, ShareCommand, UnshareCommand } from './command.js';
import { answer, GRANTED, type Decision } from './decision.js';
import { noted } from './decide-unlock.js';
import type { Event } from './event.js';
import { gracePolicy } from './grace.js';
import { introduce, withOtherHandle } from './introduce.js';
import { tookBefore } from './late-copy.js';
import { findClient, findFile, findOwner } from './names.js';
import { reclaimFacts } from './reclaim.js';
import { conflictingShares, findOwnShare, findShare, sharesOf } from './shares.js';
import type { NlmFiles } from './state.js';
import type { Outcome } from './outcome.js';
import { yieldShares } from './yield.js';

export function decideShare(state: NlmFiles, command: ShareCommand, context: Context): Decision {
  const owner = findOwner(state, command.owner);
  const file = findFile(state, command.file);
  const { mode, access, reclaim, call } = command;
  const took = tookBefore(state, 'share', owner, file, call, context);
  // Given back since: whoever did that waits for no answer any more.
  if (took !== undefined) return findShare(state, took) === undefined ? answer({ type: 'silence' }) : answer(GRANTED);

  const known = owner !== 0 && file !== 0;
  const expected = known ? findOwnShare(state, file, owner, mode, access, true) : undefined;
  if (expected === undefined) {
    if (reclaim && known && findOwnShare(state, file, owner, mode, access, false) !== undefined) return answer(GRANTED);
    const policy = gracePolicy(state, command.file.fileSystem, command.owner.serverAddress);
    if (!reclaim && policy !== undefined) return answer({ type: 'denied-grace-period' });
    if (reclaim && policy !== 'lenient') {
      const why = policy === undefined ? 'no-grace-period' : 'not-expected';
      const facts = reclaimFacts(command, { mode, access });
      const outcome: Outcome = { type: policy === undefined ? 'denied-grace-period' : 'denied' };
      return answer(outcome, [{ type: 'reclaim-refused', why, ...facts }]);
    }
  }
  const refusal = refuse(state, command, context, file, expected !== undefined);
  if (refusal !== undefined) return answer(refusal);
  const inTheWay = conflictingShares(state, file, owner, mode, access);
  const yielded = reclaim && inTheWay.length > 0 ? yieldShares(state, command, file, owner, mode, access) : undefined;
  if (inTheWay.length > 0 && yielded === undefined) {
    const { id: held, owner: holder } = inTheWay[0]!;
    const events: Event[] = reclaim
      ? [{ type: 'reclaim-conflict', holder, held, ...reclaimFacts(command, { mode, access }) }]
      : [];
    return answer({ type: 'denied' }, events);
  }
  const events: Event[] = [];
  const ids = introduce(state, { ...command, state: 0 }, owner, file, events);
  events.push(...(yielded ?? []));
  const granted = { type: 'share-granted', ...ids, mode, access, reclaim, call } as const;
  events.push(withOtherHandle(granted, state, command.file, file));
  return answer(GRANTED, events);
}

function refuse(
  state: NlmFiles,
  { owner: { client: name } }: ShareCommand,
  { mayGrant }: Context,
  file: number,
  replaces: boolean,
): Outcome | undefined {
  const no = (why: string): Outcome => ({ type: 'denied-no-locks', why });
  if (!mayGrant) return no('the ledger takes only releases');
  if (replaces) return undefined;
  const { rules, lockCount, shareCount } = state;
  if (lockCount + shareCount >= rules.locksMax) return no('locksMax');
  const client = findClient(state, name);
  if (client !== undefined && client.locks + client.shares + client.expected >= rules.locksPerClientMax) {
    return no('locksPerClientMax');
  }
  return sharesOf(state, file).length >= rules.sharesPerFileMax ? no('sharesPerFileMax') : undefined;
}

/** Granted always, also in a grace period; of several equal grants, one goes. */
export function decideUnshare(state: NlmFiles, command: UnshareCommand, context: Context): Decision {
  const { mode, access, call } = command;
  const owner = findOwner(state, command.owner);
  const file = findFile(state, command.file);
  const client = findClient(state, command.owner.client);
  const notBefore = context.now - state.rules.replyAgeMsMax;
  if (client === undefined || state.replies.has(client.id, 'unshare', call, notBefore)) return answer(GRANTED);
  const known = owner !== 0 && file !== 0;
  const share = known
    ? (findOwnShare(state, file, owner, mode, access, false) ?? findOwnShare(state, file, owner, mode, access, true))
    : undefined;
  if (share === undefined) return noted(client.id, 'unshare', call);
  return answer(GRANTED, [{ type: 'share-released', owner, file, mode, access, call }]);
}
