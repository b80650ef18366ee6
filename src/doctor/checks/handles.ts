/** Do calls come on file handles that no export of the configuration matches? */

import { ok, warn, type Said } from '../finding.js';
import type { Scene } from '../scene.js';

export async function checkHandles({ node, configuration }: Scene): Promise<Said[]> {
  if (node === undefined) return [];
  const { unmappedCalls } = node.status;
  if (unmappedCalls === 0) return [ok('every handle was of an export')];
  return [
    warn(
      `${unmappedCalls} call${unmappedCalls === 1 ? '' : 's'} on file handles that no export matches${configuration.unmapped === 'refuse' ? ': refused' : ': unlock-fs cannot find their locks by path'}`,
      'add the export to "exports" in the configuration, with the handle format of its NFS server (nlm-ledger locks shows the handles)',
    ),
  ];
}
