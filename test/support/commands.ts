/** Commands with everything filled in that a test does not speak of. */

import { callbackForm } from '../../src/core/callback-form.js';
import type { Bytes } from '../../src/base/bytes.js';
import { u64FromBigInt, type U64 } from '../../src/base/u64.js';
import type {
  CallIdentity,
  CancelCommand,
  LockCommand,
  Order,
  OwnerName,
  ShareBits,
  ShareCommand,
  TestCommand,
  UnlockCommand,
  UnshareCommand,
} from '../../src/core/command.js';
import { rangeFromWire, type Range } from '../../src/core/range.js';

export function bytes(text: string): Bytes {
  return text as Bytes;
}

export function range(start: bigint | number, length: bigint | number): Range {
  const found = rangeFromWire(u64FromBigInt(BigInt(start)), u64FromBigInt(BigInt(length)));
  if (found === undefined) throw new Error('FBIG');
  return found;
}

let xid = 0;
export function call(): CallIdentity {
  xid += 1;
  return { port: 700, xid, digest: 0xdead_beef };
}

export interface Who {
  readonly client?: string;
  readonly from?: string;
  readonly to?: string;
  readonly svid?: number;
}

export function owner({ client = 'client1', from = '10.0.0.1', to = '10.1.1.1', svid = 1 }: Who): OwnerName {
  return { client: { name: bytes(client), address: from }, serverAddress: to, svid, oh: bytes(`${svid}@${client}`) };
}

export interface What extends Who {
  readonly file?: string;
  readonly fileSystem?: string;
  readonly handle?: string;
  readonly start?: bigint | number;
  readonly length?: bigint | number;
  readonly exclusive?: boolean;
  readonly block?: boolean;
  readonly reclaim?: boolean;
  readonly monitored?: boolean;
  readonly presentLife?: boolean;
  readonly state?: number;
  readonly call?: CallIdentity;
}

function base(what: What): Pick<TestCommand, 'owner' | 'file' | 'range'> & { readonly length: U64 } {
  const { file = 'f', fileSystem = 'fs1', handle = `handle-${file}`, start = 0, length = 0 } = what;
  return {
    owner: owner(what),
    file: { key: bytes(file), fileSystem, handle: bytes(handle) },
    range: range(start, length),
    length: u64FromBigInt(BigInt(length)),
  };
}

const CALLBACK = callbackForm({ version: 4, transport: 'tcp', message: false });

export function lock(what: What = {}): LockCommand {
  const { exclusive = true, block = false, reclaim = false, monitored = true, state = 0 } = what;
  return {
    type: 'lock',
    ...base(what),
    exclusive,
    block,
    reclaim,
    monitored,
    state,
    presentLife: what.presentLife ?? false,
    callback: CALLBACK,
    call: what.call ?? call(),
  };
}

export function test(what: What = {}): TestCommand {
  const { length: _, ...rest } = base(what);
  return { type: 'test', ...rest, exclusive: what.exclusive ?? true };
}

export function unlock(what: What = {}): UnlockCommand {
  const { length: _, ...rest } = base(what);
  return { type: 'unlock', ...rest, call: what.call ?? call() };
}

export function cancel(what: What = {}): CancelCommand {
  const { length: _, ...rest } = base(what);
  return {
    type: 'cancel',
    ...rest,
    exclusive: what.exclusive ?? true,
    block: what.block ?? true,
    call: what.call ?? call(),
  };
}

export interface WhatShare extends Who {
  readonly file?: string;
  readonly fileSystem?: string;
  readonly oh?: string;
  readonly mode?: ShareBits;
  readonly access?: ShareBits;
  readonly reclaim?: boolean;
  readonly call?: CallIdentity;
}

function shareFacts(what: WhatShare): Omit<UnshareCommand, 'type'> {
  const { file = 'f', fileSystem = 'fs1', oh = 'opener', mode = 2, access = 1 } = what;
  return {
    owner: { ...owner({ ...what, svid: 0 }), oh: bytes(oh) },
    file: { key: bytes(file), fileSystem, handle: bytes(`handle-${file}`) },
    mode,
    access,
    call: what.call ?? call(),
  };
}

export function share(what: WhatShare = {}): ShareCommand {
  return { type: 'share', ...shareFacts(what), reclaim: what.reclaim ?? false };
}

export function unshare(what: WhatShare = {}): UnshareCommand {
  return { type: 'unshare', ...shareFacts(what) };
}

let orders = 0;
export function order(commandId = `command-${(orders += 1)}`): Order {
  return { commandId, actor: 'uid:0', door: 'socket', reason: 'test' };
}
