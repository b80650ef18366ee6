/** The questions of `audit`, in the order of its help. */

import type { Command } from 'commander';
import type { Act } from '../../command.js';
import { atCommand } from './at.js';
import { contentionCommand } from './contention.js';
import { diffCommand } from './diff.js';
import { archiveCommand, compareCommand } from './evidence/archive.js';
import { checkpointCommand } from './evidence/checkpoint.js';
import { keyCommand } from './evidence/key.js';
import { checkProofCommand, proveCommands } from './evidence/prove.js';
import { verifyCommand } from './evidence/verify.js';
import { exportCommand } from './export.js';
import { historyCommand } from './history.js';
import { purgeCommand } from './purge.js';
import { takeoverCommand } from './takeover.js';

export function questions(audit: Command, act: Act): void {
  atCommand(audit, act);
  historyCommand(audit, act);
  purgeCommand(audit, act);
  diffCommand(audit, act);
  contentionCommand(audit, act);
  exportCommand(audit, act);
  takeoverCommand(audit, act);
  verifyCommand(audit, act);
  checkpointCommand(audit, act);
  proveCommands(audit, act);
  checkProofCommand(audit, act);
  archiveCommand(audit, act);
  compareCommand(audit, act);
  keyCommand(audit, act);
}
