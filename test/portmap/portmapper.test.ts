/** The embedded port mapper over real sockets: what it answers, and who may change it. */

import test, { type ExecutionContext } from 'ava';
import { parseAddress } from '../../src/base/address.js';
import { openPortmapDoor } from '../../src/doors/rpc/portmap-door.js';
import { ADDRESS, BOOL, MAPPING, PMAPLIST, RPCB, RPCB_ENTRY_LIST, RPCBLIST, UINT } from '../../src/portmap/codecs.js';
import { PMAP_PROGRAM } from '../../src/portmap/procedures.js';
import { netidOf, PortmapRegistry, REGISTERED_MAX, type NetId } from '../../src/portmap/registry.js';
import { VOID, type Codec } from '../../src/xdr/codec.js';
import { text } from '../support/builder.js';
import { goldenMessages } from '../support/golden.js';
import { RpcClient } from '../support/rpc-client.js';

const LIMITS = {
  connectionsMax: 100,
  connectionsPerClientMax: 100,
  idleMsMax: 10_000,
  recordMsMax: 10_000,
  recordBytesMax: 4096,
  fragmentsMax: 8,
  inFlightMax: 100,
  unsentBytesMax: 65_536,
  udpInFlightMax: 100,
};
const HERE = parseAddress('127.0.0.1');
const V6 = parseAddress('::1');
const BOTH = ['tcp', 'udp'] as const;
const NOW = 1_932_076_800_999;

/** The ports of the captured servers. */
async function open(t: ExecutionContext): Promise<(address: string) => number> {
  const door = await openPortmapDoor({
    addresses: [HERE, V6],
    isPresent: () => true,
    port: 0,
    own: (address) =>
      BOTH.flatMap((transport) => [
        { program: 100021, version: 4, netid: netidOf(transport, address), port: 0x8023 },
        { program: 100024, version: 1, netid: netidOf(transport, address), port: 0x7ffd },
      ]),
    fixed: [
      { program: 100003, version: 3, netid: 'tcp', port: 2049 },
      { program: 100005, version: 3, netid: 'tcp', port: 20048 },
    ],
    reserved: [100021, 100024],
    admits: () => false,
    limits: LIMITS,
    onChange: () => undefined,
    clock: () => NOW,
  });
  t.teardown(() => door.close());
  return (address) => door.endpoints.find((endpoint) => endpoint.address === address)?.nlmPort ?? 0;
}

async function clients(t: ExecutionContext): Promise<readonly (readonly [RpcClient, 'tcp' | 'udp', string])[]> {
  const port = await open(t);
  const all = [
    [await RpcClient.tcp('127.0.0.1', port('127.0.0.1')), 'tcp', '127.0.0.1'],
    [await RpcClient.udp('127.0.0.1', port('127.0.0.1')), 'udp', '127.0.0.1'],
    [await RpcClient.tcp('::1', port('::1')), 'tcp', '::1'],
    [await RpcClient.udp('::1', port('::1'), '::1'), 'udp', '::1'],
  ] as const;
  t.teardown(() => all.forEach(([client]) => client.close()));
  return all;
}

const ask = <A, R>(client: RpcClient, version: number, number: number, codec: Codec<A>, value: A, result: Codec<R>) =>
  client.call(PMAP_PROGRAM, version, number, { codec, value }, result);
const mapping = (prog: number, vers: number, transport: 'tcp' | 'udp', port = 0) => ({
  prog,
  vers,
  prot: transport === 'tcp' ? 6 : 17,
  port,
});
const rpcb = (r_prog: number, r_vers: number, netid = '', address = '') => ({
  r_prog,
  r_vers,
  r_netid: text(netid),
  r_addr: text(address),
  r_owner: text(''),
});

test('the captured calls of Linux clients are answered with the captured replies, byte for byte', async (t) => {
  const [[client] = []] = await clients(t);
  const messages = goldenMessages('portmap');
  let compared = 0;
  for (const call of messages.filter(({ name }) => name.endsWith('call'))) {
    const xid = Number.parseInt(call.hex.slice(0, 8), 16);
    const reply = messages.find(({ name, hex }) => name.endsWith('reply') && hex.startsWith(call.hex.slice(0, 8)));
    if (client === undefined || reply === undefined || !reply.from.startsWith('NFS-Ganesha')) continue;
    const answered = await client.exchange(Buffer.from(call.hex, 'hex'), xid);
    t.is(answered.reply.type, 'SUCCESS');
    t.is(answered.reader.uint().toString(16).padStart(8, '0'), reply.hex.slice(-8), call.from);
    compared += 1;
  }
  t.is(compared, 4);
});

test('a version that is not served is answered 0 or an empty address, never another version', async (t) => {
  for (const [client, transport, address] of await clients(t)) {
    t.is(await ask(client, 2, 3, MAPPING, mapping(100021, 4, transport), UINT), 0x8023);
    for (const [program, version] of [
      [100021, 2],
      [100021, 3],
      [100005, 1],
      [999, 1],
    ] as const) {
      t.is(await ask(client, 2, 3, MAPPING, mapping(program, version, transport), UINT), 0);
      t.is(await ask(client, 3, 3, RPCB, rpcb(program, version), ADDRESS), text(''));
      t.is(await ask(client, 4, 3, RPCB, rpcb(program, version), ADDRESS), text(''));
      t.is(await ask(client, 4, 9, RPCB, rpcb(program, version), ADDRESS), text(''));
    }
    for (const number of [3, 9]) {
      const found = await ask(client, 4, number, RPCB, rpcb(100021, 4, 'udp6', '1.2.3.4.0.111'), ADDRESS);
      t.is(found, text(`${address}.128.35`), 'the address that was asked, over the transport of the call');
    }
    t.is(await ask(client, 2, 3, MAPPING, { ...mapping(100021, 4, transport), prot: 132 }, UINT), 0);
  }
});

