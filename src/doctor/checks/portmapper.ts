/** Can clients find us: is there a portmapper, does it take our registrations, and does it tell them? */

import { randomInt } from 'node:crypto';
import { addressFamily, isLoopbackAddress, parseAddress, type Address } from '../../base/address.js';
import { LedgerError } from '../../base/errors.js';
import { callPeer } from '../../effects/rpc-call.js';
import type { Registration } from '../../effects/rpcbind/rpcbind.js';
import { NLM_PROGRAM } from '../../nlm/procedures.js';
import { MAPPING, UINT } from '../../portmap/codecs.js';
import { PMAP_PROGRAM } from '../../portmap/procedures.js';
import { IPPROTO_TCP } from '../../portmap/types.js';
import { fail, ok, warn, type Said } from '../finding.js';
import type { Scene } from '../scene.js';

const ASK_MS_MAX = 3000;
/** Programs that are nobody's: RFC 5531 section 8.4, "transient". */
const TRANSIENT_MIN = 0x4000_0000;
const TRANSIENT_MAX = 0x5fff_ffff;

export async function checkPortmapper(scene: Scene): Promise<Said[]> {
  switch (scene.configuration.portmap) {
    case 'off':
      return [
        warn(
          'this node tells no portmapper of itself (--portmap off)',
          'use --portmap system or embedded, unless something else tells clients: Linux asks the portmapper for NLM, and has no option for a fixed port',
        ),
      ];
    case 'embedded':
      return checkEmbedded(scene);
    default:
      return checkSystem(scene);
  }
}

async function checkEmbedded({ node, configuration: { portmapPort } }: Scene): Promise<Said[]> {
  if (node === undefined) return [ok(`embedded, port ${portmapPort}: comes with the node`)];
  const said: Said[] = [];
  for (const { address, present, nlmPort, problem } of node.status.listeners) {
    if (!present || problem !== undefined) continue;
    const port = await askPort(parseAddress(address), portmapPort).catch((error: unknown) => error);
    if (port === nlmPort) continue;
    const seen = port instanceof Error ? port.message : `it names port ${String(port)} for NLM, not ${nlmPort}`;
    said.push(
      fail(
        `the embedded portmapper of ${address} does not tell clients where we are: ${seen}`,
        'see the check of ports: an rpcbind may have its port',
      ),
    );
  }
  return said.length > 0 ? said : [ok(`embedded: tells clients where we are, port ${portmapPort}`)];
}

function askPort(address: Address, port: number): Promise<number> {
  const getPort = { program: PMAP_PROGRAM, version: 2, procedure: 3, arguments: MAPPING, result: UINT };
  const wanted = { prog: NLM_PROGRAM, vers: 4, prot: IPPROTO_TCP, port: 0 };
  return callPeer({ transport: 'tcp', address, port }, getPort, wanted, ASK_MS_MAX);
}

async function checkSystem(scene: Scene): Promise<Said[]> {
  let listed: readonly Registration[];
  try {
    listed = await scene.rpcbind.list(ASK_MS_MAX);
  } catch (error) {
    if (!(error instanceof LedgerError)) throw error;
    return [away(error)];
  }
  return scene.node === undefined ? [await tryRegistration(scene)] : checkListed(scene, listed);
}

function away(error: LedgerError): Said {
  const embedded = 'or be the portmapper: --portmap embedded';
  if (error.code === 'timeout')
    return fail(`rpcbind does not answer: ${error.message}`, `restart rpcbind; ${embedded}`);
  if (error.code === 'unavailable') {
    return fail(
      `no rpcbind on this host: ${error.message}`,
      `install and start rpcbind (systemctl enable --now rpcbind); ${embedded}`,
    );
  }
  return fail(`rpcbind refuses us: ${error.message}`, `let loopback in (its hosts.allow); ${embedded}`);
}

/** The one way to know: a program of nobody is registered, and taken out again. */
async function tryRegistration({ rpcbind }: Scene): Promise<Said> {
  const program = randomInt(TRANSIENT_MIN, TRANSIENT_MAX + 1);
  const registration: Registration = { program, version: 1, protocol: 'tcp', port: 1 };
  try {
    if (await rpcbind.set(registration, ASK_MS_MAX)) {
      const isSeen = (await rpcbind.list(ASK_MS_MAX)).some((other) => other.program === program);
      await rpcbind.unset(registration, ASK_MS_MAX);
      return isSeen
        ? ok('rpcbind answers, and takes registrations')
        : fail(
            'rpcbind took a registration that clients do not see: /run/rpcbind.sock belongs to another network namespace',
            'give this network namespace a /run of its own, or use --portmap embedded',
          );
    }
  } catch (error) {
    if (!(error instanceof LedgerError)) throw error;
    return fail(
      `rpcbind answers, and cannot be told anything: ${error.message}`,
      'start the node as root, or use --portmap embedded',
    );
  }
  return fail(
    'rpcbind answers, and refuses registrations of this user',
    'start the node as root or where /run/rpcbind.sock can be reached, or use --portmap embedded',
  );
}

function checkListed({ configuration, node }: Scene, listed: readonly Registration[]): Said[] {
  const families = new Set(configuration.listen.map(addressFamily));
  const netids = [...(families.has(4) ? ['tcp', 'udp'] : []), ...(families.has(6) ? ['tcp6', 'udp6'] : [])];
  const missing = netids.filter(
    (netid) =>
      !listed.some(
        ({ program, version, protocol, port }) =>
          program === NLM_PROGRAM && version === 4 && protocol === netid && port === configuration.nlmPort,
      ),
  );
  if (missing.length === 0) return [ok('rpcbind tells clients where we are')];
  const why = node?.status.registration ?? '';
  const reason = why === '' || why === 'registered' ? '' : ` (${why})`;
  const isLocal = configuration.listen.every(isLoopbackAddress);
  const todo = 'see the checks of lockd and statd; rpcbind is asked again every few seconds';
  const what = `rpcbind does not name us for NLM 4 over ${missing.join(', ')}${reason}`;
  return [isLocal ? warn(what, todo) : fail(what, todo)];
}
