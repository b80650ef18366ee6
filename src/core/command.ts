/**
 * Commands: what any door may ask of a group. A door fills in what it saw on the wire, `intake` what the
 * configuration says (file system, key), and `decide` answers with events and an outcome.
 */

import type { Bytes } from '../base/bytes.js';
import type { U64 } from '../base/u64.js';
import type { CallbackForm } from './callback-form.js';
import type { LifeCommand } from './life-command.js';
import type { NsmCommand } from './nsm-command.js';
import type { Range } from './range.js';

/** Who calls: the name alone proves nothing, so the source address belongs to the identity. */
export interface ClientName {
  /** caller_name as it came. */
  readonly name: Bytes;
  /** Canonical source address, without port (v4-mapped folded). */
  readonly address: string;
}

/** As in lockd, a client that comes in through two server addresses is two owners. */
export interface OwnerName {
  readonly client: ClientName;
  /** Canonical in-bound address of the server. */
  readonly serverAddress: string;
  readonly svid: number;
  readonly oh: Bytes;
  /** Where a state found it last, 0 for nowhere: it looks there first. Nothing depends on it. */
  found?: number;
}

export interface FileName {
  /** What the handle's format extracts: two exports of one tree give one key. */
  readonly key: Bytes;
  /** Name of the file system as a fact; `''` for a handle that no export maps. */
  readonly fileSystem: string;
  /** The NFS file handle as it came, for echo. */
  readonly handle: Bytes;
  /** As an owner's. */
  found?: number;
}

/** Identity of an RPC call for the reply cache: with the client's address it is (source, xid, procedure, digest). */
export interface CallIdentity {
  readonly port: number;
  readonly xid: number;
  /** MurmurHash3 of the argument bytes, 32 bits. */
  readonly digest: number;
}

interface OwnerCommand {
  readonly owner: OwnerName;
  readonly file: FileName;
  readonly range: Range;
}

export interface LockCommand extends OwnerCommand {
  readonly type: 'lock';
  /** l_len as it came: the callback echoes it. */
  readonly length: U64;
  readonly exclusive: boolean;
  readonly block: boolean;
  readonly reclaim: boolean;
  /** False for NM_LOCK: not monitored, never blocked. */
  readonly monitored: boolean;
  /** The client's NSM state, 0 where it does not know it. */
  readonly state: number;
  /**
   * The transport shows that the call is of the client's present life: a TCP connection opened after its last notice
   * of a reboot. Such a call counts even where its state is an older one: some clients raise theirs after statd read it.
   */
  readonly presentLife: boolean;
  /** How the client is called back where it has to wait. */
  readonly callback: CallbackForm;
  readonly call: CallIdentity;
}

export interface TestCommand extends OwnerCommand {
  readonly type: 'test';
  readonly exclusive: boolean;
}

export interface CancelCommand extends OwnerCommand {
  readonly type: 'cancel';
  readonly exclusive: boolean;
  readonly block: boolean;
  readonly call: CallIdentity;
}

/** Bits of read and write: 0 none, 1 read, 2 write, 3 both. */
export type ShareBits = 0 | 1 | 2 | 3;

/** The owner of a share has svid 0: NLM names it by client and oh alone. */
interface ShareFacts {
  readonly owner: OwnerName;
  readonly file: FileName;
  /** What others may not do. */
  readonly mode: ShareBits;
  readonly access: ShareBits;
  readonly call: CallIdentity;
}

/** Counts: as many UNSHAREs as SHAREs end it. */
export interface ShareCommand extends ShareFacts {
  readonly type: 'share';
  readonly reclaim: boolean;
}

/** Takes back one grant of this mode and access. */
export interface UnshareCommand extends ShareFacts {
  readonly type: 'unshare';
}

export interface UnlockCommand extends OwnerCommand {
  readonly type: 'unlock';
  readonly call: CallIdentity;
}

/** NLM FREE_ALL: the client gives everything back. `client.address` is the transport's source. */
export interface FreeAllCommand {
  readonly type: 'free-all';
  readonly client: ClientName;
}

/** SM_NOTIFY from the client's own address. */
export interface RebootCommand {
  readonly type: 'reboot';
  readonly client: ClientName;
  readonly state: number;
}

/** The client answered a callback with GRANTED, or proved in another way that it knows. */
export interface AcknowledgeGrantCommand {
  readonly type: 'acknowledge-grant';
  readonly lock: LockId;
}

/** The client answered DENIED. `onlyCopy`: it answers the only copy ever sent, in this process's life (hazard 1). */
export interface DenyGrantCommand {
  readonly type: 'deny-grant';
  readonly lock: LockId;
  readonly onlyCopy: boolean;
}

/** Number of a lock: counts every lock that the group ever made; never used again. */
export type LockId = number;

export type Selector =
  | { readonly type: 'address'; readonly address: string }
  | { readonly type: 'file-system'; readonly fileSystem: string }
  /** Every client of this name, or of this address, or of both. */
  | { readonly type: 'client'; readonly name?: Bytes; readonly address?: string }
  | { readonly type: 'lock'; readonly lock: LockId };

/** Who ordered something, through which door and why. */
export interface Order {
  /** Makes the command idempotent. */
  readonly commandId: string;
  /** As the door knows the caller: `uid:1000`, a NATS user. */
  readonly actor: string;
  readonly door: string;
  readonly reason: string;
  /** Where the caller signed it: who ordered this is no hearsay then. Checked before it came here. */
  readonly signature?: OrderSignature;
}

