/** The takeovers of one group on this node: one sequence at a time, the same order again joins it. */

import { setTimeout as wait } from 'node:timers/promises';
import { LedgerError } from '../base/errors.js';
import { hasMisses } from '../core/decide-miss.js';
import { graces } from '../core/queries.js';
import { RECLAIMS_LOOK_MS } from './limits.js';
import type { MovedGroup } from './moved-group.js';
import type { MemberPort } from './port.js';
import { release, type ReleaseRequest } from './release.js';
import { submitted, type StepReport } from './sequence.js';
import { take, type TakeRequest } from './take.js';

export interface TakeoverLog {
  info(details: object, message: string): void;
  error(details: object, message: string): void;
}

interface Running {
  readonly what: 'release' | 'take';
  readonly commandId: string;
  readonly steps: Promise<readonly StepReport[]>;
}

export class GroupTakeover {
  readonly group: MovedGroup;
  readonly port: MemberPort;
  readonly #log: TakeoverLog;
  readonly #closing = new AbortController();
  #running: Running | undefined;
  #reclaims: Promise<void> | undefined;

  constructor(group: MovedGroup, port: MemberPort, log: TakeoverLog) {
    this.group = group;
    this.port = port;
    this.#log = log;
  }

  /** What is under way here. */
  get running(): 'release' | 'take' | undefined {
    return this.#running?.what;
  }

  /** The steps that this order ran. @throws LedgerError: where it stopped and why; `busy` beside another order */
  release(request: ReleaseRequest): Promise<readonly StepReport[]> {
    return this.#run('release', request.order.commandId, () =>
      release(this.group, this.port, request, this.#closing.signal),
    );
  }

  /** The same for a take; what was reclaimed is recorded later, once the grace has ended. */
  take(request: TakeRequest): Promise<readonly StepReport[]> {
    return this.#run('take', request.order.commandId, async () => {
      const steps = await take(this.group, this.port, request, this.#closing.signal);
      if (this.port.state?.life.way === 'reclaim' && steps.length > 0) this.#reclaims = this.#tellReclaims();
      return steps;
    });
  }

  /** What is under way stops at its next step: the ledger is closing. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#running?.steps.catch(() => undefined);
    await this.#reclaims;
  }

  #run(what: Running['what'], commandId: string, start: () => Promise<StepReport[]>): Promise<readonly StepReport[]> {
    const running = this.#running;
    if (running?.what === what && running.commandId === commandId) return running.steps;
    if (running !== undefined) {
      const message = `group ${this.group.name}: a ${running.what} is under way on node ${this.group.node}; wait for its end`;
      return Promise.reject(new LedgerError('busy', message));
    }
    const steps = this.#logged(what, start).finally(() => (this.#running = undefined));
    this.#running = { what, commandId, steps };
    return steps;
  }

  async #logged(what: string, start: () => Promise<StepReport[]>): Promise<StepReport[]> {
    const { name } = this.group;
    try {
      const steps = await start();
      const milliseconds = Object.fromEntries(steps.map((step) => [step.step, step.milliseconds]));
      this.#log.info({ group: name, milliseconds }, `${what}: done`);
      return steps;
    } catch (error) {
      this.#log.error({ group: name, err: error }, `${what}: stopped`);
      throw error;
    }
  }

  /** The last step of the reclaim way ends by itself, long after the clients are served again. */
  async #tellReclaims(): Promise<void> {
    const { port, group } = this;
    const began = performance.now();
    const takeover = port.state?.life.takeover;
    for (;;) {
      const { state } = port;
      if (state === undefined || state.life.takeover !== takeover || state.life.status !== 'owned') return;
      if (!graces(state).some(({ scope }) => scope.type === 'all') && !hasMisses(state)) break;
      try {
        await wait(RECLAIMS_LOOK_MS, undefined, { signal: this.#closing.signal });
      } catch {
        return;
      }
    }
    const { reclaimed, missed } = port.state!.reclaims;
    const detail = `${reclaimed} reclaimed, ${missed} missed${missed === 0 ? '' : ': each is an event, reclaim-missed'}`;
    const milliseconds = Math.round(performance.now() - began);
    const step = { step: 'reclaims', outcome: 'done', detail, milliseconds } as const;
    try {
      await submitted(port, { type: 'record-step', node: group.node, ...step });
      this.#log.info({ group: group.name, reclaimed, missed, milliseconds }, 'take: the grace period has ended');
    } catch (error) {
      this.#log.error({ group: group.name, err: error }, 'take: the end of the grace period could not be recorded');
    }
  }
}
