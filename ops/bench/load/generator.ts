/**
 * The load generator: C connections with D calls in flight on each, in one thread beside the server that it loads.
 *
 * Closed loop: each slot sends its next call as the reply comes. Open loop: items begin at a fixed rate whatever the
 * server does, and the latency of one counts from when it should have begun (no coordinated omission); a slot must
 * be free, so connections times depth is what may be late at once. Every reply is checked: xid, header, cookie, status.
 */

import { FAULT, statusOfReply, type Calls } from './calls.js';
import { Histogram } from './histogram.js';
import { openLink, type Link, type Server } from './link.js';
import { cpuMicroseconds, residentBytes } from './process.js';
import { Slots, type Slot } from './slots.js';
import type { Work } from './work.js';

export interface Figures {
  readonly seconds: number;
  readonly operations: number;
  readonly operationsPerSecond: number;
  /** Latencies in microseconds. */
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
  /** Replies that were not what was expected, and the first of them. */
  readonly wrong: number;
  readonly firstWrong: string | undefined;
  /** UDP alone. */
  readonly retransmissions: number;
  /** Microseconds of processor an operation: the server's, where its pid is known, and the generator's. */
  readonly serverCpu: number | undefined;
  readonly ownCpu: number;
  readonly serverResident: number | undefined;
}

export interface GeneratorOptions {
  readonly server: Server;
  readonly calls: Calls;
  readonly connections: number;
  readonly depth: number;
  /** Process of the server, for its processor time and memory. */
  readonly pid?: number | undefined;
}

export interface RunOptions {
  readonly work: Work;
  /** Until the work is done, where absent. */
  readonly durationMs?: number | undefined;
  readonly warmupMs?: number | undefined;
  /** Items a second: an open loop. */
  readonly rate?: number | undefined;
}

const WATCH_MS = 250;
const RETRANSMIT_MS = 1000;
const SILENCE_MS_MAX = 20_000;

export class Generator {
  readonly #options: GeneratorOptions;
  readonly #links: Link[] = [];
  /** By slot id. */
  readonly #linkOf: Link[] = [];
  #work: Work | undefined;
  #rate: number | undefined;
  #stopping = false;
  #inFlight = 0;
  #idle: Slot[] = [];
  #settle: { resolve(): void; reject(error: Error): void } | undefined;
  #lastReplyAt = 0;
  #histogram = new Histogram();
  #wrong = 0;
  #firstWrong: string | undefined;
  #retransmissions = 0;
  #lapAt = 0;
  #lapCpu = 0;
  #lapOwnCpu = 0;

  private constructor(options: GeneratorOptions) {
    this.#options = options;
  }

  /** Rejects with the error of connect(2). */
  static async connect(options: GeneratorOptions): Promise<Generator> {
    const generator = new Generator(options);
    const { server, calls, connections, depth } = options;
    try {
      for (let n = 0; n < connections; n += 1) {
        const link = await openLink(server, calls, new Slots(n * depth, depth), {
          onReply: (slot, bytes, start, end, now) => generator.#replied(slot, bytes, start, end, now),
          onRead: () => link.flush(),
          onError: (error) => generator.#failed(error),
        });
        generator.#links.push(link);
        for (const slot of link.slots.all) generator.#linkOf[slot.id] = link;
      }
    } catch (error) {
      generator.close();
      throw error;
    }
    return generator;
  }

  /** The figures after the warm-up. */
  async run({ work, durationMs, warmupMs = 0, rate }: RunOptions): Promise<Figures> {
    const done = this.start(work, rate);
    if (durationMs === undefined) {
      await done;
      return this.lap();
    }
    await Promise.race([done, later(warmupMs)]);
    this.lap();
    await Promise.race([done, later(durationMs)]);
    const figures = this.lap();
    await this.stop();
    return figures;
  }

