/** Asks a worker one thing, or one after the other. For what reads or folds whole files beside the thread that serves. */

import { Worker } from 'node:worker_threads';

export interface AskedWorker<Answer> {
  /** The first message that it posts. Never rejects. */
  readonly answer: Promise<Answer | WorkerFailed>;
  /** Ends it at once: the answer is that it failed, where there is none yet. */
  end(): Promise<unknown>;
}

export interface WorkerFailed {
  readonly type: 'failed';
  readonly why: string;
}

/** The script posts its answer, of the type that the caller knows it to be. */
export function askWorker<Answer>(script: URL, task: unknown): AskedWorker<Answer> {
  const worker = new Worker(script, { workerData: task });
  const answer = new Promise<Answer | WorkerFailed>((resolve) => {
    worker.once('message', resolve);
    worker.once('error', (error) =>
      resolve({ type: 'failed', why: error instanceof Error ? error.message : String(error) }),
    );
    worker.once('exit', () => resolve({ type: 'failed', why: 'the worker ended' }));
  });
  return { answer, end: () => worker.terminate() };
}

/** A worker for one task after the other: it begins with the first, and again with the next one after it has ended. */
export class KeptWorker<Task, Answer> {
  readonly #script: URL;
  #worker: Worker | undefined;
  #answered: (answer: Answer | WorkerFailed) => void = () => undefined;

  /** The script answers each message with one, of the type that the caller knows it to be. */
  constructor(script: URL) {
    this.#script = script;
  }

  /** One at a time. Never rejects. */
  async ask(task: Task): Promise<Answer | WorkerFailed> {
    const worker = (this.#worker ??= this.#begin());
    worker.ref();
    const answer = await new Promise<Answer | WorkerFailed>((resolve) => {
      this.#answered = resolve;
      worker.postMessage(task);
    });
    // Nobody waits for one that has nothing to do.
    worker.unref();
    return answer;
  }

  /** Ends it at once: the answer is that it failed, where there is none yet. */
  async end(): Promise<void> {
    await this.#worker?.terminate();
  }

  #begin(): Worker {
    const worker = new Worker(this.#script);
    const failed = (why: string): void => {
      if (this.#worker !== worker) return;
      this.#worker = undefined;
      this.#answered({ type: 'failed', why });
    };
    worker.on('message', (answer: Answer) => this.#answered(answer));
    worker.on('error', (error) => failed(error instanceof Error ? error.message : String(error)));
    worker.on('exit', () => failed('the worker ended'));
    return worker;
  }
}
