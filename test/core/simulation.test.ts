import test from 'ava';
import { u64ToBigInt } from '../../src/base/u64.js';
import { deserialize, serialize } from '../../src/core/checkpoint.js';
import type { Command, GraceScope, Selector, ShareBits } from '../../src/core/command.js';
import { expectedCount, pendingGrants } from '../../src/core/queries.js';
import { hasMisses } from '../../src/core/decide-miss.js';
import { isSweeping, type NlmFiles } from '../../src/core/state.js';
import { sweep } from '../../src/core/sweep.js';
import {
  cancel,
  lock,
  order,
  range,
  share,
  test as testLock,
  unlock,
  unshare,
  type What,
} from '../support/commands.js';
import { Group } from '../support/decider.js';
import { line, Model, shareLine, type ModelLock, type Subject } from '../support/model.js';
import { heldIn, type HeldRow, sharedIn, waitingIn, type WaitingRow } from '../support/rows.js';

const SEEDS = Number(process.env['NLM_SIMULATION_SEEDS'] ?? 25);
const STEPS = 250;

/** mulberry32 */
function random(seed: number): (below: number) => number {
  let a = seed;
  return (below) => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 4294967296) * below);
  };
}

const CLIENTS = ['client1', 'client2', 'client3'];
const SERVERS = ['10.1.1.1', '10.1.1.2'];
/** A step of the group's life, instead of a client's call. */
const MOVES = -1;
const NEXT = {
  unclaimed: ['claim'],
  claimed: ['serve'],
  owned: ['begin'],
  releasing: ['finish', 'abandon'],
  released: ['claim'],
} as const;

function moving(what: 'claim' | 'serve' | 'begin' | 'finish' | 'abandon', way: 'carry' | 'reclaim'): Command {
  switch (what) {
    case 'claim':
      return { type: 'claim-group', node: 'a', way, lossAccepted: false, order: order() };
    case 'serve':
      return { type: 'serve-group', handles: [] };
    case 'begin':
      return { type: 'begin-release', way, order: order() };
    case 'finish':
      return { type: 'finish-release' };
    case 'abandon':
      return { type: 'abandon-release', order: order() };
  }
}

const EDGES = [0n, 1n, 2n ** 32n - 1n, 2n ** 32n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 53n + 1n, 2n ** 63n - 2n];

function modelLock(
  what: Required<Pick<What, 'client' | 'from' | 'to' | 'svid' | 'file' | 'fileSystem'>> & What,
): ModelLock {
  const bounds = range(what.start ?? 0, what.length ?? 0);
  return {
    owner: `${what.client} ${what.to} ${what.svid}`,
    client: what.client,
    from: what.from,
    to: what.to,
    fileSystem: what.fileSystem,
    file: what.file,
    start: u64ToBigInt(bounds.start),
    end: u64ToBigInt(bounds.end),
    exclusive: what.exclusive ?? true,
  };
}

function rowLine(row: HeldRow | WaitingRow): string {
  return line({
    owner: `${row.client.name} ${row.serverAddress} ${row.svid}`,
    client: row.client.name,
    from: row.client.address,
    to: row.serverAddress,
    fileSystem: row.file.fileSystem,
    file: row.file.key,
    start: u64ToBigInt(row.range.start),
    end: u64ToBigInt(row.range.end),
    exclusive: row.exclusive,
    expected: 'expected' in row && row.expected,
  });
}