  /** Begins the work; resolves once it is done and nothing is in flight. Rejects where the server fails to answer. */
  start(work: Work, rate?: number): Promise<void> {
    this.#work = work;
    this.#rate = rate;
    this.#stopping = false;
    this.#idle = [];
    this.lap();
    this.#lastReplyAt = this.#lapAt;
    const done = new Promise<void>((resolve, reject) => {
      const watch = setInterval(() => this.#watch(), WATCH_MS);
      const end = (): void => {
        clearInterval(watch);
        this.#settle = undefined;
      };
      this.#settle = { resolve: () => (end(), resolve()), reject: (error) => (end(), reject(error)) };
    });
    // Whoever stops early need not look at it.
    done.catch(() => undefined);
    this.#done = done;
    for (const link of this.#links) for (const slot of link.slots.all) this.#begin(slot, this.#lapAt);
    for (const link of this.#links) link.flush();
    if (rate !== undefined) this.#paceFrom(performance.now(), 0);
    this.#endWhereDone();
    return done;
  }
  #done: Promise<void> = Promise.resolve();

  /** What was measured since the last lap. */
  lap(): Figures {
    const { pid } = this.#options;
    const now = performance.now();
    const cpu = pid === undefined ? 0 : cpuMicroseconds(pid);
    const { user, system } = process.cpuUsage();
    const { count, max } = this.#histogram;
    const seconds = (now - this.#lapAt) / 1000;
    const figures: Figures = {
      seconds,
      operations: count,
      operationsPerSecond: count / seconds,
      p50: this.#histogram.quantile(0.5),
      p99: this.#histogram.quantile(0.99),
      p999: this.#histogram.quantile(0.999),
      max,
      wrong: this.#wrong,
      firstWrong: this.#firstWrong,
      retransmissions: this.#retransmissions,
      serverCpu: pid === undefined || count === 0 ? undefined : (cpu - this.#lapCpu) / count,
      ownCpu: count === 0 ? 0 : (user + system - this.#lapOwnCpu) / count,
      serverResident: pid === undefined ? undefined : residentBytes(pid),
    };
    this.#histogram = new Histogram();
    this.#wrong = 0;
    this.#firstWrong = undefined;
    this.#retransmissions = 0;
    this.#lapAt = now;
    this.#lapCpu = cpu;
    this.#lapOwnCpu = user + system;
    return figures;
  }

  /** Begins nothing more; resolves once every item that was begun is done. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#endWhereDone();
    await this.#done;
  }

  close(): void {
    for (const link of this.#links) link.close();
    this.#links.length = 0;
  }

  #begin(slot: Slot, now: number): void {
    if (this.#rate !== undefined) {
      this.#idle.push(slot);
      return;
    }
    if (this.#stopping || this.#work?.begin(slot) !== true) return;
    this.#send(slot, now);
  }

  #send(slot: Slot, startedAt: number): void {
    slot.startedAt = startedAt;
    this.#inFlight += 1;
    this.#linkOf[slot.id]!.send(slot);
  }

  #replied(slot: Slot | undefined, bytes: Buffer, start: number, end: number, now: number): void {
    this.#lastReplyAt = now;
    if (slot === undefined) {
      // Over UDP the answer to a call that was repeated may come twice.
      if (this.#options.server.transport === 'tcp') this.#note('a reply to no call');
      return;
    }
    const status = statusOfReply(bytes, start, end, slot.procedure, slot.xid);
    slot.busy = false;
    this.#inFlight -= 1;
    this.#histogram.record((now - slot.startedAt) * 1000);
    if (status !== slot.expected) {
      this.#note(`procedure ${slot.procedure}: ${status === FAULT ? 'a malformed reply' : `status ${status}`}`);
    }
    if (this.#work?.follow(slot) === true) this.#send(slot, now);
    else this.#begin(slot, now);
    this.#endWhereDone();
  }

  #note(what: string): void {
    this.#wrong += 1;
    this.#firstWrong ??= what;
  }

  /**
   * Spins: the clock of timers is a millisecond coarse, a tenth of what is measured is not. The loop polls the
   * sockets between two looks at the clock.
   */
  #paceFrom(origin: number, begun: number): void {
    if (this.#stopping || this.#settle === undefined || this.#rate === undefined) return;
    const now = performance.now();
    const period = 1000 / this.#rate;
    let count = begun;
    for (; this.#idle.length > 0 && origin + count * period <= now; count += 1) {
      const slot = this.#idle.pop()!;
      if (this.#work?.begin(slot) === true) this.#send(slot, origin + count * period);
    }
    if (count > begun) for (const link of this.#links) link.flush();
    setImmediate(() => this.#paceFrom(origin, count));
  }

  #endWhereDone(): void {
    if (this.#inFlight === 0 && (this.#stopping || this.#rate === undefined)) this.#settle?.resolve();
  }

  #watch(): void {
    const now = performance.now();
    if (this.#inFlight === 0) return;
    if (now - this.#lastReplyAt > SILENCE_MS_MAX) {
      this.#failed(new Error(`${this.#inFlight} calls without an answer`));
    } else if (this.#options.server.transport === 'udp') {
      for (const link of this.#links) for (const slot of link.slots.all) this.#repeatWhereLost(link, slot, now);
    }
  }

  #repeatWhereLost(link: Link, slot: Slot, now: number): void {
    if (!slot.busy || now - slot.startedAt < RETRANSMIT_MS) return;
    this.#retransmissions += 1;
    link.repeat(slot);
  }

  #failed(error: Error): void {
    this.#inFlight = 0;
    this.#settle?.reject(error);
  }
}

function later(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
