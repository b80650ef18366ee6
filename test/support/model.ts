/** A naive model of a lock table: plain arrays, BigInt, no trees and no marks. Slow, and obviously right. */

import type { GraceScope } from '../../src/core/command.js';

export interface ModelLock {
  readonly owner: string;
  readonly client: string;
  readonly from: string;
  readonly to: string;
  readonly fileSystem: string;
  readonly file: string;
  readonly start: bigint;
  readonly end: bigint;
  readonly exclusive: boolean;
  /** Not held: to be reclaimed. */
  readonly expected?: boolean;
}

export type ModelShare = Subject & {
  readonly mode: number;
  readonly access: number;
  readonly expected: boolean;
};

export interface ModelGrace {
  readonly scope: GraceScope;
  readonly policy: 'strict' | 'lenient';
  readonly endsEarly: boolean;
}

export interface ModelWaiter extends ModelLock {
  readonly waits: true;
}

export type Subject = Omit<ModelLock, 'start' | 'end' | 'exclusive'>;

const keyOf = (lock: { readonly fileSystem: string; readonly file: string }) => `${lock.fileSystem}:${lock.file}`;

const overlap = (a: { start: bigint; end: bigint }, b: { start: bigint; end: bigint }) =>
  a.start <= b.end && b.start <= a.end;

interface ModelPending {
  readonly lock: ModelLock;
  readonly replaced: readonly ModelLock[];
  /** A CANCEL that was on its way still undoes it. */
  answered: boolean;
}

export class Model {
  locks: ModelLock[] = [];
  waiters: ModelLock[] = [];
  pending: ModelPending[] = [];
  shares: ModelShare[] = [];
  graces: ModelGrace[] = [];
  /** The life of the group: where it stands, and which way. */
  status: 'unclaimed' | 'claimed' | 'owned' | 'releasing' | 'released' = 'unclaimed';
  way: 'carry' | 'reclaim' = 'carry';

  get grants(): boolean {
    return this.status === 'unclaimed' || this.status === 'owned';
  }

  /** What a call gets while nothing is granted. */
  withoutGrants(what: 'takes' | 'reclaims' | 'gives'): 'denied-grace-period' | 'silence' | undefined {
    if (this.grants) return undefined;
    if (this.status === 'released' || what === 'reclaims') return 'silence';
    return what === 'takes' ? 'denied-grace-period' : undefined;
  }

  move(what: 'claim' | 'serve' | 'begin' | 'finish' | 'abandon', way: 'carry' | 'reclaim'): 'done' | 'refused' {
    const { status } = this;
    if (what === 'claim') {
      if ((status === 'releasing' || status === 'released') && this.way === 'reclaim' && way === 'carry')
        return 'refused';
      this.status = 'claimed';
      this.way = way;
    } else if (what === 'serve') {
      if (status !== 'claimed' && status !== 'owned') return 'refused';
      this.status = 'owned';
    } else if (what === 'begin') {
      if (status === 'releasing') return this.way === way ? 'done' : 'refused';
      if (status === 'unclaimed' || status === 'released') return 'refused';
      this.status = 'releasing';
      this.way = way;
      if (way === 'reclaim') this.graces = [];
    } else if (what === 'finish') {
      if (status !== 'releasing' && status !== 'released') return 'refused';
      this.status = 'released';
    } else {
      if (status !== 'releasing') return 'refused';
      this.status = 'claimed';
      this.way = [...this.locks, ...this.shares].some((one) => one.expected === true) ? 'reclaim' : 'carry';
    }
    return 'done';
  }

  conflicts(lock: ModelLock): ModelLock[] {
    return this.locks.filter(
      (other) =>
        keyOf(other) === keyOf(lock) &&
        other.owner !== lock.owner &&
        overlap(other, lock) &&
        (other.exclusive || lock.exclusive),
    );
  }

  covered(lock: ModelLock): boolean {
    return this.locks.some(
      (other) =>
        keyOf(other) === keyOf(lock) &&
        other.owner === lock.owner &&
        other.expected !== true &&
        other.exclusive === lock.exclusive &&
        other.start <= lock.start &&
        other.end >= lock.end,
    );
  }

