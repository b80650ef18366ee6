/**
 * The wiring of the groups that this node shares with others: their logs, members and doors, and what the sequences of a
 * takeover may ask of each.
 */

import { LedgerError } from './base/errors.js';
import type { Address } from './base/address.js';
import { GroupEffects, type GroupSurroundings } from './compose-groups.js';
import type { Configuration, ServiceGroup } from './config/configuration.js';
import type { Command, Rules } from './core/command.js';
import type { Listeners } from './doors/rpc/listeners.js';
import type { GroupHandle } from './engine/handle.js';
import { GroupMember } from './engine/member.js';
import { fileSystemName } from './handles/map.js';
import type { ReplicatedLog } from './ledger/replicated.js';
import type { MemberPort } from './takeover/port.js';

export interface ClusterOptions {
  readonly configuration: Configuration;
  readonly surroundings: GroupSurroundings;
  readonly clock: () => number;
  readonly release: string;
  readonly rules: Rules;
  readonly openLog: OpenLog;
  /** What an operator should know, while it is so. */
  readonly notes: Map<string, string>;
  /** Undefined before they are opened. */
  readonly listeners: () => Listeners | undefined;
}

/** Opens this node's part of a group's log; `log` takes lines for the operator. */
export type OpenLog = (group: ServiceGroup, log: (line: string) => void) => Promise<ReplicatedLog>;

/** How often a door that is to open is looked at. */
const DOOR_MS = 50;

interface Shared {
  readonly group: ServiceGroup;
  readonly effects: GroupEffects;
  readonly handle: LateHandle;
  readonly door: Door;
}

/** Whether the sockets of a group's addresses are to be open. */
interface Door {
  isOpen: boolean;
}

export class Cluster {
  readonly handles: readonly GroupHandle[];
  readonly effects: readonly GroupEffects[];
  readonly byFileSystem: ReadonlyMap<string, GroupHandle>;
  /** Of all groups: they may come to this host. */
  readonly addresses: readonly Address[];
  readonly #options: ClusterOptions;
  readonly #shared: readonly Shared[];

