/** One purge: its order, what it took, and what came of it. As it is told, in text or as one JSON object an order. */

import type { AfterRow, PurgedRow, PurgeHead, PurgeListener } from '../../audit/purge.js';
import type { Paint } from '../output.js';
import { bitsText } from './audit-at.js';
import { ageText, countText, fileSystemText, modeText, rangeText, tableLines } from './text.js';
import type { TimeText } from './time.js';

type Add = (line: string) => void;

/** Rows that one table is laid out for. */
const TABLE_ROWS = 1000;

interface TextOptions {
  /** Rows of each list. */
  readonly limit: number;
  /** Seconds that were looked at after the purge. */
  readonly within: number;
  readonly time: TimeText;
  readonly paint: Paint;
}

export class TextPurge implements PurgeListener {
  readonly #add: Add;
  readonly #options: TextOptions;
  #table: PurgedRow[] = [];
  #rows = 0;
  #after = { 'let-in': 0, 'came-back': 0 };
  #begun = false;

  constructor(add: Add, options: TextOptions) {
    this.#add = add;
    this.#options = options;
  }

  head(head: PurgeHead): void {
    // Several purges can share an entry.
    if (this.#begun) this.end();
    this.#begun = true;
    for (const line of headLines(head, this.#options.time, this.#options.paint)) this.#add(line);
  }

  dropped(row: PurgedRow): void {
    this.#rows += 1;
    if (this.#rows > this.#options.limit) return;
    this.#table.push(row);
    if (this.#table.length === TABLE_ROWS) this.#print();
  }

  after(row: AfterRow): void {
    this.#print();
    this.#after[row.what] += 1;
    if (this.#after[row.what] <= this.#options.limit) {
      this.#add(afterLine(row, this.#options.time, this.#options.paint));
    }
  }

  end(): void {
    this.#print();
    const { limit, within } = this.#options;
    const { 'let-in': letIn, 'came-back': cameBack } = this.#after;
    if (this.#rows > limit) this.#add(`and ${this.#rows - limit} more rows: --all`);
    if (Math.max(letIn, cameBack) > limit) this.#add('and more grants: --all');
    const came = countText(
      cameBack,
      'grant gave a former holder its lock again',
      'grants gave former holders their locks again',
    );
    this.#add(
      `${countText(letIn, 'grant was let in by it', 'grants were let in by it')}, ${came}, within ${ageText(within * 1000)}`,
    );
    this.#rows = 0;
    this.#after = { 'let-in': 0, 'came-back': 0 };
  }

  #print(): void {
    if (this.#table.length === 0) return;
    const lines = tableLines(HEAD, this.#table.map(cells), this.#options.paint);
    for (const line of this.#rows <= TABLE_ROWS ? lines : lines.slice(1)) this.#add(line);
    this.#table = [];
  }
}

export class JsonPurge implements PurgeListener {
  readonly #add: Add;
  readonly #limit: number;
  #list: 'none' | 'rows' | 'after' = 'none';
  #count = { rows: 0, after: 0 };

  constructor(add: Add, limit: number) {
    this.#add = add;
    this.#limit = limit;
  }

  head(head: PurgeHead): void {
    if (this.#list !== 'none') this.end();
    this.#list = 'rows';
    this.#add(`${JSON.stringify(head).slice(0, -1)},"rows":[`);
  }

  dropped(row: PurgedRow): void {
    this.#row('rows', row);
  }

  after(row: AfterRow): void {
    this.#beginAfter();
    this.#row('after', row);
  }

  end(): void {
    this.#beginAfter();
    const more = this.#count.rows > this.#limit || this.#count.after > this.#limit;
    this.#add(`],"more":${more}}`);
    this.#list = 'none';
    this.#count = { rows: 0, after: 0 };
  }

  #beginAfter(): void {
    if (this.#list === 'rows') this.#add('],"after":[');
    this.#list = 'after';
  }

  #row(list: 'rows' | 'after', row: object): void {
    this.#count[list] += 1;
    if (this.#count[list] <= this.#limit) this.#add(`${this.#count[list] === 1 ? '' : ','}${JSON.stringify(row)}`);
  }
}

function headLines(head: PurgeHead, time: TimeText, paint: Paint): string[] {
  const { order, counts } = head;
  const what = [
    countText(counts.locks, 'lock'),
    countText(counts.waiters, 'waiter'),
    countText(counts.shares, 'share'),
  ];
  return [
    `${paint('bold', head.aim)}, at position ${head.position} of the ledger of ${head.group}, ${time(head.time)}`,
    `ordered by ${order.actor} through ${order.door}: ${order.reason === '' ? 'no reason was given' : order.reason}`,
    `command ${order.commandId}, carried out by node ${head.node} in epoch ${head.epoch}`,
    `${head.reclaimable ? 'made reclaimable' : 'dropped'}: ${what.join(', ')}`,
  ];
}

const HEAD = ['', 'LOCK', 'CLIENT', 'THROUGH', 'OWNER', 'MODE', 'RANGE', 'FILE SYSTEM', 'FILE'];

function cells(row: PurgedRow): string[] {
  return [
    row.kind,
    String(row.lock),
    `${row.client}@${row.clientAddress}`,
    row.serverAddress,
    `${row.svid} ${row.oh}`,
    row.kind === 'share' ? `denies ${bitsText(row.mode ?? 0)}` : modeText(row.exclusive),
    rangeText(row.start, row.end),
    fileSystemText(row.fileSystem),
    row.handle,
  ];
}

function afterLine(row: AfterRow, time: TimeText, paint: Paint): string {
  const word = row.what === 'let-in' ? paint('yellow', 'let in') : paint('green', 'came back');
  const waited = row.waitedMs === undefined ? '' : `, after it had waited ${ageText(row.waitedMs)}`;
  const who = `${row.client}@${row.clientAddress} svid ${row.svid} (${row.oh}) through ${row.serverAddress}`;
  const what = `${modeText(row.exclusive)} ${rangeText(row.start, row.end)} of ${fileSystemText(row.fileSystem)} ${row.handle}`;
  return `${word} ${who}: ${what}, ${ageText(row.afterMs)} later (${time(row.time)}, position ${row.position})${waited}`;
}
