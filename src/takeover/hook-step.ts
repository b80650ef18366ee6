/** One step of a takeover that a hook carries out. */

import type { HookStep } from '../config/configuration.js';
import { LedgerError } from '../base/errors.js';
import { runHook } from '../effects/hooks/run.js';
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
      const { way, takeover, from, order } = state.life;
      const facts = { step, way, epoch: state.epoch, takeover, from, commandId: order.commandId };
      return done(await runHook({ path, environment: hookEnvironment(group, facts), msMax: group.hookMs }));
    },
  };
}
