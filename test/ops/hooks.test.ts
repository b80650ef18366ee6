/** The ready hooks against a real kernel, in namespaces that the test makes for itself (as root). */

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import test from 'ava';

const SCENE_MS_MAX = 240_000;

/** Connects anew whenever it is reset. */
const CLIENT = `
  const { appendFileSync } = require("fs");
  const say = (text) => appendFileSync("/run/client", text + "\\n");
  const connect = (host) => {
    const socket = require("net").connect(7000, host);
    socket.on("data", (name) => say(host + " is served by " + name));
    socket.on("error", ({ code }) => (say(host + " " + code), connect(host)));
  };
  connect("10.77.0.50"); connect("fd77::50");
`;

/**
 * Two hosts and a client on one bridge; the address moves to the other, back at once, stays behind, goes without the
 * perl; the host that has it is off. The client connects anew whenever it is reset, and tells who served it.
 */
const SCENE = `
set -e
mount -t tmpfs tmpfs /run; mkdir -p /run/netns /run/settings /run/bin
ip link set lo up
ip link add br0 type bridge; ip link set br0 up
ip addr add 10.77.0.1/24 dev br0; ip addr add fd77::1/64 dev br0 nodad
n=10
for host in a b; do
  n=$((n + 1))
  ip netns add $host; ip link add v$host type veth peer name eth0 netns $host; ip link set v$host master br0 up
  ip -n $host link set lo up; ip -n $host link set eth0 up
  ip -n $host addr add 10.77.0.$n/24 dev eth0; ip -n $host addr add fd77::$n/64 dev eth0 nodad
done
echo INTERFACE=eth0 > /run/settings/web
for tool in sh ip ss; do ln -s "$(command -v $tool)" /run/bin/; done
hook() {
  host=$1; shift
  ip netns exec $host env NLM_HOOK_SETTINGS=/run/settings NLM_GROUP=web \\
    NLM_ADDRESSES="10.77.0.50 fd77::50" "$@" "$HOOKS/address" | sed "s/^/$host: /"
}
serve() {
  ip netns exec $1 "$NODE" -e '
    require("net").createServer((s) => s.on("error", () => 0).write(process.argv[1])).listen(7000, "::", () => console.log("listens"));
  ' $1 > /run/server-$1 & servers="$servers $!"
  until grep -q listens /run/server-$1; do sleep 0.05; done
}
is_served() { until [ "$(grep -c "is served by $1" /run/client)" = 2 ]; do sleep 0.05; done; sort /run/client; : > /run/client; }
ends_at() {
  for address in 10.77.0.50 fd77::50; do
    until [ "$(grep "^$address is served by" /run/client | tail -n 1)" = "$address is served by $1" ]; do sleep 0.05; done
    echo "$address ends at $1"
  done
  : > /run/client
}
connected() { ss -Htn state established dport = :7000 | wc -l; }

hook a NLM_STEP=address-up; hook a NLM_STEP=address-up; hook a NLM_STEP=announce
serve a; serve b
"$NODE" -e "$CLIENT" & client=$!
is_served a
tcpdump -l -n -i va --direction=in 'tcp[13] & 4 != 0 or (ip6 and ip6[6] == 6 and ip6[53] & 4 != 0)' > /run/resets 2> /run/tcpdump & tcpdump=$!
until grep -q listening /run/tcpdump; do sleep 0.05; done

hook a NLM_STEP=address-down; hook a NLM_STEP=address-down
echo "$(connected) have heard nothing"
hook b NLM_STEP=address-up
echo "$(connected) have heard nothing"
hook b NLM_STEP=announce
is_served b
for address in 10.77.0.50 fd77::50; do
  if ip neigh show to $address dev br0 | grep -q "$(ip -n b -o link show eth0 | grep -o 'ether [^ ]*' | cut -d' ' -f2)"; then echo "$address is at b"; fi
done
kill $tcpdump; wait $tcpdump || true
echo "resets of a: $(grep -c . /run/resets || true)"

hook b NLM_STEP=address-down; hook a NLM_STEP=address-up; hook a NLM_STEP=announce
is_served a

hook b NLM_STEP=address-up; hook b NLM_STEP=announce
# Both have it for a while: a client may come back to either, and be reset again.
hook a NLM_STEP=address-down NLM_TAKEN_BY=b | sed -E 's/: [1-9][0-9]* connections/: some connections/'
ends_at b
hook b NLM_STEP=address-down PATH=/run/bin
until [ "$(grep -c ECONNRESET /run/client)" -ge 2 ]; do sleep 0.05; done
kill $client

hook b NLM_STEP=address-up; hook b NLM_STEP=announce
"$NODE" -e '
  for (const host of ["10.77.0.50", "fd77::50"]) {
    require("net").connect(7000, host, () => console.log("connected")).on("error", () => 0);
  }
  setInterval(() => 0, 1000);
' > /run/again & again=$!
until [ "$(grep -c connected /run/again)" = 2 ]; do sleep 0.05; done
ip -n b addr del 10.77.0.50/24 dev eth0; ip -n b addr del fd77::50/64 dev eth0
left() { ip netns exec b ss -Htn state established sport = :7000 | wc -l; }
echo "$(left) are left at b"
hook b NLM_STEP=address-up
echo "$(left) are left at b"
kill $again

: > /run/client; "$NODE" -e "$CLIENT" & client=$!
is_served b
callers() { ss -Htn state established dport = :7000 | sed -E 's/^[0-9]+ +[0-9]+ +\\[?([^] ]*[^]:])\\]?:([0-9]+) .*/\\1 \\2/'; }
ip link set vb down
hook a NLM_STEP=address-up; hook a NLM_STEP=announce NLM_PORT=7000 NLM_CALLERS="$(callers)"
is_served a
kill $client $servers
`;