function simulate(seed: number): string | undefined {
  const pick = random(seed);
  const group = new Group();
  const model = new Model();
  const clientState = new Map(CLIENTS.map((client) => [client, 1]));
  const trail: string[] = [];

  for (let step = 0; step < STEPS; step += 1) {
    const at = pick(CLIENTS.length);
    const edge = pick(6) === 0;
    const what = {
      client: CLIENTS[at]!,
      from: `10.0.0.${at + 1}`,
      to: SERVERS[pick(SERVERS.length)]!,
      svid: pick(2),
      file: `f${pick(2)}`,
      fileSystem: `fs${pick(2)}`,
      start: edge ? EDGES[pick(EDGES.length)]! : BigInt(pick(12)),
      length: pick(8) === 0 ? 0n : BigInt(pick(6) + 1),
      exclusive: pick(2) === 0,
      block: pick(2) === 0,
      state: 0,
    };
    const target = modelLock(what);
    // While nothing is granted it soon moves on.
    const kind = pick(model.grants ? 40 : 4) === 0 ? MOVES : pick(120);
    const scopes: GraceScope[] = [
      { type: 'address', address: what.to },
      { type: 'file-system', fileSystem: what.fileSystem },
      { type: 'all' },
    ];
    const scope = scopes[pick(3)]!;
    let expected: string;
    let got: string;
    if (kind === MOVES) {
      const moves = ['claim', 'serve', 'begin', 'finish', 'abandon'] as const;
      const what = pick(3) === 0 ? moves[pick(moves.length)]! : NEXT[model.status][pick(NEXT[model.status].length)]!;
      const way = pick(2) === 0 ? 'carry' : 'reclaim';
      expected = model.move(what, way);
      got = group.submit(moving(what, way)).type;
      trail.push(`${what} ${way} ${expected}`);
    } else if (kind < 50) {
      const reclaim = pick(model.graces.length > 0 ? 2 : 20) === 0;
      expected = model.withoutGrants(reclaim ? 'reclaims' : 'takes') ?? model.lock(target, what.block, reclaim);
      got = group.submit(lock({ ...what, reclaim })).type;
      trail.push(`lock ${line(target)} ${what.block ? 'block' : ''} ${reclaim ? 'reclaim' : ''} ${expected}`);
    } else if (kind < 72) {
      expected = model.withoutGrants('gives') ?? 'granted';
      if (expected === 'granted') model.unlock(target);
      got = group.submit(unlock(what)).type;
      trail.push(`unlock ${line(target)}`);
    } else if (kind < 80) {
      const waiters = model.waiters.length + model.pending.length;
      const chosen = waiters === 0 ? target : [...model.waiters, ...model.pending.map((p) => p.lock)][pick(waiters)]!;
      const length = chosen.end === 2n ** 64n - 1n ? 0n : chosen.end - chosen.start + 1n;
      const [client = '', to = '', svid = ''] = chosen.owner.split(' ');
      expected = model.withoutGrants('gives') ?? 'granted';
      if (expected === 'granted') model.cancel(chosen);
      got = group.submit(cancel({ ...chosen, client, to, svid: Number(svid), length })).type;
      trail.push(`cancel ${line(chosen)}`);
    } else if (kind < 88) {
      expected = model.withoutGrants('gives') ?? (model.conflicts(target).length > 0 ? 'denied' : 'granted');
      got = group.submit(testLock(what)).type;
      trail.push(`test ${line(target)} ${expected}`);
    } else if (kind < 93) {
      const selectors: [Selector, (lock: Subject) => boolean][] = [
        [{ type: 'address', address: what.to }, (other) => other.to === what.to],
        [{ type: 'file-system', fileSystem: what.fileSystem }, (other) => other.fileSystem === what.fileSystem],
        [{ type: 'client', address: what.from }, (other) => other.from === what.from],
      ];
      const [selector, which] = selectors[pick(selectors.length)]!;
      const reclaimable = selector.type !== 'client' && pick(3) === 0;
      expected = JSON.stringify(reclaimable ? model.release(selector as GraceScope) : model.drop(which));
      const outcome = group.submit({ type: 'purge', selector, order: order(), dryRun: false, reclaimable });
      got = outcome.type === 'purged' ? JSON.stringify(outcome.counts) : outcome.type;
      trail.push(`purge ${JSON.stringify(selector)} ${reclaimable ? 'reclaimable' : ''} ${expected}`);
    } else if (kind < 95) {
      const state = clientState.get(what.client)! + 2;
      const known = group.state.clientsByAddress.has(what.from);
      if (known) clientState.set(what.client, state);
      model.drop((other) => known && other.client === what.client);
      expected = known ? 'rebooted' : 'refused';
      const command: Command = { type: 'reboot', client: lock(what).owner.client, state };
      got = group.submit(command).type;
      trail.push(`reboot ${what.client}`);
    } else if (kind >= 114) {
      const policy = pick(2) === 0 ? 'strict' : 'lenient';
      const expect = pick(3) === 0 ? 'none' : 'held';
      model.open(scope, policy, expect);
      expected = 'done';
      got = group.submit({ type: 'open-grace', scope, durationMs: 1000, policy, expect, order: order() }).type;
      trail.push(`open grace ${JSON.stringify(scope)} ${policy} ${expect}`);
    } else if (kind >= 110) {
      expected = model.end(scope) ? 'done' : 'not-found';
      got = group.submit({ type: 'end-grace', scope, why: 'limit', order: order() }).type;
      while (hasMisses(group.state)) group.submit({ type: 'miss' });
      if (isSweeping(group.state)) {
        sweep(group.state, Number.POSITIVE_INFINITY);
        while (hasMisses(group.state)) group.submit({ type: 'miss' });
      }
      trail.push(`end grace ${JSON.stringify(scope)}`);
    } else if (kind >= 100) {
      // Casts: what a number below 4 is.
      const mode = pick(4) as ShareBits;
      const access = pick(4) as ShareBits;
      const oh = `opener${what.svid}`;
      const owner = `${what.client} ${what.to} ${oh}`;
      const { client, from, to, fileSystem, file } = what;
      const opened = { owner, client, from, to, fileSystem, file, mode, access, expected: false };
      const mine = { client, from, to, fileSystem, file, mode, access, oh };
      expected = 'granted';
      if (pick(3) === 0) {
        expected = model.withoutGrants('gives') ?? 'granted';
        if (expected === 'granted') model.unshare(opened);
        got = group.submit(unshare(mine)).type;
        trail.push(`unshare ${shareLine(opened)}`);
      } else {
        const reclaim = pick(model.graces.length > 0 ? 2 : 20) === 0;
        expected = model.withoutGrants(reclaim ? 'reclaims' : 'takes') ?? model.share(opened, reclaim);
        got = group.submit(share({ ...mine, reclaim })).type;
        trail.push(`share ${shareLine(opened)} ${reclaim ? 'reclaim' : ''} ${expected}`);
      }
    } else {
      // One of the grants on its way is answered.
      const unanswered = model.pending.filter(({ answered }) => !answered);
      const grant = unanswered[pick(Math.max(1, unanswered.length))];
      const row =
        grant &&
        pendingGrants(group.state, 1000).find((one) => {
          return rowLine(one as unknown as HeldRow) === line(grant.lock);
        });
      expected = got = 'done';
      if (grant !== undefined && row !== undefined) {
        const onlyCopy = pick(2) === 0;
        const acknowledges = pick(2) === 0;
        if (!acknowledges && onlyCopy) model.undo(grant);
        else grant.answered = true;
        got = group.submit(
          acknowledges
            ? { type: 'acknowledge-grant', lock: row.lock }
            : { type: 'deny-grant', lock: row.lock, onlyCopy },
        ).type;
        trail.push(`answer ${line(grant.lock)} ${acknowledges ? 'granted' : onlyCopy ? 'denied' : 'denied again'}`);
      }
    }
    if (got !== expected)
      return `seed ${seed} step ${step}: ${got} instead of ${expected}\n${trail.slice(-40).join('\n')}`;
    // The dead are seen as gone before any sweep; a sweep may stop anywhere.
    const between = compare(group, model);
    if (between !== undefined)
      return `seed ${seed} step ${step} before sweep: ${between}\n${trail.slice(-40).join('\n')}`;
    if (pick(3) === 0) sweep(group.state, pick(4));
    sweep(group.state, Number.POSITIVE_INFINITY);
    model.settle();
    model.wake();
    group.settle();
    const left = [...model.locks, ...model.shares].filter((one) => one.expected === true).length;
    const counted = expectedCount(group.state, { type: 'all' });
    if (counted !== left) return `seed ${seed} step ${step}: ${counted} expected, not ${left}`;
    const after = compare(group, model);
    if (after !== undefined) return `seed ${seed} step ${step} after wake: ${after}\n${trail.slice(-40).join('\n')}`;
    if (pick(25) === 0) {
      const bytes = serialize(group.state);
      const replayed = group.replayed();
      if (pick(2) === 0) sweep(replayed, pick(10));
      if (!Buffer.from(bytes).equals(serialize(replayed))) return `seed ${seed} step ${step}: the replay differs`;
      const loaded = deserialize(bytes);
      if (!Buffer.from(bytes).equals(serialize(loaded))) return `seed ${seed} step ${step}: the checkpoint differs`;
      group.state = pick(2) === 0 ? loaded : replayed;
      group.settle();
    }
  }
  return undefined;
}

