/** What each chapter of the demo is made of: calls and commands that are shown, timed and checked. */

import type { CallResult } from '../../src/cli/call/operations.js';
import { nlmStatusName } from '../../src/cli/render/call.js';
import type { Client } from './client.js';
import type { Narrator } from './narrator.js';
import type { Ran, Stage } from './stage.js';

export interface Scene {
  readonly stage: Stage;
  readonly narrator: Narrator;
}

export type Status = 'GRANTED' | 'DENIED' | 'BLOCKED' | 'DENIED_GRACE_PERIOD';

/** Shows a call of a client and its answer. @throws where the answer is another */
export async function answered(
  { narrator }: Scene,
  client: Client,
  what: string,
  expected: Status,
  call: () => Promise<CallResult>,
): Promise<CallResult> {
  const began = performance.now();
  const result = await call();
  const ms = performance.now() - began;
  narrator.fact(`${client.name} ${what} (${client.transport}): ${statusOf(result)}`, ms);
  expect(`${client.name} ${what}`, expected, statusOf(result));
  return result;
}

/** Runs a command line of nlm-ledger and shows both. @throws where it fails, or does not say what it should */
export async function commanded({ stage, narrator }: Scene, args: readonly string[], says: RegExp): Promise<Ran> {
  narrator.command(['nlm-ledger', ...args.map(quoted)].join(' '));
  const ran = await stage.run(...args);
  narrator.output(ran.text);
  if (ran.code !== 0) throw new Error(`that command ended with ${ran.code}`);
  if (!says.test(ran.text)) throw new Error(`that command should have said ${says}`);
  return ran;
}

export function expect<T>(what: string, expected: T, found: T): void {
  if (expected !== found) throw new Error(`${what}: ${String(expected)} was expected, it is ${String(found)}`);
}

function statusOf({ status }: CallResult): string {
  return status === undefined ? 'no status' : nlmStatusName(status);
}

function quoted(text: string): string {
  return /^[\w./:=,@-]+$/.test(text) ? text : `'${text}'`;
}
