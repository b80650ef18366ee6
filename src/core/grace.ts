/**
 * Grace periods: whose new locks have to wait until the old holders have reclaimed theirs. What is expected stays in the
 * tables, in the way of everybody but its owner. A reclaim, a plain LOCK or an UNLOCK of the owner ends that for the
 * range that it covers; so does whatever drops locks. What is left at the end of the grace is missed, lock by lock.
 */

import type { GracePolicy, GraceScope } from './command.js';
import {
  addressOf,
  fileSystemOf,
  isSweeping,
  type AddressScope,
  type FileSystemScope,
  type NlmFiles,
} from './state.js';
import type { FileId, OwnerId } from './event.js';

/** A grace ends by an event alone, never by a look at the clock. */
export function inGrace(state: NlmFiles, fileSystem: string, serverAddress: string): boolean {
  return state.graces.length > 0 && state.graces.some(({ scope }) => inScope(scope, fileSystem, serverAddress));
}

/** Of the graces there; undefined outside of one. Where one of them knows that the ledger is not whole, all are lenient. */
export function gracePolicy(state: NlmFiles, fileSystem: string, serverAddress: string): GracePolicy | undefined {
  let found: GracePolicy | undefined;
  for (const { scope, policy } of state.graces) {
    if (found !== 'lenient' && inScope(scope, fileSystem, serverAddress)) found = policy;
  }
  return found;
}

function inScope(scope: GraceScope, fileSystem: string, serverAddress: string): boolean {
  if (scope.type === 'address') return scope.address === serverAddress;
  return scope.type === 'all' || scope.fileSystem === fileSystem;
}

export function sameScope(a: GraceScope, b: GraceScope): boolean {
  if (a.type === 'address') return b.type === 'address' && a.address === b.address;
  if (a.type === 'file-system') return b.type === 'file-system' && a.fileSystem === b.fileSystem;
  return b.type === 'all';
}

/** Locks and shares that are expected in a scope. Exact while no sweep is under way. */
export function expectedIn(state: NlmFiles, scope: GraceScope): number {
  return scopesOf(state, scope).reduce((sum, { expected, expectedShares }) => sum + expected + expectedShares, 0);
}

/** A grace in which nothing is expected any more: it is to be ended. The engine asks after each step. */
export function graceComplete(state: NlmFiles): GraceScope | undefined {
  if (state.graces.length === 0 || isSweeping(state)) return undefined;
  return state.graces.find(({ scope, endsEarly }) => endsEarly && expectedIn(state, scope) === 0)?.scope;
}

/** Part of `evolve`. */
export function closeGrace(state: NlmFiles, scope: GraceScope): void {
  const index = state.graces.findIndex((grace) => sameScope(grace.scope, scope));
  if (index >= 0) state.graces.splice(index, 1);
}

export function covers(state: NlmFiles, scope: GraceScope, owner: OwnerId, file: FileId): boolean {
  return inScope(scope, fileSystemOf(state, file).name, addressOf(state, owner).address);
}

export function scopesOf(state: NlmFiles, scope: GraceScope): readonly (AddressScope | FileSystemScope)[] {
  if (scope.type === 'all') return state.addresses;
  const found =
    scope.type === 'address' ? state.addressByName.get(scope.address) : state.fileSystemByName.get(scope.fileSystem);
  return found === undefined ? [] : [found];
}
