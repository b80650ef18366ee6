/** Asks a worker one thing. For what reads or folds whole files beside the thread that serves. */

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
