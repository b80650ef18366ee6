/** The commands beside `start`, in the order of the help. */

import type { Command } from 'commander';
import type { Act } from '../command.js';
import { auditCommands } from './audit.js';
import { callCommand } from './call.js';
import { doctorCommand } from './doctor.js';
import { graceCommands } from './grace.js';
import { ledgerCommands } from './ledger.js';
import { locksCommands } from './locks.js';
import { notifyCommands } from './notify.js';
import { statusCommands } from './status.js';
import { takeoverCommands } from './takeover.js';
import { unlockCommands } from './unlock.js';
import { watchCommands } from './watch.js';

export async function otherCommands(program: Command, act: Act, argv: readonly string[]): Promise<void> {
  statusCommands(program, act);
  unlockCommands(program, act);
  notifyCommands(program, act);
  locksCommands(program, act);
  graceCommands(program, act);
  takeoverCommands(program, act);
  watchCommands(program, act);
  callCommand(program, act);
  doctorCommand(program, act);
  await auditCommands(program, act, argv.includes('audit'));
  await ledgerCommands(program, act, argv.includes('ledger'));
}
