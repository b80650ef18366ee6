/** `ledger …`: the files of the ledger themselves, each command in ledger/. */

import type { Command } from 'commander';
import type { Act } from '../command.js';

/** Loaded where the command line names `ledger`: every other command begins in a fraction of the time. */
export async function ledgerCommands(program: Command, act: Act, isAsked: boolean): Promise<void> {
  const ledger = program.command('ledger').description('looks at the ledger on the disk, backs it up, restores it');
  if (!isAsked) return;
  const { fileCommands } = await import('./ledger/files.js');
  fileCommands(ledger, act);
}
