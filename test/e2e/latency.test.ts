/**
 * From one client's unlock to the other's lock, application to application: our node's and Ganesha's, in one run, on one
 * clock (the capture of marks that both clients send to the server's address). Shown, and compared; not a failure.
 */
import test, { type ExecutionContext } from 'ava';
import { server } from './harness/addresses.js';
import { Holder } from './harness/holder.js';
import { ours, useWorld } from './harness/suite.js';
import { floating } from './harness/addresses.js';
import { exportOne } from './harness/server.js';
import { lockManager, World, type LockManager } from './harness/world.js';

const rounds = Number(process.env['E2E_ROUNDS'] ?? 20);
const world = useWorld({ manager: 'ganesha' });
const mark = `${server.own}:9`;

interface Summary {
  readonly min: number;
  readonly median: number;
  readonly p99: number;
}

/** Milliseconds. */
interface Medians {
  readonly application: number;
  readonly server: number;
}

function summary(ms: readonly number[]): Summary {
  const sorted = ms.toSorted((x, y) => x - y);
  const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? NaN;
  return { min: at(0), median: at(0.5), p99: at(0.99) };
}

const show = ({ min, median, p99 }: Summary): string =>
  `min ${min.toFixed(2)} ms, median ${median.toFixed(2)} ms, p99 ${p99.toFixed(2)} ms`;

/** The clients take turns: the holder unlocks while the other waits. */
async function measure(t: ExecutionContext, { client1, client2 }: World): Promise<Medians> {
  await world().packets();
  const file = world().file();
  const a = new Holder(client1, { name: 'a', mark });
  const b = new Holder(client2, { name: 'b', mark });
  await a.open(0, file);
  await b.open(0, file);
  t.is(await a.do('lock 0 w 0 10'), 'OK');
  const pairs: Array<readonly [unlock: string, grant: string]> = [];
  let [holder, waiter] = [a, b];
  for (let round = 0; round < rounds; round += 1) {
    const wait = await waiter.wait('wait 0 w 0 10');
    const unlock = holder.post('unlock 0 r 0 10');
    t.is((await waiter.finish(wait)).result, 'OK');
    t.is((await holder.finish(unlock)).result, 'OK');
    pairs.push([
      `${holder === a ? 'a' : 'b'} ${unlock.number} begin`,
      `${waiter === a ? 'a' : 'b'} ${wait.number} end`,
    ]);
    [holder, waiter] = [waiter, holder];
  }
  await Promise.all([a.kill(), b.kill()]);
  const capture = await world().packets();
  const rows = await capture.fields('udp.dstport == 9', ['frame.time_epoch', 'udp.payload']);
  const at = new Map(rows.map(([time, hex]) => [Buffer.from(hex ?? '', 'hex').toString(), Number(time) * 1000]));
  const inServer = summary(await serverSide(capture));
  const replies = await capture.fields(`(${ours}) && nlm.procedure_v4 == 4 && rpc.msgtyp == 1`, ['rpc.time']);
  const application = summary(pairs.map(([unlock, grant]) => (at.get(grant) ?? NaN) - (at.get(unlock) ?? NaN)));
  t.log(`application to application: ${show(application)}`);
  t.log(`on the wire, UNLOCK in to GRANTED out: ${show(inServer)}`);
  t.log(
    `on the wire, UNLOCK in to its reply out: ${show(summary(replies.map(([seconds]) => Number(seconds) * 1000)))}`,
  );
  return { application: application.median, server: inServer.median };
}

/** From each UNLOCK that came in to the next GRANTED (or GRANTED_MSG) that went out. */
async function serverSide(capture: Awaited<ReturnType<World['packets']>>): Promise<number[]> {
  const calls = 'nlm && rpc.msgtyp == 0 && nlm.procedure_v4';
  const rows = await capture.fields(`(${calls} == 4) || ((${ours}) && nlm && rpc.msgtyp == 0)`, [
    'frame.time_epoch',
    'nlm.procedure_v4',
  ]);
  const spans: number[] = [];
  let unlocked: number | undefined;
  for (const [time, procedure] of rows) {
    if (procedure === '4') unlocked = Number(time) * 1000;
    else if ((procedure === '5' || procedure === '10') && unlocked !== undefined) {
      spans.push(Number(time) * 1000 - unlocked);
      unlocked = undefined;
    }
  }
  return spans;
}

const medians = new Map<LockManager, Medians>();

test.serial(`Ganesha's lock manager: ${rounds} rounds of unlock and grant`, async (t) => {
  medians.set('ganesha', await measure(t, world()));
  t.pass();
});

(lockManager === 'node' ? test.serial : test.serial.skip)(
  `our node: ${rounds} rounds of unlock and grant`,
  async (t) => {
    const { guests } = world();
    await Promise.all(guests.map((guest) => guest.run('umount /mnt/one')));
    await world().withdraw();
    await world().serve('node');
    for (const guest of guests) await guest.mount(floating, exportOne, '/mnt/one');
    const node = await measure(t, world());
    const ganesha = medians.get('ganesha') ?? { application: NaN, server: NaN };
    const share = (one: keyof Medians): string => `${((node[one] / ganesha[one]) * 100).toFixed(0)} %`;
    t.log(`our median in parts of Ganesha's: ${share('application')} (aim: 25 %), in the server ${share('server')}`);
    t.true(node.application > 0);
  },
);
