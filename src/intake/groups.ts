/**
 * From a command to the groups that it is for. A call belongs to the group of its file's file system, whatever address it
 * came through; what a client says of itself goes to each group that knows it; what is the host's own goes to the group
 * `local`. A single machine has one group for all of it.
 */

import type { Command } from '../core/command.js';
import { noticeKey } from '../core/nsm.js';
import type { NlmFiles } from '../core/state.js';
import type { GroupHandle } from '../engine/handle.js';
import type { Settle, Settled } from '../engine/settled.js';

export class GroupRoutes {
  readonly #local: GroupHandle;
  readonly #groups: readonly GroupHandle[];
  readonly #byFileSystem: ReadonlyMap<string, GroupHandle>;

  /** `byFileSystem` is empty on a single machine: `local` has every file. */
  constructor(
    local: GroupHandle,
    groups: readonly GroupHandle[],
    byFileSystem: ReadonlyMap<string, GroupHandle> = new Map(),
  ) {
    this.#local = local;
    this.#groups = groups;
    this.#byFileSystem = byFileSystem;
  }

  get all(): readonly GroupHandle[] {
    return [this.#local, ...this.#groups];
  }

  /** Of the host's own affairs. */
  get local(): GroupHandle {
    return this.#local;
  }

  /** Whether a file of this file system is served at all. */
  serves(fileSystem: string): boolean {
    return this.#groups.length === 0 || this.#byFileSystem.has(fileSystem);
  }

  ofFileSystem(fileSystem: string): GroupHandle {
    if (this.#groups.length === 0) return this.#local;
    return this.#byFileSystem.get(fileSystem) ?? this.#local;
  }

  submit(command: Command, settle: Settle): void {
    switch (command.type) {
      case 'lock':
      case 'test':
      case 'cancel':
      case 'unlock':
      case 'share':
      case 'unshare':
        return this.ofFileSystem(command.file.fileSystem).submitCall(command, settle);
      case 'free-all':
      case 'reboot':
        // Where nobody knows the client, the refusal is recorded once.
        return submitTo(
          this.#knowing((state) => state.clientsByAddress.has(command.client.address)),
          command,
          settle,
        );
      case 'settle-notice':
        return submitTo(
          this.#knowing(({ nsm }) => nsm.notices.get(noticeKey(command))?.state === command.state),
          command,
          settle,
        );
      default:
        return this.#local.submit(command, settle);
    }
  }

  /** Those that this node owns and that know it; `local` where there is none. */
  #knowing(knows: (state: NlmFiles) => boolean): readonly GroupHandle[] {
    if (this.#groups.length === 0) return [this.#local];
    const found = this.all.filter(({ group }) => group !== undefined && knows(group.state));
    return found.length === 0 ? [this.#local] : found;
  }
}

/** One command in each of them, and one answer: that of the group in which most happened. */
function submitTo(groups: readonly GroupHandle[], command: Command, settle: Settle): void {
  const [only] = groups;
  if (only !== undefined && groups.length === 1) return only.submit(command, settle);
  let missing = groups.length;
  const answers: Settled[] = [];
  for (const group of groups) {
    group.submit(command, (settled) => {
      answers.push(settled);
      missing -= 1;
      if (missing === 0) settle(answers.reduce((a, b) => (weight(b) > weight(a) ? b : a)));
    });
  }
}

/** One that is withheld makes the client ask again; one that was refused is no answer where another counted. */
function weight(settled: Settled): number {
  if (settled.type === 'withheld') return 3;
  if (settled.outcome.type === 'rebooted') return 2;
  return settled.outcome.type === 'refused' ? 0 : 1;
}
