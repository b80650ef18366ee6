/** The room of one page of rows: a number of rows, and for some doors a number of bytes. */

import { setImmediate as nextTurn } from 'node:timers/promises';
import { LedgerError } from '../base/errors.js';
import type { AdminPort, DroppedLock, RowList } from './port.js';

/** What making rows may take of a turn: other clients hardly notice. Milliseconds. */
const ROWS_MS_MAX = 4;
/** Rows that are made between two looks at the clock. */
const ROWS_A_LOOK = 32;

/** A part of a list, with turns of the loop between: a thousand rows take long where the code was not compiled yet. */
export async function rowsWithin(list: RowList, from: number, to: number): Promise<readonly DroppedLock[]> {
  const rows: DroppedLock[] = [];
  let until = performance.now() + ROWS_MS_MAX;
  for (let at = from; at < Math.min(to, list.length); at += ROWS_A_LOOK) {
    if (performance.now() > until) {
      await nextTurn();
      until = performance.now() + ROWS_MS_MAX;
    }
    rows.push(...list.slice(at, Math.min(at + ROWS_A_LOOK, to)));
  }
  return rows;
}

export class Room {
  #rows: number;
  #bytes: number;

  constructor(rowsMax: number, bytesMax = Number.POSITIVE_INFINITY) {
    this.#rows = rowsMax;
    this.#bytes = bytesMax;
  }

  /** False where the row is for the next page. The first of a page is always taken, so that paging comes to an end. */
  takes(row: object, isFirst: boolean): boolean {
    const bytes = this.#bytes === Number.POSITIVE_INFINITY ? 0 : Buffer.byteLength(JSON.stringify(row)) + 1;
    if (this.#rows < 1 || (this.#bytes < bytes && !isFirst)) return false;
    this.#rows -= 1;
    this.#bytes -= bytes;
    return true;
  }

  /** The first of `rows` that fit. */
  fill<Row extends object>(rows: readonly Row[]): readonly Row[] {
    const end = rows.findIndex((row, index) => !this.takes(row, index === 0));
    return end < 0 ? rows : rows.slice(0, end);
  }
}

/** @throws LedgerError 'refused' where a request is meant for another node */
export function checkNode(port: AdminPort, { node }: { readonly node?: string }): void {
  const { name } = port.node();
  if (node !== undefined && node !== name) throw new LedgerError('refused', `this is node ${name}, not ${node}`);
}
