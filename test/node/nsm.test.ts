import test from 'ava';
import { callAdmin } from '../../src/admin/call.js';
import type { NoticeRow, NotifyReply, Page } from '../../src/admin/messages.js';
import { parseAddress } from '../../src/base/address.js';
import type { Command } from '../../src/core/command.js';
import { NsmProgram } from '../../src/doors/rpc/nsm-program.js';
import { StatdProgram } from '../../src/doors/rpc/statd-program.js';
import { NLM_PROGRAM, nlmProcedure } from '../../src/nlm/procedures.js';
import { NSM_PROGRAM, NSM_PROCEDURES, type NsmProcedure } from '../../src/nsm/procedures.js';
import { AUTH_NONE } from '../../src/rpc/auth.js';
import { XdrReader } from '../../src/xdr/reader.js';
import { XdrWriter } from '../../src/xdr/writer.js';
import type { RunningNode } from '../../src/compose.js';
import { startNode, temporaryFolder } from '../support/node.js';
import { bytes, RpcClient } from '../support/rpc-client.js';

const GRANTED = 0;
const DENIED = 1;
const PRIV = bytes('0123456789abcdef');
const ME = { my_name: bytes('localhost'), my_prog: NLM_PROGRAM, my_vers: 4, my_proc: 16 };
const MON_ID = { mon_name: bytes('10.9.9.9'), my_id: ME };

function procedure<Name extends NsmProcedure['name']>(name: Name): Extract<NsmProcedure, { name: Name }> {
  const isNamed = (entry: NsmProcedure): entry is Extract<NsmProcedure, { name: Name }> => entry.name === name;
  return NSM_PROCEDURES.find(isNamed)!;
}

function admin(node: RunningNode, name: string, request: object, commandId = name): Promise<object> {
  const call = { procedure: name, request, actor: 'uid:0', door: 'test', commandId, now: Date.now() };
  return callAdmin(node.admin, call);
}

async function statusOf(node: RunningNode): Promise<readonly NoticeRow[]> {
  return ((await admin(node, 'notify-status', {})) as Page<NoticeRow>).rows;
}

for (const transport of ['tcp', 'udp'] as const) {
  test(`SM_STAT, SM_MON, SM_UNMON and SM_UNMON_ALL of a local program, over ${transport}`, async (t) => {
    const node = await startNode(t);
    const client = await RpcClient[transport]('127.0.0.1', node.nsmPort);
    t.teardown(() => client.close());
    const monitors = () => node.admin.groups()[0]!.state!.nsm.monitors.size;
    const [stat, mon, unmon, all] = [
      procedure('SM_STAT'),
      procedure('SM_MON'),
      procedure('SM_UNMON'),
      procedure('SM_UNMON_ALL'),
    ];
    const ask = { codec: stat.args, value: { mon_name: bytes('anybody') } };
    t.deepEqual(await client.call(NSM_PROGRAM, 1, 1, ask, stat.result), { res_stat: 0, state: -1 });
    const monitor = { codec: mon.args, value: { mon_id: MON_ID, priv: PRIV } };
    const { res_stat, state } = await client.call(NSM_PROGRAM, 1, 2, monitor, mon.result);
    t.is(res_stat, 0);
    t.is(state % 2, 1);
    t.deepEqual(await client.call(NSM_PROGRAM, 1, 1, ask, stat.result), { res_stat: 0, state });
    t.is(monitors(), 1);
    t.deepEqual(await client.call(NSM_PROGRAM, 1, 3, { codec: unmon.args, value: MON_ID }, unmon.result), { state });
    t.is(monitors(), 0);
    await client.call(NSM_PROGRAM, 1, 2, monitor, mon.result);
    t.deepEqual(await client.call(NSM_PROGRAM, 1, 4, { codec: all.args, value: ME }, all.result), { state });
    t.is(monitors(), 0);
  });
}

test('a monitor survives a restart', async (t) => {
  const data = await temporaryFolder(t);
  const node = await startNode(t, { data });
  const client = await RpcClient.tcp('127.0.0.1', node.nsmPort);
  const mon = procedure('SM_MON');
  const value = { mon_id: MON_ID, priv: PRIV };
  const { state } = await client.call(NSM_PROGRAM, 1, 2, { codec: mon.args, value }, mon.result);
  client.close();
  await node.close();
  const again = await startNode(t, { data });
  const { nsm, serverStates } = again.admin.groups()[0]!.state!;
  t.like([...nsm.monitors.values()], [{ monName: '10.9.9.9', priv: PRIV }]);
  t.is(serverStates.get(''), state, 'a restart is no crash: the state stays');
});

