/**
 * What a person calls a moment: a position, a time in any form of ISO 8601, a time of the day, or how long ago. Turned
 * into the position after which the ledger stood as it did then.
 */

import { LedgerError } from '../base/errors.js';
import type { Position } from '../ledger/port.js';
import type { EntrySource } from './source.js';

export type Moment =
  | { readonly type: 'position'; readonly position: Position }
  /** Milliseconds since 1970. */
  | { readonly type: 'time'; readonly time: number }
  | { readonly type: 'head' };

const SECOND_MS = 1000;
const DAY_MS = 86_400_000;
const UNITS: readonly (readonly [RegExp, number])[] = [
  [/^(?:ms|milliseconds?)$/, 1],
  [/^(?:s|sec|secs|seconds?)$/, SECOND_MS],
  [/^(?:m|min|mins|minutes?)$/, 60 * SECOND_MS],
  [/^(?:h|hours?)$/, 3600 * SECOND_MS],
  [/^(?:d|days?)$/, DAY_MS],
  [/^(?:w|weeks?)$/, 7 * DAY_MS],
];

/** `local`: a time without a zone is one of this host's zone, else of UTC. @throws LedgerError 'bad-request' */
export function parseMoment(text: string, now: number, local = false): Moment {
  const words = text.trim();
  if (words === 'now' || words === 'head') return { type: 'head' };
  if (/^\d{1,15}$/.test(words)) return { type: 'position', position: Number(words) };
  const time = ago(words, now) ?? timeOfDay(words, now, local) ?? isoTime(words, local);
  if (time !== undefined && Number.isFinite(time)) return { type: 'time', time };
  throw new LedgerError(
    'bad-request',
    `${JSON.stringify(text)} is neither a position nor a time: give 812, 2031-02-03T03:12:04Z, 03:12, "2h ago" or head`,
  );
}

function ago(text: string, now: number): number | undefined {
  const match = /^(.*\S)\s+ago$/i.exec(text);
  if (match === null) return undefined;
  const parts = [...(match[1] ?? '').matchAll(/(\d+(?:\.\d+)?)\s*([a-z]+)\s*/gi)];
  if (parts.map(([whole]) => whole).join('') !== match[1]) return undefined;
  let past = 0;
  for (const [, count, word = ''] of parts) {
    const unit = UNITS.find(([name]) => name.test(word.toLowerCase()));
    if (unit === undefined) return undefined;
    past += Number(count) * unit[1];
  }
  return now - past;
}

/** The last time that the clock showed it. */
function timeOfDay(text: string, now: number, local: boolean): number | undefined {
  if (!/^\d{2}:\d{2}/.test(text)) return undefined;
  for (const day of [now, now - DAY_MS, now - 2 * DAY_MS]) {
    const date = new Date(day);
    const [year, month, dayOfMonth] = local
      ? [date.getFullYear(), date.getMonth() + 1, date.getDate()]
      : [date.getUTCFullYear(), date.getUTCMonth() + 1, date.getUTCDate()];
    const time = isoTime(`${digits(year, 4)}-${digits(month, 2)}-${digits(dayOfMonth, 2)}T${text}`, local);
    if (time === undefined || time <= now) return time;
  }
  return undefined;
}

const DATE = /^(\d{4})(?:-(\d{2})-(\d{2})|(\d{2})(\d{2})|-(\d{3})|-?W(\d{2})-?([1-7])|-(\d{2}))$/;
const TIME = /^(\d{2})(?::?(\d{2})(?::?(\d{2})(?:[.,](\d+))?)?)?(Z|[+-]\d{2}(?::?\d{2})?)?$/i;

