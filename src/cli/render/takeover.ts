/** Groups that move between nodes, and the steps of their takeovers, for people. */

import type { GroupLifeReply } from '../../admin/messages.js';
import type { StepOutcome, TakeoverStep } from '../../core/life.js';
import type { Paint } from '../output.js';
import { ageText, countText } from './text.js';

const COLOUR: Readonly<Record<StepOutcome, 'green' | 'red' | 'dim'>> = { done: 'green', failed: 'red', skipped: 'dim' };

/** Of the longest step. */
const STEP_WIDTH = 'purge-file-systems'.length;
const MS_WIDTH = 6;

/** The first line of what was said is enough for a list. */
export function stepLine({ step, node, outcome, detail, milliseconds }: TakeoverStep, paint: Paint): string {
  const [first = '', ...more] = detail.split('\n');
  const said = more.length === 0 ? first : `${first} (and ${countText(more.length, 'line')} more)`;
  const time = String(milliseconds).padStart(MS_WIDTH);
  return `${node}  ${step.padEnd(STEP_WIDTH)}  ${paint(COLOUR[outcome], outcome.padEnd(7))}  ${time} ms  ${said}`.trimEnd();
}

export function stepLines(group: GroupLifeReply, paint: Paint): string[] {
  return group.isKnown ? group.steps.map((step) => stepLine(step, paint)) : [];
}

/** Who owns it, what this node is in it, and how the last takeover went. */
export function lifeLines(group: GroupLifeReply, now: number, paint: Paint): string[] {
  const lag = group.lag === undefined ? 'the log is away' : `${countText(group.lag, 'entry', 'entries')} behind`;
  const here = `this node is ${group.role}, ${lag}`;
  if (!group.isKnown) return [`group ${group.group}: not read yet; ${here}`];
  const { owner, status, epoch, position, running } = group;
  const under = running === undefined ? '' : `; a ${running} is under way here`;
  const whose = owner === '' ? 'nobody has claimed it yet' : `${wordOf[status]} ${paint('bold', owner)}`;
  return [
    `group ${group.group}: ${whose}, epoch ${epoch}, position ${position}; ${here}${under}`,
    ...lastTakeover(group, now, paint),
  ];
}

const wordOf: Readonly<Record<Extract<GroupLifeReply, { isKnown: true }>['status'], string>> = {
  unclaimed: 'nobody has claimed it yet',
  claimed: 'being taken by',
  owned: 'owned by',
  releasing: 'being released by',
  released: 'released by',
};

function lastTakeover(group: Extract<GroupLifeReply, { isKnown: true }>, now: number, paint: Paint): string[] {
  const { takeover, from, way, since, steps, lossAccepted, reclaims } = group;
  if (takeover === 0) return [];
  const origin = from === '' ? '' : ` from ${from}`;
  const failed = steps.filter(({ outcome }) => outcome === 'failed').map(({ step }) => step);
  const stopped = failed.length === 0 ? '' : `, ${paint('red', `stopped at ${failed.join(', ')}`)}`;
  const loss = lossAccepted ? ', with a loss accepted' : '';
  const told = `${reclaims.reclaimed} reclaimed, ${reclaims.missed} missed, ${reclaims.expected} expected yet`;
  const counts = way === 'reclaim' ? `; ${told}` : '';
  return [`  takeover ${takeover}${origin}, the ${way} way, ${ageText(now - since)} ago${stopped}${loss}${counts}`];
}
