/** Commands of a group's life: claim, serve, release. The sequences in takeover/ submit them. */

import type { Order } from './command.js';
import type { GroupLife, StepOutcome, Way } from './life.js';

/** The first command of an epoch. Nothing is granted until `serve-group`. */
export interface ClaimGroupCommand {
  readonly type: 'claim-group';
  readonly node: string;
  readonly way: Way;
  readonly lossAccepted: boolean;
  readonly order: Order;
  /** What was seen when it was decided to claim: refused where the group has moved on since. */
  readonly seen?: Pick<GroupLife, 'takeover' | 'status'>;
}

/** The claim's preparations are over: locks are granted from here on. */
export interface ServeGroupCommand {
  readonly type: 'serve-group';
  /** What this node's file handles are made from, an export each. */
  readonly handles: readonly string[];
}

export interface BeginReleaseCommand {
  readonly type: 'begin-release';
  readonly way: Way;
  readonly order: Order;
}

/** The last command of an epoch that ends well. */
export interface FinishReleaseCommand {
  readonly type: 'finish-release';
}

/** A release that stopped on its way is taken back: the owner serves on, once what was done is undone. */
export interface AbandonReleaseCommand {
  readonly type: 'abandon-release';
  readonly order: Order;
}

export interface RecordStepCommand {
  readonly type: 'record-step';
  readonly node: string;
  readonly step: string;
  readonly outcome: StepOutcome;
  readonly detail: string;
  readonly milliseconds: number;
}

export type LifeCommand =
  | ClaimGroupCommand
  | ServeGroupCommand
  | BeginReleaseCommand
  | FinishReleaseCommand
  | AbandonReleaseCommand
  | RecordStepCommand;
