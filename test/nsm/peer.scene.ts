/**
 * The other host of statd.scene.ts, in namespaces of its own: rpcbind and rpc.statd as they are, a client that locks,
 * and a lock manager that watches a server. It does what a line of JSON on its standard input says, and answers with one.
 */

import { spawn, execFile } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { NLM_PROGRAM } from '../../src/nlm/procedures.js';
import { NSM_PROGRAM, nsmProcedure } from '../../src/nsm/procedures.js';
import { SM_STATUS } from '../../src/nsm/codecs.js';
import { ClientPorts } from '../../src/effects/client-ports.js';
import { Rpcbind } from '../../src/effects/rpcbind/rpcbind.js';
import { parseAddress } from '../../src/base/address.js';
import { decodeCall, encodeSuccess } from '../../src/rpc/message.js';
import { XdrReader } from '../../src/xdr/reader.js';
import { XdrWriter } from '../../src/xdr/writer.js';
import { bytes, RpcClient } from '../support/rpc-client.js';
import { startRpcbind, startStatd, TOOLS } from './daemons.js';

interface Order {
  readonly do: string;
  readonly server?: string;
  readonly state?: number;
  readonly svid?: number;
}

const calls: object[] = [];
let wake = (): void => undefined;
const connections: RpcClient[] = [];

/** Answers statd's callback, and keeps it. */
async function openLockManager(): Promise<void> {
  const socket = createSocket('udp4');
  socket.on('message', (message, from) => {
    const reader = new XdrReader(message);
    const call = decodeCall(reader);
    if (call.procedure === 16) {
      const { mon_name, state, priv } = SM_STATUS.decode(reader);
      calls.push({ mon_name, state, priv, privileged: from.port < 1024 });
    }
    const writer = new XdrWriter();
    encodeSuccess(writer, call.xid);
    socket.send(writer.take(), from.port, from.address);
    wake();
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address();
  const set = await new Rpcbind().set({ program: NLM_PROGRAM, version: 4, protocol: 'udp', port }, 2000);
  if (!set) throw new Error('rpcbind refused the lock manager');
}

async function monitor(server: string): Promise<object> {
  const ports = new ClientPorts({ configuredPort: () => undefined });
  const query = { address: parseAddress('127.0.0.1'), program: NSM_PROGRAM, version: 1, protocol: 'udp' } as const;
  const client = await RpcClient.udp('127.0.0.1', await ports.find(query));
  const [procedure, end] = [nsmProcedure(1, 2), nsmProcedure(1, 4)];
  if (procedure?.name !== 'SM_MON' || end?.name !== 'SM_UNMON_ALL') throw new Error('no SM_MON');
  const my_id = { my_name: bytes('localhost'), my_prog: NLM_PROGRAM, my_vers: 4, my_proc: 16 };
  // What it knows already it does not write down again after sm-notify has cleared its list.
  await client.call(NSM_PROGRAM, 1, 4, { codec: end.args, value: my_id }, end.result);
  const value = { mon_id: { mon_name: bytes(server), my_id }, priv: bytes('0123456789abcdef') };
  const result = await client.call(NSM_PROGRAM, 1, 2, { codec: procedure.args, value }, procedure.result);
  client.close();
  return result;
}

async function obey(order: Order): Promise<unknown> {
  const server = order.server ?? '';
  switch (order.do) {
    case 'address':
      for (const args of ['addr add 10.77.0.2/24 dev peer', 'link set peer up'])
        await promisify(execFile)('ip', args.split(' '), TOOLS);
      return true;
    case 'daemons':
      await startRpcbind();
      await openLockManager();
      await startStatd();
      return true;
    case 'lock': {
      const client = await RpcClient.tcp(server, 4045);
      connections.push(client);
      return client.lock({ state: order.state ?? 3, svid: order.svid ?? 1 });
    }
    case 'unlock':
      return connections.at(-1)?.unlock({ svid: order.svid ?? 1 });
    case 'monitor':
      return monitor(server);
    case 'callback':
      while (calls.length === 0) await new Promise<void>((resolve) => (wake = resolve));
      return calls.shift();
    case 'sm-notify': {
      const child = spawn('sm-notify', ['-d', '-f', '-m', '1', '-v', '10.77.0.2'], {
        ...TOOLS,
        stdio: ['ignore', 'ignore', 'pipe'],
      });
      let said = '';
      child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
      await once(child, 'close');
      return { code: child.exitCode, said };
    }
    default:
      throw new Error(`unknown: ${order.do}`);
  }
}

process.stdout.write(`${JSON.stringify({ answer: 'ready' })}\n`);
for await (const line of createInterface({ input: process.stdin })) {
  try {
    // The scene writes what this type says.
    process.stdout.write(`${JSON.stringify({ answer: await obey(JSON.parse(line) as Order) })}\n`);
  } catch (error) {
    process.stdout.write(`${JSON.stringify({ error: String(error) })}\n`);
  }
}
process.exit(0);
