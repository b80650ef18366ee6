/** Does the host's own statd hold 100024? Clients send the notice of their reboot once, to whom rpcbind names. */

import { NSM_PROGRAM } from '../../nsm/procedures.js';
import { fail, ok, type Said } from '../finding.js';
import type { Scene } from '../scene.js';
import { livingOthers } from './lockd.js';

export async function checkStatd(scene: Scene): Promise<Said[]> {
  const others = await livingOthers(scene, NSM_PROGRAM, scene.configuration.nsmPort);
  if (others.length === 0) return [ok('no other statd')];
  return others.map(({ ports, holder }) =>
    fail(
      `another statd holds 100024, at port ${ports.join(', ')}: ${holder}; clients that reboot tell it, and their locks stay here`,
      'stop it (systemctl stop rpc-statd; only NFSv3 mounts of this host need it), or give nlm-ledger a network namespace of its own',
    ),
  );
}