  lock(
    lock: ModelLock,
    block: boolean,
    reclaim = false,
  ): 'granted' | 'denied' | 'blocked' | 'deadlock' | 'denied-grace-period' {
    if (this.covered(lock)) {
      this.acknowledge(lock);
      return 'granted';
    }
    const expects = this.own(lock).some((own) => own.expected === true && overlap(own, lock));
    const asks = reclaim || (this.graces.length > 0 && expects);
    if (!(asks && this.ownsAll(lock))) {
      const policy = this.policy(lock);
      if (reclaim ? policy === undefined : policy !== undefined) return 'denied-grace-period';
      const waits = this.waiters.some((waiter) => same(waiter, lock));
      if (reclaim && policy === 'strict' && !waits) return 'denied';
    }
    const inTheWay = this.conflicts(lock);
    const yields = inTheWay.every((other) => other.expected === true && this.policy(other) === 'lenient');
    if (inTheWay.length === 0 || (reclaim && this.policy(lock) === 'lenient' && yields)) {
      for (const { owner, start, end } of inTheWay) {
        this.letGo({
          ...lock,
          owner,
          start: start > lock.start ? start : lock.start,
          end: end < lock.end ? end : lock.end,
        });
      }
      this.acknowledge(lock);
      this.waiters = this.waiters.filter((waiter) => !same(waiter, lock));
      this.hold(lock);
      return 'granted';
    }
    if (!block || reclaim) return 'denied';
    if (this.deadlock(lock)) {
      this.waiters = this.waiters.filter((waiter) => !same(waiter, lock));
      return 'deadlock';
    }
    if (!this.waiters.some((waiter) => same(waiter, lock))) this.waiters.push(lock);
    return 'blocked';
  }

  unlock(lock: ModelLock): void {
    if (
      !this.locks.some((other) => keyOf(other) === keyOf(lock) && other.owner === lock.owner && overlap(other, lock)) &&
      !this.waiters.some((waiter) => within(waiter, lock))
    ) {
      return;
    }
    this.acknowledge(lock);
    this.waiters = this.waiters.filter((waiter) => !within(waiter, lock));
    this.letGo(lock);
  }

  cancel(lock: ModelLock): void {
    if (this.waiters.some((waiter) => same(waiter, lock))) {
      this.waiters = this.waiters.filter((waiter) => !same(waiter, lock));
      return;
    }
    const grant = this.pending.find((pending) => same(pending.lock, lock));
    if (grant !== undefined) this.undo(grant);
  }

  undo(grant: ModelPending): void {
    this.pending = this.pending.filter((other) => other !== grant);
    this.letGo(grant.lock);
    for (const before of grant.replaced) {
      const exclusive = before.exclusive && this.conflicts(before).length === 0;
      this.hold({ ...before, exclusive });
    }
  }

  wake(): void {
    if (!this.grants) return;
    for (let again = true; again;) {
      again = false;
      for (const waiter of this.waiters) {
        if (this.conflicts(waiter).length > 0 || this.policy(waiter) !== undefined) continue;
        const replaced = this.locks
          .filter((own) => own.owner === waiter.owner && keyOf(own) === keyOf(waiter) && overlap(own, waiter))
          .map((own) => ({
            ...own,
            start: own.start > waiter.start ? own.start : waiter.start,
            end: own.end < waiter.end ? own.end : waiter.end,
          }));
        this.acknowledge(waiter);
        this.waiters = this.waiters.filter((other) => other !== waiter);
        this.hold(waiter);
        this.pending.push({ lock: waiter, replaced, answered: false });
        again = true;
        break;
      }
    }
  }

  open(scope: GraceScope, policy: 'strict' | 'lenient', expect: 'held' | 'none'): void {
    this.returnPending(scope);
    if (expect === 'held') this.expect(scope);
    this.graces = this.graces.filter((grace) => !sameScope(grace.scope, scope));
    this.graces.push({ scope, policy, endsEarly: policy === 'strict' });
  }

