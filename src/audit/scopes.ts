/** What events of a whole scope are about: purges, graces, the life of the group. */

import type { GraceScope } from '../core/command.js';
import { describeEvent } from '../core/describe.js';
import type { Event } from '../core/event.js';
import type { NlmFiles } from '../core/state.js';
import type { Scope } from './filter.js';
import type { PurgeEvent } from './orders.js';

export function purgeScope(event: PurgeEvent): Scope {
  switch (event.type) {
    case 'address-unlocked':
      return { address: event.address };
    case 'file-system-unlocked':
      return { fileSystem: event.fileSystem };
    case 'client-unlocked':
      return { client: event.name, clientAddress: event.address };
    case 'locks-expected':
      return graceScope(event.scope);
    case 'lock-unlocked':
      return {};
  }
}

export function graceScope(scope: GraceScope): Scope {
  if (scope.type === 'address') return { address: scope.address };
  return scope.type === 'file-system' ? { fileSystem: scope.fileSystem } : {};
}

export function graceText(scope: GraceScope): string {
  if (scope.type === 'all') return 'everything';
  return scope.type === 'address' ? scope.address : scope.fileSystem;
}

/** What happened to the group as a whole, in words; undefined for other events. The steps of a takeover are left to `audit takeover`. */
export function lifeText(event: Event): string | undefined {
  switch (event.type) {
    case 'group-claimed': {
      const from = event.from === '' ? 'nobody' : `node ${event.from}`;
      return `takeover ${event.takeover}: claimed by node ${event.node} from ${from}, ${event.way}`;
    }
    case 'group-serving':
      return `takeover ${event.takeover}: serving`;
    case 'group-releasing':
      return `takeover ${event.takeover}: being released, ${event.way}`;
    case 'group-released':
      return `takeover ${event.takeover}: released, ${event.way}`;
    case 'release-abandoned':
      return `takeover ${event.takeover}: the release is abandoned`;
    default:
      return undefined;
  }
}

/** An event that has no row of its own, as `watch` shows it. */
export function eventText(state: NlmFiles, event: Event): string {
  const { type, ...fields } = describeEvent(state, event);
  return `${type} ${JSON.stringify(fields)}`;
}
