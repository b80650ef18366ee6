/** The questions of `audit`, in the order of its help. */

import type { Command } from 'commander';
import type { Act } from '../../command.js';
import { evidenceCommands } from './evidence.js';
import { atCommand } from './at.js';
import { contentionCommand } from './contention.js';
import { diffCommand } from './diff.js';
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
  evidenceCommands(audit, act);
}
