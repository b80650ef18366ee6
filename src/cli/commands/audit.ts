/** `audit …`: questions to the ledger, each a file in audit/. They read, beside a running node too; none writes to it. */

import type { Command } from 'commander';
import type { Act } from '../command.js';
import { evidenceCommands } from './audit/evidence.js';
import { atCommand } from './audit/at.js';
import { contentionCommand } from './audit/contention.js';
import { diffCommand } from './audit/diff.js';
import { exportCommand } from './audit/export.js';
import { historyCommand } from './audit/history.js';
import { purgeCommand } from './audit/purge.js';
import { takeoverCommand } from './audit/takeover.js';

export function auditCommands(program: Command, act: Act): void {
  const audit = program
    .command('audit')
    .description('asks the ledger who held what, when, and who broke it; a running node or a folder')
    .addHelpText(
      'after',
      `
A TIME is a time of ISO 8601 (2031-02-03T03:12:04Z), of the day (03:12), or "2h ago"; UTC, with --local this host's zone.
A POSITION is a number, as purges and \`watch\` print it; \`head\` is the last.`,
    );
  atCommand(audit, act);
  historyCommand(audit, act);
  purgeCommand(audit, act);
  diffCommand(audit, act);
  contentionCommand(audit, act);
  exportCommand(audit, act);
  takeoverCommand(audit, act);
  evidenceCommands(audit, act);
}
