/** The operations of `call`: one function each, from the options to what the server answered. */

import { bytesOfText } from '../../admin/text.js';
import { bytesFrom, type Bytes } from '../../base/bytes.js';
import { nlmCall } from '../../nlm/procedures.js';
import type { NlmHolder, NlmLock } from '../../nlm/types.js';
import type { NlmStatus } from '../../nlm/status.js';
import { NLM_VERSION, type Server } from './server.js';

export interface CallResult {
  readonly operation: string;
  /** Absent where the procedure has no status. */
  readonly status?: NlmStatus;
  readonly holder?: NlmHolder;
  /** How a lock that had to wait was granted, and after how long. */
  readonly waited?: { readonly how: string; readonly ms: number };
}

let cookies = 0;

/** Four bytes, as Linux has them: a counter. */
function nextCookie(): Bytes {
  cookies += 1;
  const buffer = Buffer.alloc(4);
  buffer.writeUInt32BE(cookies);
  return bytesFrom(buffer);
}

export async function callNull(server: Server): Promise<CallResult> {
  await server.call(nlmCall(NLM_VERSION, 'NULL'), undefined);
  return { operation: 'NULL' };
}

export async function callTest(server: Server, alock: NlmLock, exclusive: boolean): Promise<CallResult> {
  const result = await server.call(nlmCall(NLM_VERSION, 'TEST'), { cookie: nextCookie(), exclusive, alock });
  const { stat, holder } = result.stat;
  return { operation: 'TEST', status: stat, ...(holder === undefined ? {} : { holder }) };
}

export interface LockRequest {
  readonly alock: NlmLock;
  readonly exclusive: boolean;
  readonly block: boolean;
  readonly reclaim: boolean;
  /** NSM state of the client; 0 where it is not known. */
  readonly state: number;
}

export async function callLock(server: Server, request: LockRequest): Promise<CallResult> {
  const result = await server.call(nlmCall(NLM_VERSION, 'LOCK'), { cookie: nextCookie(), ...request });
  return { operation: 'LOCK', status: result.stat };
}

export async function callNmLock(server: Server, request: LockRequest): Promise<CallResult> {
  const args = { cookie: nextCookie(), ...request, block: false, state: 0 };
  const result = await server.call(nlmCall(NLM_VERSION, 'NM_LOCK'), args);
  return { operation: 'NM_LOCK', status: result.stat };
}

export async function callUnlock(server: Server, alock: NlmLock): Promise<CallResult> {
  const result = await server.call(nlmCall(NLM_VERSION, 'UNLOCK'), { cookie: nextCookie(), alock });
  return { operation: 'UNLOCK', status: result.stat };
}

export async function callCancel(server: Server, alock: NlmLock, exclusive: boolean): Promise<CallResult> {
  const args = { cookie: nextCookie(), block: true, exclusive, alock };
  const result = await server.call(nlmCall(NLM_VERSION, 'CANCEL'), args);
  return { operation: 'CANCEL', status: result.stat };
}

export async function callFreeAll(server: Server, caller: string): Promise<CallResult> {
  await server.call(nlmCall(NLM_VERSION, 'FREE_ALL'), { name: bytesOfText(caller), state: 0 });
  return { operation: 'FREE_ALL' };
}
