/** Packets between the clients and the server, on the server's port of the bridge; read with tshark. */
import { setTimeout as pause } from 'node:timers/promises';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { decodeAs } from '../../support/tshark.js';
import { until } from './events.js';
import { inNamespace, type Network } from './namespaces.js';
import { nlmPort, nsmPort } from './node.js';
import { Daemon, run } from './process.js';

const options = decodeAs([nlmPort, nsmPort, 32803]);

let count = 0;

export class Capture {
  readonly file: string;
  private readonly tcpdump: Daemon;

  private constructor(file: string, tcpdump: Daemon) {
    this.file = file;
    this.tcpdump = tcpdump;
  }

  /** Everything but the data of NFS itself. Comes back when packets are being captured. */
  static async start(network: Network, scratch: string): Promise<Capture> {
    const file = join(scratch, `packets-${(count += 1)}-${network.port}.pcap`);
    const command = [
      'tcpdump',
      '-i',
      network.port,
      '-U',
      '-s',
      '0',
      '--immediate-mode',
      '-Z',
      'root',
      '-B',
      '32768',
      '-w',
      file,
    ];
    const words = [...inNamespace(network.bridge), ...command, 'not', 'port', '2049'];
    const tcpdump = new Daemon('tcpdump', words, `${file}.log`);
    await until('tcpdump listens', 10_000, () => tcpdump.tail().includes('listening on'));
    return new Capture(file, tcpdump);
  }

  /** Ends the capture; the file is then complete. */
  async stop(): Promise<void> {
    // The ring of packets is emptied when tcpdump next wakes: wait until the file no longer grows.
    let size = -1;
    while (size !== statSync(this.file).size) {
      size = statSync(this.file).size;
      await pause(200);
    }
    await this.tcpdump.stop('SIGINT');
  }

  /** The given fields of every packet that matches the display filter, a row each. */
  async fields(filter: string, names: readonly string[]): Promise<string[][]> {
    const fields = names.flatMap((name) => ['-e', name]);
    const out = await run(
      ['tshark', '-r', this.file, ...options, '-Y', filter, '-T', 'fields', '-E', 'separator=|', ...fields],
      120_000,
    );
    return out
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => line.split('|'));
  }
}
