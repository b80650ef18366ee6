/**
 * What each purge dropped, row by row, collected as its rows are swept. In memory alone, for the first questions
 * after a purge: the ledger holds the selector and the counts, and replay derives the list.
 */

import { IdSet } from '../base/id-set.js';
import type { FileId } from '../core/event.js';
import type { Position } from '../ledger/port.js';

/** Rows of one report; more are counted and not kept: a purge of a million must not double the memory. */
const ROWS_MAX = 100_000;
/** Reports that are kept; the oldest goes first. */
const REPORTS_MAX = 16;

export interface CollectedReport<Row> {
  readonly rows: Row[];
  readonly files: IdSet;
  truncated: boolean;
}

export class PurgeReports<Row> {
  readonly #done = new Map<Position, CollectedReport<Row>>();
  #current: { readonly position: Position; readonly report: CollectedReport<Row> } | undefined;
  readonly #waiting = new Map<Position, (() => void)[]>();

  /** A purge is durable at `position`, and its rows follow. */
  begin(position: Position): void {
    this.end();
    // Two purges of one batch share an entry, and its report.
    const report = this.#done.get(position) ?? { rows: [], files: new IdSet(), truncated: false };
    this.#current = { position, report };
  }

  /** `file` is the row's file. */
  add(file: FileId, row: Row): void {
    const report = this.#current?.report;
    if (report === undefined) return;
    report.files.add(file);
    if (report.rows.length < ROWS_MAX) report.rows.push(row);
    else report.truncated = true;
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
    for (const resolve of this.#waiting.get(position) ?? []) resolve();
    this.#waiting.delete(position);
  }

  /** Waits for the sweep of a purge that is under way. Undefined for one that is not known (any more). */
  async get(position: Position): Promise<CollectedReport<Row> | undefined> {
    if (this.#current?.position === position) {
      await new Promise<void>((resolve) =>
        this.#waiting.set(position, [...(this.#waiting.get(position) ?? []), resolve]),
      );
    }
    return this.#done.get(position);
  }
}