test('the lists name the portmapper, our own services and the static table of the address that was asked', async (t) => {
  for (const [client, , address] of await clients(t)) {
    const isV4 = address === '127.0.0.1';
    const names = (await ask(client, 4, 4, VOID, undefined, RPCBLIST)).map(
      ({ r_prog, r_vers, r_netid, r_owner }) => `${r_prog} ${r_vers} ${r_netid} ${r_owner}`,
    );
    const six = isV4 ? '' : '6';
    const own = [100000, 100021, 100024].flatMap((program) =>
      (program === 100000 ? [2, 3, 4] : program === 100021 ? [4] : [1]).flatMap((version) =>
        BOTH.map((transport) => `${program} ${version} ${transport}${six} nlm-ledger`),
      ),
    );
    const fixed = isV4 ? ['100003 3 tcp configuration', '100005 3 tcp configuration'] : [];
    t.deepEqual(names.toSorted(), [...own, ...fixed].toSorted());
    t.is((await ask(client, 3, 4, VOID, undefined, RPCBLIST)).length, names.length);
    t.is((await ask(client, 2, 4, VOID, undefined, PMAPLIST)).length, names.length);
    const transports = await ask(client, 4, 11, RPCB, rpcb(100021, 4), RPCB_ENTRY_LIST);
    t.deepEqual(
      transports.map((entry) => [String(entry.r_maddr), String(entry.r_nc_netid), entry.r_nc_semantics]),
      [
        [`${address}.128.35`, `tcp${six}`, 3],
        [`${address}.128.35`, `udp${six}`, 1],
      ],
    );
    t.is(await ask(client, 3, 6, VOID, undefined, UINT), 1_932_076_800);
  }
});

test('indirect calls are not served, and another version of the portmapper is a mismatch', async (t) => {
  for (const [client] of await clients(t)) {
    for (const [version, procedure] of [
      [2, 5],
      [3, 5],
      [4, 5],
      [4, 10],
      [2, 6],
    ] as const) {
      await t.throwsAsync(ask(client, version, procedure, RPCB, rpcb(100021, 4), VOID), { message: /PROC_UNAVAIL/ });
    }
    await t.throwsAsync(ask(client, 1, 0, VOID, undefined, VOID), { message: /PROG_MISMATCH/ });
    await t.throwsAsync(ask(client, 4, 9, UINT, 1, ADDRESS), { message: /GARBAGE_ARGS/ });
  }
});

test('an unprivileged port on this host registers nothing', async (t) => {
  for (const [client, transport] of await clients(t)) {
    t.false(await ask(client, 2, 1, MAPPING, mapping(300000, 1, transport, 5000), BOOL));
    t.false(await ask(client, 4, 1, RPCB, rpcb(300000, 1, 'tcp', '0.0.0.0.19.136'), BOOL));
    t.is(await ask(client, 2, 3, MAPPING, mapping(300000, 1, transport), UINT), 0);
  }
});

const registry = (): PortmapRegistry =>
  new PortmapRegistry({
    own: () => [{ program: 100021, version: 4, netid: 'tcp', port: 4045 }],
    fixed: [{ program: 100003, version: 3, netid: 'tcp', port: 2049 }],
    reserved: [100000, 100021, 100024],
  });
const mount = { program: 100005, version: 3, netid: 'tcp', port: 20048, address: undefined } as const;

test('a server beside us registers and unregisters itself, but nothing of ours or of the configuration', (t) => {
  const known = registry();
  t.true(known.set(mount));
  t.true(known.set(mount), 'the same again');
  t.false(known.set({ ...mount, port: 1 }), 'never over another registration');
  t.is(known.portOf(HERE, 100005, 3, 'tcp'), 20048);
  t.is(known.portOf(V6, 100005, 3, 'tcp6'), 0);
  for (const program of [100000, 100021, 100024]) {
    t.false(known.set({ ...mount, program, version: 9 }));
    t.false(known.unset(program, 4, undefined));
  }
  t.false(known.set({ ...mount, program: 100003, port: 1 }));
  t.false(known.unset(100003, 3, undefined));
  t.is(known.portOf(HERE, 100003, 3, 'tcp'), 2049);
  t.false(known.set({ ...mount, version: 1, port: 0 }));
  t.false(known.unset(100005, 3, 'udp'));
  t.true(known.unset(100005, 3, undefined));
  t.is(known.portOf(HERE, 100005, 3, 'tcp'), 0);
});

test('a registration for one address is told at that address alone', (t) => {
  const known = registry();
  t.true(known.set({ ...mount, address: HERE }));
  t.is(known.portOf(HERE, 100005, 3, 'tcp'), 20048);
  t.is(known.portOf(parseAddress('10.1.1.2'), 100005, 3, 'tcp'), 0);
});

test('registrations have a limit', (t) => {
  const known = registry();
  const netid: NetId = 'udp';
  for (let i = 0; i < REGISTERED_MAX; i += 1) t.true(known.set({ ...mount, netid, program: 300_000 + i }));
  t.false(known.set({ ...mount, netid, program: 400_000 }));
});