/** A call as a transport hands it over, from wherever it says. */
function callFrom(
  program: { serve: NsmProgram['serve'] },
  from: { readonly address: string; readonly port?: number },
  number: number,
  version: number,
  args: (writer: XdrWriter) => void,
): { readonly type: string; readonly bytes: Buffer } {
  const writer = new XdrWriter();
  args(writer);
  const buffer = writer.take();
  let answer: { type: string; bytes: Buffer } = { type: 'nothing yet', bytes: Buffer.alloc(0) };
  const address = parseAddress(from.address);
  const call = { xid: 1, program: 0, version, procedure: number, flavor: AUTH_NONE, refusal: undefined };
  program.serve(call, new XdrReader(buffer), {
    isPresentLife: true,
    caller: { transport: 'udp', address, port: from.port ?? 900, serverAddress: parseAddress('10.1.1.1') },
    succeed: (_xid, codec, result) => {
      const reply = new XdrWriter();
      codec.encode(reply, result);
      answer = { type: 'success', bytes: reply.take() };
    },
    refuse: (_xid, { type }) => (answer = { ...answer, type }),
    forget: () => (answer = { ...answer, type: 'forgotten' }),
  });
  return answer;
}

test('what changes anything is for this host alone: from elsewhere it is answered and does nothing', (t) => {
  const submitted: Command[] = [];
  const program = new NsmProgram({
    submit: (command) => void submitted.push(command),
    onReboot: () => t.fail(),
    onNotice: () => t.fail(),
    onHeard: () => t.fail(),
    hostState: () => 5,
    simulateCrash: () => ({ type: 'forget' }),
  });
  const from = { address: '10.0.0.1' };
  const [stat, mon, unmon] = [procedure('SM_STAT'), procedure('SM_MON'), procedure('SM_UNMON')];
  const asked = callFrom(program, from, 1, 1, (w) => stat.args.encode(w, { mon_name: bytes('x') }));
  t.deepEqual(stat.result.decode(new XdrReader(asked.bytes)), { res_stat: 1, state: 5 });
  const refused = callFrom(program, from, 2, 1, (w) => mon.args.encode(w, { mon_id: MON_ID, priv: PRIV }));
  t.deepEqual(mon.result.decode(new XdrReader(refused.bytes)), { res_stat: 1, state: -1 });
  const ended = callFrom(program, from, 3, 1, (w) => unmon.args.encode(w, MON_ID));
  t.deepEqual(unmon.result.decode(new XdrReader(ended.bytes)), { state: 5 });
  t.is(callFrom(program, from, 4, 1, (w) => procedure('SM_UNMON_ALL').args.encode(w, ME)).type, 'success');
  t.is(callFrom(program, from, 5, 1, () => undefined).type, 'success');
  t.deepEqual(submitted, []);
  t.is(program.notFromHere, 4);
  t.is(callFrom(program, { address: '127.0.0.1' }, 5, 1, () => undefined).type, 'nothing yet');
  t.is(submitted.length, 1);
  t.is(callFrom(program, from, 7, 1, () => undefined).type, 'PROC_UNAVAIL');
});

