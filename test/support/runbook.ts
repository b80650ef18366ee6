/** The commands of a runbook. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { nlm, type Ran } from './in-process.js';

export const FOLDER = 'ops/runbooks';

/** The arguments of each `nlm-ledger ...` of a runbook, in blocks and between backquotes, in their order. */
export function commandsOf(name: string): string[][] {
  const text = readFileSync(join(FOLDER, name), 'utf8');
  return Array.from(text.matchAll(/^ {4,}nlm-ledger (.+)$|^nlm-ledger (.+)$|`nlm-ledger ([^`]+)`/gm), (match) => {
    const line = (match[1] ?? match[2] ?? match[3] ?? '').replace(/ +#.*$/, '').replaceAll(/\s+/g, ' ');
    return Array.from(line.matchAll(/'([^']*)'|(\S+)/g), ([, quoted, word]) => quoted ?? word ?? '');
  });
}

/** The lines in blocks of a runbook, for a shell. */
export function linesOf(name: string): string[] {
  const text = readFileSync(join(FOLDER, name), 'utf8');
  return Array.from(text.matchAll(/^ {4,}(\S.*)$/gm), ([, line = '']) => line);
}

/** How one command of a runbook is run. */
export interface Turn {
  /** The beginning of the command: the runbook and the test go side by side. */
  readonly is: string;
  /** Options of this place, such as the socket; undefined where it is not run, since a step before it did the same. */
  readonly with?: readonly string[];
  /** It starts a node, with these words behind `start`. */
  readonly starts?: (words: readonly string[]) => Promise<unknown>;
  /** What happens before it. */
  readonly before?: () => Promise<unknown>;
  /** Words of the runbook that are other ones here. */
  readonly words?: Readonly<Record<string, string>>;
  /** Exit codes that are answers too. */
  readonly codes?: readonly number[];
  readonly says?: RegExp;
}

/** Runs the commands of a runbook one after the other, as `turns` says; there must be a turn for each. */
export async function runThrough(t: ExecutionContext, name: string, turns: readonly Turn[]): Promise<Ran[]> {
  const commands = commandsOf(name);
  t.deepEqual(
    turns.map(({ is }) => is),
    commands.map((args, i) => args.join(' ').slice(0, turns[i]?.is.length ?? Number.POSITIVE_INFINITY)),
  );
  const ran: Ran[] = [];
  for (const [i, turn] of turns.entries()) {
    await turn.before?.();
    const args = (commands[i] ?? []).map((word) => turn.words?.[word] ?? word);
    await turn.starts?.(args.slice(1));
    if (turn.with === undefined) continue;
    const one = await nlm(...args, ...turn.with);
    const what = `${args.join(' ')}: ${one.code}\n${one.out}${one.err}`;
    t.true([0, ...(turn.codes ?? [])].includes(one.code), what);
    if (turn.says !== undefined) t.regex(one.out + one.err, turn.says, what);
    ran.push(one);
  }
  return ran;
}
