/**
 * How far a follower is behind: from the moment an entry is published on the group's subject to the follower's word that
 * its archive has it synced, both as they reach this process, whose own load makes both later.
 */

import type { NatsConnection } from '../../../src/bus/connection.js';
import { readEnvelope } from '../../../src/ledger/envelope.js';
import { ledgerSubject, peerSubject } from '../../../src/ledger/jetstream/names.js';
import { decodeSynced } from '../../../src/ledger/jetstream/peer-messages.js';

export class Lag {
  /** By position: when it was published. */
  readonly #published = new Map<number, number>();
  #milliseconds: number[] = [];
  #entriesMax = 0;
  #last = 0;

  constructor(connection: NatsConnection, group: string, follower: string) {
    connection.subscribe(ledgerSubject(group), {
      callback: (_, { data }) => {
        const { position } = readEnvelope(data);
        this.#last = position;
        this.#published.set(position, performance.now());
      },
    });
    connection.subscribe(peerSubject(group, 'synced'), {
      callback: (_, { data }) => {
        const { node, position } = decodeSynced(data);
        if (node !== follower) return;
        const now = performance.now();
        this.#entriesMax = Math.max(this.#entriesMax, this.#last - position);
        for (const [published, at] of this.#published) {
          if (published > position) break;
          this.#milliseconds.push(now - at);
          this.#published.delete(published);
        }
      },
    });
  }

  /** What was seen since it was asked last. */
  take(): { readonly milliseconds: readonly number[]; readonly entriesMax: number } {
    const taken = { milliseconds: this.#milliseconds, entriesMax: this.#entriesMax };
    this.#milliseconds = [];
    this.#entriesMax = 0;
    return taken;
  }
}
