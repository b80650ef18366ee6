/** What the sequences of a takeover need of a group on this node; `engine/` and `compose` implement it. */

import type { Command, Order } from '../core/command.js';
import type { GroupLife, Way } from '../core/life.js';
import type { NlmFiles } from '../core/state.js';
import type { Settled } from '../engine/settled.js';
import type { ClaimReport } from '../ledger/replicated.js';

export interface MemberPort {
  readonly name: string;
  readonly role: 'opening' | 'following' | 'claiming' | 'owning' | 'releasing' | 'down';
  /** The projection, for reading; undefined while it is being rebuilt. */
  readonly state: NlmFiles | undefined;
  /**
   * When, by `performance.now()`, the last entry of another node came in (or the following began, where none came):
   * until a second later its owner may still answer under its claim (hazard 8).
   */
  readonly othersSeenAt: number;
  /** Entries that the log has and this node has not; undefined while the log is away. */
  readonly lag: number | undefined;
  /** Resolves once what the log had at the time of the call is folded here. Rejects `unavailable` after `msMax`. */
  caughtUp(msMax: number): Promise<void>;
  /**
   * Claims the next epoch: catches up, compares heads, and submits `claim-group` as its first command. Calls are held
   * until `serve`.
   * @throws LedgerError `refused` (another node was first, a fork, unknown heads, what `claim-group` refuses), `unavailable`
   */
  claim(options: {
    readonly way: Way;
    readonly acceptLoss: boolean;
    /** The owner before is known to be dead. */
    readonly isDead: boolean;
    readonly order: Order;
    readonly seen: Pick<GroupLife, 'takeover' | 'status'>;
  }): Promise<ClaimReport>;
  /** To the owned group. */
  submit(command: Command): Promise<Settled>;
  /** Calls are decided from here on; `serve-group` is durable by then. Idempotent, as the doors are. */
  serve(): void;
  /** Sockets of the group's addresses are closed, and the connections that there are yet are reset. */
  closeDoor(): Promise<void>;
  /** Sockets are bound as soon as the addresses are here, and registered; resolves then. @throws LedgerError `timeout` */
  openDoor(msMax: number): Promise<void>;
  /** After `group-released` is durable: gives the group up and follows. */
  surrender(): Promise<void>;
}
