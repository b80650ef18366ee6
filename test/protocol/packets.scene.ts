/**
 * Runs inside namespaces of its own, as root: every exchange over both transports and both families, each with a node
 * that is fresh, captured by tcpdump and read by tshark. packets.test.ts starts it and reads what it says.
 */

import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { pino } from 'pino';
import { compose } from '../../src/compose.js';
import { parseConfiguration } from '../../src/config/load.js';
import { say } from '../support/scene.js';
import { decodeAs, MALFORMED } from '../support/tshark.js';
import { cutShort, exchanges, NLM, NSM } from './exchanges.js';
import { FIRST_XID, Player } from './play.js';
import { RawService, type Transport } from './raw-peer.js';

const TOOLS = { PATH: '/usr/sbin:/sbin:/usr/bin:/bin', HOME: '/run' };
const PACKETS = '/run/packets.pcap';
const NLM_PORT = 4045;
const NSM_PORT = 4046;
const SECONDS = 1_900_000_000;
const ALL = exchanges({ seconds: SECONDS });
const servicePorts: number[] = [];
const failures: object[] = [];

async function playAll(transport: Transport, address: string): Promise<void> {
  const data = mkdtempSync('/run/data-');
  const socket = join(data, 'socket');
  const service = await RawService.open(address);
  servicePorts.push(service.port);
  const clients = [{ network: address, callbackPort: service.port }];
  const configuration = parseConfiguration(
    JSON.stringify({ data, socket, listen: [address], portmap: 'off', clients }),
    'scene',
    {},
    { nodeName: 'scene', data, socket: () => socket },
  );
  const node = await compose(configuration, { logger: pino({ level: 'silent' }), clock: () => SECONDS * 1000 });
  const ports = { nlmPort: NLM_PORT, nsmPort: NSM_PORT };
  const player = await Player.open({ transport, server: address, ...ports, client: address, service });
  for (const exchange of [...ALL, ...cutShort(ALL)]) {
    const { rule, expected, got } = await player.play(exchange);
    if (expected !== got) failures.push({ transport, address, rule, expected, got });
  }
  player.close();
  service.close();
  await node.close();
}

/** The fields of each packet that matches, or its line of the list. */
function tshark(filter: string, ...fields: readonly string[]): readonly string[] {
  const words = ['-r', PACKETS, ...decodeAs([NLM_PORT, NSM_PORT, ...servicePorts]), '-Y', filter];
  if (fields.length > 0) words.push('-T', 'fields', '-E', 'occurrence=f', ...fields.flatMap((field) => ['-e', field]));
  const out = execFileSync('tshark', words, { env: TOOLS, encoding: 'utf8', stdio: 'pipe' });
  return out.split('\n').filter((line) => line !== '');
}

const tcpdump = spawn('tcpdump', ['-i', 'lo', '-U', '-s', '0', '--immediate-mode', '-Z', 'root', '-w', PACKETS], {
  env: TOOLS,
  stdio: ['ignore', 'ignore', 'pipe'],
});
for await (const line of createInterface({ input: tcpdump.stderr })) if (line.includes('listening on')) break;
for (const transport of ['udp', 'tcp'] as const)
  for (const address of ['127.0.0.1', '::1']) await playAll(transport, address);
// tcpdump empties its ring when it next wakes: until the file no longer grows.
for (let size = -1; size !== statSync(PACKETS).size; await pause(200)) size = statSync(PACKETS).size;
tcpdump.kill('SIGINT');
await once(tcpdump, 'exit');

const either = (side: string, ports: readonly number[]): string =>
  ports.flatMap((port) => [`tcp.${side} == ${port}`, `udp.${side} == ${port}`]).join(' || ');
/** What a node has sent: from its own ports, or to where it calls back. */
const ours = `(${either('srcport', [NLM_PORT, NSM_PORT])} || ${either('dstport', servicePorts)})`;
say('failures', failures);
say('malformed of ours', tshark(`${ours} && (${MALFORMED})`));
say('not taken for RPC', tshark(`${ours} && (tcp.len > 0 || udp) && !rpc && !tcp.reassembled_in`));
// But for what was cut short for the purpose: those calls come last.
const cut = `rpc.msgtyp == 0 && rpc.xid > ${FIRST_XID + ALL.length}`;
say('malformed of the client', tshark(`!${ours} && (${MALFORMED}) && !(${cut})`));
say('malformed because cut short', tshark(`!${ours} && (${MALFORMED}) && ${cut}`).length);
// A line each: whether it is a reply, program, version, procedure.
const fields = ['rpc.msgtyp', 'rpc.program', 'rpc.programversion', 'rpc.procedure'];
const seen = [...new Set(tshark(`${ours} && rpc`, ...fields))].map((line) => line.split('\t').map(Number));
const procedures = (...of: readonly number[]): readonly number[] =>
  seen
    .filter((one) => of.every((number, index) => one[index] === number))
    .map((one) => one[3] ?? -1)
    .toSorted((one, other) => one - other);
for (const version of [1, 3, 4]) {
  say(`replies of version ${version}`, procedures(1, NLM, version));
  say(`calls of version ${version}`, procedures(0, NLM, version));
}
say('replies of NSM', procedures(1, NSM, 1));
