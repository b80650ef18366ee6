/** `graces`: the grace periods that are open, group by group. */

import { LedgerError } from '../base/errors.js';
import { graces as gracesOf } from '../core/queries.js';
import type { GracesReply } from './messages.js';
import type { AdminPort } from './port.js';

/** @throws LedgerError 'unavailable' where a group is down: what it would say is not known */
export async function graces(port: AdminPort): Promise<GracesReply> {
  return {
    graces: port.groups().flatMap(({ name, state, statusReason }) => {
      if (state === undefined) throw new LedgerError('unavailable', `group ${name} is down: ${statusReason}`);
      return gracesOf(state).map(({ scope, until }) => ({ group: name, scope, until }));
    }),
  };
}
