/**
 * The load generator by itself, against any NLM 4 server: `node dist/ops/bench/load.js --port N [options]`.
 * One line a phase, or JSON; exit code 1 where a reply was wrong.
 */

import { parseArgs } from 'node:util';
import { Calls, LOCK, NM_LOCK, syntheticHandles } from './load/calls.js';
import { Generator, type Figures, type RunOptions } from './load/generator.js';
import { freeAll, hold, nulls, pairs, release, test } from './load/work.js';

const { values } = parseArgs({
  options: {
    host: { type: 'string', default: '127.0.0.1' },
    port: { type: 'string' },
    udp: { type: 'boolean', default: false },
    connections: { type: 'string', default: '8' },
    depth: { type: 'string', default: '16' },
    seconds: { type: 'string', default: '2' },
    warmup: { type: 'string', default: '0.3' },
    rate: { type: 'string' },
    files: { type: 'string', default: '1000' },
    callers: { type: 'string', default: '8' },
    hold: { type: 'string', default: '0' },
    sample: { type: 'string', default: '2000' },
    phases: { type: 'string', default: 'load' },
    'nm-lock': { type: 'boolean', default: false },
    pid: { type: 'string' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

const HELP = `node dist/ops/bench/load.js --port N
  --host ADDRESS --udp          where to (127.0.0.1, TCP)
  --connections C --depth D     C connections with D calls in flight on each (8, 16)
  --phases P,...                in order: null, hold, testheld, load, free, freeall, testfree (load)
  --seconds S --warmup S        of load and null (2, 0.3)
  --rate R                      load and null as an open loop, R items a second
  --hold N --sample N           locks held, and how many of them are tested (0, 2000)
  --files N --callers N         files that the locks are on, names that the clients have (1000, 8)
  --nm-lock                     NM_LOCK in the place of LOCK
  --pid PID                     the server's process: its processor time and memory
  --json`;

async function main(): Promise<number> {
  if (values.help || values.port === undefined) {
    console.log(HELP);
    return values.help ? 0 : 2;
  }
  const [connections, depth, files, callers] = [values.connections, values.depth, values.files, values.callers].map(
    Number,
  ) as [number, number, number, number]; // as many as were given
  const lock = values['nm-lock'] ? NM_LOCK : LOCK;
  const held = { count: Number(values.hold), files, owners: callers };
  const timed = {
    durationMs: Number(values.seconds) * 1000,
    warmupMs: Number(values.warmup) * 1000,
    rate: values.rate === undefined ? undefined : Number(values.rate),
  };
  const phases: Readonly<Record<string, () => RunOptions>> = {
    null: () => ({ work: nulls(), ...timed }),
    hold: () => ({ work: hold(held, lock) }),
    testheld: () => ({ work: test(held, Number(values.sample), 'held') }),
    load: () => ({ work: pairs(files, connections * depth, lock), ...timed }),
    free: () => ({ work: release(held) }),
    freeall: () => ({ work: freeAll(callers) }),
    testfree: () => ({ work: test(held, Number(values.sample), 'gone') }),
  };
  const generator = await Generator.connect({
    server: { host: values.host, port: Number(values.port), transport: values.udp ? 'udp' : 'tcp' },
    calls: new Calls({ handles: syntheticHandles(files), callers }),
    connections,
    depth,
    pid: values.pid === undefined ? undefined : Number(values.pid),
  });
  let wrong = 0;
  for (const name of values.phases.split(',')) {
    const phase = phases[name];
    if (phase === undefined) throw new Error(`there is no phase ${JSON.stringify(name)}`);
    const figures = await generator.run(phase());
    wrong += figures.wrong;
    console.log(values.json ? JSON.stringify({ phase: name, ...figures }) : line(name, figures));
  }
  generator.close();
  return wrong === 0 ? 0 : 1;
}

function line(name: string, figures: Figures): string {
  const { operations, operationsPerSecond, p50, p99, p999, max, serverCpu, ownCpu, serverResident } = figures;
  const server =
    serverCpu === undefined ? '' : ` server ${serverCpu.toFixed(1)} us/op, ${mebibytes(serverResident ?? 0)} MiB;`;
  const wrong = figures.wrong === 0 ? '' : `; ${figures.wrong} WRONG (${figures.firstWrong})`;
  const again = figures.retransmissions === 0 ? '' : `; ${figures.retransmissions} retransmissions`;
  const us = [p50, p99, p999, max].map((value) => value.toFixed(0)).join('/');
  return `${name.padEnd(9)} ${operations} operations, ${operationsPerSecond.toFixed(0)}/s; p50/p99/p99.9/max ${us} us;${server} generator ${ownCpu.toFixed(1)} us/op${again}${wrong}`;
}

function mebibytes(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(0);
}

process.exitCode = await main();
