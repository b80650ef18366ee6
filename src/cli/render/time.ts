/** Times for people: UTC, or this host's zone with its offset; always ISO 8601, so that they can be given back. */

export type TimeText = (time: number) => string;

export function timeTextIn(local: boolean): TimeText {
  return local ? localText : (time) => new Date(time).toISOString();
}

function localText(time: number): string {
  const offset = -new Date(time).getTimezoneOffset();
  const sign = offset < 0 ? '-' : '+';
  const two = (value: number): string => String(Math.trunc(value)).padStart(2, '0');
  const shifted = new Date(time + offset * 60_000).toISOString().slice(0, -1);
  return `${shifted}${sign}${two(Math.abs(offset) / 60)}:${two(Math.abs(offset) % 60)}`;
}
