/** The edge of the command line: the only place that prints. Renderers return lines. */

import type { Writable } from 'node:stream';
import { styleText } from 'node:util';
import { LedgerError } from '../base/errors.js';
import { exitCodeOf, EXIT } from './exit-codes.js';

type Style = 'bold' | 'dim' | 'red' | 'yellow' | 'green';
export type Paint = (style: Style, text: string) => string;

/** A stream that may be a terminal. */
export type Screen = Writable & { readonly isTTY?: boolean };

export interface Output {
  readonly paint: Paint;
  readonly lines: (lines: readonly string[]) => void;
  readonly json: (value: unknown) => void;
  /** For people, beside the result: stderr. */
  readonly note: (line: string) => void;
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** Colours on a terminal alone; none where NO_COLOR is set to anything (no-color.org) or the terminal is dumb. */
export function painter(screen: Screen, environment: Environment): Paint {
  const plain = screen.isTTY !== true || (environment['NO_COLOR'] ?? '') !== '' || environment['TERM'] === 'dumb';
  return plain ? (_style, text) => text : (style, text) => styleText(style, text, { validateStream: false });
}

export function openOutput(stdout: Screen, stderr: Screen, environment: Environment): Output {
  // A reader that went away (`| head`) ends the output, not with a fault.
  stdout.on('error', () => undefined);
  return {
    paint: painter(stdout, environment),
    lines: (lines) => {
      if (lines.length > 0) stdout.write(`${lines.join('\n')}\n`);
    },
    json: (value) => stdout.write(`${JSON.stringify(value)}\n`),
    note: (line) => stderr.write(`${line}\n`),
  };
}

/** What to do next, where the message of the error does not say so already. */
const NEXT: Partial<Record<LedgerError['code'], string>> = {
  'bad-request': 'see: nlm-ledger help',
  unavailable: 'is a node running? start one: nlm-ledger start; or name its socket: --socket PATH',
  timeout: 'look at the node: nlm-ledger status; then try again, with the same --id it is done once',
  'path-not-served': 'see which file systems have locks: nlm-ledger locks; or take the path all the same: --force',
  'not-found': 'see what there is: nlm-ledger locks, nlm-ledger waiters; a ledger elsewhere: --data DIR',
};

/** One line on what happened, one on what to do next; no stack. Returns the exit code. */
export function report(error: unknown, output: Output, asJson: boolean): number {
  if (!(error instanceof LedgerError)) {
    const message = error instanceof Error ? error.message : String(error);
    output.note(`nlm-ledger: a fault of its own: ${message}`);
    output.note('please report it, with the command and this line');
    return EXIT.fault;
  }
  const { code, message, details } = error;
  if (asJson) {
    output.json({ error: { code, message, details } });
    return exitCodeOf(code);
  }
  const [first = '', ...rest] = message.split('\n');
  output.note(`nlm-ledger: ${first}`);
  for (const line of rest) output.note(`  ${line}`);
  const next = typeof details['next'] === 'string' ? details['next'] : NEXT[code];
  if (next !== undefined) output.note(`  ${next}`);
  return exitCodeOf(code);
}
