/** The answers of our node's own commands, as far as the suite reads them (schemas/admin.json). */
import type { LedgerNode } from './node.js';

export interface Lock {
  readonly client: string;
  readonly clientAddress: string;
  readonly serverAddress: string;
  readonly fileSystem: string;
  /** Decimal digits; `end` is "eof" where there is no end. */
  readonly start: string;
  readonly end: string;
  readonly exclusive: boolean;
}

export interface Purge {
  readonly counts: { readonly locks: number; readonly waiters: number };
  readonly rows: readonly Lock[];
}

// What comes back is checked by the assertions of the tests.
export async function unlockIp(node: LedgerNode, address: string): Promise<Purge> {
  return (await node.command(['unlock-ip', address])) as Purge;
}

export async function unlockFs(node: LedgerNode, path: string): Promise<Purge> {
  return (await node.command(['unlock-fs', path])) as Purge;
}

export async function unlockClient(node: LedgerNode, name: string): Promise<Purge> {
  return (await node.command(['unlock-client', name])) as Purge;
}

export async function locks(node: LedgerNode): Promise<readonly Lock[]> {
  return ((await node.command(['locks'])) as { readonly rows: readonly Lock[] }).rows;
}

/** With the path of each file, as the node finds it on the file system that is mounted there. */
export async function resolvedLocks(node: LedgerNode): Promise<readonly (Lock & { readonly path?: string })[]> {
  return ((await node.command(['locks', '--resolve'])) as { readonly rows: readonly (Lock & { path?: string })[] })
    .rows;
}

export async function waiters(node: LedgerNode): Promise<readonly Lock[]> {
  return ((await node.command(['waiters'])) as { readonly rows: readonly Lock[] }).rows;
}

export interface Graces {
  readonly graces: readonly { readonly scope: string; readonly policy: string; readonly expected: number }[];
  readonly clients: readonly { readonly client: string; readonly expected: number }[];
}

/** `words` as on the command line. */
export async function graceOpen(node: LedgerNode, words: readonly string[]): Promise<Graces> {
  return (await node.command(['grace', 'open', ...words])) as Graces;
}

export async function graceEnd(node: LedgerNode, words: readonly string[]): Promise<Graces> {
  return (await node.command(['grace', 'end', ...words])) as Graces;
}

export async function graces(node: LedgerNode): Promise<Graces['graces']> {
  return ((await node.command(['grace', 'status'])) as Graces).graces;
}

export interface Notice {
  readonly client: string;
  readonly serverAddress: string;
  readonly phase: 'waiting' | 'sent' | 'answered' | 'given-up';
}

/** Tells the clients of an address to reclaim; the answer is how many are told. */
export async function notify(node: LedgerNode, words: readonly string[]): Promise<number> {
  const { addresses } = (await node.command(['notify', ...words])) as {
    readonly addresses: readonly { readonly clients: number }[];
  };
  return addresses.reduce((sum, { clients }) => sum + clients, 0);
}

export async function notices(node: LedgerNode, address: string): Promise<readonly Notice[]> {
  return ((await node.command(['notify-status', address])) as { readonly rows: readonly Notice[] }).rows;
}

/** An event of the ledger, with whatever fields its type has. */
export type LedgerEvent = Readonly<Record<string, unknown>>;

/** Everything that the ledger has recorded so far, oldest first. */
export async function events(node: LedgerNode): Promise<readonly LedgerEvent[]> {
  const entries = (await node.ledger(['dump'])).split('\n').filter((line) => line !== '');
  return entries.flatMap((line) => (JSON.parse(line) as { readonly events: readonly LedgerEvent[] }).events);
}
