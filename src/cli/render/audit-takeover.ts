/** The time line of one takeover: as text, and as a picture (SVG) with a lane a node. */

import { begun, type Moment, type Takeover } from '../../audit/takeover.js';
import type { Paint } from '../output.js';
import { ageText, tableLines } from './text.js';
import type { TimeText } from './time.js';

export function takeoverLines(found: Takeover, time: TimeText, paint: Paint): string[] {
  const { group, takeover, moments, milliseconds, withoutGrantsMs } = found;
  const first = moments[0];
  if (first === undefined) return [`takeover ${takeover} of group ${group}: nothing of it is in this ledger`];
  const pause = withoutGrantsMs === undefined ? '' : `, ${msText(withoutGrantsMs)} of it without grants`;
  const start = begun(first);
  return [
    `${paint('bold', `takeover ${takeover} of group ${group}`)}, ${time(start)}: ${msText(milliseconds)}${pause}`,
    ...tableLines(
      ['AT', 'TOOK', 'NODE', 'POSITION', '', 'WHAT', ''],
      moments.map((moment) => [
        atText(begun(moment) - start),
        moment.milliseconds === undefined ? '' : msText(moment.milliseconds),
        moment.node,
        String(moment.position),
        outcomeText(moment, paint),
        moment.what,
        moment.detail,
      ]),
      paint,
    ),
  ];
}

function outcomeText({ outcome }: Moment, paint: Paint): string {
  if (outcome === 'failed') return paint('red', 'failed');
  return outcome === 'skipped' ? paint('dim', 'skipped') : (outcome ?? '');
}

/** A claim that took a while began before its entry. */
function atText(milliseconds: number): string {
  return milliseconds < 0 ? `-${msText(-milliseconds)}` : `+${msText(milliseconds)}`;
}

function msText(milliseconds: number): string {
  return milliseconds < 1000 ? `${milliseconds} ms` : ageText(milliseconds);
}

const WIDTH = 900;
const LEFT = 20;
const ROW = 22;
const HEAD = 64;
const COLOURS = { done: '#3b7a57', failed: '#b03a2e', skipped: '#aaaaaa' } as const;
/** Lanes are told apart by colour; a takeover has two nodes. */
const LANES = ['#dbe7f3', '#f7e9d0', '#e6e0f0', '#e2efda'] as const;

/** Text alone, no script and no reference: to be pasted into a report. */
export function takeoverSvg(found: Takeover, time: TimeText): string[] {
  const { group, takeover, moments, milliseconds, withoutGrantsMs } = found;
  const start = moments[0] === undefined ? 0 : begun(moments[0]);
  const scale = (WIDTH - 2 * LEFT) / Math.max(1, milliseconds);
  const nodes = [...new Set(moments.map(({ node }) => node))];
  const height = HEAD + moments.length * ROW + 16;
  const pause = withoutGrantsMs === undefined ? '' : `, ${msText(withoutGrantsMs)} without grants`;
  const title = `takeover ${takeover} of group ${group}, ${time(start)}: ${msText(milliseconds)}${pause}`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="12">`,
    `<title>${escaped(title)}</title>`,
    `<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>`,
    `<text x="${LEFT}" y="22" font-size="15" font-weight="bold">${escaped(title)}</text>`,
    ...nodes.map((node, lane) => {
      const x = LEFT + lane * 180;
      return `<rect x="${x}" y="34" width="12" height="12" fill="${laneOf(lane)}" stroke="#888888"/><text x="${x + 18}" y="45">node ${escaped(node)}</text>`;
    }),
    ...moments.flatMap((moment, index) => rowSvg(moment, index, nodes.indexOf(moment.node), start, scale)),
    '</svg>',
  ];
}

function rowSvg(moment: Moment, index: number, lane: number, start: number, scale: number): string[] {
  const y = HEAD + index * ROW;
  const x = LEFT + (begun(moment) - start) * scale;
  const width = Math.max(2, (moment.milliseconds ?? 0) * scale);
  const fill = moment.outcome === undefined ? '#1f4e79' : COLOURS[moment.outcome];
  const took = moment.milliseconds === undefined ? `+${msText(moment.time - start)}` : msText(moment.milliseconds);
  const label = escaped(`${moment.what}, ${took}${moment.outcome === 'failed' ? ', failed' : ''}`);
  // Where a label would leave the picture on the right, it stands before its bar.
  const before = x + width > WIDTH * 0.6;
  const place = before ? `x="${round(x - 6)}" text-anchor="end"` : `x="${round(x + width + 6)}"`;
  return [
    `<rect x="0" y="${y}" width="${WIDTH}" height="${ROW}" fill="${laneOf(lane)}"/>`,
    `<rect x="${round(x)}" y="${y + 4}" width="${round(width)}" height="${ROW - 8}" fill="${fill}"/>`,
    `<text ${place} y="${y + 15}">${label}</text>`,
  ];
}

function laneOf(lane: number): string {
  return LANES[lane % LANES.length] ?? LANES[0];
}

function round(value: number): string {
  return value.toFixed(1);
}

function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}
