/** Those who watch: durable events, with names in place of ids, to each of them. */

import type { WatchedBatch, WatchedEvent } from '../admin/port.js';
import { describeEvent } from '../core/describe.js';
import type { NlmFiles } from '../core/state.js';
import type { DurableBatch } from '../engine/group.js';

export class Watchers {
  readonly #listeners = new Set<(batch: WatchedBatch) => void>();

  add(listener: (event: WatchedEvent) => void): { close(): void } {
    return this.addForBatches((batch) => {
      for (const event of batch.events()) listener(event);
    });
  }

  addForBatches(listener: (batch: WatchedBatch) => void): { close(): void } {
    this.#listeners.add(listener);
    return { close: () => this.#listeners.delete(listener) };
  }

  publish(group: string, { position, time, events }: DurableBatch, state: NlmFiles): void {
    if (this.#listeners.size === 0) return;
    const batch: WatchedBatch = {
      count: events.length,
      *events(from = 0) {
        for (const event of events.slice(from)) yield { group, position, time, event: describeEvent(state, event) };
      },
    };
    for (const listener of this.#listeners) listener(batch);
  }
}
