/** What a node may say of its locks, given what the owners of a storm were told: nothing lost, nothing left over. */

import type { LockRow } from '../../../src/admin/messages.js';
import type { Actor, Mode, Place } from './actor.js';

/** One state that a place may be in at the server. */
interface Possible {
  readonly held: Mode | undefined;
  readonly waiting: Mode | undefined;
}

/** Every fault, in words. `waiters` and `locks` are the node's own lists, read in this order. */
export function faultsOf(actors: readonly Actor[], locks: readonly LockRow[], waiters: readonly LockRow[]): string[] {
  const faults: string[] = [];
  const held = new Map(locks.map((row) => [keyOf(row.svid, row.handle, row.start), row]));
  const waiting = new Map(waiters.map((row) => [keyOf(row.svid, row.handle, row.start), row]));
  if (held.size !== locks.length) faults.push('two locks of one owner at one place');
  for (const actor of actors) {
    for (const place of actor.places) {
      const key = keyOf(actor.svid, Buffer.from(place.file).toString('hex'), place.offset.toString());
      const lists: Possible = { held: modeOf(held.get(key)), waiting: modeOf(waiting.get(key)) };
      // Granted between the two lists.
      const seen = lists.held === lists.waiting ? { ...lists, waiting: undefined } : lists;
      held.delete(key);
      waiting.delete(key);
      const possible = possibleStates(actor, place);
      if (!possible.some((one) => one.held === seen.held && one.waiting === seen.waiting)) {
        faults.push(
          `${actor.oh} ${place.file} ${place.offset}: the node says ${JSON.stringify(seen)}, possible ${JSON.stringify(possible)}` +
            (actor.open?.place === place
              ? `, unanswered ${actor.open.kind} ${actor.open.mode} ${actor.open.block}`
              : ''),
        );
      }
    }
  }
  for (const key of [...held.keys(), ...waiting.keys()]) faults.push(`nobody asked for ${key}`);
  return [...faults, ...conflicts(locks)];
}

function possibleStates(actor: Actor, place: Place): readonly Possible[] {
  const now: Possible = { held: place.held, waiting: place.waiting };
  const states = withGrant(now);
  const { open } = actor;
  if (open === undefined || open.place !== place) return states;
  switch (open.kind) {
    case 'UNLOCK':
      return [...states, { held: undefined, waiting: undefined }];
    case 'CANCEL':
      return [...states, { held: place.held, waiting: undefined }];
    case 'LOCK': {
      // A callback that was answered proves the grant.
      const granted: Possible = { held: open.mode, waiting: undefined };
      return open.granted
        ? [granted]
        : [...states, granted, ...(open.block ? withGrant({ held: place.held, waiting: open.mode }) : [])];
    }
  }
}

/** A wait may have been granted already, its callback still to come. */
function withGrant(state: Possible): Possible[] {
  return state.waiting === undefined ? [state] : [state, { held: state.waiting, waiting: undefined }];
}

function conflicts(locks: readonly LockRow[]): string[] {
  const byPlace = new Map<string, LockRow[]>();
  for (const row of locks) {
    const place = `${row.handle} ${row.start}`;
    byPlace.set(place, [...(byPlace.get(place) ?? []), row]);
  }
  return [...byPlace].flatMap(([place, rows]) =>
    rows.length > 1 && rows.some(({ exclusive }) => exclusive) ? [`two holders of ${place}`] : [],
  );
}

function modeOf(row: LockRow | undefined): Mode | undefined {
  if (row === undefined) return undefined;
  return row.exclusive ? 'exclusive' : 'shared';
}

function keyOf(svid: number, handle: string, start: string): string {
  return `${svid} ${handle} ${start}`;
}
