/** Holds an export against the ledger again, line by line as both go by: nothing of either is kept. */

import { LedgerError } from '../base/errors.js';
import { sha256 } from '../ledger/chain.js';
import type { Position } from '../ledger/port.js';

/** A row of the ledger or of the file, as text, with the event that it belongs to. */
export interface PlacedLine {
  readonly position: Position;
  readonly index: number;
  readonly line: string;
}

interface EventSum {
  readonly position: Position;
  readonly index: number;
  readonly rows: number;
  readonly sum: bigint;
}

const SUM_BITS = 256;

/** The first event at which the two differ; undefined where they are the same. */
export async function firstDifference(
  ledger: AsyncIterable<PlacedLine>,
  file: AsyncIterable<PlacedLine>,
): Promise<string | undefined> {
  const theirs = eventSums(file);
  try {
    for await (const ours of eventSums(ledger)) {
      const { value: said } = await theirs.next();
      const difference = compare(ours, said);
      if (difference !== undefined) return difference;
    }
    const { value: more } = await theirs.next();
    return more === undefined ? undefined : `${placeText(more)}: the ledger has no such row`;
  } finally {
    await theirs.return(undefined);
  }
}

function compare(ours: EventSum, said: EventSum | undefined): string | undefined {
  if (said === undefined) return `${placeText(ours)}: the export ends before it`;
  const order = said.position - ours.position || said.index - ours.index;
  if (order > 0) return `${placeText(ours)}: it is missing in the export`;
  if (order < 0) return `${placeText(said)}: the ledger has no such row`;
  if (said.rows !== ours.rows) return `${placeText(ours)}: ${said.rows} rows instead of ${ours.rows}`;
  return said.sum === ours.sum ? undefined : `${placeText(ours)}: the ledger says otherwise`;
}

function placeText({ position, index }: EventSum): string {
  return `position ${position}, event ${index}`;
}

async function* eventSums(lines: AsyncIterable<PlacedLine>): AsyncGenerator<EventSum, undefined> {
  let current: EventSum | undefined;
  for await (const { position, index, line } of lines) {
    const hash = BigInt(`0x${Buffer.from(sha256(Buffer.from(line))).toString('hex')}`);
    if (current !== undefined && current.position === position && current.index === index) {
      current = { position, index, rows: current.rows + 1, sum: BigInt.asUintN(SUM_BITS, current.sum + hash) };
      continue;
    }
    if (current !== undefined) yield current;
    current = { position, index, rows: 1, sum: hash };
  }
  if (current !== undefined) yield current;
  return undefined;
}

export function notAnExport(file: string, why: string): LedgerError {
  return new LedgerError('bad-request', `${file} is no export of nlm-ledger: ${why}`, {
    details: { next: 'see: nlm-ledger audit export --help' },
  });
}