  /** A purge after which its owners may reclaim. */
  release(scope: GraceScope): { locks: number; waiters: number; shares: number } {
    const held = (one: Subject & { readonly expected?: boolean }) => inScope(scope, one) && one.expected !== true;
    const counts = { locks: this.locks.filter(held).length, waiters: 0, shares: this.shares.filter(held).length };
    this.returnPending(scope);
    this.expect(scope);
    return counts;
  }

  end(scope: GraceScope): boolean {
    const known = this.graces.some((grace) => sameScope(grace.scope, scope));
    if (!known) return false;
    this.graces = this.graces.filter((grace) => !sameScope(grace.scope, scope));
    const stays = (one: Subject & { readonly expected?: boolean }) =>
      one.expected !== true || !inScope(scope, one) || this.policy(one) !== undefined;
    this.locks = this.locks.filter(stays);
    this.shares = this.shares.filter(stays);
    return true;
  }

  /** Ends what is complete. */
  settle(): void {
    const complete = this.graces.find(
      ({ scope, endsEarly }) =>
        endsEarly && ![...this.locks, ...this.shares].some((one) => one.expected === true && inScope(scope, one)),
    );
    if (complete === undefined) return;
    this.end(complete.scope);
    this.settle();
  }

  share(share: ModelShare, reclaim: boolean): 'granted' | 'denied' | 'denied-grace-period' {
    const equal = this.shares.filter((other) => sameShare(other, share));
    const expected = equal.find((other) => other.expected);
    if (expected === undefined) {
      const policy = this.policy(share);
      if (reclaim && equal.length > 0) return 'granted';
      if (reclaim ? policy === undefined : policy !== undefined) return 'denied-grace-period';
      if (reclaim && policy === 'strict') return 'denied';
    }
    const inTheWay = this.shares.filter(
      (other) =>
        keyOf(other) === keyOf(share) &&
        other.owner !== share.owner &&
        ((share.access & other.mode) !== 0 || (share.mode & other.access) !== 0),
    );
    const yields = inTheWay.every((other) => other.expected && this.policy(other) === 'lenient');
    if (inTheWay.length > 0 && !(reclaim && this.policy(share) === 'lenient' && yields)) return 'denied';
    this.shares = this.shares.filter((other) => other !== expected && !inTheWay.includes(other));
    this.shares.push(share);
    return 'granted';
  }

  unshare(share: ModelShare): void {
    const equal = this.shares.filter((other) => sameShare(other, share));
    const gone = equal.find((other) => !other.expected) ?? equal[0];
    this.shares = this.shares.filter((other) => other !== gone);
  }

  drop(which: (lock: Subject) => boolean): {
    locks: number;
    waiters: number;
    shares: number;
    expected?: number;
    expectedShares?: number;
  } {
    const expected = this.locks.filter((lock) => which(lock) && lock.expected === true).length;
    const expectedShares = this.shares.filter((share) => which(share) && share.expected).length;
    const shares = this.shares.filter(which).length;
    this.shares = this.shares.filter((share) => !which(share));
    const locks = this.locks.filter(which).length;
    const waiters = this.waiters.filter(which).length;
    this.locks = this.locks.filter((lock) => !which(lock));
    this.waiters = this.waiters.filter((waiter) => !which(waiter));
    this.pending = this.pending.filter((grant) => !which(grant.lock));
    return {
      locks,
      waiters,
      shares,
      ...(expected === 0 ? {} : { expected }),
      ...(expectedShares === 0 ? {} : { expectedShares }),
    };
  }

  /** Every lock, one line each, in order. */
  table(): string[] {
    return this.locks.map(line).sort();
  }

  queue(): string[] {
    return this.waiters.map(line).sort();
  }

  private deadlock(lock: ModelLock): boolean {
    const seen = new Set<string>();
    const from = this.conflicts(lock).map((other) => other.owner);
    for (let owner = from.pop(); owner !== undefined; owner = from.pop()) {
      if (owner === lock.owner) return true;
      if (seen.has(owner)) continue;
      seen.add(owner);
      for (const waiter of this.waiters) {
        if (waiter.owner === owner) from.push(...this.conflicts(waiter).map((other) => other.owner));
      }
    }
    return false;
  }

