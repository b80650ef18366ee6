/**
 * What each purge dropped, row by row, collected as its rows are swept. In memory alone, for the first questions
 * after a purge: the ledger holds the selector and the counts, and replay derives the list.
 */

import { IdSet } from '../base/id-set.js';
import type { FileId } from '../core/event.js';
import type { Position } from '../ledger/port.js';

/** Rows of one report; more are counted and not kept: a purge of a million must not double the memory. */
export const PURGE_ROWS_MAX = 100_000;
/** Reports that are kept; the oldest goes first. */
const REPORTS_MAX = 16;

export interface CollectedReport<Row> {
  readonly rows: Row[];
  readonly files: IdSet;
  truncated: boolean;
  /** The sweep has ended. */
  complete: boolean;
}

interface Waiting {
  readonly position: Position;
  /** Satisfied by so many. */
  readonly rows: number;
  readonly resolve: () => void;
}

export class PurgeReports<Row> {
  readonly #done = new Map<Position, CollectedReport<Row>>();
  #current: { readonly position: Position; readonly report: CollectedReport<Row> } | undefined;
  #waiting: Waiting[] = [];
  /** The least that somebody waits for. */
  #wanted = Number.POSITIVE_INFINITY;

  /** A purge is durable at `position`, and its rows follow. */
  begin(position: Position): void {
    this.end();
    // Two purges of one batch share an entry, and its report.
    const report = this.#done.get(position) ?? { rows: [], files: new IdSet(), truncated: false, complete: false };
    report.complete = false;
    this.#current = { position, report };
  }

  /** `file` is the row's file. */
  add(file: FileId, row: Row): void {
    const report = this.#current?.report;
    if (report === undefined) return;
    report.files.add(file);
    if (report.rows.length < PURGE_ROWS_MAX) report.rows.push(row);
    else report.truncated = true;
    if (report.rows.length === this.#wanted) this.#tell();
  }

  /** The sweep has ended: the report is complete. */
  end(): void {
    if (this.#current === undefined) return;
    const { position, report } = this.#current;
    this.#current = undefined;
    this.#done.set(position, report);
    for (const oldest of this.#done.keys()) {
      if (this.#done.size <= REPORTS_MAX) break;
      this.#done.delete(oldest);
    }
    report.complete = true;
    this.#tell();
  }

  /**
   * Waits until the first `rows` of a purge that is under way are swept, or all of them. Undefined for a purge that is not
   * known (any more).
   */
  async get(position: Position, rows: number): Promise<CollectedReport<Row> | undefined> {
    const current = this.#current;
    if (current?.position === position && current.report.rows.length < rows) {
      await new Promise<void>((resolve) => {
        this.#waiting.push({ position, rows, resolve });
        this.#wanted = Math.min(this.#wanted, rows);
      });
    }
    return this.#current?.position === position ? this.#current.report : this.#done.get(position);
  }

  #tell(): void {
    const current = this.#current;
    const waiting = this.#waiting.filter(({ position, rows, resolve }) => {
      if (current?.position === position && current.report.rows.length < rows) return true;
      resolve();
      return false;
    });
    this.#waiting = waiting;
    this.#wanted = waiting.reduce((least, { rows }) => Math.min(least, rows), Number.POSITIVE_INFINITY);
  }
}
