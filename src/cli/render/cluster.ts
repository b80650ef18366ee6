/** The answers of many nodes, each under its name, and the exit code of them all. */

import { EXIT } from '../exit-codes.js';
import type { NodeAnswer } from '../nats/cluster.js';
import type { Paint } from '../output.js';

export function clusterLines(
  answers: readonly NodeAnswer[],
  missing: readonly string[],
  msMax: number,
  lines: (reply: object) => readonly string[],
  paint: Paint,
): string[] {
  return [
    ...answers.flatMap(({ node, outcome }) =>
      'reply' in outcome
        ? [paint('bold', `node ${node}:`), ...lines(outcome.reply).map(indented)]
        : [`${paint('bold', `node ${node}:`)} ${paint('red', outcome.error.code)}: ${outcome.error.message}`],
    ),
    ...missing.map((node) => `${paint('bold', `node ${node}:`)} ${paint('red', 'no answer')} within ${msMax / 1000} s`),
  ];
}

function indented(line: string): string {
  return `  ${line}`;
}

/** From harmless to bad. */
const BY_WEIGHT: readonly number[] = [
  EXIT.done,
  EXIT.grace,
  EXIT.degraded,
  EXIT.notFound,
  EXIT.usage,
  EXIT.unsupported,
  EXIT.refused,
  EXIT.down,
  EXIT.disk,
  EXIT.damaged,
  EXIT.fault,
];

/** Nobody is as bad as nobody reached. */
export function worstOf(codes: readonly number[]): number {
  if (codes.length === 0) return EXIT.down;
  return BY_WEIGHT[Math.max(...codes.map((code) => BY_WEIGHT.indexOf(code)))] ?? EXIT.fault;
}
