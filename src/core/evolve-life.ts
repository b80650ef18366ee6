/** `evolve` of the events of a group's life. */

import type { At } from './event.js';
import { LIFE_ORDERS_MAX } from './limits.js';
import type { GroupLife, LifeOrder, TakeoverStep } from './life.js';
import type { LifeEvent, TakeoverStepEvent } from './life-event.js';
import type { NlmFiles } from './state.js';
import { queueAllWakes } from './wake-queue.js';

export function evolveLife(state: NlmFiles, event: LifeEvent, { time }: At): void {
  const { life } = state;
  switch (event.type) {
    case 'group-claimed': {
      const { node, way, from, takeover, lossAccepted, order } = event;
      state.life = {
        ...life,
        status: 'claimed',
        node,
        from,
        way,
        takeover,
        clean: isClean(life, node),
        lossAccepted,
        order,
        since: time,
        steps: takeover === life.takeover ? life.steps : [],
        orders: remembered(life, { commandId: order.commandId, what: 'claim', takeover }),
      };
      state.reclaims = { reclaimed: 0, missed: 0 };
      return;
    }
    case 'group-serving':
      state.life = { ...life, status: 'owned', handles: event.handles, since: time };
      // Nothing was woken since the owner before stopped.
      return queueAllWakes(state);
    case 'group-releasing': {
      const { way, takeover, order } = event;
      const orders = remembered(life, { commandId: order.commandId, what: 'release', takeover });
      state.life = { ...life, status: 'releasing', way, takeover, order, since: time, steps: [], orders };
      // A limit that is reached on the way would free what its owners are to reclaim at the taker.
      if (way === 'reclaim') {
        state.graces.length = 0;
        state.missing.length = 0;
      }
      return;
    }
    case 'group-released':
      state.life = { ...life, status: 'released', since: time };
      return;
    case 'release-abandoned': {
      const { way, takeover, order } = event;
      const orders = remembered(life, { commandId: order.commandId, what: 'abandon', takeover });
      state.life = { ...life, status: 'claimed', way, from: life.node, clean: true, order, since: time, orders };
      return;
    }
    case 'takeover-step':
      state.life = { ...life, steps: withStep(life.steps, event, time) };
  }
}

/** Where the same node claims again before it served, it is still the owner before that counts. */
function isClean(life: GroupLife, node: string): boolean {
  if (life.status === 'released' || life.status === 'unclaimed') return true;
  return life.node === node && (life.status !== 'claimed' || life.clean);
}

/** The last try of each step counts; the ledger has the others. */
function withStep(steps: readonly TakeoverStep[], event: TakeoverStepEvent, time: number): TakeoverStep[] {
  const { step, node, outcome, detail, milliseconds } = event;
  return [...steps.filter((other) => other.step !== step), { step, node, outcome, detail, milliseconds, time }];
}

function remembered({ orders }: GroupLife, order: LifeOrder): readonly LifeOrder[] {
  return [...orders, order].slice(-LIFE_ORDERS_MAX);
}
