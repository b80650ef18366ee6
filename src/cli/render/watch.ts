/** One durable event on one line. */

import type { WatchedEvent } from '../../admin/port.js';
import type { Paint } from '../output.js';

export function watchLine({ group, position, time, event }: WatchedEvent, paint: Paint): string {
  const { type, ...fields } = event;
  const words = Object.entries(fields).map(([name, value]) => `${name}=${wordOf(value)}`);
  const stamp = new Date(time).toISOString();
  return [paint('dim', `${stamp} ${group} ${position}`), paint('bold', type), ...words].join(' ');
}

function wordOf(value: unknown): string {
  if (typeof value === 'string') return /^[!-~]+$/.test(value) ? value : JSON.stringify(value);
  return JSON.stringify(value);
}