export interface OrderSignature {
  /** The public key as nkeys write it. */
  readonly key: string;
  /** The text that was signed, as it was signed: command id, content and time. */
  readonly statement: string;
  /** Ed25519 over the statement, 64 bytes. */
  readonly signature: Bytes;
}

export interface PurgeCommand {
  readonly type: 'purge';
  readonly selector: Selector;
  readonly order: Order;
  /** Counts what would go; nothing is recorded. */
  readonly dryRun: boolean;
  /**
   * Locks and shares stay against everybody but their owners, who are expected to reclaim them, until a grace period
   * of the scope ends; waiters wait on (hazard 12). For an address or a file system alone.
   */
  readonly reclaimable?: boolean;
}

/** Grants what waits in files that were freed; the engine's own, after any step that freed something. */
export interface WakeCommand {
  readonly type: 'wake';
}

/** Gives up, in bounded steps, what was not reclaimed in a grace that has ended; the engine's own. */
export interface MissCommand {
  readonly type: 'miss';
}

/** Frees ids of files and owners that nothing refers to any more; the engine's own. */
export interface ForgetCommand {
  readonly type: 'forget';
}

/** `strict`: a reclaim is granted only where the ledger expects it; `lenient`: wherever nothing is in its way. */
export type GracePolicy = 'strict' | 'lenient';

export interface OpenGraceCommand {
  readonly type: 'open-grace';
  readonly scope: GraceScope;
  /** Length in milliseconds. */
  readonly durationMs: number;
  readonly policy: GracePolicy;
  /** `held`: all that the scope holds has to be reclaimed; `none`: nothing more than is expected already. */
  readonly expect: 'held' | 'none';
  readonly order: Order;
}

export interface EndGraceCommand {
  readonly type: 'end-grace';
  readonly scope: GraceScope;
  /** `limit`: its time is over; `command`: somebody said so; `complete`: every expected reclaim is in. */
  readonly why: 'limit' | 'command' | 'complete';
  readonly order: Order;
}

export type GraceScope =
  | { readonly type: 'all' }
  | { readonly type: 'address'; readonly address: string }
  | { readonly type: 'file-system'; readonly fileSystem: string };

/** The limits that `decide` reads; recorded, so that a replay decides nothing anew (hazard 19). */
export interface Rules {
  readonly version: 1;
  /** Held locks in the group. */
  readonly locksMax: number;
  /** Held locks of one client. */
  readonly locksPerClientMax: number;
  /** Waiters in the group, and on one file. */
  readonly waitersMax: number;
  readonly waitersPerFileMax: number;
  /** Shares on one file; shares count as locks in the limits above. */
  readonly sharesPerFileMax: number;
  /** Steps of one deadlock search; past it the answer is BLOCKED (hazard 25). */
  readonly deadlockStepsMax: number;
  /** Entries and age of the reply cache. */
  readonly repliesMax: number;
  readonly replyAgeMsMax: number;
  /** Ids of commands that are remembered: number and age. */
  readonly commandsMax: number;
  readonly commandAgeMsMax: number;
  /** Files and owners without a lock that keep their ids. */
  readonly idleFilesMax: number;
  readonly idleOwnersMax: number;
  readonly idleClientsMax: number;
}

export interface SetRulesCommand {
  readonly type: 'set-rules';
  readonly rules: Rules;
}

/** The node begins to serve this group. */
export interface StartCommand {
  readonly type: 'start';
  readonly node: string;
  readonly release: string;
  /** How the ledger was found: what recovery had to say. */
  readonly notes: readonly string[];
}

/** Our own NSM state at this server address grows: before it is announced. */
export interface AdvanceServerStateCommand {
  readonly type: 'advance-server-state';
  readonly serverAddress: string;
}

/** A call that was refused at its door and must not be lost from history (a forged SM_NOTIFY or FREE_ALL). */
export interface RecordRefusalCommand {
  readonly type: 'record-refusal';
  readonly what: 'sm-notify' | 'free-all' | 'lock' | 'sm-notify-older';
  readonly client: ClientName;
  readonly detail: string;
}

/** Tells the counts of refusals that were left out, where it is time, or all of them; the engine's own. */
export interface SumRefusalsCommand {
  readonly type: 'sum-refusals';
  readonly all: boolean;
}

export type Command =
  | LockCommand
  | TestCommand
  | CancelCommand
  | UnlockCommand
  | ShareCommand
  | UnshareCommand
  | FreeAllCommand
  | RebootCommand
  | AcknowledgeGrantCommand
  | DenyGrantCommand
  | PurgeCommand
  | WakeCommand
  | MissCommand
  | ForgetCommand
  | OpenGraceCommand
  | EndGraceCommand
  | SetRulesCommand
  | StartCommand
  | AdvanceServerStateCommand
  | RecordRefusalCommand
  | SumRefusalsCommand
  | LifeCommand
  | NsmCommand;

/** What `decide` may know besides state and command. None of it reaches `evolve`. */
export interface Context {
  /** Milliseconds since 1970, never below the last entry's. */
  readonly now: number;
  /** False while the ledger takes only releases: grants are answered DENIED_NOLOCKS. */
  readonly mayGrant: boolean;
}
