/** The node's log: JSON lines by pino; on a terminal, lines for people. Written in the serving thread, at once. */

import { destination, pino, type Logger } from 'pino';
import type { Configuration } from '../config/configuration.js';
import { painter, type Environment, type Paint, type Screen } from './output.js';

export type LogLevel = Configuration['logLevel'];

/** What pino itself puts into each line, and people see in another way or not at all. */
const OWN_FIELDS: ReadonlySet<string> = new Set(['level', 'time', 'msg', 'pid', 'hostname', 'err']);
const STDERR = 2;

export function openLog(level: LogLevel, screen: Screen, environment: Environment): Logger {
  const options = { level, base: {} };
  if (screen.isTTY !== true) return pino(options, destination({ dest: STDERR, sync: true }));
  const paint = painter(screen, environment);
  return pino(options, { write: (line: string) => screen.write(`${logLine(line, paint)}\n`) });
}

/** A line of pino's JSON, for people: time of day, level where it matters, message, fields. */
export function logLine(line: string, paint: Paint): string {
  const record: Record<string, unknown> = JSON.parse(line);
  const { level, time, msg, err } = record;
  const clock = typeof time === 'number' ? new Date(time).toTimeString().slice(0, 8) : '';
  const fields = Object.entries(record)
    .filter(([name]) => !OWN_FIELDS.has(name))
    .map(([name, value]) => paint('dim', `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`));
  return [
    paint('dim', clock),
    ...levelWord(Number(level), paint),
    typeof msg === 'string' ? msg : '',
    ...errorWords(err),
    ...fields,
  ].join(' ');
}

function levelWord(level: number, paint: Paint): string[] {
  if (level >= 50) return [paint('red', level >= 60 ? 'fatal' : 'error')];
  if (level >= 40) return [paint('yellow', 'warning')];
  if (level >= 30) return [];
  return [paint('dim', level >= 20 ? 'debug' : 'trace')];
}

function errorWords(error: unknown): string[] {
  if (typeof error !== 'object' || error === null || !('message' in error)) return [];
  return [`(${String(error.message)})`];
}
