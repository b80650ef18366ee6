/** A curve as a drawing: both axes logarithmic, so that a power law is a line and its exponent the slope. */

import type { Curve } from './curve.js';
import { exponentOf, type Point } from './fit.js';

const WIDTH = 640;
const HEIGHT = 400;
const LEFT = 70;
const RIGHT = 20;
const TOP = 50;
const BOTTOM = 50;

export function drawn(curve: Curve): string {
  const points = curve.points.filter(({ value }) => value > 0);
  const x = scale(powersAround(points.map(({ n }) => n)), LEFT, WIDTH - RIGHT);
  const y = scale(powersAround(points.map(({ value }) => value)), HEIGHT - BOTTOM, TOP);
  const place = ({ n, value }: Point): string => `${x.at(n).toFixed(1)},${y.at(value).toFixed(1)}`;
  const exponent = exponentOf(points);
  const slope = Number.isNaN(exponent) ? '' : `, exponent ${exponent.toFixed(2)}`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${HEIGHT}" font-family="sans-serif" font-size="12">`,
    `<rect width="100%" height="100%" fill="white"/>`,
    text(LEFT, 20, `${curve.title}${slope}`, 'font-size="15"'),
    text(LEFT, 38, `${curve.unit}${curve.cut === undefined ? '' : ` (${curve.cut})`}`, 'fill="#555"'),
    ...x.powers.map((power) => line(x.at(power), TOP, x.at(power), HEIGHT - BOTTOM)),
    ...y.powers.map((power) => line(LEFT, y.at(power), WIDTH - RIGHT, y.at(power))),
    ...x.powers.map((power) => text(x.at(power), HEIGHT - BOTTOM + 18, label(power), 'text-anchor="middle"')),
    ...y.powers.map((power) => text(LEFT - 8, y.at(power) + 4, label(power), 'text-anchor="end"')),
    text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 12, curve.of, 'text-anchor="middle" fill="#555"'),
    `<polyline points="${points.map(place).join(' ')}" fill="none" stroke="#1f5fa8" stroke-width="2"/>`,
    ...points.map((point) => {
      const [cx, cy] = place(point).split(',');
      const title = `<title>${point.n.toLocaleString('en')}: ${point.value.toPrecision(3)}</title>`;
      return `<circle cx="${cx}" cy="${cy}" r="4" fill="#1f5fa8">${title}</circle>`;
    }),
    '</svg>',
    '',
  ].join('\n');
}

interface Scale {
  readonly powers: readonly number[];
  at(value: number): number;
}

/** The powers of ten from below the least to above the greatest. */
function powersAround(values: readonly number[]): number[] {
  const first = Math.floor(Math.log10(Math.min(...values)));
  const last = Math.max(first + 1, Math.ceil(Math.log10(Math.max(...values))));
  return Array.from({ length: last - first + 1 }, (_, i) => 10 ** (first + i));
}

function scale(powers: readonly number[], from: number, to: number): Scale {
  const first = Math.log10(powers[0] ?? 1);
  const last = Math.log10(powers.at(-1) ?? 10);
  return { powers, at: (value) => from + ((Math.log10(value) - first) / (last - first)) * (to - from) };
}

function label(power: number): string {
  return power >= 10_000 ? `10^${Math.round(Math.log10(power))}` : String(Number(power.toPrecision(1)));
}

function line(x1: number, y1: number, x2: number, y2: number): string {
  return `<line x1="${x1.toFixed(1)}" y1="${y1.toFixed(1)}" x2="${x2.toFixed(1)}" y2="${y2.toFixed(1)}" stroke="#ddd"/>`;
}

function text(x: number, y: number, words: string, attributes: string): string {
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" ${attributes}>${escaped(words)}</text>`;
}

function escaped(words: string): string {
  return words.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
