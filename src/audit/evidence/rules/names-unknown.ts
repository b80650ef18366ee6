/** Numbers that events name and that stand for nothing: what such an event would do is not defined. Under fold.ts. */

import type { Event, FileId, OwnerId } from '../../../core/event.js';
import {
  F_BY_START,
  F_SHARES,
  F_USED,
  F_WAITER,
  O_LOCK,
  O_SHARES,
  O_USED,
  O_WAITER,
  type NlmFiles,
} from '../../../core/state.js';

export function namesUnknown(state: NlmFiles, event: Event): string | undefined {
  // Nearly all events are of these kinds, and a look at one should not cost what a look at any kind costs.
  if (event.type === 'lock-granted' || event.type === 'lock-released' || event.type === 'waiter-queued') {
    if (!isOwner(state, event.owner)) return `owner ${event.owner} was never met`;
    return isFile(state, event.file) ? undefined : `file ${event.file} was never met`;
  }
  if ('owner' in event && event.type !== 'owner-met' && !isOwner(state, event.owner))
    return `owner ${event.owner} was never met`;
  if ('file' in event && event.type !== 'file-met' && !isFile(state, event.file))
    return `file ${event.file} was never met`;
  if ('to' in event && !isOwner(state, event.to)) return `owner ${event.to} was never met`;
  if (
    'client' in event &&
    event.type !== 'client-met' &&
    typeof event.client === 'number' &&
    state.clients[event.client] === undefined
  ) {
    return `client ${event.client} was never met`;
  }
  if (event.type !== 'names-forgotten') return undefined;
  const owner = event.owners.find((one) => !isOwner(state, one) || isUsed(state, one));
  const file = event.files.find((one) => !isFile(state, one) || holdsFile(state, one));
  const client = event.clients.find((one) => state.clients[one] === undefined);
  if (owner !== undefined) return `owner ${owner} is not there to forget, or holds something`;
  if (file !== undefined) return `file ${file} is not there to forget, or has locks`;
  return client === undefined ? undefined : `client ${client} is not there to forget`;
}

export function isOwner(state: NlmFiles, owner: OwnerId): boolean {
  return owner > 0 && owner < state.ownerNext && state.owners.get(owner, O_USED) === 1;
}

export function isFile(state: NlmFiles, file: FileId): boolean {
  return file > 0 && file < state.fileNext && state.files.get(file, F_USED) === 1;
}

function isUsed(state: NlmFiles, owner: OwnerId): boolean {
  return [O_LOCK, O_WAITER, O_SHARES].some((field) => state.owners.get(owner, field) !== 0);
}

function holdsFile(state: NlmFiles, file: FileId): boolean {
  return [F_BY_START, F_WAITER, F_SHARES].some((field) => state.files.get(file, field) !== 0);
}
