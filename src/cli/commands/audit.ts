/** `audit …`: questions to the ledger, each a file in audit/. They read, beside a running node too; none writes to it. */

import type { Command } from 'commander';
import type { Act } from '../command.js';

/** The questions are loaded where the command line names `audit`: every other command begins in a fraction of the time. */
export async function auditCommands(program: Command, act: Act, isAsked: boolean): Promise<void> {
  const audit = program
    .command('audit')
    .description('asks the ledger who held what, when, and who broke it; a running node or a folder')
    .addHelpText(
      'after',
      `
A TIME is a time of ISO 8601 (2031-02-03T03:12:04Z), of the day (03:12), or "2h ago"; UTC, with --local this host's zone.
A POSITION is a number, as purges and \`watch\` print it; \`head\` is the last.`,
    );
  if (!isAsked) return;
  const { questions } = await import('./audit/all.js');
  questions(audit, act);
}
