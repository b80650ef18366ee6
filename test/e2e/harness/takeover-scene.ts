/**
 * What clients do while a group moves: one holds, one waits, one contends, two add to a number under a lock, and one
 * takes and gives back a lock all the while. What they were told goes into one history, which is judged at the end.
 */
import type { ExecutionContext } from 'ava';
import { locks, waiters, type Lock } from './admin.js';
import { groups, type Cluster, type GroupName, type Life, type Member } from './cluster.js';
import { until } from './events.js';
import type { Guest, GuestProcess } from './guest.js';
import type { History } from './history.js';
import { Holder, type Pending } from './holder.js';

let files = 0;

/** A file of the group that no other test uses. */
export function newFile(group: GroupName): string {
  return `${groups[group].mount}/f${(files += 1)}`;
}

export async function holding(history: History, guest: Guest, name: string, path: string): Promise<Holder> {
  const holder = new Holder(guest, { history: history.owner(`${name} of ${guest.name}`) });
  await holder.open(0, path);
  return holder;
}

/** Takes and gives back a lock without end; the longest that one took is the pause that a client sees. */
export class Pulse {
  private readonly holder: Holder;
  private stopping = false;
  private readonly running: Promise<void>;
  readonly results = new Set<string>();
  count = 0;
  longestMs = 0;

  constructor(holder: Holder) {
    this.holder = holder;
    this.running = this.run();
  }

  async stop(): Promise<void> {
    this.stopping = true;
    await this.running;
  }

  private async run(): Promise<void> {
    while (!this.stopping) {
      for (const command of ['lock 0 w 1000 10', 'unlock 0 r 1000 10']) {
        const { result, beginNs, endNs } = await this.holder.finish(this.holder.post(command), command);
        this.results.add(result);
        this.longestMs = Math.max(this.longestMs, Number(endNs - beginNs) / 1e6);
      }
      this.count += 1;
    }
  }
}

export interface Scene {
  readonly holds: Holder;
  readonly waits: Holder;
  readonly contends: Holder;
  readonly wait: Pending;
  readonly pulse: Pulse;
  readonly hammers: readonly GuestProcess[];
  readonly counter: string;
  readonly before: readonly Lock[];
}

/** One client holds, the other waits, a third process contends; two more add to a number under a lock all the while. */
export async function begin(
  t: ExecutionContext,
  { client1, client2 }: Cluster,
  history: History,
  group: GroupName,
  owner: Member,
): Promise<Scene> {
  const path = newFile(group);
  const counter = newFile(group);
  const holds = await holding(history, client1, `holder of ${path}`, path);
  const waits = await holding(history, client2, `waiter of ${path}`, path);
  const contends = await holding(history, client1, `contender of ${path}`, path);
  const pulse = await holding(history, client2, `pulse of ${path}`, path);
  t.is(await holds.do('lock 0 w 0 10'), 'OK');
  t.is(await holds.do('lock 0 r 100 50'), 'OK');
  t.is(await waits.do('lock 0 r 120 100'), 'OK');
  const wait = await waits.wait('wait 0 w 0 10');
  const before = (await locks(owner.node)).filter(({ serverAddress }) => serverAddress === groups[group].address);
  t.is(before.length, 3);
  await client1.run(`printf 0000000000000000 >${counter}`);
  const hammers = [client1, client2].map((guest) => guest.start(`hammer ${counter}`));
  for (const hammer of hammers) await hammer.match(/^round \d+$|^failed/m);
  return { holds, waits, contends, wait, pulse: new Pulse(pulse), hammers, counter, before };
}

/** After the move: every lock is where it was, nobody got what another has, and who waited is served by the new owner. */
export async function settle(
  t: ExecutionContext,
  { client2 }: Cluster,
  group: GroupName,
  scene: Scene,
  owner: Member,
): Promise<void> {
  const { holds, waits, contends, wait, pulse, hammers, counter, before } = scene;
  t.is(await contends.do('lock 0 w 0 1'), 'EAGAIN');
  t.is(await contends.do('lock 0 w 130 1'), 'EAGAIN');
  t.is(await waits.do('test 0 w 0 10'), 'HELD w 0 10');
  t.true(wait.open, 'who waited was served while another held');
  const range = ({ client, start, end, exclusive }: Lock): string => `${client} ${start}-${end} ${exclusive}`;
  const now = (await locks(owner.node)).map(range);
  for (const lock of before) t.true(now.includes(range(lock)), `lost: ${range(lock)}`);
  await until('who waited waits at the new owner', 60_000, async () => {
    return (await waiters(owner.node)).some(({ start, end }) => start === '0' && end === '9');
  });
  t.is(await holds.do('unlock 0 r 0 10'), 'OK');
  t.is((await waits.finish(wait, 'the wait of before the move')).result, 'OK');
  t.is(await contends.do('lock 0 w 0 1'), 'EAGAIN');

  await pulse.stop();
  t.deepEqual([...pulse.results], ['OK']);
  let rounds = 0;
  for (const hammer of hammers) {
    const more = Number([...hammer.output.matchAll(/^round (\d+)$/gm)].at(-1)?.[1]) + 20;
    await hammer.match(new RegExp(`^round ${more}$|^failed.*`, 'm'));
  }
  for (const hammer of hammers) hammer.close();
  for (const hammer of hammers) rounds += Number((await hammer.match(/^done (\d+)$/m))[1]);
  t.is(Number(await client2.run(`cat ${counter}`)), rounds);
  t.log(
    `${group}: ${rounds} rounds of the hammers, ${pulse.count} of the pulse, a new lock took at most ${pulse.longestMs.toFixed(0)} ms`,
  );
  await Promise.all([holds.kill(), waits.kill(), contends.kill()]);
}

/** What the takeover did, a line a step that took time. */
export function show(t: ExecutionContext, { steps }: Life): void {
  const long = steps.filter(({ milliseconds }) => milliseconds > 0);
  t.log(long.map(({ node, step, milliseconds }) => `${node} ${step} ${milliseconds} ms`).join(', '));
}
