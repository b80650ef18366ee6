/** A worker's place behind the thread that serves. */

import { constants, setPriority } from 'node:os';

/** On Linux the process number 0 stands for the thread that calls; elsewhere for all of them, so nothing is done there. */
export function behindTheCalls(): void {
  if (process.platform === 'linux') setPriority(0, constants.priority.PRIORITY_BELOW_NORMAL);
}
