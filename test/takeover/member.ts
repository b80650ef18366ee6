/**
 * A group on a node, for the sequences: a real engine over a log in memory that two nodes share. What its doors do is
 * written into one trail with what the hooks do, so that a test sees the order of all.
 */

import { appendFileSync, chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import type { Address } from '../../src/base/address.js';
import { LedgerError } from '../../src/base/errors.js';
import type { HookStep } from '../../src/config/configuration.js';
import type { Command, Order } from '../../src/core/command.js';
import { decodeEvents } from '../../src/core/event-codec.js';
import type { Event } from '../../src/core/event.js';
import { evolve } from '../../src/core/evolve.js';
import type { Outcome } from '../../src/core/outcome.js';
import { initialState, type NlmFiles } from '../../src/core/state.js';
import { sweep } from '../../src/core/sweep.js';
import { Group } from '../../src/engine/group.js';
import type { Settled } from '../../src/engine/settled.js';
import { Chain } from '../../src/ledger/chain.js';
import { decodeEntry } from '../../src/ledger/entry.js';
import { MemoryLedger, MemoryLog } from '../../src/ledger/memory.js';
import type { ClaimReport } from '../../src/ledger/replicated.js';
import { GroupTakeover } from '../../src/takeover/group-takeover.js';
import type { MovedExport, MovedGroup } from '../../src/takeover/moved-group.js';
import type { MemberPort } from '../../src/takeover/port.js';

const STEPS: readonly HookStep[] = [
  'address-down', 'unexport', 'unmount', 'mount', 'export', 'address-up', 'announce',
]; // prettier-ignore

export const FLOAT = '10.1.1.2' as Address;

export class Scene {
  readonly log = new MemoryLog('web');
  readonly folder: string;
  readonly nodes: TestMember[] = [];
  readonly hooks: MovedGroup['hooks'];
  #folded: NlmFiles | undefined;

  constructor(t: ExecutionContext) {
    this.folder = mkdtempSync(join(tmpdir(), 'nlm-takeover-'));
    t.teardown(async () => {
      for (const node of this.nodes) await node.takeover.close();
      rmSync(this.folder, { recursive: true });
    });
    writeFileSync(this.#file('trail'), '');
    const script = [
      '#!/bin/sh',
      `echo "$NLM_NODE $NLM_STEP" >> ${this.#file('trail')}`,
      `echo "did $NLM_STEP\${NLM_CALLERS:+ for $NLM_PORT and $NLM_CALLERS}"`,
      `test ! -e ${this.folder}/fail-$NLM_STEP`,
    ];
    writeFileSync(this.#file('hook'), script.join('\n') + '\n');
    chmodSync(this.#file('hook'), 0o755);
    this.hooks = Object.fromEntries(STEPS.map((step) => [step, this.#file('hook')]));
  }

  node(name: string, group: Partial<MovedGroup> = {}): TestMember {
    const node = new TestMember(this, name, group);
    this.nodes.push(node);
    return node;
  }

  fail(step: string, fails: boolean): void {
    if (fails) writeFileSync(this.#file(`fail-${step}`), '');
    else rmSync(this.#file(`fail-${step}`));
  }

  leave(node: string, what: string): void {
    appendFileSync(this.#file('trail'), `${node} ${what}\n`);
  }

  /** What happened since the last look, in order. */
  trail(): string[] {
    const lines = readFileSync(this.#file('trail'), 'utf8').trim().split('\n');
    writeFileSync(this.#file('trail'), '');
    return lines.filter((line) => line !== '');
  }

  events(): Event[] {
    const events: Event[] = [];
    for (const { bytes } of this.log.entries) decodeEvents(decodeEntry(bytes).events, (event) => events.push(event));
    return events;
  }

  eventsOf<T extends Event['type']>(type: T): Extract<Event, { readonly type: T }>[] {
    return this.events().filter((event): event is Extract<Event, { readonly type: T }> => event.type === type);
  }

  /** As a node has it that follows; one fold an entry. */
  fold(): NlmFiles {
    const { position } = this.log.head;
    if (this.#folded?.position !== position) this.#folded = this.replay();
    return this.#folded;
  }

  replay(): NlmFiles {
    const state = initialState();
    for (const { bytes } of this.log.entries) {
      const { position, epoch, time, events } = decodeEntry(bytes);
      decodeEvents(events, (event) => evolve(state, event, { position, epoch, time }));
    }
    sweep(state, Number.POSITIVE_INFINITY);
    return state;
  }

  #file(name: string): string {
    return join(this.folder, name);
  }
}

export class TestMember implements MemberPort {
  readonly name = 'web';
  readonly takeover: GroupTakeover;
  readonly errors: string[] = [];
  othersSeenAt = performance.now();
  /** Steps of the doors that fail. */
  readonly failing = new Set<'close-door' | 'open-door'>();
  serving = false;
  readonly lag = 0;
  /** What it knows while its log has not come this far: a node that has only begun to follow. */
  behind: NlmFiles | undefined;
  readonly #scene: Scene;
  readonly #node: string;
  #group: Group | undefined;

  constructor(scene: Scene, node: string, group: Partial<MovedGroup>) {
    this.#scene = scene;
    this.#node = node;
    const moved: MovedGroup = {
      name: 'web',
      node,
      nodes: ['a', 'b', 'c'],
      addresses: [FLOAT],
      exports: [exportOf()],
      way: 'reclaim',
      hooks: scene.hooks,
      hookMs: 10_000,
      graceMs: 60_000,
      nlmPort: 4045,
      ...group,
    };
    this.takeover = new GroupTakeover(moved, this, {
      info: () => undefined,
      error: (_details, message) => this.errors.push(message),
    });
  }

  get role(): MemberPort['role'] {
    if (this.#group === undefined || this.#group.failure !== undefined) return 'following';
    return this.#group.state.life.status === 'releasing' ? 'releasing' : 'owning';
  }

  get state(): NlmFiles {
    return this.role === 'following' ? (this.behind ?? this.#scene.fold()) : this.#group!.state;
  }

  async caughtUp(): Promise<void> {
    this.behind = undefined;
  }

  async claim(options: Parameters<MemberPort['claim']>[0]): Promise<ClaimReport> {
    const { log } = this.#scene;
    const { way, acceptLoss: lossAccepted, order, seen } = options;
    const position = log.head.position;
    this.#group = new Group({
      ledger: new MemoryLedger(log),
      chain: new Chain('web', log.head),
      state: this.#scene.replay(),
      node: this.#node,
      epoch: log.head.epoch + 1,
      clock: Date.now,
      onDurable: () => undefined,
      onSwept: () => undefined,
      onSweepEnd: () => undefined,
      onFailed: () => undefined,
    });
    this.#scene.leave(this.#node, 'claims');
    const settled = await this.submit({ type: 'claim-group', node: this.#node, way, lossAccepted, order, seen });
    if (settled.type === 'withheld') throw settled.cause;
    if (settled.outcome.type === 'refused') {
      this.#group.stop(new LedgerError('refused', 'it never owned it'));
      this.#group = undefined;
      throw new LedgerError('refused', `group web: ${settled.outcome.why}`);
    }
    return {
      heads: [{ node: this.#node, position, epoch: log.head.epoch }],
      reads: { entry: 1, event: 1 },
      republished: 0,
      lossAccepted,
    };
  }

  submit(command: Command): Promise<Settled> {
    const group = this.#group;
    if (group === undefined) throw new Error('not owned');
    return new Promise((resolve) => group.submit(command, resolve));
  }

  /** What a client would be answered, or nothing. */
  async ask(command: Command): Promise<Outcome['type'] | 'withheld'> {
    const settled = await this.submit(command);
    return settled.type === 'answer' ? settled.outcome.type : 'withheld';
  }

  serve(): void {
    this.serving = true;
    this.#scene.leave(this.#node, 'serves');
  }

  async closeDoor(): Promise<void> {
    this.#scene.leave(this.#node, 'close-door');
    if (this.failing.has('close-door')) throw new LedgerError('io', 'a socket does not close');
  }

  async openDoor(): Promise<void> {
    this.#scene.leave(this.#node, 'open-door');
    if (this.failing.has('open-door')) throw new LedgerError('timeout', `${FLOAT} is not on this host`);
  }

  async surrender(): Promise<void> {
    this.#group?.stop(new LedgerError('refused', 'released'));
    this.serving = false;
  }

  /** As a node that has claimed and served before the scene begins. */
  async own(order: Order): Promise<void> {
    await this.claim({ way: 'carry', acceptLoss: false, isDead: false, order, seen: this.state.life });
    await this.submit({ type: 'serve-group', handles: [] });
    this.serving = true;
  }
}

export function exportOf(exportId = 77): MovedExport {
  return { path: '/srv/web', fileSystem: 'fs1', handle: { format: 'ganesha', exportId, fsid: 'abc' } };
}