test('the callback of statd is taken from a privileged port of loopback alone, with our priv alone', (t) => {
  const submitted: Command[] = [];
  const reboots: string[] = [];
  const program = new StatdProgram({
    submit: (command, settle) => {
      submitted.push(command);
      const type = command.type === 'reboot' ? 'rebooted' : 'done';
      settle({ type: 'answer', outcome: type === 'done' ? { type, more: false } : { type }, position: 1 });
    },
    onNotice: () => undefined,
    onReboot: (address) => void reboots.push(address),
    privOf: (client) => (client === '10.0.0.1' ? PRIV : undefined),
  });
  const notify = nlmProcedure(4, 16);
  if (notify?.kind !== 'void' || notify.operation !== 'SM_NOTIFY') throw new Error('no SM_NOTIFY');
  const say = (from: { address: string; port?: number }, mon: string, priv = PRIV) =>
    callFrom(program, from, 16, 4, (w) => notify.args.encode(w, { mon: bytes(mon), state: 5, priv })).type;
  t.is(say({ address: '10.0.0.1' }, '10.0.0.1'), 'PROC_UNAVAIL');
  t.is(say({ address: '127.0.0.1', port: 1024 }, '10.0.0.1'), 'PROC_UNAVAIL');
  t.is(submitted.length, 0);
  t.is(say({ address: '127.0.0.1' }, '10.0.0.1', bytes('fedcba9876543210')), 'success');
  t.is(say({ address: '127.0.0.1' }, '10.0.0.2'), 'success');
  t.is(say({ address: '127.0.0.1' }, 'client1'), 'success');
  t.deepEqual(
    submitted.map(({ type }) => type),
    ['record-refusal', 'record-refusal', 'record-refusal'],
  );
  t.is(say({ address: '127.0.0.1' }, '10.0.0.1'), 'success');
  t.like(submitted.at(-1), { type: 'reboot', client: { address: '10.0.0.1' }, state: 5 });
  t.deepEqual(reboots, ['10.0.0.1']);
  t.is(callFrom(program, { address: '127.0.0.1' }, 2, 4, () => undefined).type, 'PROC_UNAVAIL', 'no LOCK here');
  for (let i = 0; i < 20; i += 1) say({ address: '127.0.0.1' }, '10.0.0.1');
  t.is(say({ address: '127.0.0.1' }, '10.0.0.1'), 'forgotten', 'a flood is dropped');
});

test('a LOCK with a newer state drops what the client held, and ends its older connections but not its own', async (t) => {
  const node = await startNode(t);
  const [old, other] = [await RpcClient.tcp('127.0.0.1', node.nlmPort), await RpcClient.tcp('127.0.0.1', node.nlmPort)];
  const current = await RpcClient.tcp('127.0.0.1', node.nlmPort);
  t.teardown(() => current.close());
  t.is(await old.lock({ state: 3, svid: 1, file: 'a' }), GRANTED);
  t.is(await other.lock({ state: 3, svid: 2, file: 'b' }), GRANTED);
  t.is(await current.lock({ state: 5, svid: 3, file: 'a' }), GRANTED);
  await Promise.all([old.closed, other.closed]);
  t.is(await current.lock({ state: 5, svid: 3, file: 'b' }), GRANTED);
  t.is(await current.lock({ state: 5, svid: 4, file: 'a' }), DENIED);
});

test('an order to notify is in the ledger: a restart goes on with it and does not order another', async (t) => {
  const data = await temporaryFolder(t);
  const node = await startNode(t, { data });
  const client = await RpcClient.tcp('127.0.0.1', node.nlmPort);
  t.is(await client.lock({}), GRANTED);
  client.close();
  t.deepEqual(await statusOf(node), []);
  const reply = (await admin(node, 'notify', { all: true })) as NotifyReply;
  t.like(reply.addresses, [{ address: '127.0.0.1', clients: 1 }]);
  const repeated = (await admin(node, 'notify', { address: '127.0.0.1' })) as NotifyReply;
  t.deepEqual(repeated.addresses, reply.addresses);
  const state = reply.addresses[0]!.state;
  await t.throwsAsync(admin(node, 'notify', { address: '127.0.0.9' }), { message: /does not serve/ });
  await node.close();
  const again = await startNode(t, { data });
  t.like(await statusOf(again), [{ client: '127.0.0.1', serverAddress: '127.0.0.1', state }]);
});

test('a first start in grace advances every state; a start without one and a restart do not', async (t) => {
  const data = await temporaryFolder(t);
  const file = { firstStart: 'grace' };
  const node = await startNode(t, { data, file });
  const stateOf = (one: RunningNode) => one.admin.groups()[0]!.state!.serverStates.get('127.0.0.1');
  const first = stateOf(node);
  t.is(first! % 2, 1);
  await node.close();
  t.is(stateOf(await startNode(t, { data, file })), first);
  t.is(stateOf(await startNode(t)), undefined);
});

test('with --nsm none the port of NSM stays closed, and status says so', async (t) => {
  const node = await startNode(t, { file: { nsm: 'none' } });
  t.is(node.listeners()[0]?.nsmPort, undefined);
  t.true(node.notes().some((note) => note.includes('--nsm none')));
});

test('programs of this host reach NSM on 127.0.0.1, whatever server addresses there are', async (t) => {
  const node = await startNode(t, { listen: ['127.0.0.2'] });
  t.false(node.notes().some((note) => note.includes('cannot be opened')));
});
