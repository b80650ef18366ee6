/**
 * One owner of a storm: it locks, waits, cancels and unlocks at random, one call at a time, and keeps its own log of
 * what it was told. It behaves as Linux does: a callback for what it does not wait for is answered DENIED, a wait that
 * is being cancelled still takes its callback, and a call that was not answered is sent again with its xid.
 */

import { NLM4_BLOCKED, NLM4_DEADLCK, NLM4_DENIED, NLM4_GRANTED, type NlmStatus } from '../../../src/nlm/status.js';
import type { Random } from '../random.js';
import { RpcClient, type Subject } from '../rpc-client.js';

export type Mode = 'shared' | 'exclusive';

/** What the owner knows about one range of one file. */
export interface Place {
  readonly file: string;
  readonly offset: bigint;
  held: Mode | undefined;
  waiting: Mode | undefined;
}

export type CallKind = 'LOCK' | 'UNLOCK' | 'CANCEL';

/** A call that is not answered yet. */
export interface Open {
  readonly kind: CallKind;
  readonly place: Place;
  readonly mode: Mode;
  readonly block: boolean;
  readonly xid: number;
  /** Its grant came as a callback before its answer did. */
  granted: boolean;
}

const PLACE_BYTES = 50n;
const PLACE_STEP = 100n;
/** A datagram may be lost. */
const UDP_RETRY_MS = 700;

export interface ActorOptions {
  readonly svid: number;
  readonly transport: 'tcp' | 'udp';
  readonly port: number;
  readonly files: number;
  readonly places: number;
  readonly random: Random;
}

export class Actor {
  readonly svid: number;
  readonly caller: string;
  readonly oh: string;
  readonly places: readonly Place[];
  readonly faults: string[] = [];
  /** Calls that were answered. */
  answered = 0;
  callbacks = 0;
  open: Open | undefined;
  readonly #options: ActorOptions;
  #client: RpcClient | undefined;
  #xid: number;
  #stopping = true;
  #running: Promise<void> = Promise.resolve();
  #wake: (() => void) | undefined;
  #abort: (() => void) | undefined;
  /** Gives everything back and asks for nothing more. */
  #draining = false;

  constructor(options: ActorOptions) {
    this.#options = options;
    this.svid = options.svid;
    this.caller = `client${options.svid % 3}`;
    this.oh = `${options.svid}@${this.caller}`;
    this.#xid = options.svid * 10_000_000;
    this.places = Array.from({ length: options.files * options.places }, (_, index) => ({
      file: `file-${Math.floor(index / options.places)}`,
      offset: BigInt(index % options.places) * PLACE_STEP,
      held: undefined,
      waiting: undefined,
    }));
  }

  get idle(): boolean {
    return (
      this.open === undefined && this.places.every(({ held, waiting }) => held === undefined && waiting === undefined)
    );
  }

  /** Connects, sends what is unanswered again, and goes on until `stop`. */
  start({ draining = false } = {}): void {
    this.#stopping = false;
    this.#draining = draining;
    this.#running = this.#run();
  }

