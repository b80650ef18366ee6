/**
 * The fold of `audit verify`: each event is asked of the same `decide` that makes them before `evolve` takes it. A lock
 * that another one stands in the way of, a grant in grace, counts that were not there: no decision gives them. Between
 * the files and the fold of an audit.
 *
 * What is not recorded cannot be asked: why nothing happened, what a door refused, the free space at that moment.
 */

import type { At, Event } from '../../../core/event.js';
import { evolve } from '../../../core/evolve.js';
import { isSweeping, type NlmFiles } from '../../../core/state.js';
import { sweep } from '../../../core/sweep.js';
import { KnownNames } from './known-names.js';
import { namesUnknown } from './names-unknown.js';
import { whyNot } from './why-not.js';

export class CheckedFold {
  readonly state: NlmFiles;
  readonly #names: KnownNames;

  constructor(state: NlmFiles) {
    this.state = state;
    this.#names = new KnownNames(state);
  }

  /** Folds the event; `next` is what follows in its entry. Why no decision can have made it; undefined where one can. */
  fold(event: Event, at: At, next: Event | undefined): string | undefined {
    const { state } = this;
    // `evolve` passes it over as well (hazard 10).
    if (at.epoch < state.epoch) {
      evolve(state, event, at);
      return undefined;
    }
    const unknown = namesUnknown(state, event);
    // The fold of such an event is not defined.
    if (unknown !== undefined) return unknown;
    const why = whyNot({ state, names: this.#names, at }, event, next);
    this.#names.forget(event);
    evolve(state, event, at);
    if (isSweeping(state)) sweep(state, Number.POSITIVE_INFINITY);
    // What was woken is in the events that follow.
    if (state.freed.size > 0) state.freed.clear();
    return why;
  }
}