/** Calendar, ordinal and week dates, basic and extended; parts of less weight may be left out. */
function isoTime(text: string, local: boolean): number | undefined {
  const [datePart = '', timePart = '00'] = text.split(/[T ]/i, 2);
  const date = DATE.exec(datePart);
  const clock = TIME.exec(timePart);
  if (date === null || clock === null) return undefined;
  const [, year = '', month, day, basicMonth, basicDay, ordinal, week, weekday, onlyMonth] = date;
  const [, hour = '', minute = '0', second = '0', fraction = '', zone] = clock;
  const days = dayNumber(Number(year), {
    month: Number(month ?? basicMonth ?? onlyMonth ?? 1),
    day: Number(day ?? basicDay ?? 1),
    ...(ordinal === undefined ? {} : { ordinal: Number(ordinal) }),
    ...(week === undefined ? {} : { week: Number(week), weekday: Number(weekday) }),
  });
  // 24:00 is the end of the day, and a leap second the second after it.
  if (days === undefined || Number(hour) > 24 || Number(minute) > 59 || Number(second) > 60) return undefined;
  const ms = Number(`${fraction}000`.slice(0, 3));
  const ofDay = ((Number(hour) * 60 + Number(minute)) * 60 + Number(second)) * SECOND_MS + ms;
  const utc = days * DAY_MS + ofDay;
  if (zone === undefined) return local ? localTime(utc) : utc;
  if (/z/i.test(zone)) return utc;
  const [hours, minutes] = [Number(zone.slice(1, 3)), Number(zone.slice(3).replace(':', '') || '0')];
  return utc - (zone.startsWith('-') ? -1 : 1) * (hours * 60 + minutes) * 60 * SECOND_MS;
}

interface DateParts {
  readonly month: number;
  readonly day: number;
  readonly ordinal?: number;
  readonly week?: number;
  readonly weekday?: number;
}

/** Days since 1970; `undefined` for a date that no calendar has. */
function dayNumber(year: number, { month, day, ordinal, week, weekday }: DateParts): number | undefined {
  const first = Date.UTC(year, 0, 1) / DAY_MS;
  if (ordinal !== undefined) return ordinal >= 1 && ordinal <= 366 ? first + ordinal - 1 : undefined;
  if (week !== undefined) {
    // Week 1 is the one with 4 January; weeks begin on Monday (ISO 8601), and day 0, 1 January 1970, was a Thursday.
    const fourth = first + 3;
    const monday = fourth - ((fourth + 3) % 7);
    return week >= 1 && week <= 53 ? monday + (week - 1) * 7 + (weekday ?? 1) - 1 : undefined;
  }
  const date = new Date(Date.UTC(year, month - 1, day));
  return date.getUTCMonth() === month - 1 && date.getUTCDate() === day ? date.getTime() / DAY_MS : undefined;
}

/** The same numbers, read on the clock of this host's zone. */
function localTime(utc: number): number {
  const date = new Date(utc);
  return new Date(
    date.getUTCFullYear(),
    date.getUTCMonth(),
    date.getUTCDate(),
    date.getUTCHours(),
    date.getUTCMinutes(),
    date.getUTCSeconds(),
    date.getUTCMilliseconds(),
  ).getTime();
}

function digits(value: number, width: number): string {
  return String(value).padStart(width, '0');
}

/** The position after which the ledger stood as at the moment. @throws LedgerError 'not-found' */
export async function positionOf(source: EntrySource, moment: Moment): Promise<Position> {
  const first = await source.first();
  const position = await soughtPosition(source, moment);
  if (position < first - 1) throw tooEarly(source, first);
  return position;
}

async function soughtPosition(source: EntrySource, moment: Moment): Promise<Position> {
  switch (moment.type) {
    case 'time':
      return source.positionAt(moment.time);
    case 'head':
      return (await source.head()).position;
    case 'position': {
      const head = await source.head();
      if (moment.position <= head.position) return moment.position;
      throw new LedgerError(
        'not-found',
        `the ledger of ${source.group} ends at position ${head.position} (${new Date(head.time).toISOString()})`,
        { details: { head: head.position } },
      );
    }
  }
}

function tooEarly(source: EntrySource, first: Position): LedgerError {
  return new LedgerError(
    'not-found',
    `the ledger of ${source.group} in ${source.place} begins at position ${first}: what was before is archived elsewhere`,
    { details: { first } },
  );
}
