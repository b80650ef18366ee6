/** Purges as an operator orders them, for tests. */

import type { AdminPort } from '../../src/admin/port.js';
import type { Selector } from '../../src/core/command.js';
import type { AdminOutcome } from '../../src/core/outcome.js';

let commands = 0;

export async function purge(admin: AdminPort, selector: Selector): Promise<AdminOutcome> {
  commands += 1;
  const order = { commandId: `purge-${commands}`, actor: 'test', door: 'test', reason: '' };
  const settled = await admin.submit('default', { type: 'purge', selector, order, dryRun: false });
  if (settled.type !== 'answer') throw settled.cause;
  // The cast names what a purge ends with.
  return settled.outcome as AdminOutcome;
}
