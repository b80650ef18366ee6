/** `unlock-ip`, `unlock-fs`, `unlock-client`, `unlock-lock`: each reads its request into a selector; purge.ts does the rest. */

import { parseAddress } from '../base/address.js';
import { LedgerError } from '../base/errors.js';
import type { AdminCall } from './call.js';
import type {
  PurgeReply,
  UnlockClientRequest,
  UnlockFsRequest,
  UnlockIpRequest,
  UnlockLockRequest,
} from './messages.js';
import { groupsFor } from './order.js';
import type { AdminPort } from './port.js';
import { purge } from './purge.js';
import { bytesOfText } from './text.js';

/** @throws LedgerError 'bad-address' */
export async function unlockIp(port: AdminPort, request: UnlockIpRequest, call: AdminCall): Promise<PurgeReply> {
  const address = parseAddress(request.address);
  const groups = groupsFor(port, request);
  const { fileSystem, reclaimable } = request;
  return purge(port, request, call, { groups, selector: { type: 'address', address }, fileSystem, reclaimable });
}

/** All locks of the file system, also for a subdirectory's path. @throws LedgerError 'path-not-found', 'path-not-served' */
export async function unlockFs(port: AdminPort, request: UnlockFsRequest, call: AdminCall): Promise<PurgeReply> {
  const groups = groupsFor(port, request);
  const fileSystem = request.fileSystem ?? (await fileSystemOf(port, request));
  const { reclaimable } = request;
  return purge(port, request, call, { groups, selector: { type: 'file-system', fileSystem }, fileSystem, reclaimable });
}

async function fileSystemOf(port: AdminPort, { path, force }: UnlockFsRequest): Promise<string> {
  if (path === undefined) throw new LedgerError('bad-request', 'unlock-fs: give a path, or the name of a file system');
  return (await port.fileSystemOfPath(path, { force: force === true })).fileSystem;
}

/** By name, by the client's own address, or by both together. @throws LedgerError 'bad-address' */
export async function unlockClient(
  port: AdminPort,
  request: UnlockClientRequest,
  call: AdminCall,
): Promise<PurgeReply> {
  const groups = groupsFor(port, request);
  const name = request.name === undefined ? {} : { name: bytesOfText(request.name) };
  const address = request.address === undefined ? {} : { address: parseAddress(request.address) };
  return purge(port, request, call, { groups, selector: { type: 'client', ...name, ...address } });
}

/** @throws LedgerError 'not-found'; 'bad-request' where several groups may have the number */
export async function unlockLock(port: AdminPort, request: UnlockLockRequest, call: AdminCall): Promise<PurgeReply> {
  const groups = groupsFor(port, request, request.group);
  if (groups.length > 1) {
    const names = groups.map(({ name }) => name).join(', ');
    throw new LedgerError('bad-request', `each group counts its own locks: say which, of ${names}`);
  }
  return purge(port, request, call, { groups, selector: { type: 'lock', lock: request.lock } });
}
