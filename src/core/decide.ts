/** `decide`: what a command means now. Reads the state, changes nothing; `evolve` follows in the same turn. */

import { unreachable } from '../base/assert.js';
import type { Command, Context, EndGraceCommand, OpenGraceCommand } from './command.js';
import { decideCancel } from './decide-cancel.js';
import { decideFreeAll, decideReboot, decideRecordRefusal } from './decide-client.js';
import { decideAcknowledge, decideDeny } from './decide-grant.js';
import { decideLock } from './decide-lock.js';
import { decideLife, withoutGrants } from './decide-life.js';
import { decideMiss } from './decide-miss.js';
import { decideForget } from './decide-names.js';
import { decidePurge } from './decide-purge.js';
import { decideNsm } from './decide-nsm.js';
import { decideShare, decideUnshare } from './decide-share.js';
import { decideTest } from './decide-test.js';
import { decideUnlock } from './decide-unlock.js';
import { decideWake } from './decide-wake.js';
import { AGAIN, answer, type Decision } from './decision.js';
import { sameScope } from './grace.js';
import { grants } from './life.js';
import { partiesOf, type Parties } from './names.js';
import { nextServerState } from './nsm-state.js';
import { boundRefusals, refusalCounts } from './refusals.js';
import { isSweeping, type NlmFiles } from './state.js';

/** `parties`: of a LOCK or an UNLOCK, for a caller that has them without a look at the names. */
export function decide(state: NlmFiles, command: Command, context: Context, parties?: Parties): Decision {
  if (!grants(state.life)) {
    const outcome = withoutGrants(state, command);
    if (outcome !== undefined) return answer(outcome);
  }
  switch (command.type) {
    case 'lock': {
      const decision = decideLock(state, command, context, parties ?? partiesOf(state, command));
      return command.reclaim ? boundRefusals(state, decision, context) : decision;
    }
    case 'test':
      return decideTest(state, command);
    case 'cancel':
      return decideCancel(state, command, context);
    case 'unlock':
      return decideUnlock(state, command, context, parties ?? partiesOf(state, command));
    case 'share':
      return boundRefusals(state, decideShare(state, command, context), context);
    case 'unshare':
      return decideUnshare(state, command, context);
    case 'free-all':
      return boundRefusals(state, decideFreeAll(state, command), context);
    case 'reboot':
      return boundRefusals(state, decideReboot(state, command), context);
    case 'acknowledge-grant':
      return decideAcknowledge(state, command);
    case 'deny-grant':
      return decideDeny(state, command);
    case 'purge':
      return decidePurge(state, command);
    case 'wake':
      return decideWake(state, context);
    case 'miss':
      return decideMiss(state);
    case 'forget':
      return decideForget(state);
    case 'open-grace':
      return decideOpenGrace(state, command, context);
    case 'end-grace':
      return decideEndGrace(state, command);
    case 'set-rules':
      return done({ type: 'rules-set', rules: command.rules });
    case 'start': {
      const { node, release, notes } = command;
      return done({ type: 'node-started', node, release, notes });
    }
    case 'advance-server-state': {
      const { serverAddress } = command;
      const nsmState = nextServerState(state.serverStates.get(serverAddress) ?? 0, context.now);
      const event = { type: 'server-state-advanced', serverAddress, state: nsmState } as const;
      return answer({ type: 'server-state', state: nsmState }, [event]);
    }
    case 'record-refusal':
      return boundRefusals(state, decideRecordRefusal(command), context);
    case 'sum-refusals':
      return answer(
        { type: 'done', more: false },
        refusalCounts(state, command.all ? Number.POSITIVE_INFINITY : context.now),
      );
    case 'monitor-host':
    case 'unmonitor-host':
    case 'record-monitored':
    case 'notify-clients':
    case 'simulate-crash':
    case 'settle-notice':
      return decideNsm(state, command, context);
    case 'claim-group':
    case 'serve-group':
    case 'begin-release':
    case 'finish-release':
    case 'abandon-release':
    case 'record-step':
      return decideLife(state, command);
    default:
      return unreachable(command);
  }
}

function decideOpenGrace(state: NlmFiles, command: OpenGraceCommand, context: Context): Decision {
  const { scope, order, durationMs, policy, expect } = command;
  // What the scope holds has to be known exactly.
  if (isSweeping(state)) return AGAIN;
  return done({ type: 'grace-opened', scope, until: context.now + durationMs, policy, expect, order });
}

function decideEndGrace(state: NlmFiles, command: EndGraceCommand): Decision {
  const { scope, why, order } = command;
  if (!state.graces.some((grace) => sameScope(grace.scope, scope))) {
    return answer({ type: 'not-found', what: 'a grace period of this scope' });
  }
  return done({ type: 'grace-ended', scope, why, order });
}

function done(event: Decision['events'][number]): Decision {
  return answer({ type: 'done', more: false }, [event]);
}
