/** The ready hooks against a real kernel, in namespaces that the test makes for itself (as root). */

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import test from 'ava';

const SCENE_MS_MAX = 60_000;

/** Two hosts and a client on one bridge; the address moves from the one to the other while a client is connected. */
const SCENE = `
set -e
mount -t tmpfs tmpfs /run; mkdir -p /run/netns /run/settings
ip link set lo up
ip link add br0 type bridge; ip link set br0 up
ip addr add 10.77.0.1/24 dev br0; ip addr add fd77::1/64 dev br0 nodad
for host in a b; do
  ip netns add $host; ip link add v$host type veth peer name eth0 netns $host; ip link set v$host master br0 up
  ip -n $host link set lo up; ip -n $host link set eth0 up
done
echo INTERFACE=eth0 > /run/settings/web
hook() {
  ip netns exec $1 env NLM_HOOK_SETTINGS=/run/settings NLM_GROUP=web NLM_STEP=$2 \\
    NLM_ADDRESSES="10.77.0.50 fd77::50" "$HOOKS/address" | sed "s/^/$1: /"
}
mac() { ip -n $1 -o link show eth0 | grep -o 'ether [^ ]*' | cut -d' ' -f2; }
hook a address-up; hook a address-up; hook a announce
ip netns exec a "$NODE" -e '
  require("net").createServer((s) => s.on("error", () => 0)).listen(7000, "::", () => console.log("listens"));
' > /run/server & server=$!
until grep -q listens /run/server; do sleep 0.1; done
"$NODE" -e '
  for (const host of ["10.77.0.50", "fd77::50"]) {
    const socket = require("net").connect(7000, host, () => console.log("connected"));
    socket.on("error", ({ code }) => console.log("client of", host, code));
  }
' > /run/client & client=$!
until [ "$(grep -c connected /run/client)" = 2 ]; do sleep 0.1; done
hook a address-down; hook a address-down
wait $client; kill $server
grep client /run/client | sort
hook b address-up; hook b announce
for address in 10.77.0.50 fd77::50; do
  if ip neigh show to $address dev br0 | grep -q "$(mac b)"; then echo "$address is at b"; fi
done
`;

test('the address hook: clients are reset while the address is here, and everybody learns where it went', async (t) => {
  if (process.getuid?.() !== 0) {
    t.log('not run: it needs root for its namespaces');
    return t.pass();
  }
  const { stdout } = await promisify(execFile)(
    'unshare',
    ['--net', '--mount', '--propagation', 'private', 'sh', '-c', SCENE],
    {
      timeout: SCENE_MS_MAX,
      killSignal: 'SIGKILL',
      env: { ...process.env, NODE_OPTIONS: '', NODE: process.execPath, HOOKS: `${process.cwd()}/ops/hooks` },
    },
  );
  const addresses = ['10.77.0.50', 'fd77::50'];
  const each = (text: (address: string) => string): string[] => addresses.map(text);
  t.deepEqual(stdout.trim().split('\n'), [
    ...each((address) => `a: ${address} added to eth0`),
    ...each((address) => `a: ${address} is on eth0 already`),
    ...each((address) => `a: ${address} announced on eth0`),
    ...each((address) => `a: ${address} removed from eth0, 0 connections could not be ended`),
    ...each((address) => `a: ${address} is not on eth0`),
    ...each((address) => `client of ${address} ECONNRESET`),
    ...each((address) => `b: ${address} added to eth0`),
    ...each((address) => `b: ${address} announced on eth0`),
    ...each((address) => `${address} is at b`),
  ]);
  return undefined;
});
