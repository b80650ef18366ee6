/** The rules of a configuration that its schema cannot say. */

import { isAbsolute, relative } from 'node:path';
import { addressKind, parseAddress } from '../base/address.js';
import { LedgerError } from '../base/errors.js';
import { checkExportNames } from '../handles/map.js';
import { SOCKET_PATH_BYTES_MAX } from '../host/paths.js';
import { NLM_PROGRAM } from '../nlm/procedures.js';
import { NSM_PROGRAM } from '../nsm/procedures.js';
import { PMAP_PROGRAM } from '../portmap/procedures.js';
import type {
  AuditConfiguration,
  Configuration,
  Export,
  Limits,
  NatsConfiguration,
  ServiceGroup,
  StaticService,
} from './configuration.js';
import { checkGroups } from './check-groups.js';
import type { Problem } from './problems.js';

/** The fields that these rules read, after the schema has passed. */
export interface Checkable {
  readonly data: string;
  readonly listen: readonly string[];
  readonly nlmPort: number;
  readonly nsmPort: number;
  readonly portmap: Configuration['portmap'];
  readonly portmapPort: number;
  readonly portmapStatic: readonly StaticService[];
  readonly socket: string;
  readonly exports: readonly Export[];
  readonly nats?: Pick<NatsConfiguration, 'credentials' | 'nkeySeed' | 'user' | 'password' | 'tls'> | undefined;
  readonly audit: Pick<AuditConfiguration, 'orders' | 'archive' | 'keySeed'>;
  readonly limits: Pick<Limits, 'commandMs'>;
  readonly groups: readonly (Pick<
    ServiceGroup,
    'name' | 'exports' | 'nodes' | 'witnesses' | 'take' | 'silenceMs' | 'goneMs'
  > & {
    readonly addresses: readonly string[];
  })[];
}

export function checkConfiguration(configuration: Checkable): Problem[] {
  return [
    ...checkListen(configuration),
    ...checkPorts(configuration),
    ...checkPortmap(configuration),
    ...checkExports(configuration.exports),
    ...checkNats(configuration),
    ...checkAudit(configuration),
    ...checkGroups(configuration),
  ];
}

function* checkListen({ listen }: Checkable): Generator<Problem> {
  const seen = new Map<string, number>();
  for (const [index, text] of listen.entries()) {
    const pointer = `/listen/${index}`;
    const address = parseAddress(text);
    const kind = addressKind(address);
    if (kind === 'unspecified') {
      yield { pointer, message: 'name each server address; a wildcard hides through which address a call came' };
    } else if (kind === 'multicast' || kind === 'broadcast') {
      yield { pointer, message: `must be an address of this server, not a ${kind} address` };
    }
    const other = seen.get(address);
    if (other !== undefined) yield { pointer, message: `is the same address as /listen/${other}` };
    seen.set(address, index);
  }
}

function* checkPorts({ nlmPort, nsmPort, socket }: Checkable): Generator<Problem> {
  if (nlmPort === nsmPort) yield { pointer: '/nsmPort', message: 'must not be the port of NLM' };
  const bytes = Buffer.byteLength(socket);
  if (bytes > SOCKET_PATH_BYTES_MAX) {
    yield { pointer: '/socket', message: `must have at most ${SOCKET_PATH_BYTES_MAX} bytes (unix(7)), not ${bytes}` };
  }
}

function* checkPortmap({ portmap, portmapPort, portmapStatic, nlmPort, nsmPort }: Checkable): Generator<Problem> {
  if (portmap === 'embedded' && (portmapPort === nlmPort || portmapPort === nsmPort)) {
    yield { pointer: '/portmapPort', message: 'must not be the port of NLM or NSM' };
  }
  const seen = new Map<string, number>();
  for (const [index, { program, version, protocol }] of portmapStatic.entries()) {
    const pointer = `/portmapStatic/${index}`;
    if (program === PMAP_PROGRAM || program === NLM_PROGRAM || program === NSM_PROGRAM) {
      yield { pointer: `${pointer}/program`, message: `must not be ${program}, which this node serves itself` };
    }
    const name = `${program} ${version} ${protocol}`;
    const other = seen.get(name);
    if (other !== undefined) yield { pointer, message: `is the same service as /portmapStatic/${other}` };
    seen.set(name, index);
  }
}

function* checkExports(exports: readonly Export[]): Generator<Problem> {
  let catchAll: number | undefined;
  for (const [index, entry] of exports.entries()) {
    const pointer = `/exports/${index}`;
    const { path, mountPoint, handle } = entry;
    if (mountPoint !== undefined && path !== mountPoint && !path.startsWith(mountPoint.replace(/\/*$/, '/'))) {
      yield { pointer: `${pointer}/mountPoint`, message: `must be ${path} or a folder above it` };
    }
    if (handle.format === 'prefix' && handle.mask !== undefined && handle.mask.length !== handle.prefix.length) {
      yield { pointer: `${pointer}/handle/mask`, message: 'must be as long as the prefix' };
    }
    if (handle.format === 'any') {
      if (catchAll !== undefined) {
        yield { pointer: `${pointer}/handle`, message: `/exports/${catchAll} matches every handle already` };
      }
      catchAll = index;
    }
    const named = exportProblem(exports.slice(0, index + 1));
    if (named !== undefined) yield { pointer, message: named };
  }
}

function* checkNats({ nats }: Checkable): Generator<Problem> {
  if (nats === undefined) return;
  const { credentials, nkeySeed, user, password, tls } = nats;
  const ways = [credentials, nkeySeed, user].filter((way) => way !== undefined);
  if (ways.length > 1) yield { pointer: '/nats', message: 'give one of credentials, nkeySeed, and user' };
  if (password !== undefined && user === undefined) yield { pointer: '/nats/password', message: 'needs a user' };
  if ((tls?.cert === undefined) !== (tls?.key === undefined)) {
    yield { pointer: '/nats/tls', message: 'give cert and key together' };
  }
}

/** Compiled up to this export, so that the problem has its place; each is reported once, at the first that causes it. */
function exportProblem(exports: readonly Export[]): string | undefined {
  const [before, last] = [exports.slice(0, -1), exports.slice(-1)];
  for (const part of [before, last, exports]) {
    try {
      checkExportNames(part);
    } catch (error) {
      if (!(error instanceof LedgerError)) throw error;
      return part === before ? undefined : error.message;
    }
  }
  return undefined;
}

function* checkAudit({ audit: { orders, archive, keySeed }, limits, data }: Checkable): Generator<Problem> {
  if (archive !== undefined && keySeed === undefined) {
    yield { pointer: '/audit/archive', message: 'needs audit.keySeed: a signed checkpoint vouches for what goes' };
  }
  if (archive !== undefined && isWithin(archive.to, data)) {
    yield { pointer: '/audit/archive/to', message: `must not lie in the data folder, ${data}` };
  }
  if (orders.ageMs > limits.commandMs) {
    yield {
      pointer: '/audit/orders/ageMs',
      message: `must not be above limits.commandMs, ${limits.commandMs}: a copy of an order is known by its id for that time alone`,
    };
  }
  if (orders.require && orders.keys.length === 0) {
    yield {
      pointer: '/audit/orders/require',
      message: 'needs keys whose signatures count: else nobody may order anything',
    };
  }
  const names = orders.keys.map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined)
    yield { pointer: '/audit/orders/keys', message: `two keys are called ${JSON.stringify(twice)}` };
}

function isWithin(path: string, folder: string): boolean {
  const way = relative(folder, path);
  return way !== '..' && !way.startsWith('../') && !isAbsolute(way);
}
