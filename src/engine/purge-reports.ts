/**
 * What each purge dropped, row by row, collected as its rows are swept. In memory alone, for the first questions
 * after a purge: the ledger holds the selector and the counts, and replay derives the list.
 */

import { IdSet } from '../base/id-set.js';
import type { DroppedRow } from '../core/sweep.js';
import type { Position } from '../ledger/port.js';
import { DroppedRows } from './dropped-rows.js';

/** Rows of one report; more are counted and not kept: a purge of a million must not double the memory. */
export const PURGE_ROWS_MAX = 100_000;
/** Reports that are kept; the oldest goes first. */
const REPORTS_MAX = 16;

export interface CollectedReport {
  readonly rows: DroppedRows;
  readonly files: IdSet;
  /** Names of theirs. */
  readonly fileSystems: Set<string>;
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

export class PurgeReports {
  readonly #done = new Map<Position, CollectedReport>();
  #current: { readonly position: Position; readonly report: CollectedReport } | undefined;
  #waiting: Waiting[] = [];
  /** The least that somebody waits for. */
  #wanted = Number.POSITIVE_INFINITY;

  /** A purge is durable at `position`, and its rows follow. */
  begin(position: Position): void {
    this.end();
    // Two purges of one batch share an entry, and its report.
    const report = this.#done.get(position) ?? {
      rows: new DroppedRows(),
      files: new IdSet(),
      fileSystems: new Set<string>(),
      truncated: false,
      complete: false,
    };
    report.complete = false;
    this.#current = { position, report };
  }

  add(row: DroppedRow): void {
    const report = this.#current?.report;
    if (report === undefined) return;
    report.files.add(row.file);
    report.fileSystems.add(row.fileSystem);
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
  async get(position: Position, rows: number): Promise<CollectedReport | undefined> {
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
