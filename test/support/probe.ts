/** Another client: takes and gives back its own lock over and over, and knows how long it ever waited for an answer. */

import { monitorEventLoopDelay } from 'node:perf_hooks';
import { RpcClient } from './rpc-client.js';

export class Probe {
  worstMs = 0;
  calls = 0;
  /** Answers that were not GRANTED. */
  refused = 0;
  readonly #client: RpcClient;
  /** Of this process: what the test itself does is not the node's doing. */
  readonly #delay = monitorEventLoopDelay({ resolution: 5 });
  #stopped = false;
  readonly #running: Promise<void>;

  private constructor(client: RpcClient) {
    this.#client = client;
    this.#delay.enable();
    this.#running = this.#run();
  }

  static async start(port: number): Promise<Probe> {
    return new Probe(await RpcClient.tcp('127.0.0.1', port, '127.0.0.77'));
  }

  async stop(): Promise<string> {
    this.#stopped = true;
    await this.#running;
    this.#client.close();
    this.#delay.disable();
    const own = (this.#delay.max / 1e6).toFixed(0);
    return `another client: ${this.calls} calls, ${this.worstMs.toFixed(1)} ms at worst (of the test's own loop: ${own} ms)`;
  }

  async #run(): Promise<void> {
    const subject = { caller: 'probe', file: 'probe', svid: 77 };
    while (!this.#stopped) {
      for (const call of [() => this.#client.lock(subject), () => this.#client.unlock(subject)]) {
        const began = performance.now();
        if ((await call()) !== 0) this.refused += 1;
        this.worstMs = Math.max(this.worstMs, performance.now() - began);
        this.calls += 1;
      }
    }
  }
}
