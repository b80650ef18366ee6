/** given(events).when(command).expect(t, events, outcome): the core's own words for a test, without a mock. */

import type { ExecutionContext } from 'ava';
import type { Command, Context } from '../../src/core/command.js';
import { decide } from '../../src/core/decide.js';
import { hasMisses } from '../../src/core/decide-miss.js';
import { markExamined } from '../../src/core/decide-wake.js';
import type { Event } from '../../src/core/event.js';
import { graceComplete } from '../../src/core/grace.js';
import { evolve } from '../../src/core/evolve.js';
import type { Outcome } from '../../src/core/outcome.js';
import { initialState, type NlmFiles } from '../../src/core/state.js';
import { sweep } from '../../src/core/sweep.js';

export const NOW = 1_700_000_000_000;
const CONTEXT: Context = { now: NOW, mayGrant: true };

function fold(events: readonly Event[], state: NlmFiles = initialState()): NlmFiles {
  for (const event of events) evolve(state, event, { position: state.position + 1, epoch: 1, time: NOW });
  return state;
}

export interface When {
  when(command: Command, context?: Partial<Context>): Then;
}

export interface Then {
  expect(t: ExecutionContext, events: readonly Event[], outcome: Outcome): void;
}

export function given(events: readonly Event[]): When {
  return {
    when: (command, context = {}) => {
      const decision = decide(fold(events), command, { ...CONTEXT, ...context });
      return {
        expect: (t, expected, outcome) => {
          t.deepEqual(decision.events, expected);
          t.deepEqual(decision.outcome, outcome);
        },
      };
    },
  };
}

/** A group that runs: what an engine does with the core, without a ledger. */
export class Group {
  state = initialState();
  readonly history: { readonly events: readonly Event[]; readonly time: number }[] = [];
  now = NOW;
  mayGrant = true;

  /** Decides, evolves, and asks again where the core says so. */
  submit(command: Command): Outcome {
    for (let turns = 0; turns < 10; turns += 1) {
      const decision = decide(this.state, command, { now: this.now, mayGrant: this.mayGrant });
      this.record(decision.events);
      markExamined(this.state, decision);
      if (decision.outcome.type !== 'again') return decision.outcome;
      if (decision.rest !== undefined) return this.submit(decision.rest);
      sweep(this.state, Number.POSITIVE_INFINITY);
    }
    throw new Error(`asked again ten times: ${command.type}`);
  }

  record(events: readonly Event[]): void {
    if (events.length === 0) return;
    const position = this.history.push({ events, time: this.now });
    for (const event of events) evolve(this.state, event, { position, epoch: 1, time: this.now });
  }

  /** Grants all that can be granted. */
  wake(): void {
    for (let more = true; more;) {
      const outcome = this.submit({ type: 'wake' });
      more = outcome.type === 'done' && outcome.more;
    }
  }

  /** What the engine does after a step: sweeps, ends graces that are complete, tells what was missed, wakes. */
  settle(): void {
    sweep(this.state, Number.POSITIVE_INFINITY);
    for (let scope = graceComplete(this.state); scope !== undefined; scope = graceComplete(this.state)) {
      const order = { commandId: '', actor: 'node', door: 'engine', reason: '' };
      this.submit({ type: 'end-grace', scope, why: 'complete', order });
    }
    while (hasMisses(this.state)) this.submit({ type: 'miss' });
    this.wake();
  }

  /** Every event of a type, in order. */
  eventsOf<T extends Event['type']>(type: T): Extract<Event, { type: T }>[] {
    return this.history
      .flatMap(({ events }) => events)
      .filter((event): event is Extract<Event, { type: T }> => event.type === type);
  }

  /** Another fold of the same events; the engine's restart. */
  replayed(): NlmFiles {
    const state = initialState();
    this.history.forEach(({ events, time }, index) => {
      for (const event of events) evolve(state, event, { position: index + 1, epoch: 1, time });
    });
    return state;
  }
}