  /** The node is gone: ends without waiting for an answer. */
  async stop(): Promise<void> {
    this.#stopping = true;
    if (this.#options.transport === 'tcp') this.#disconnect();
    this.#abort?.();
    this.#wake?.();
    await this.#running;
  }

  /** Resolves once it has ended by itself: after everything was given back. */
  async finished(): Promise<void> {
    await this.#running;
  }

  close(): void {
    this.#disconnect();
  }

  /** A callback came: the status to answer. */
  granted(file: string, offset: bigint, mode: Mode): NlmStatus {
    this.callbacks += 1;
    const place = this.places.find((one) => one.file === file && one.offset === offset);
    if (place === undefined) return NLM4_DENIED;
    const { open } = this;
    if (open?.kind === 'LOCK' && open.block && open.place === place && open.mode === mode) {
      open.granted = true;
      return NLM4_GRANTED;
    }
    if (place.waiting !== mode) return NLM4_DENIED;
    if (open?.kind === 'CANCEL' && open.place === place) return NLM4_GRANTED;
    place.held = mode;
    place.waiting = undefined;
    this.#wake?.();
    return NLM4_GRANTED;
  }

  async #run(): Promise<void> {
    while (!this.#stopping) {
      if (this.open === undefined) this.open = this.#choose();
      if (this.open === undefined) {
        // Draining: the rest comes with callbacks.
        if (this.idle) return;
        await new Promise<void>((resolve) => (this.#wake = resolve));
        continue;
      }
      const status = await this.#send(this.open);
      if (status === undefined) return;
      this.#learn(this.open, status);
      this.open = undefined;
      this.answered += 1;
    }
  }

  #choose(): Open | undefined {
    const { random } = this.#options;
    const held = this.places.filter((place) => place.held !== undefined && place.waiting === undefined);
    const waiting = this.places.filter((place) => place.waiting !== undefined);
    if (this.#draining) {
      const [place] = held;
      return place === undefined ? undefined : this.#call('UNLOCK', place, place.held ?? 'exclusive', false);
    }
    const dice = random(10);
    if (dice < 4 && held.length > 0) {
      const place = held[random(held.length)]!;
      return this.#call('UNLOCK', place, place.held!, false);
    }
    if (dice === 4 && waiting.length > 0) {
      const place = waiting[random(waiting.length)]!;
      return this.#call('CANCEL', place, place.waiting!, true);
    }
    const place = this.places[random(this.places.length)]!;
    if (place.waiting !== undefined) return this.#call('CANCEL', place, place.waiting, true);
    const mode: Mode = random(3) === 0 ? 'shared' : 'exclusive';
    return this.#call('LOCK', place, mode, random(2) === 0 && !(place.held === 'exclusive'));
  }

  #call(kind: CallKind, place: Place, mode: Mode, block: boolean): Open {
    this.#xid += 1;
    return { kind, place, mode, block, xid: this.#xid, granted: false };
  }

  #learn({ kind, place, mode, block, granted }: Open, status: number): void {
    if (kind === 'UNLOCK') {
      if (status !== NLM4_GRANTED) this.faults.push(`UNLOCK was answered ${status}`);
      place.held = undefined;
      place.waiting = undefined;
    } else if (kind === 'CANCEL') {
      if (status !== NLM4_GRANTED) this.faults.push(`CANCEL was answered ${status}`);
      place.waiting = undefined;
    } else if (status === NLM4_GRANTED || granted) {
      place.held = mode;
    } else if (status === NLM4_BLOCKED && block) {
      place.waiting = mode;
    } else if (status !== NLM4_DENIED && status !== NLM4_DEADLCK) {
      this.faults.push(`LOCK was answered ${status}`);
    }
  }

  /** `undefined`: stopped, or the connection ended, before the answer came. */
  async #send({ kind, place, mode, block, xid }: Open): Promise<number | undefined> {
    const subject: Subject & { xid: number; exclusive: boolean; block: boolean } = {
      file: place.file,
      caller: this.caller,
      svid: this.svid,
      oh: this.oh,
      offset: place.offset,
      length: PLACE_BYTES,
      exclusive: mode === 'exclusive',
      block,
      xid,
    };
    for (;;) {
      if (this.#stopping) return undefined;
      const client = await this.#connected();
      if (client === undefined) return undefined;
      const answer =
        kind === 'LOCK' ? client.lock(subject) : kind === 'UNLOCK' ? client.unlock(subject) : client.cancel(subject);
      const status = await Promise.race([
        answer,
        client.closed.then(() => undefined),
        new Promise<undefined>((resolve) => (this.#abort = () => resolve(undefined))),
        this.#retryTime(),
      ]);
      if (status === undefined) return undefined;
      if (status !== 'again') return status;
    }
  }

  #retryTime(): Promise<'again'> {
    if (this.#options.transport === 'tcp') return new Promise(() => undefined);
    return new Promise((resolve) => setTimeout(() => resolve('again'), UDP_RETRY_MS).unref());
  }

  async #connected(): Promise<RpcClient | undefined> {
    const { transport, port } = this.#options;
    try {
      // A UDP client keeps its port over the node's restart, so that its copies are known.
      this.#client ??=
        transport === 'udp' ? await RpcClient.udp('127.0.0.1', port) : await RpcClient.tcp('127.0.0.1', port);
      return this.#client;
    } catch {
      return undefined;
    }
  }

  #disconnect(): void {
    this.#client?.close();
    this.#client = undefined;
  }
}
