/** Did the clock jump? Ages of replies and of commands, grace and the times of events are told by it. */

import { listGroups, openForReading } from '../../ledger/file/reader.js';
import { fail, ok, warn, type Said } from '../finding.js';
import { processAgeMs } from '../processes.js';
import type { Scene } from '../scene.js';

/** A node needs some seconds from the start of its process to its own. */
const JUMP_MS = 10_000;
/** Two clocks of this host are not read at the same time. */
const FUTURE_MS = 2_000;

export async function checkClock({ proc, node, now, configuration }: Scene): Promise<Said[]> {
  const said: Said[] = [];
  if (node !== undefined) {
    const ageMs = node.pid === undefined ? undefined : await processAgeMs(proc, node.pid);
    const jumpMs = ageMs === undefined ? 0 : now - node.status.startedAt - ageMs;
    if (Math.abs(jumpMs) > JUMP_MS) {
      said.push(
        warn(
          `the clock jumped ${jumpMs > 0 ? 'ahead' : 'back'} by ${seconds(Math.abs(jumpMs))} since the node started`,
          'let NTP slew the clock (chrony: no makestep after the start); the times in the ledger around the jump are wrong',
        ),
      );
    }
  }
  const last = await lastTime(configuration.data);
  if (last !== undefined && last - now > FUTURE_MS) {
    said.push(
      fail(
        `the last entry of the ledger is ${seconds(last - now)} in the future: the clock was set back`,
        'set the clock (timedatectl set-ntp true) before locks are purged or grace is opened by time',
      ),
    );
  }
  return said.length > 0 ? said : [ok('no jump was seen')];
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(0)} s`;
}

/** Of every group's ledger; what cannot be read is another check's finding. */
async function lastTime(data: string): Promise<number | undefined> {
  const times: number[] = [];
  for (const group of await listGroups(data).catch(() => [])) {
    const tail = await openForReading({ data, group })
      .then((reader) => reader.tail())
      .catch(() => undefined);
    if (tail !== undefined && tail.head.position > 0) times.push(tail.head.time);
  }
  return times.length === 0 ? undefined : Math.max(...times);
}