function compare(group: Group, model: Model): string | undefined {
  const locks = heldIn(group.state).map(rowLine).sort();
  const waiters = waitingIn(group.state).map(rowLine).sort();
  const expected = model.table();
  if (JSON.stringify(locks) !== JSON.stringify(expected))
    return `locks\n ${locks.join('\n ')}\nexpected\n ${expected.join('\n ')}`;
  if (JSON.stringify(waiters) !== JSON.stringify(model.queue()))
    return `waiters\n ${waiters.join('\n ')}\nexpected\n ${model.queue().join('\n ')}`;
  const held = locks.filter((row) => !row.endsWith('?')).length;
  if (group.state.lockCount !== held) return `lockCount ${group.state.lockCount}, rows ${held}`;
  const shares = sharedIn(group.state)
    .map((row) => {
      const owner = `${row.client.name} ${row.serverAddress} ${row.oh}`;
      return `${row.file.fileSystem}:${row.file.key} ${owner} ${row.mode}${row.access}${row.expected ? '?' : ''}`;
    })
    .sort();
  const opened = model.shares.map(shareLine).sort();
  if (JSON.stringify(shares) !== JSON.stringify(opened))
    return `shares\n ${shares.join('\n ')}\nexpected\n ${opened.join('\n ')}`;
  if (group.state.shareCount !== shares.filter((row) => !row.endsWith('?')).length)
    return `shareCount ${group.state.shareCount}`;
  if (group.state.waiterCount !== waiters.length)
    return `waiterCount ${group.state.waiterCount}, rows ${waiters.length}`;
  // What of a client pins a file system is counted until it is swept.
  if (group.state.sweeps.some(({ kind }) => kind === 'client')) return undefined;
  const pinned = pinsOf(heldIn(group.state), waitingIn(group.state), sharedIn(group.state));
  const counted = countedPins(group.state);
  return pinned === counted ? undefined : `pins ${counted}, rows ${pinned}`;
}

