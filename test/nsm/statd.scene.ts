/**
 * Runs inside network and mount namespaces of its own, as root: the node on one host, a real rpc.statd, rpcbind and
 * sm-notify on the other, and then a statd beside the node too. Prints one line of JSON for each rule.
 */

import { execFile, spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { pino } from 'pino';
import { callAdmin } from '../../src/admin/call.js';
import type { NoticeRow, Page } from '../../src/admin/messages.js';
import type { WatchedEvent } from '../../src/admin/port.js';
import { compose, type RunningNode } from '../../src/compose.js';
import { parseConfiguration } from '../../src/config/load.js';
import { SET_UP, startRpcbind, startStatd, TOOLS } from './daemons.js';

const HERE = '10.77.0.1';
const PEER = '10.77.0.2';
function say(rule: string, seen: unknown): void {
  process.stdout.write(`${JSON.stringify({ rule, seen })}\n`);
}

const run = async (line: string): Promise<void> => {
  const [tool = '', ...args] = line.split(' ');
  await promisify(execFile)(tool, args, TOOLS);
};

// The other host.
const child = spawn(
  'unshare',
  [
    '--net',
    '--mount',
    '--propagation',
    'private',
    'sh',
    '-c',
    SET_UP,
    process.execPath,
    fileURLToPath(new URL('peer.scene.js', import.meta.url)),
  ],
  { ...TOOLS, stdio: ['pipe', 'pipe', 'inherit'] },
);
process.on('exit', () => child.kill('SIGKILL'));
const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
const next = async (): Promise<unknown> => {
  // What the peer writes; it ends only with the scene.
  const { answer, error } = JSON.parse(String((await answers.next()).value)) as { answer?: unknown; error?: string };
  if (error !== undefined) throw new Error(error);
  return answer;
};
const peer = (order: object): Promise<unknown> => {
  child.stdin.write(`${JSON.stringify(order)}\n`);
  return next();
};
await next();
await run(`ip link add here type veth peer name peer netns ${child.pid}`);
await run(`ip addr add ${HERE}/24 dev here`);
await run('ip link set here up');
await peer({ do: 'address' });
await peer({ do: 'daemons' });

async function start(data: string, over: object = {}): Promise<RunningNode> {
  mkdirSync(data, { recursive: true });
  const text = JSON.stringify({ data, listen: [HERE], control: 'off', socket: `${data}/socket`, ...over });
  const configuration = parseConfiguration(text, 'scene', {}, { nodeName: 'a', data, socket: () => `${data}/socket` });
  return compose(configuration, { logger: pino({ level: process.env['SCENE_LOG'] ?? 'silent' }, pino.destination(2)) });
}

/** Resolves with the event of this type that comes next. */
function event(node: RunningNode, type: string): Promise<WatchedEvent['event']> {
  return new Promise((resolve) => {
    const watch = node.admin.watch(({ event: found }) => {
      if (found.type !== type) return;
      watch.close();
      resolve(found);
    });
  });
}

const admin = (node: RunningNode, procedure: string, request: object): Promise<object> =>
  callAdmin(node.admin, { procedure, request, actor: 'uid:0', door: 'socket', commandId: procedure, now: Date.now() });
const locks = (node: RunningNode): number => node.admin.groups()[0]?.state?.lockCount ?? -1;

// This node serves NSM; statd is on the client.
await startRpcbind();
const own = await start('/run/own');
say('own', [own.admin.node().registration, own.listeners()[0]?.nsmPort]);
say('locked', await peer({ do: 'lock', server: HERE }));
say('monitored by the client', await peer({ do: 'monitor', server: HERE }));
const told = event(own, 'client-notified');
say('ordered', await admin(own, 'notify', { address: HERE }));
say('told', await told);
say('called back', await peer({ do: 'callback' }));
say('status', ((await admin(own, 'notify-status', {})) as Page<NoticeRow>).rows);

const rebooted = event(own, 'client-rebooted');
const smNotify = peer({ do: 'sm-notify' });
await rebooted;
say('sm-notify', ((await smNotify) as { code: number }).code);
say('dropped', locks(own));

// An ordinary restart tells nobody anything.
await peer({ do: 'lock', server: HERE, state: 0 });
await own.close();
const again = await start('/run/own');
say('a restart', [locks(again), ((await admin(again, 'notify-status', {})) as Page<NoticeRow>).rows[0]?.phase]);
await again.close();

// The host's statd is there.
await startStatd();
const host = await start('/run/host');
say('host', [host.listeners()[0]?.nsmPort, host.notes().some((note) => note.startsWith('NSM: the host'))]);
const watched: string[] = [];
const watch = host.admin.watch(({ event: { type } }) => watched.push(type));
say('locked behind SM_MON', await peer({ do: 'lock', server: HERE, state: 0 }));
watch.close();
say('recorded first', [watched.indexOf('client-monitored') < watched.indexOf('lock-granted'), watched]);
// Its list of hosts went with the first run.
await peer({ do: 'monitor', server: HERE });
const gone = event(host, 'client-rebooted');
const second = peer({ do: 'sm-notify' });
await gone;
say('sm-notify to statd', [((await second) as { code: number }).code, locks(host)]);
say('its priv stays', host.admin.groups()[0]?.state?.nsm.monitoredClients.get(PEER)?.length);
await host.close();

const refused = await start('/run/refused', { nsm: 'own' }).then(
  (node) => node.close(),
  (error: Error) => error.message,
);
say('own beside a statd', refused);
const none = await start('/run/none', { nsm: 'none' });
say('none', [await peer({ do: 'lock', server: HERE, state: 0, svid: 9 }), none.listeners()[0]?.nsmPort]);
await none.close();
process.exit(0);
