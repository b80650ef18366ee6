/** `doctor`: names the missing piece, and what to do. With and without a running node. */

import type { Command } from 'commander';
import { withNode, type Act, type NodeOptions } from '../command.js';

export interface DoctorOptions extends NodeOptions {
  readonly config?: string;
}

export function doctorCommand(program: Command, act: Act): void {
  const doctor = withNode(program.command('doctor'))
    .description('looks for what keeps clients from locking, and says what to do')
    .option('--config <file>', "the node's configuration, where it has one")
    .addHelpText(
      'after',
      `
One line a finding: ok, warn or fail, the check, what was seen, and what to do. It sends NULL calls to known clients,
writes a small file in the data folder to measure the disk, and registers a program of nobody with rpcbind for a
moment where no node runs. As root it sees more.

Exit code: 0 nothing to do, 12 there are warnings, 13 something fails.

Examples:
  nlm-ledger doctor
  nlm-ledger doctor --config /etc/nlm-ledger.json
  nlm-ledger doctor --json | jq '.findings[] | select(.level != "ok")'`,
    );
  act<DoctorOptions>(doctor, async (options, context) => {
    // Loaded here alone: every other command begins in a fraction of the time.
    const { diagnose } = await import('../diagnose.js');
    return diagnose(options, context);
  });
}