type Rows = readonly { readonly serverAddress: string; readonly file: { readonly fileSystem: string } }[];

function pinsOf(locks: Rows, waiters: Rows, shares: Rows): string {
  const sums = new Map<string, [number, number, number]>();
  for (const [what, rows] of [locks, waiters, shares].entries()) {
    for (const { serverAddress, file } of rows) {
      const key = `${serverAddress} ${file.fileSystem}`;
      const sum = sums.get(key) ?? [0, 0, 0];
      sum[what as 0 | 1 | 2] += 1;
      sums.set(key, sum);
    }
  }
  return JSON.stringify([...sums].toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

function countedPins(state: NlmFiles): string {
  const found: [string, number[]][] = [];
  for (const { address, pins } of state.addresses) {
    for (const [id, counts] of pins.entries()) {
      if (counts === undefined || counts.locks + counts.waiters + counts.shares === 0) continue;
      found.push([`${address} ${state.fileSystems[id]!.name}`, [counts.locks, counts.waiters, counts.shares]]);
    }
  }
  return JSON.stringify(found.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

test('whatever happens, the table is that of the naive model, and replay and checkpoint give it again', (t) => {
  for (let seed = 1; seed <= SEEDS; seed += 1) {
    const difference = simulate(seed);
    if (difference !== undefined) {
      t.fail(difference);
      return;
    }
  }
  t.pass();
});
