/**
 * The rows of one purge, in columns: as objects, a hundred thousand of them would keep the collector busy for tens of
 * milliseconds just while the others are to be served. The texts are those that clients, files and owners have.
 */

import type { Bytes } from '../base/bytes.js';
import type { ShareBits } from '../core/command.js';
import { Rows } from '../core/rows.js';
import type { DroppedRow } from '../core/sweep.js';

const TYPE = 0;
const EXCLUSIVE = 1;
const SVID = 2;
const FILE = 3;
const START_HIGH = 4;
const START_LOW = 5;
const END_HIGH = 6;
const END_LOW = 7;
/** One more than it is, 0 for none. */
const MODE = 8;
const ACCESS = 9;
/** Two words. */
const ID = 10;
const STRIDE = 12;

const TYPES = ['lock', 'waiter', 'share'] as const;

/** What the texts of a row are, in their order. */
type Texts = readonly [
  clientName: Bytes,
  clientAddress: string,
  serverAddress: string,
  oh: Bytes,
  fileSystem: string,
  handle: Bytes,
];
const TEXTS = 6;
/** Rows whose texts stand in one array: an array that grows is copied. */
const CHUNK_ROWS = 1024;

export class DroppedRows {
  readonly #numbers = new Rows(STRIDE);
  readonly #texts: string[][] = [];

  get length(): number {
    return this.#numbers.count;
  }

  push(row: DroppedRow): void {
    const slot = this.#numbers.take();
    const page = this.#numbers.page(slot);
    const at = this.#numbers.offset(slot);
    page[at + TYPE] = TYPES.indexOf(row.type);
    page[at + EXCLUSIVE] = row.exclusive ? 1 : 0;
    page[at + SVID] = row.svid;
    page[at + FILE] = row.file;
    page[at + START_HIGH] = row.range.start.high;
    page[at + START_LOW] = row.range.start.low;
    page[at + END_HIGH] = row.range.end.high;
    page[at + END_LOW] = row.range.end.low;
    page[at + MODE] = row.mode === undefined ? 0 : row.mode + 1;
    page[at + ACCESS] = row.access === undefined ? 0 : row.access + 1;
    this.#numbers.setWide(slot, ID, row.id);
    let texts = this.#texts.at(-1);
    if (texts === undefined || texts.length === CHUNK_ROWS * TEXTS) this.#texts.push((texts = []));
    texts.push(row.clientName, row.clientAddress, row.serverAddress, row.oh, row.fileSystem, row.handle);
  }

  /** As an array's. */
  slice(from: number, to = this.length): DroppedRow[] {
    const rows: DroppedRow[] = [];
    for (let index = from; index < Math.min(to, this.length); index += 1) rows.push(this.#at(index));
    return rows;
  }

  #at(index: number): DroppedRow {
    const slot = index + 1;
    const page = this.#numbers.page(slot);
    const at = this.#numbers.offset(slot);
    const chunk = this.#texts[Math.floor(index / CHUNK_ROWS)]!;
    const first = (index % CHUNK_ROWS) * TEXTS;
    // The casts name what `push` has put there.
    const texts = chunk.slice(first, first + TEXTS) as unknown as Texts;
    const [clientName, clientAddress, serverAddress, oh, fileSystem, handle] = texts;
    const row: DroppedRow = {
      type: TYPES[page[at + TYPE]!]!,
      id: this.#numbers.getWide(slot, ID),
      clientName,
      clientAddress,
      serverAddress,
      svid: page[at + SVID]! | 0,
      oh,
      file: page[at + FILE]!,
      fileSystem,
      handle,
      range: {
        start: { high: page[at + START_HIGH]!, low: page[at + START_LOW]! },
        end: { high: page[at + END_HIGH]!, low: page[at + END_LOW]! },
      },
      exclusive: page[at + EXCLUSIVE] === 1,
    };
    if (page[at + MODE] === 0) return row;
    return { ...row, mode: (page[at + MODE]! - 1) as ShareBits, access: (page[at + ACCESS]! - 1) as ShareBits };
  }
}
