/** Orders in the ledger: who asked for something, through which door and why; purges among them. */

import { textOfBytes } from '../admin/text.js';
import type { Order } from '../core/command.js';
import type {
  AddressUnlocked,
  ClientUnlocked,
  Event,
  FileSystemUnlocked,
  LocksExpected,
  LockUnlocked,
} from '../core/event.js';
import type { Position } from '../ledger/port.js';
import type { Step } from './fold.js';

export type PurgeEvent = AddressUnlocked | FileSystemUnlocked | ClientUnlocked | LockUnlocked | LocksExpected;

export function isPurge(event: Event): event is PurgeEvent {
  switch (event.type) {
    case 'address-unlocked':
    case 'file-system-unlocked':
    case 'client-unlocked':
    case 'lock-unlocked':
    case 'locks-expected':
      return true;
    default:
      return false;
  }
}

/** What a purge was aimed at, in the words of the command line. */
export function aimOf(event: PurgeEvent): string {
  switch (event.type) {
    case 'address-unlocked':
      return `unlock-ip ${event.address}`;
    case 'file-system-unlocked':
      return `unlock-fs ${event.fileSystem === '' ? '(unmapped)' : event.fileSystem}`;
    case 'client-unlocked': {
      const words = [event.name === undefined ? undefined : textOfBytes(event.name), event.address];
      return `unlock-client ${words.filter((word) => word !== undefined).join(' at ')}`;
    }
    case 'lock-unlocked':
      return `unlock-lock ${event.lock}`;
    case 'locks-expected': {
      const { scope } = event;
      const what = scope.type === 'address' ? `unlock-ip ${scope.address}` : 'unlock-fs';
      return `${what}${scope.type === 'file-system' ? ` ${scope.fileSystem}` : ''} (reclaimable)`;
    }
  }
}

/** Why something that was held or waited for ended otherwise than by its owner's will. */
export type Cause =
  | { readonly type: 'purge'; readonly position: Position; readonly aim: string; readonly order: Order }
  | { readonly type: 'reboot'; readonly position: Position; readonly state: number }
  | { readonly type: 'free-all'; readonly position: Position }
  | { readonly type: 'grace'; readonly position: Position; readonly order: Order };

/** The cause of what a sweep drops after this event, or makes expected. */
export function causeOf({ event, at }: Step): Cause | undefined {
  const { position } = at;
  if (isPurge(event)) return { type: 'purge', position, aim: aimOf(event), order: event.order };
  if (event.type === 'client-rebooted') return { type: 'reboot', position, state: event.state };
  if (event.type === 'client-freed') return { type: 'free-all', position };
  if (event.type === 'grace-opened') return { type: 'grace', position, order: event.order };
  return undefined;
}
