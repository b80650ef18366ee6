/**
 * The experiment that chose the projection's representation: `node --expose-gc dist/ops/bench/projection.js [rows]`.
 * Rows of 21 words at random places of a table that grows to a million: nanoseconds an access, the worst pause while it
 * grows, bytes a row. Objects in a Map, one typed array that doubles, one over a resizable buffer, and pages. The whole
 * core on the winner (pages) is measured by core.ts.
 */

import { performance } from 'node:perf_hooks';
import { Rows } from '../../src/core/rows.js';

const WORDS = 21;
const ACCESSES = 5_000_000;

interface Candidate {
  readonly name: string;
  readonly append: (value: number) => void;
  readonly touch: (row: number) => number;
}

interface LockObject {
  start: bigint;
  end: bigint;
  owner: string;
  file: string;
  exclusive: boolean;
  id: number;
}

function mapOfObjects(): Candidate {
  const rows = new Map<number, LockObject>();
  return {
    name: 'Map of objects',
    append: (n) => {
      const start = BigInt(n) << 32n;
      rows.set(n, { start, end: start + 7n, owner: `owner${n}`, file: `file${n}`, exclusive: true, id: n });
    },
    touch: (n) => {
      const row = rows.get(n)!;
      row.id += 1;
      return Number(row.end & 7n) + row.id;
    },
  };
}

function doubling(): Candidate {
  let words = new Uint32Array(WORDS * 1024);
  let count = 0;
  return {
    name: 'one array, doubled by copy',
    append: (n) => {
      if ((count + 1) * WORDS > words.length) {
        const grown = new Uint32Array(words.length * 2);
        grown.set(words);
        words = grown;
      }
      words.fill(n, count * WORDS, (count + 1) * WORDS);
      count += 1;
    },
    touch: (n) => (words[n * WORDS + 7]! += 1) + words[n * WORDS + 3]! + words[n * WORDS + 11]!,
  };
}

/** Node 20 has it; the library that the compiler is given does not name it yet. */
interface ResizableBuffer extends ArrayBuffer {
  resize(bytes: number): void;
}

function resizable(rows: number): Candidate {
  const Resizable = ArrayBuffer as unknown as new (bytes: number, options: object) => ResizableBuffer;
  const buffer = new Resizable(WORDS * 4 * 1024, { maxByteLength: WORDS * 4 * (rows + 1024) });
  const words = new Uint32Array(buffer);
  let count = 0;
  return {
    name: 'resizable buffer',
    append: (n) => {
      if ((count + 1) * WORDS * 4 > buffer.byteLength) buffer.resize(buffer.byteLength + WORDS * 4 * 1024);
      words.fill(n, count * WORDS, (count + 1) * WORDS);
      count += 1;
    },
    touch: (n) => (words[n * WORDS + 7]! += 1) + words[n * WORDS + 3]! + words[n * WORDS + 11]!,
  };
}

function pages(): Candidate {
  const rows = new Rows(WORDS);
  return {
    name: 'pages',
    append: (n) => {
      const slot = rows.take();
      for (let field = 0; field < WORDS; field += 1) rows.set(slot, field, n);
    },
    touch: (n) => {
      const count = rows.get(n + 1, 7) + 1;
      rows.set(n + 1, 7, count);
      return count + rows.get(n + 1, 3) + rows.get(n + 1, 11);
    },
  };
}

function measure(candidate: Candidate, rows: number, before: number): Record<string, string> {
  let worst = 0;
  for (let n = 0; n < rows; n += 1) {
    const started = performance.now();
    candidate.append(n);
    worst = Math.max(worst, performance.now() - started);
  }
  globalThis.gc?.();
  const bytes = (process.memoryUsage.rss() - before) / rows;
  let seed = 1;
  let sum = 0;
  const started = performance.now();
  for (let i = 0; i < ACCESSES; i += 1) {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    sum += candidate.touch(seed % rows);
  }
  const nanoseconds = ((performance.now() - started) * 1e6) / ACCESSES;
  if (sum === 0) throw new Error('nothing was read');
  return {
    candidate: candidate.name,
    'ns an access': nanoseconds.toFixed(0),
    'worst pause ms': worst.toFixed(1),
    'bytes a row': bytes.toFixed(0),
  };
}

const rows = Number(process.argv[2] ?? 1_000_000);
const makers = [() => pages(), () => resizable(rows), () => doubling(), () => mapOfObjects()];
const table: Record<string, string>[] = [];
for (const make of makers) {
  globalThis.gc?.();
  table.push(measure(make(), rows, process.memoryUsage.rss()));
}
console.table(table);
