/** A client of another make, libnfs, against a live node: its own codecs, its own RPC, both ways. */

import test, { type ExecutionContext } from 'ava';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { outputOf } from '../../src/host/run.js';
import { startNode, temporaryFolder } from '../support/node.js';

const SOURCE = 'test/protocol/libnfs-client.c';

class LibnfsClient {
  readonly #lines: AsyncIterator<string>;
  readonly #write: (line: string) => void;

  private constructor(lines: AsyncIterator<string>, write: (line: string) => void) {
    this.#lines = lines;
    this.#write = write;
  }

  static async start(t: ExecutionContext, program: string, caller: string): Promise<LibnfsClient> {
    const child = spawn(program, ['127.0.0.1', caller], { stdio: ['pipe', 'pipe', 'inherit'] });
    await once(child, 'spawn');
    t.teardown(() => child.kill('SIGKILL'));
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    return new LibnfsClient(lines, (line) => child.stdin.write(`${line}\n`));
  }

  /** The next line that it says. */
  async says(): Promise<string> {
    const { value } = (await this.#lines.next()) as { readonly value?: string };
    return value ?? 'nothing: it has ended';
  }

  do(line: string): Promise<string> {
    this.#write(line);
    return this.says();
  }
}

/** Undefined, with the reason logged, where it cannot be built. In CI it must be. */
async function build(t: ExecutionContext): Promise<string | undefined> {
  const has = 'command -v gcc && echo "#include <nfsc/libnfs-raw-nlm.h>" | gcc -E -xc -o /dev/null -';
  if ((await outputOf('sh', ['-c', has], 10_000)) === undefined && process.env['CI'] !== 'true') {
    t.log('not run: it needs gcc, and of Debian libnfs-dev');
    return undefined;
  }
  const program = join(await temporaryFolder(t), 'libnfs-client');
  await promisify(execFile)('gcc', ['-Wall', '-Werror', '-O1', '-o', program, SOURCE, '-lnfs']);
  return program;
}

test('libnfs locks, contends, waits, is called back, cancels and unlocks, and finds NSM as it expects it', async (t) => {
  const program = await build(t);
  if (program === undefined) return t.pass();
  const one = await LibnfsClient.start(t, program, 'libnfs1');
  const other = await LibnfsClient.start(t, program, 'libnfs2');
  const [port, otherPort] = [await one.says(), await other.says()];
  t.regex(otherPort, /^port [0-9]+$/);
  // Both are at one address: whoever waits is called back at the port of the first.
  const clients = [{ network: '127.0.0.1', callbackPort: Number(port.split(' ')[1]) }];
  const { nlmPort, nsmPort } = await startNode(t, { file: { clients } });
  t.is(await one.do(`${nlmPort} ${nsmPort}`), 'connected');
  t.is(await other.do(`${nlmPort} ${nsmPort}`), 'connected');

  // owner, offset, length, exclusive, block
  t.is(await one.do('null'), 'null');
  t.is(await one.do('test 1 0 100'), 'test 0');
  t.is(await one.do('lock 1 0 100'), 'lock 0 libn');
  t.is(await one.do('lock 1 0 100'), 'lock 0 libn');
  t.is(await one.do('test 1 0 100'), 'test 0');
  t.is(await other.do('test 2 50 0'), 'test 1 exclusive 1 1@libnfs1 0 100');
  t.is(await other.do('test 2 50 0 0'), 'test 1 exclusive 1 1@libnfs1 0 100');
  t.is(await other.do('lock 2 99 1'), 'lock 1 libn');
  t.is(await other.do('lock 2 100 1'), 'lock 0 libn');
  t.is(await other.do('lock 2 9223372036854775807 1'), 'lock 0 libn');
  t.is(await other.do('lock 2 9223372036854775808 1'), 'lock 8 libn');
  t.is(await other.do('lock 2 0 10 1 1'), 'lock 3 libn');
  t.is(await other.do('cancel 2 0 10 1 1'), 'cancel 0 libn');
  t.is(await one.do('unlock 1 50 0'), 'unlock 0 libn');
  t.is(await other.do('lock 2 50 50'), 'lock 0 libn');
  t.is(await one.do('lock 1 60 1 1 1'), 'lock 3 libn');
  t.is(await other.do('unlock 2 0 0'), 'unlock 0 libn');
  t.is(await one.says(), 'granted libnfs1 1 1@libnfs1 60 1');
  t.is(await other.do('test 2 60 1'), 'test 1 exclusive 1 1@libnfs1 60 1');

  t.is(await one.do('nsm-null'), 'nsm-null');
  t.is(await one.do('stat 10.9.9.9'), 'stat 0 -1');
  const [, result, state] = (await one.do('mon 10.9.9.9')).split(' ').map(Number);
  t.is(result, 0);
  t.is(Number(state) % 2, 1);
  t.is(await one.do('stat 10.9.9.9'), `stat 0 ${state}`);
  t.is(await one.do('unmon 10.9.9.9'), `unmon ${state}`);
  t.is(await one.do('unmonall'), `unmonall ${state}`);
  t.is(await one.do('unlock 1 0 0'), 'unlock 0 libn');
  t.is(await one.do('simucrash'), 'simucrash');
  t.true(Number((await one.do('stat 10.9.9.9')).split(' ')[2]) > Number(state));

  t.is(await other.do('lock 2 0 10'), 'lock 0 libn');
  t.is(await one.do('lock 1 20 10'), 'lock 0 libn');
  // A notice of a reboot drops the locks of the client that it names, and ends the connections of its address.
  const said = [await one.do('notify libnfs1 5'), await one.says()];
  t.deepEqual(said.toSorted(), ['nlm closed', 'notify']);
  const third = await LibnfsClient.start(t, program, 'libnfs3');
  await third.says();
  t.is(await third.do(`${nlmPort} ${nsmPort}`), 'connected');
  t.is(await third.do('test 3 20 10'), 'test 0');
  t.is(await third.do('test 3 0 0'), 'test 1 exclusive 2 2@libnfs2 0 10');
  return undefined;
});
