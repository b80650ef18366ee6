/** The table of checks, and the run of all of them. */

import { checkAddresses } from './checks/addresses.js';
import { checkCallbacks } from './checks/callbacks.js';
import { checkCapabilities } from './checks/capabilities.js';
import { checkClock } from './checks/clock.js';
import { checkDataFolder, checkDisk } from './checks/disk.js';
import { checkHandles } from './checks/handles.js';
import { checkLockd } from './checks/lockd.js';
import { checkNode } from './checks/node.js';
import { checkPortmapper } from './checks/portmapper.js';
import { checkPorts } from './checks/ports.js';
import { checkStatd } from './checks/statd.js';
import { checkTools } from './checks/tools.js';
import { warn, type Finding, type Said } from './finding.js';
import type { Scene } from './scene.js';

type Check = (scene: Scene) => Promise<readonly Said[]>;

/** In the order in which they are told: what others depend on comes first. */
export const CHECKS: readonly (readonly [name: string, check: Check])[] = [
  ['node', checkNode],
  ['tools', () => checkTools()],
  ['data', checkDataFolder],
  ['disk', checkDisk],
  ['clock', checkClock],
  ['capabilities', (scene) => checkCapabilities(scene)],
  ['addresses', checkAddresses],
  ['ports', checkPorts],
  ['portmapper', checkPortmapper],
  ['lockd', checkLockd],
  ['statd', checkStatd],
  ['callbacks', checkCallbacks],
  ['handles', checkHandles],
];

/** One after the other, since some of them measure. A check that fails itself is a finding, never an error. */
export async function examine(scene: Scene): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const [check, look] of CHECKS) {
    const said = await look(scene).catch((error: unknown) => [
      warn(
        `could not be looked at: ${error instanceof Error ? error.message : String(error)}`,
        'run the doctor as root',
      ),
    ]);
    findings.push(...said.map((one) => ({ check, ...one })));
  }
  return findings;
}