  private acknowledge(lock: ModelLock): void {
    this.pending = this.pending.filter(
      ({ lock: grant }) => grant.owner !== lock.owner || keyOf(grant) !== keyOf(lock) || !overlap(grant, lock),
    );
  }

  private hold(lock: ModelLock): void {
    this.letGo(lock);
    let { start, end } = lock;
    for (const own of this.own(lock)) {
      if (own.expected === true || own.exclusive !== lock.exclusive || own.start > end + 1n || own.end + 1n < start)
        continue;
      start = own.start < start ? own.start : start;
      end = own.end > end ? own.end : end;
      this.locks = this.locks.filter((other) => other !== own);
    }
    this.locks.push({ ...lock, start, end });
  }

  private expect(scope: GraceScope): void {
    this.locks = this.locks.map((lock) => (inScope(scope, lock) ? { ...lock, expected: true } : lock));
    this.shares = this.shares.map((share) => (inScope(scope, share) ? { ...share, expected: true } : share));
  }

  private returnPending(scope: GraceScope): void {
    for (const grant of this.pending.toReversed()) {
      if (!inScope(scope, grant.lock)) continue;
      if (grant.answered) {
        // The client has it, and says no more of it than of any other lock.
        this.pending = this.pending.filter((other) => other !== grant);
        continue;
      }
      this.undo(grant);
      this.waiters.unshift(grant.lock);
    }
  }

  private policy(subject: Subject): 'strict' | 'lenient' | undefined {
    const policies = this.graces.filter(({ scope }) => inScope(scope, subject)).map(({ policy }) => policy);
    return policies.includes('lenient') ? 'lenient' : policies[0];
  }

  private ownsAll(lock: ModelLock): boolean {
    let next = lock.start;
    for (const own of this.own(lock).toSorted((a, b) => (a.start < b.start ? -1 : 1))) {
      if (own.end < next || own.start > next || (lock.exclusive && !own.exclusive)) continue;
      next = own.end + 1n;
    }
    return next > lock.end;
  }

  private letGo(lock: ModelLock): void {
    for (const own of this.own(lock)) {
      if (!overlap(own, lock)) continue;
      this.locks = this.locks.filter((other) => other !== own);
      if (own.start < lock.start) this.locks.push({ ...own, end: lock.start - 1n });
      if (own.end > lock.end) this.locks.push({ ...own, start: lock.end + 1n });
    }
  }

  private own(lock: ModelLock): ModelLock[] {
    return this.locks.filter((other) => other.owner === lock.owner && keyOf(other) === keyOf(lock));
  }
}

function same(a: ModelLock, b: ModelLock): boolean {
  return (
    a.exclusive === b.exclusive &&
    a.start === b.start &&
    a.end === b.end &&
    a.owner === b.owner &&
    keyOf(a) === keyOf(b)
  );
}

function within(waiter: ModelLock, range: ModelLock): boolean {
  return (
    waiter.owner === range.owner &&
    keyOf(waiter) === keyOf(range) &&
    waiter.start >= range.start &&
    waiter.end <= range.end
  );
}

function inScope(scope: GraceScope, subject: Subject): boolean {
  if (scope.type === 'address') return subject.to === scope.address;
  return scope.type === 'all' || subject.fileSystem === scope.fileSystem;
}

function sameScope(a: GraceScope, b: GraceScope): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

function sameShare(a: ModelShare, b: ModelShare): boolean {
  return a.owner === b.owner && keyOf(a) === keyOf(b) && a.mode === b.mode && a.access === b.access;
}

export function line(lock: ModelLock): string {
  const expected = lock.expected === true ? '?' : '';
  return `${keyOf(lock)} ${lock.owner} ${lock.start}-${lock.end} ${lock.exclusive ? 'W' : 'R'}${expected}`;
}

export function shareLine(share: ModelShare): string {
  return `${keyOf(share)} ${share.owner} ${share.mode}${share.access}${share.expected ? '?' : ''}`;
}
