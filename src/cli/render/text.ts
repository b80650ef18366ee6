/** Small words that several renderers use: ranges, ages, counts, tables. */

import Table from 'cli-table3';
import type { Paint } from '../output.js';

const NO_BORDERS = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: '  ',
};

/** Columns under their heads, nothing else: what `awk` can read too. */
export function tableLines(head: readonly string[], rows: readonly (readonly string[])[], paint: Paint): string[] {
  const style = { 'padding-left': 0, 'padding-right': 0, head: [], border: [] };
  const table = new Table({ chars: NO_BORDERS, style });
  table.push(
    head.map((title) => paint('bold', title)),
    ...rows.map((row) => [...row]),
  );
  return table
    .toString()
    .split('\n')
    .map((line) => line.trimEnd());
}

export function rangeText(start: string, end: string): string {
  return start === '0' && end === 'eof' ? 'whole file' : `${start}-${end}`;
}

export function modeText(exclusive: boolean): string {
  return exclusive ? 'exclusive' : 'shared';
}

/** Of a share: what its owner does, and what it denies to others. */
export function modeOf(row: { readonly exclusive: boolean; readonly mode?: number; readonly access?: number }): string {
  return row.mode === undefined ? modeText(row.exclusive) : `${shareWord(row.access)}, deny ${shareWord(row.mode)}`;
}

/** 0 none, 1 read, 2 write, 3 both. */
function shareWord(bits = 0): string {
  return ['none', 'read', 'write', 'read-write'][bits] ?? String(bits);
}

/** Handles that no export maps are on the file system without a name. */
export function fileSystemText(name: string): string {
  return name === '' ? '(unmapped)' : name;
}

/** `3 locks`, `1 lock`. */
export function countText(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}

export function ageText(ms: number): string {
  const seconds = Math.max(0, ms) / 1000;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${Math.floor(seconds % 60)} s`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
  return `${Math.floor(seconds / 86_400)} d ${Math.floor((seconds % 86_400) / 3600)} h`;
}

const UNITS = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

export function sizeText(bytes: number): string {
  let unit = 0;
  let size = bytes;
  while (size >= 1024 && unit < UNITS.length - 1) {
    size /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? size : size.toFixed(1)} ${UNITS[unit]}`;
}
