/** The life of a group in a checkpoint: its fields in the order of their type; steps and orders are lists. */

import type { CheckpointReader } from './checkpoint-reader.js';
import type { CheckpointWriter } from './checkpoint-writer.js';
import type { GroupLife, GroupStatus, LifeOrder, StepOutcome, TakeoverStep, Way } from './life.js';

const STATUSES: readonly GroupStatus[] = ['unclaimed', 'claimed', 'owned', 'releasing', 'released'];
const WAYS: readonly Way[] = ['carry', 'reclaim'];
const OUTCOMES: readonly StepOutcome[] = ['done', 'failed', 'skipped'];
const ORDERS: readonly LifeOrder['what'][] = ['release', 'claim', 'abandon'];

export function writeLife(writer: CheckpointWriter, life: GroupLife): void {
  writer.word(STATUSES.indexOf(life.status));
  writer.text(life.node);
  writer.text(life.from);
  writer.word(WAYS.indexOf(life.way));
  writer.wide(life.takeover);
  writer.word(life.clean ? 1 : 0);
  writer.word(life.lossAccepted ? 1 : 0);
  writer.word(life.handles.length);
  for (const handle of life.handles) writer.text(handle);
  const { commandId, actor, door, reason } = life.order;
  for (const text of [commandId, actor, door, reason]) writer.text(text);
  writer.wide(life.since);
  writer.word(life.steps.length);
  for (const { step, node, outcome, detail, milliseconds, time } of life.steps) {
    writer.text(step);
    writer.text(node);
    writer.word(OUTCOMES.indexOf(outcome));
    writer.text(detail);
    writer.wide(milliseconds);
    writer.wide(time);
  }
  writer.word(life.orders.length);
  for (const order of life.orders) {
    writer.text(order.commandId);
    writer.word(ORDERS.indexOf(order.what));
    writer.wide(order.takeover);
  }
}

export function readLife(reader: CheckpointReader): GroupLife {
  return {
    status: STATUSES[reader.word()] ?? 'unclaimed',
    node: reader.text(),
    from: reader.text(),
    way: WAYS[reader.word()] ?? 'carry',
    takeover: reader.wide(),
    clean: reader.word() === 1,
    lossAccepted: reader.word() === 1,
    handles: readAll(reader, () => reader.text()),
    order: { commandId: reader.text(), actor: reader.text(), door: reader.text(), reason: reader.text() },
    since: reader.wide(),
    steps: readAll(reader, (): TakeoverStep => ({
      step: reader.text(),
      node: reader.text(),
      outcome: OUTCOMES[reader.word()] ?? 'failed',
      detail: reader.text(),
      milliseconds: reader.wide(),
      time: reader.wide(),
    })),
    orders: readAll(reader, (): LifeOrder => ({
      commandId: reader.text(),
      what: ORDERS[reader.word()] ?? 'claim',
      takeover: reader.wide(),
    })),
  };
}

function readAll<T>(reader: CheckpointReader, read: () => T): T[] {
  const found: T[] = [];
  for (let left = reader.word(); left > 0; left -= 1) found.push(read());
  return found;
}
