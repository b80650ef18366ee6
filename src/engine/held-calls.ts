/**
 * Calls of clients while it is not decided who serves a group: held for a while, since a takeover may end within it,
 * then answered by what a client bears best (linux-client: GRACE costs a waiting call five seconds, silence ten; a
 * refused reclaim is never repeated, so it gets silence).
 */

import { LedgerError } from '../base/errors.js';
import type { Command } from '../core/command.js';
import type { Settle } from './settled.js';

export const HOLD_MS_MAX = 3000;
/** Past it calls are dropped, and asked again. */
const HELD_MAX = 10_000;

interface Held {
  readonly command: Command;
  readonly settle: Settle;
  readonly timer: NodeJS.Timeout;
}

export class HeldCalls {
  readonly #held = new Set<Held>();

  hold(command: Command, settle: Settle): void {
    if (this.#held.size >= HELD_MAX) return settle({ type: 'withheld', cause: FULL });
    const timer = setTimeout(() => {
      this.#held.delete(held);
      answerUndecided(command, settle);
    }, HOLD_MS_MAX);
    const held: Held = { command, settle, timer };
    this.#held.add(held);
  }

  /** In the order in which they came. */
  release(submit: (command: Command, settle: Settle) => void): void {
    const held = [...this.#held];
    this.#held.clear();
    for (const { command, settle, timer } of held) {
      clearTimeout(timer);
      submit(command, settle);
    }
  }
}

/** Nobody decides now: a "no for the moment" where the protocol has one, and else nothing. */
export function answerUndecided(command: Command, settle: Settle): void {
  const mayWait =
    command.type === 'test' || ((command.type === 'lock' || command.type === 'share') && !command.reclaim);
  if (mayWait) settle({ type: 'answer', outcome: { type: 'denied-grace-period' }, position: 0 });
  else settle({ type: 'withheld', cause: UNDECIDED });
}

const FULL = new LedgerError('limit', 'Too many calls wait for the end of a takeover.');
const UNDECIDED = new LedgerError('unavailable', 'It is not decided which node serves this group.');
