/** What every test file of the suite begins with: a world for the file, evidence for a failed test, the packet check. */
import test from 'ava';
import { MALFORMED } from '../../support/tshark.js';
import { server, floating, floating6, lateFloating, otherFloating } from './addresses.js';
import type { Guest } from './guest.js';
import { Holder } from './holder.js';
import { nlmPort, nsmPort } from './node.js';
import { exportOne } from './server.js';
import { lockManager, World, type LockManager } from './world.js';

/** Registers the hooks; the function it gives returns the world. Both clients have export one on /mnt/one. */
export function useWorld(options: { manager?: LockManager; address?: string } = {}): () => World {
  let world: World | undefined;
  test.before(async () => {
    world = await World.create(options.manager ?? lockManager);
    for (const guest of world.guests) await guest.mount(options.address ?? floating, exportOne, '/mnt/one');
  });
  test.after.always(async () => world?.close());
  test.afterEach.always((t) => {
    if (!t.passed) t.log(world?.evidence());
  });
  return () => {
    if (world === undefined) throw new Error('the world is not up');
    return world;
  };
}

/** A test that only our own node can pass: skipped, and shown as skipped, when Ganesha's lock manager is under test. */
export const oursOnly = lockManager === 'node' ? test.serial : test.serial.skip;

/** A holder with `path` open in slot 0. */
export async function holding(guest: Guest, path: string): Promise<Holder> {
  const holder = new Holder(guest);
  await holder.open(0, path);
  return holder;
}

const nfs = [111, 2049, 20048].flatMap((port) => [`tcp.srcport == ${port}`, `udp.srcport == ${port}`]);
const from = [server.own, floating, otherFloating, lateFloating].map((address) => `ip.src == ${address}`);
from.push(`ipv6.src == ${server.own6}`, `ipv6.src == ${floating6}`);
/** Packets that our node sent. */
export const ours = `(${from.join(' || ')}) && !(${nfs.join(' || ')}) && !icmp && !icmpv6 && !arp && !(udp.dstport == 9)`;

/** Registers, as the file's last test, the check of every packet that our node has sent since the world began. */
export function packetsDecode(world: () => World): void {
  oursOnly('every packet of ours is decoded without one malformed field', async (t) => {
    let messages = 0;
    const show = ['frame.number', '_ws.col.Protocol', '_ws.col.Info'];
    const bad = `(${ours}) && (${MALFORMED})`;
    // a message on our ports that tshark takes for anything but RPC
    const port = [nlmPort, nsmPort].flatMap((one) => [`tcp.srcport == ${one}`, `udp.srcport == ${one}`]).join(' || ');
    const strange = `(${port}) && (tcp.len > 0 || udp) && !rpc && !tcp.reassembled_in && !tcp.analysis.retransmission`;
    for (const capture of await world().allPackets()) {
      t.deepEqual(await capture.fields(`(${bad}) || (${strange})`, show), []);
      messages += (await capture.fields(`(${ours}) && nlm`, ['frame.number'])).length;
    }
    t.true(messages > 0);
    t.log(`${messages} NLM messages of ours`);
  });
}