test('hazard 16: clients are reset once the address is announced elsewhere and not before; none hangs when it comes back', async (t) => {
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
      env: { ...process.env, NODE_OPTIONS: '', NODE: process.execPath, CLIENT, HOOKS: `${process.cwd()}/ops/hooks` },
    },
  );
  const each = (text: string): string[] => ['10.77.0.50', 'fd77::50'].map((address) => text.replace('IP', address));
  const removed = (said: string): string => `IP removed from eth0: ${said}`;
  const silent = removed('1 connections to be made anew, 0 could not be ended here');
  const moved = (host: string): string[] => ['IP ECONNRESET', `IP is served by ${host}`];
  t.deepEqual(stdout.trim().split('\n'), [
    ...each('a: IP added to eth0'),
    ...each('a: IP is on eth0 already'),
    ...each('a: IP announced on eth0'),
    ...each('IP is served by a'),
    ...each(`a: ${silent}`),
    ...each('a: IP is not on eth0'),
    '2 have heard nothing',
    ...each('b: IP added to eth0'),
    '2 have heard nothing',
    ...each('b: IP announced on eth0'),
    ...moved('b').flatMap(each).sort(),
    ...each('IP is at b'),
    'resets of a: 0',
    ...each(`b: ${silent}`),
    ...each('a: IP added to eth0'),
    ...each('a: IP announced on eth0'),
    ...moved('a').flatMap(each).sort(),
    ...each('b: IP added to eth0'),
    ...each('b: IP announced on eth0'),
    ...each(`a: ${silent.replace('1', 'some')}`),
    ...each('IP ends at b'),
    ...each(`b: ${removed('there is no perl to tell clients when to connect again: they may wait for seconds')}`),
    ...each('b: IP added to eth0'),
    ...each('b: IP announced on eth0'),
    '2 are left at b',
    ...each('b: IP added to eth0'),
    '0 are left at b',
    ...each('IP is served by b'),
    ...each('a: IP added to eth0'),
    ...each('a: IP announced on eth0, 1 connections asked for'),
    ...moved('a').flatMap(each).sort(),
  ]);
  return undefined;
});
