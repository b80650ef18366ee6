/** The ledger is asked what happened: the takeover, a file, a moment; and it is checked to the last byte. */

import { handleHex } from '../client.js';
import { commanded, type Scene } from '../scene.js';

export async function replay(scene: Scene): Promise<void> {
  const { stage, narrator } = scene;
  narrator.chapter('The ledger is replayed');
  narrator.say('Everything above is in the copy of each node, in the same order, hash upon hash. b is asked:');
  const b = ['--data', stage.dataOf('b'), '--group', 'home'];
  narrator.say('Who had home/report, and who broke it?');
  await commanded(scene, ['audit', 'history', '--file', handleHex('home/report'), ...b], /unlock-ip|unlock-fs|purge/);
  narrator.say('The last takeover, step by step:');
  await commanded(scene, ['audit', 'takeover', ...b], /announce/);
  narrator.say('Who holds what now:');
  await commanded(scene, ['audit', 'at', 'head', ...b], /cleo/);
  narrator.say('And is it all as it was written, and could it have happened so?');
  await commanded(scene, ['audit', 'verify', ...b], /./);
}
