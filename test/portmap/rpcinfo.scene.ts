/**
 * Runs inside network and mount namespaces of its own, as root: a whole node with its embedded port mapper, and the
 * host's own tools that ask it. Prints one line of JSON for each rule; rpcinfo.test.ts starts it and reads them.
 */

import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { pino } from 'pino';
import { compose } from '../../src/compose.js';
import { parseConfiguration } from '../../src/config/load.js';
import { Rpcbind } from '../../src/effects/rpcbind/rpcbind.js';
import type { XdrWriter } from '../../src/xdr/writer.js';
import { startRpcService } from '../effects/rpc-service.js';

const TOOL_MS_MAX = 8000;
const V4 = '10.9.0.1';
const V6 = 'fd09::1';

function say(rule: string, seen: unknown): void {
  process.stdout.write(`${JSON.stringify({ rule, seen })}\n`);
}

/** Whatever the tool prints, and its exit code in front. */
function tool(line: string): Promise<string> {
  const [file = '', ...args] = line.split(' ');
  const env = { PATH: '/usr/sbin:/sbin:/usr/bin:/bin' };
  return new Promise((resolve) => {
    execFile(file, args, { timeout: TOOL_MS_MAX, env }, (error, stdout, stderr) => {
      const code = error === null ? 0 : error.code;
      resolve(`${code}\n${stdout}${stderr}`.replaceAll(/[ \t]+/g, ' ').trim());
    });
  });
}

function noExports(result: XdrWriter): undefined {
  result.uint(0);
}

for (const line of [`addr add ${V4}/24 dev lo`, `addr add ${V6}/64 dev lo nodad`]) {
  execFileSync('ip', line.split(' '), { stdio: 'inherit' });
}
// MOUNT: an export list of no exports.
const mount = await startRpcService('tcp', (_call, _reader, result) => noExports(result), { address: V4 });
const data = mkdtempSync('/run/nlm-');
const socket = join(data, 'socket');
const configuration = parseConfiguration(
  JSON.stringify({
    data,
    socket,
    listen: [V4, V6],
    portmap: 'embedded',
    portmapStatic: [{ program: 100005, version: 3, protocol: 'tcp', port: mount.port }],
  }),
  'scene',
  {},
  { nodeName: 'scene', data, socket: () => socket },
);
const node = await compose(configuration, { logger: pino({ level: 'silent' }) });
say('notes', node.notes());
say('rpcinfo -p', await tool(`rpcinfo -p ${V4}`));
say('rpcinfo -s', await tool(`rpcinfo -s ${V4}`));
say('rpcinfo -s over IPv6', await tool(`rpcinfo -s ${V6}`));
say('rpcinfo -l', await tool(`rpcinfo -l ${V4} 100021 4`));
const pings = [
  `rpcinfo -T tcp ${V4} 100021 4`,
  `rpcinfo -T udp ${V4} 100021 4`,
  `rpcinfo -T tcp6 ${V6} 100021 4`,
  `rpcinfo -T udp6 ${V6} 100021 4`,
  `rpcinfo -t ${V4} 100021 1`,
  `rpcinfo -u ${V4} 100024 1`,
  `rpcinfo -T udp ${V4} 100000 4`,
];
say('answers', await Promise.all(pings.map(tool)));
say(
  'not served',
  await Promise.all(
    [`rpcinfo -T tcp ${V4} 100021 2`, `rpcinfo -T tcp6 ${V6} 100003 3`, `rpcinfo -t ${V4} 100011 1`].map(tool),
  ),
);
say('showmount', await tool(`showmount -e ${V4}`));

// A server beside us, as libtirpc registers it where there is no Unix socket.
const beside = new Rpcbind({ socketPath: '/run/none' });
const nfs = { program: 100003, version: 3, protocol: 'tcp', port: 2049 } as const;
say('set', await beside.set(nfs, 1000));
say('set of ours', await beside.set({ ...nfs, program: 100021, version: 3 }, 1000));
say('seen by all', (await tool(`rpcinfo -p ${V4}`)).includes('100003 3 tcp 2049'));
say('unset', await beside.unset(nfs, 1000));
say('rpcinfo -d', await tool('rpcinfo -d 100021 4'));
say('still there', (await tool(`rpcinfo -p ${V4}`)).includes('100021 4 tcp 4045'));
execFileSync('ip', ['addr', 'del', `${V4}/24`, 'dev', 'lo']);
while (node.listeners().some(({ address, present }) => address === V4 && present)) {
  await new Promise((resolve) => setTimeout(resolve, 20));
}
execFileSync('ip', ['addr', 'add', `${V4}/24`, 'dev', 'lo']);
while (!node.listeners().some(({ address, present }) => address === V4 && present)) {
  await new Promise((resolve) => setTimeout(resolve, 20));
}
const back = async (): Promise<boolean> => (await tool(`rpcinfo -T tcp ${V4} 100021 4`)).startsWith('0\n');
let isBack = await back();
for (let i = 0; i < 100 && !isBack; i += 1) isBack = await back();
say('back with its address', isBack);
await node.close();
await mount.close();
