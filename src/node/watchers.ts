/** Those who watch: durable events, with names in place of ids, to each of them. */

import type { WatchedEvent } from '../admin/port.js';
import { describeEvent } from '../core/describe.js';
import type { NlmFiles } from '../core/state.js';
import type { DurableBatch } from '../engine/group.js';

export class Watchers {
  readonly #listeners = new Set<(event: WatchedEvent) => void>();

  add(listener: (event: WatchedEvent) => void): { close(): void } {
    this.#listeners.add(listener);
    return { close: () => this.#listeners.delete(listener) };
  }

  publish(group: string, batch: DurableBatch, state: NlmFiles): void {
    if (this.#listeners.size === 0) return;
    for (const event of batch.events) {
      const described: WatchedEvent = {
        group,
        position: batch.position,
        time: batch.time,
        event: describeEvent(state, event),
      };
      for (const listener of this.#listeners) listener(described);
    }
  }
}
