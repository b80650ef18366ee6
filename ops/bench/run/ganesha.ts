/**
 * NFS-Ganesha as a peer of the bench: rpcbind and ganesha.nfsd inside the namespace of namespace.ts, with an export of
 * empty files whose handles are asked of it by MOUNT and NFS (RFC 1813). It is asked NM_LOCK, where the node is asked
 * LOCK: with LOCK it needs a statd.
 */

import { spawn, type ChildProcess } from 'node:child_process';
import { chmodSync, closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { addressFrom, type Address } from '../../../src/base/address.js';
import { assert } from '../../../src/base/assert.js';
import { bytesFrom, type Bytes } from '../../../src/base/bytes.js';
import { callPeer } from '../../../src/effects/rpc-call.js';
import type { Codec } from '../../../src/xdr/codec.js';
import { ended, HOST } from './child.js';
import { isInstalled } from './installed.js';
import type { Contender } from './shapes.js';
import { GANESHA } from './names.js';

export interface Ganesha {
  readonly contender: Contender;
  stop(): Promise<void>;
}

const NLM_PORT = 32803;
const MOUNT_PORT = 20048;
const NFS_PORT = 2049;
const RPCBIND_PORT = 111;
const FILES = 1000;
const HANDLE_BYTES_MAX = 64;
const CALL_MS_MAX = 2000;
const START_MS_MAX = 30_000;
const TRY_AGAIN_MS = 50;

/** Why it cannot be here; undefined where it can. */
export function whyNoGanesha(): string | undefined {
  if (process.getuid?.() !== 0) return 'NFS-Ganesha is measured by root alone: it needs network namespaces';
  const missing = ['ganesha.nfsd', 'rpcbind', 'unshare', 'ip'].filter((name) => !isInstalled(name));
  return missing.length === 0 ? undefined : `not installed: ${missing.join(', ')}`;
}

/** Everything below `folder`. Call inside the namespace, furnished. */
export async function startGanesha(folder: string): Promise<Ganesha> {
  const place = join(folder, 'export');
  mkdirSync(place);
  chmodSync(folder, 0o755);
  chmodSync(place, 0o777);
  const names = Array.from({ length: FILES }, (_, n) => `file-${n}`);
  for (const name of names) writeFileSync(join(place, name), '', { mode: 0o666 });
  const configuration = join(folder, 'ganesha.conf');
  writeFileSync(configuration, configurationOf(folder, place));

  const log = join(folder, 'services.log');
  const children: ChildProcess[] = [];
  const stop = async (): Promise<void> => {
    for (const child of children.splice(0).toReversed()) await ended(child, 'SIGKILL');
  };
  const start = (command: string, args: readonly string[]): ChildProcess => {
    const output = openSync(log, 'a');
    const child = spawn(command, args, { stdio: ['ignore', output, output] });
    closeSync(output);
    children.push(child);
    return child;
  };
  try {
    start('rpcbind', ['-f']);
    await serves(RPCBIND_PORT, 100_000, 2, log);
    const pidFile = join(folder, 'ganesha.pid');
    const ganesha = start('ganesha.nfsd', [
      '-F',
      '-f',
      configuration,
      '-L',
      join(folder, 'ganesha.log'),
      '-p',
      pidFile,
    ]);
    await serves(NLM_PORT, 100_021, 4, log);
    const handles = await handlesOf(place, names);
    const pid = ganesha.pid ?? 0;
    return { contender: { name: GANESHA, pid, tcpPort: NLM_PORT, udpPort: NLM_PORT, handles, monitored: false }, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function configurationOf(folder: string, place: string): string {
  return `
NFS_CORE_PARAM {
  NFS_Protocols = 3; Enable_NLM = true; Enable_RQUOTA = false; Enable_UDP = true; mount_path_pseudo = false;
  MNT_Port = ${MOUNT_PORT}; NLM_Port = ${NLM_PORT}; NFS_Port = ${NFS_PORT}; fsid_device = false;
}
NFSv4 { Graceless = true; Grace_Period = 5; Lease_Lifetime = 5; RecoveryRoot = ${folder}; }
MDCACHE { Entries_HWMark = 500000; }
EXPORT {
  Export_Id = 1; Path = ${place}; Pseudo = /bench; Protocols = 3; Transports = TCP, UDP; Access_Type = RW;
  Squash = No_Root_Squash; SecType = none, sys; Disable_ACL = true; FSAL { Name = VFS; }
}
LOG { Default_Log_Level = EVENT; }
`;
}

async function handlesOf(place: string, names: readonly string[]): Promise<Buffer[]> {
  const root = await ask(MOUNT_PORT, { program: 100_005, version: 3, procedure: 1 }, [textOf(place)]);
  const handles: Buffer[] = [];
  for (const name of names) {
    const lookup = { program: 100_003, version: 3, procedure: 3 };
    handles.push(Buffer.from(await ask(NFS_PORT, lookup, [root, textOf(name)]), 'latin1'));
  }
  return handles;
}

const STATUS_AND_HANDLE: Codec<Bytes> = {
  decode: (reader) => {
    const status = reader.uint();
    assert(status === 0, `NFS-Ganesha gave no handle: status ${status}`);
    return reader.opaque(HANDLE_BYTES_MAX);
  },
  encode: (writer, handle) => writer.opaque(handle),
};
const OPAQUES: Codec<readonly Bytes[]> = {
  decode: () => [],
  encode: (writer, values) => {
    for (const value of values) writer.opaque(value);
  },
};
const NOTHING: Codec<void> = { decode: () => undefined, encode: () => undefined };

interface ProcedureNumber {
  readonly program: number;
  readonly version: number;
  readonly procedure: number;
}

/** MNT and LOOKUP alike: opaque items in, a status and a handle out. */
function ask(port: number, number: ProcedureNumber, items: readonly Bytes[]): Promise<Bytes> {
  const peer = { transport: 'tcp', address: loopback(), port } as const;
  return callPeer(peer, { ...number, arguments: OPAQUES, result: STATUS_AND_HANDLE }, items, CALL_MS_MAX);
}

async function serves(port: number, program: number, version: number, log: string): Promise<void> {
  const peer = { transport: 'tcp', address: loopback(), port } as const;
  const until = performance.now() + START_MS_MAX;
  for (;;) {
    try {
      const ping = { program, version, procedure: 0, arguments: NOTHING, result: NOTHING };
      return await callPeer(peer, ping, undefined, CALL_MS_MAX);
    } catch (cause) {
      const said = readFileSync(log, 'utf8').slice(-1000);
      if (performance.now() > until) throw new Error(`program ${program} does not answer: ${said}`, { cause });
      await new Promise((resolve) => setTimeout(resolve, TRY_AGAIN_MS));
    }
  }
}

function loopback(): Address {
  const address = addressFrom(HOST);
  assert(address !== undefined, 'the loopback address is one');
  return address;
}

function textOf(value: string): Bytes {
  return bytesFrom(Buffer.from(value));
}
