/** An event with names in place of ids, for people and for JSON: what `watch` shows. */

import type { Bytes } from '../base/bytes.js';
import { equalU64, U64_MAX, u64ToString } from '../base/u64.js';
import type { Order } from './command.js';
import type { Event, FileId, OwnerId } from './event.js';
import type { Range } from './range.js';
import { addressOf, clientOf, F_USED, fileSystemOf, O_SVID, O_USED, type NlmFiles } from './state.js';

export type DescribedEvent = Readonly<Record<string, unknown>> & { readonly type: Event['type'] };

/** `state` has the event folded in. A name that was forgotten since stays an id. */
export function describeEvent(state: NlmFiles, event: Event): DescribedEvent {
  const described: Record<string, unknown> & { type: Event['type'] } = { type: event.type };
  for (const [key, value] of Object.entries(event)) {
    // A callback with it is believed.
    if (key === 'priv') continue;
    if (key === 'owner') Object.assign(described, ownerOf(state, value as OwnerId));
    else if (key === 'holder' || key === 'to') described[key] = ownerOf(state, value as OwnerId);
    else if (key === 'file') Object.assign(described, fileOf(state, value as FileId));
    else if (key === 'client') described['client'] = state.clients[value as number]?.name ?? value;
    else if (key === 'range') Object.assign(described, rangeOf(value as Range));
    else if (key === 'length') described['length'] = u64ToString(value as Range['start']);
    else if (key === 'handle' || key === 'key') described[key] = hexOf(value as Bytes);
    else described[key] = key === 'order' ? orderOf(value as Order) : value;
  }
  return described;
}

function orderOf(order: Order): object {
  const { signature } = order;
  return signature === undefined
    ? order
    : { ...order, signature: { ...signature, signature: hexOf(signature.signature) } };
}

function ownerOf(state: NlmFiles, owner: OwnerId): Record<string, unknown> {
  const oh = state.ownerHandles[owner];
  if (oh === undefined || state.owners.get(owner, O_USED) === 0) return { owner };
  const { name, address } = clientOf(state, owner);
  const svid = state.owners.get(owner, O_SVID) | 0;
  return {
    client: name,
    clientAddress: address,
    serverAddress: addressOf(state, owner).address,
    svid,
    oh,
  };
}

function fileOf(state: NlmFiles, file: FileId): Record<string, unknown> {
  const handle = state.fileNames[file]?.handles[0];
  if (handle === undefined || state.files.get(file, F_USED) === 0) return { file };
  return { fileSystem: fileSystemOf(state, file).name, handle: hexOf(handle) };
}

function rangeOf({ start, end }: Range): Record<string, unknown> {
  return { start: u64ToString(start), end: equalU64(end, U64_MAX) ? 'eof' : u64ToString(end) };
}

function hexOf(bytes: Bytes): string {
  let hex = '';
  for (let i = 0; i < bytes.length; i += 1) hex += bytes.charCodeAt(i).toString(16).padStart(2, '0');
  return hex;
}
