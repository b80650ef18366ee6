/** The story that the audit's tests ask about: two clients, one file, a purge that lets the wrong one in, a reboot. */

import { History } from './history.js';
import { bytes, lock, order, unlock } from './commands.js';
import { seededRandom } from './random.js';

const ALICE = { client: 'alice', from: '10.0.0.1', to: '10.1.1.2', svid: 7, file: 'inbox', fileSystem: 'mail' };
const BOB = { client: 'bob', from: '10.0.0.2', to: '10.1.1.3', svid: 8, file: 'inbox', fileSystem: 'mail' };

/** Positions: 1 alice is granted, 2 bob waits, 3 the purge, 4 bob is let in, 5 bob unlocks, 6 alice is back, 7 she reboots. */
export function story(): History {
  const history = new History(seededRandom(1));
  const step = (run: () => unknown, thenMs: number): void => {
    run();
    history.pass(thenMs);
  };
  step(() => history.submit(lock(ALICE)), 1000);
  step(() => history.submit(lock({ ...BOB, block: true })), 61_000);
  const move = { ...order('move-17'), actor: 'uid:1000', reason: 'to server b' };
  step(
    () =>
      history.submit({ type: 'purge', selector: { type: 'address', address: '10.1.1.2' }, order: move, dryRun: false }),
    0,
  );
  step(() => history.settle(), 2000);
  step(() => history.submit(unlock(BOB)), 3000);
  step(() => history.submit(lock(ALICE)), 4000);
  step(() => history.submit({ type: 'reboot', client: { name: bytes('alice'), address: '10.0.0.1' }, state: 5 }), 0);
  return history;
}
