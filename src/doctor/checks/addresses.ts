/** Are the server addresses on this host, and can clients reach them? */

import { isLoopbackAddress } from '../../base/address.js';
import { listAddresses } from '../../host/interfaces.js';
import { ok, warn, type Said } from '../finding.js';
import type { Scene } from '../scene.js';

export async function checkAddresses({ configuration: { listen } }: Scene): Promise<Said[]> {
  const here = await listAddresses();
  const away = listen.filter((address) => !isLoopbackAddress(address) && !here.has(address));
  const said = away.map((address) =>
    warn(
      `${address} is not on this host, and is waited for`,
      `as it should be for a floating address that is elsewhere; else add it (ip address add ${address}/PREFIX dev INTERFACE) or correct "listen"`,
    ),
  );
  if (said.length > 0) return said;
  if (listen.every(isLoopbackAddress))
    return [ok('only loopback is served: no other host can lock; name addresses with --listen')];
  return [ok(`${listen.join(', ')}: on this host`)];
}
