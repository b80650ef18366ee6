/** The packet filter of ops/nftables in a network namespace that the test makes for itself (as root). */

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import test from 'ava';
import { PRIVATE_HOST } from '../support/namespaces.js';

/** By its path: npm puts another program of that name before it. */
const NFT = '/usr/sbin/nft';

/** Connects to a port where nobody listens, to one that a server has, again from the port of a connection that it ended. */
const CLIENT = `
  const { connect, createServer } = require("net");
  const { once } = require("events");
  const call = async (host, port, localPort) => {
    const socket = connect({ host, port, localPort, timeout: 500 });
    const outcome = await new Promise((resolve) => {
      socket.on("connect", () => resolve("connected")).on("timeout", () => resolve("silence"));
      socket.on("error", ({ code }) => resolve(code));
    });
    console.log(host, port, outcome);
    return socket;
  };
  (async () => {
    for (const host of ["127.0.0.1", "::1"]) for (const port of [4045, 4046]) (await call(host, port)).destroy();
    const served = [];
    const server = createServer((socket) => served.push(socket.on("error", () => 0))).listen(4045, "127.0.0.1");
    await once(server, "listening");
    const first = await call("127.0.0.1", 4045, 20900);
    served[0].end();
    first.resume();
    await once(first, "close");
    const again = await call("127.0.0.1", 4045, 20900);
    served[1].resetAndDestroy();
    const [{ code }] = await once(again, "error");
    console.log("then", code);
    server.close();
  })();
`;

test('who connects where no node listens hears nothing; a connection that there is may be reset', async (t) => {
  const run = promisify(execFile);
  const isHere = await run(NFT, ['--version']).then(
    () => true,
    () => false,
  );
  if (process.getuid?.() !== 0 || !isHere) {
    if (process.getuid?.() === 0) t.is(process.env['CI'], undefined, `${NFT} is missing: apt-get install nftables`);
    t.log('not run: it needs root for its namespaces, and nft (Debian package nftables)');
    return t.pass();
  }
  const load = `${NFT} -f ops/nftables/nlm-ledger.nft`;
  const scene = `set -e; ip link set lo up; ${load}; ${load}; "$NODE" -e "$CLIENT"`;
  const { stdout } = await run('unshare', [...PRIVATE_HOST, 'sh', '-c', scene], {
    timeout: 60_000,
    killSignal: 'SIGKILL',
    env: { ...process.env, NODE_OPTIONS: '', NODE: process.execPath, CLIENT },
  });
  t.deepEqual(stdout.trim().split('\n'), [
    '127.0.0.1 4045 silence',
    '127.0.0.1 4046 ECONNREFUSED',
    '::1 4045 silence',
    '::1 4046 ECONNREFUSED',
    '127.0.0.1 4045 connected',
    '127.0.0.1 4045 connected',
    'then ECONNRESET',
  ]);
  return undefined;
});
