/** One step of a takeover that a hook carries out. */

import type { HookStep } from '../config/configuration.js';
import { recentCallers } from '../core/callers.js';
import { LedgerError } from '../base/errors.js';
import { runHook } from '../effects/hooks/run.js';
import { CALLERS_MAX } from './limits.js';
import { hookEnvironment, type MovedGroup } from './moved-group.js';
import type { MemberPort } from './port.js';
import { done, skipped, type Step } from './sequence.js';

export function hookStep(group: MovedGroup, port: MemberPort, step: HookStep): Step {
  return {
    step,
    run: async () => {
      const path = group.hooks[step];
      if (path === undefined) return skipped('no hook is configured');
      const { state } = port;
      if (state === undefined) throw new LedgerError('unavailable', `group ${group.name} is being rebuilt`);
      const { way, takeover, from, order, clean } = state.life;
      // Who released has ended its connections itself; one that is gone has clients that wait for it.
      const hasLeft = step === 'announce' && !clean && from !== group.node;
      const callers = hasLeft ? recentCallers(state, CALLERS_MAX) : [];
      const facts = { step, way, epoch: state.epoch, takeover, from, commandId: order.commandId, callers };
      return done(await runHook({ path, environment: hookEnvironment(group, facts), msMax: group.hookMs }));
    },
  };
}
