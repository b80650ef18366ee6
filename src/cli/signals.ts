/** Signals of a command: the first asks it to stop, the second ends the process at once. */

import process from 'node:process';

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;
/** As a shell reports a process that a signal ended. */
export const EXIT_BY_SIGNAL = { SIGINT: 130, SIGTERM: 143 } as const;

/** Aborts at the first SIGINT or SIGTERM, its name the reason. From the call on, the signal no longer ends the process by itself. */
export function interruption(): AbortSignal {
  const controller = new AbortController();
  for (const signal of SIGNALS) {
    process.on(signal, () => {
      if (controller.signal.aborted) process.exit(EXIT_BY_SIGNAL[signal]);
      controller.abort(signal);
    });
  }
  return controller.signal;
}
