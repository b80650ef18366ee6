/** A server of another protocol in the rounds: a process of the bench's own, which its own kind of client loads. */

import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { ended } from './child.js';
import { closedLoop, later, type Connect } from './closed-loop.js';
import type { Contender } from './shapes.js';

export interface Peer {
  readonly contender: Contender;
  stop(): Promise<void>;
}

export interface PeerOptions {
  readonly name: string;
  readonly program: string;
  readonly args: readonly string[];
  readonly port: number;
  /** For its log. */
  readonly folder: string;
  readonly answers: () => Promise<boolean>;
  readonly connect: Connect;
}

const START_MS_MAX = 20_000;
const TRY_AGAIN_MS = 20;

/** Resolves once it answers. */
export async function startPeer(options: PeerOptions): Promise<Peer> {
  const { name, program, args, port, folder, answers, connect } = options;
  const log = join(folder, `${name}.log`);
  const output = openSync(log, 'a');
  const child = spawn(program, args, { stdio: ['ignore', output, output] });
  closeSync(output);
  const until = performance.now() + START_MS_MAX;
  while (!(await answers())) {
    if (performance.now() > until || child.exitCode !== null) {
      await ended(child, 'SIGKILL');
      throw new Error(`${program} does not answer: see ${log}`);
    }
    await later(TRY_AGAIN_MS);
  }
  const pid = child.pid ?? 0;
  return {
    contender: {
      name,
      pid,
      tcpPort: port,
      udpPort: port,
      handles: [],
      monitored: false,
      load: (shape, timing) => closedLoop(pid, connect, shape, timing),
    },
    stop: () => ended(child, 'SIGTERM'),
  };
}
