/** Commands straight into the core, for the benches of the core alone: no wire, no ledger, the same decide and evolve. */

import type { Bytes } from '../../../src/base/bytes.js';
import { u64 } from '../../../src/base/u64.js';
import { callbackForm } from '../../../src/core/callback-form.js';
import type { CallIdentity, Command, LockCommand } from '../../../src/core/command.js';
import { decide } from '../../../src/core/decide.js';
import { markExamined } from '../../../src/core/decide-wake.js';
import type { Event } from '../../../src/core/event.js';
import { evolve } from '../../../src/core/evolve.js';
import type { NlmFiles } from '../../../src/core/state.js';

const NOW = 1_700_000_000_000;
const OWNERS = 1000;

let xid = 0;
let position = 0;

export function newCall(): CallIdentity {
  xid += 1;
  return { port: 700, xid: xid >>> 0, digest: 1 };
}

/** Decides, evolves, and answers the events. */
export function run(state: NlmFiles, command: Command): readonly Event[] {
  const decision = decide(state, command, { now: NOW, mayGrant: true });
  position += 1;
  for (const event of decision.events) evolve(state, event, { position, epoch: 1, time: NOW });
  markExamined(state, decision);
  return decision.events;
}

export interface Where {
  /** Locks a file. */
  readonly perFile: number;
  /** Clients among which the locks are dealt; 50 unless said. */
  readonly clients?: number;
  /** The server address, where it is not one of two by turns. */
  readonly serverAddress?: string;
}

/** Lock number `n`: a range of its own beyond 2^53, on a file of `perFile` locks. */
export function lockNumber(n: number, { perFile, clients = 50, serverAddress }: Where): LockCommand {
  const svid = n % Math.max(OWNERS, clients);
  const client = svid % clients;
  const file = Math.floor(n / perFile);
  const at = (n % perFile) * 16;
  return {
    type: 'lock',
    owner: {
      client: { name: `client${client}` as Bytes, address: `10.0.${client >>> 8}.${client & 255}` },
      serverAddress: serverAddress ?? (svid % 2 === 0 ? '10.1.1.1' : '10.1.1.2'),
      svid,
      oh: `${svid}@client` as Bytes,
    },
    file: { key: `key-of-file-${file}` as Bytes, fileSystem: 'fs1', handle: `handle-of-file-${file}` as Bytes },
    range: { start: u64(0x200000, at), end: u64(0x200000, at + 7) },
    length: u64(0, 8),
    exclusive: true,
    block: false,
    reclaim: false,
    monitored: true,
    state: 3,
    presentLife: false,
    callback: callbackForm({ version: 4, transport: 'tcp', message: false }),
    call: newCall(),
  };
}