  constructor(options: ClusterOptions) {
    this.#options = options;
    const { groups, node, exports } = options.configuration;
    this.#shared = groups
      .filter(({ nodes, witnesses }) => nodes.includes(node.name) || witnesses.includes(node.name))
      .map((group) => {
        const handle = new LateHandle(group.name);
        const effects = new GroupEffects(group.name, () => handle, options.surroundings);
        return { group, handle, effects, door: { isOpen: false } };
      });
    this.handles = this.#shared.map(({ handle }) => handle);
    this.effects = this.#shared.map(({ effects }) => effects);
    this.addresses = this.#shared.flatMap(({ group }) => group.addresses);
    this.byFileSystem = new Map(
      this.#shared.flatMap(({ group, handle }) =>
        exports
          .filter(({ path }) => group.exports.includes(path))
          .map((entry): [string, GroupHandle] => [fileSystemName(entry, exports) ?? entry.path, handle]),
      ),
    );
  }

  /** Whether sockets of this address may be open: a group's are, while its owner says so. */
  isOpen(address: Address): boolean {
    const shared = this.#shared.find(({ group }) => group.addresses.includes(address));
    return shared === undefined || shared.door.isOpen;
  }

  /** Opens and folds the archives; nothing is owned yet. */
  async open(): Promise<void> {
    for (const shared of this.#shared) shared.handle.member = await this.#member(shared);
  }

  /** Of the groups that this node may own. */
  ports(): readonly (MemberPort & { readonly group: ServiceGroup })[] {
    const { name } = this.#options.configuration.node;
    return this.#shared.filter(({ group }) => group.nodes.includes(name)).map((shared) => this.#port(shared));
  }

  async close(): Promise<void> {
    await Promise.all(this.#shared.map(async ({ handle }) => handle.member?.close()));
    await Promise.all(this.effects.map((effects) => effects.close()));
  }

  async #member(shared: Shared): Promise<GroupMember> {
    const { group, effects } = shared;
    const { configuration, surroundings, clock, release, rules, notes } = this.#options;
    const { logger } = surroundings;
    const node = configuration.node.name;
    const note = (about: string, text: string | undefined): void => {
      if (text === undefined) notes.delete(about);
      else {
        if (notes.get(about) !== text) logger.warn({ group: group.name }, text);
        notes.set(about, text);
      }
    };
    const log = await this.#options.openLog(group, (line) => logger.warn({ group: group.name }, line));
    const member = new GroupMember({
      node,
      clock,
      log,
      claiming: () => [
        { type: 'start', node, release, notes: [] },
        { type: 'set-rules', rules },
      ],
      onClaimed: () => logger.info({ group: group.name }, 'the group is owned by this node'),
      onDurable: (batch, state) => effects.onDurable(batch, state),
      onFolded: (entries) => {
        effects.checkpointer.count(entries.reduce((sum, { events }) => sum + events.count, 0));
      },
      onSwept: (row) => effects.onSwept(row),
      onSweepEnd: () => effects.onSweepEnd(),
      onLost: (cause, how) => {
        logger.error({ group: group.name, err: cause }, how === 'fenced' ? LOST_FENCED : LOST_FAILED);
        void this.#setDoor(shared.door, false);
      },
      onNote: (text) => note(`group ${group.name}`, text),
    });
    await member.open();
    return member;
  }

  #port({ group, effects, handle, door }: Shared): MemberPort & { readonly group: ServiceGroup } {
    const member = (): GroupMember => handle.required;
    const quorum = group.take === 'on-silence';
    const node = this.#options.configuration.node.name;
    return {
      group,
      name: group.name,
      get role() {
        const { member: opened, state } = handle;
        if (opened === undefined) return 'opening';
        return opened.role === 'owning' && state?.life.status === 'releasing' ? 'releasing' : opened.role;
      },
      get state() {
        return handle.state;
      },
      get othersSeenAt() {
        return handle.member?.othersSeenAt ?? performance.now();
      },
      get lag() {
        return member().replication.lag;
      },
      caughtUp: async (msMax) => void (await member().log.caughtUp(msMax)),
      claim: ({ way, acceptLoss, isDead, order, seen }) =>
        member().claim(
          { acceptLoss, quorum, dead: isDead ? handle.state?.life.node : undefined },
          { type: 'claim-group', node, way, lossAccepted: false, order, seen },
        ),
      submit: (command) => member().submitted(command),
      serve: () => {
        member().serve();
        const { state } = member();
        if (state !== undefined) effects.begin(state);
      },
      closeDoor: () => this.#setDoor(door, false),
      openDoor: (msMax) => this.#openDoor(group, door, msMax),
      surrender: () => member().surrender(),
    };
  }

  async #setDoor(door: Door, isOpen: boolean): Promise<void> {
    door.isOpen = isOpen;
    await this.#options.listeners()?.refresh();
  }

  async #openDoor({ addresses }: ServiceGroup, door: Door, msMax: number): Promise<void> {
    const until = performance.now() + msMax;
    await this.#setDoor(door, true);
    for (;;) {
      const missing = addresses.filter((address) => !this.#isServed(address));
      if (missing.length === 0) return;
      if (performance.now() >= until) throw notServed(missing, this.#problemOf(missing), msMax);
      await new Promise((resolve) => setTimeout(resolve, DOOR_MS));
      await this.#options.listeners()?.refresh();
    }
  }

  #isServed(address: Address): boolean {
    return this.#options.listeners()?.endpoints.some((other) => other.address === address && other.isOpen) === true;
  }

  #problemOf(missing: readonly Address[]): string | undefined {
    return this.#options.listeners()?.endpoints.find(({ address }) => missing.includes(address))?.problem;
  }
}

const LOST_FENCED = 'another node owns the group now: this one serves it no more';
const LOST_FAILED = 'the ledger of the group failed: this node gives it up';

function notServed(missing: readonly Address[], problem: string | undefined, msMax: number): LedgerError {
  const why = problem ?? `not on this host within ${msMax} ms: give it to an interface (hook address-up)`;
  return new LedgerError('timeout', `${missing.join(', ')} cannot be served: ${why}`, { details: { missing } });
}

/** A group that is known before its archive is open. */
class LateHandle implements GroupHandle {
  readonly name: string;
  member: GroupMember | undefined;

  constructor(name: string) {
    this.name = name;
  }

  get required(): GroupMember {
    if (this.member === undefined) throw this.#opening();
    return this.member;
  }

  get group() {
    return this.member?.group;
  }

  get state() {
    return this.member?.state;
  }

  get durable() {
    return this.member?.durable ?? 0;
  }

  get away() {
    return this.member === undefined ? this.#opening() : this.member.away;
  }

  submitCall(...call: Parameters<GroupHandle['submitCall']>): void {
    if (this.member === undefined) call[1]({ type: 'withheld', cause: this.#opening() });
    else this.member.submitCall(...call);
  }

  submit(...call: Parameters<GroupHandle['submit']>): void {
    if (this.member === undefined) call[1]({ type: 'withheld', cause: this.#opening() });
    else this.member.submit(...call);
  }

  submitted(command: Command): ReturnType<GroupHandle['submitted']> {
    return new Promise((resolve) => this.submit(command, resolve));
  }

  #opening(): LedgerError {
    return new LedgerError('unavailable', `Group ${this.name} is being opened. Try again in a moment.`);
  }
}
