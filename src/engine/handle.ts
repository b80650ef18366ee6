/** One group on this node, as those see it who ask and order: kept alone (keeper.ts), or shared with other nodes (member.ts). */

import type { LedgerError } from '../base/errors.js';
import type { Command } from '../core/command.js';
import type { NlmFiles } from '../core/state.js';
import type { Position } from '../ledger/port.js';
import type { Group } from './group.js';
import type { Settle, Settled } from './settled.js';

export interface GroupHandle {
  readonly name: string;
  /** The writer, while this node is it. */
  readonly group: Group | undefined;
  /** For reading; undefined while it is being folded. */
  readonly state: NlmFiles | undefined;
  readonly durable: Position;
  /** Why nothing can be ordered here now; undefined while it can. */
  readonly away: LedgerError | undefined;
  /** A client's call. It may be held while it is not decided who serves the group. */
  submitCall(command: Command, settle: Settle): void;
  /** An order, a step of this program, an answer to a callback. */
  submit(command: Command, settle: Settle): void;
  submitted(command: Command): Promise<Settled>;
}
