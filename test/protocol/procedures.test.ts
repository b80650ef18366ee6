/** Every procedure of every version against a live node, byte for byte: UDP and TCP, IPv4 and IPv6. */

import test from 'ava';
import { startNode } from '../support/node.js';
import { cutShort, exchanges, NLM, NSM, VERSIONS } from './exchanges.js';
import { Player } from './play.js';
import { EXPORT, REFUSALS } from './refusals.js';
import { RawService } from './raw-peer.js';

const SECONDS = 1_900_000_000;
const ALL = exchanges({ seconds: SECONDS });

for (const transport of ['udp', 'tcp'] as const) {
  for (const [family, address] of [
    ['IPv4', '127.0.0.1'],
    ['IPv6', '::1'],
  ] as const) {
    test(`every procedure of NLM 1, 3 and 4 and of NSM over ${transport} and ${family} is answered byte for byte`, async (t) => {
      const service = await RawService.open(address);
      const node = await startNode(t, {
        listen: [address],
        file: { clients: [{ network: address, callbackPort: service.port }] },
        surroundings: { clock: () => SECONDS * 1000 },
      });
      const { nlmPort, nsmPort } = node;
      const player = await Player.open({ transport, server: address, nlmPort, nsmPort, client: address, service });
      t.teardown(() => (player.close(), service.close()));
      for (const exchange of [...ALL, ...cutShort(ALL)]) {
        const { rule, expected, got } = await player.play(exchange);
        t.is(got, expected, `${rule} (program ${exchange.program} version ${exchange.version})`);
      }
      t.log(`${ALL.length} exchanges, and ${cutShort(ALL).length} calls cut short`);
    });

    test(`in grace, and for a handle that is not served, each of them is refused over ${transport} and ${family} as its version can say`, async (t) => {
      const service = await RawService.open(address);
      const node = await startNode(t, {
        listen: [address],
        file: {
          clients: [{ network: address, callbackPort: service.port }],
          exports: [EXPORT],
          unmapped: 'refuse',
          firstStart: 'grace',
        },
      });
      const { nlmPort, nsmPort } = node;
      const player = await Player.open({ transport, server: address, nlmPort, nsmPort, client: address, service });
      t.teardown(() => (player.close(), service.close()));
      for (const exchange of REFUSALS) {
        const { rule, expected, got } = await player.play(exchange);
        t.is(got, expected, `${rule} (version ${exchange.version})`);
      }
    });
  }
}

test('the table of exchanges has every procedure of every version, and every call that a node makes', (t) => {
  const has = (program: number, version: number, procedure: number): boolean =>
    ALL.some((one) => one.program === program && one.version === version && one.procedure === procedure);
  for (const version of VERSIONS) {
    for (let procedure = 0; procedure <= 24; procedure += 1) t.true(has(NLM, version, procedure), `${procedure}`);
    const made = ALL.filter((one) => one.version === version).flatMap(({ then }) => then?.procedure ?? []);
    for (const number of [5, 10, 11, 12, 13, 14]) t.true(made.includes(number), `call ${number} of version ${version}`);
  }
  for (let procedure = 0; procedure <= 7; procedure += 1) t.true(has(NSM, 1, procedure));
});
