/** The rules of service groups that the schema cannot say: everything belongs to one group, and to one alone. */

import { parseAddress } from '../base/address.js';
import { fileSystemName } from '../handles/map.js';
import { groupTag } from '../nlm/callback-cookie.js';
import type { Checkable } from './check.js';
import type { Problem } from './problems.js';

/** The group of the host's own affairs, on every node of a cluster. */
export const LOCAL_GROUP = 'local';

export function* checkGroups(configuration: Checkable): Generator<Problem> {
  const { groups, nats } = configuration;
  if (groups.length > 0 && nats === undefined) {
    yield { pointer: '/groups', message: 'needs nats: the nodes share the ledgers of their groups over it' };
  }
  yield* checkNames(configuration);
  yield* checkNodes(configuration);
  yield* checkAddresses(configuration);
  yield* checkExports(configuration);
}

function* checkNames({ groups }: Checkable): Generator<Problem> {
  const seen = new Map<string, number>();
  for (const [index, { name }] of groups.entries()) {
    const pointer = `/groups/${index}`;
    const other = seen.get(name);
    if (other !== undefined) yield { pointer: `${pointer}/name`, message: `is the name of /groups/${other}` };
    seen.set(name, index);
    const twin = groups.findIndex((group) => group.name !== name && groupTag(group.name) === groupTag(name));
    if (twin >= 0 && twin < index) {
      yield {
        pointer: `${pointer}/name`,
        message: `has the callback tag of /groups/${twin} (16 bits of a hash): rename it`,
      };
    }
    if (name === LOCAL_GROUP) yield { pointer: `${pointer}/name`, message: `${LOCAL_GROUP} is every node's own group` };
  }
}

/** What an automatic takeover needs: with the owner gone, two archives are left (hazard 11). */
const SILENCE_ARCHIVES_MIN = 3;

function* checkNodes({ groups }: Checkable): Generator<Problem> {
  for (const [index, { nodes, witnesses, take, silenceMs, goneMs }] of groups.entries()) {
    const twice = witnesses.findIndex((name) => nodes.includes(name));
    if (twice >= 0) {
      yield {
        pointer: `/groups/${index}/witnesses/${twice}`,
        message: 'is one of nodes: a witness never owns the group',
      };
    }
    if (take === 'on-silence' && nodes.length + witnesses.length < SILENCE_ARCHIVES_MIN) {
      const message = `on-silence needs ${SILENCE_ARCHIVES_MIN} nodes or witnesses: an entry counts once two of them have it`;
      yield { pointer: `/groups/${index}/take`, message };
    }
    if (goneMs !== undefined && (take !== 'on-silence' || goneMs >= silenceMs)) {
      const message = 'counts only with take on-silence, and below silenceMs';
      yield { pointer: `/groups/${index}/goneMs`, message };
    }
  }
}

function* checkAddresses({ groups, listen }: Checkable): Generator<Problem> {
  const seen = new Map(listen.map((text, index) => [String(parseAddress(text)), `/listen/${index}`]));
  for (const [index, { addresses }] of groups.entries()) {
    for (const [at, text] of addresses.entries()) {
      const pointer = `/groups/${index}/addresses/${at}`;
      const other = seen.get(parseAddress(text));
      if (other !== undefined) yield { pointer, message: `is the same address as ${other}: it moves with one group` };
      seen.set(parseAddress(text), pointer);
    }
  }
}

function* checkExports({ groups, exports }: Checkable): Generator<Problem> {
  const byPath = new Map(exports.map((entry) => [entry.path, entry]));
  const groupOf = new Map<string, number>();
  const fileSystems = new Map<string, number>();
  for (const [index, group] of groups.entries()) {
    for (const [at, path] of group.exports.entries()) {
      const pointer = `/groups/${index}/exports/${at}`;
      const entry = byPath.get(path);
      if (entry === undefined) {
        yield { pointer, message: `must be the path of one of the exports` };
        continue;
      }
      const other = groupOf.get(path);
      if (other !== undefined) yield { pointer, message: `belongs to /groups/${other} already` };
      groupOf.set(path, index);
      const fileSystem = fileSystemName(entry, exports);
      if (fileSystem === undefined) {
        const message = 'needs the fsid of its handles: two groups must not share a file system unseen';
        yield { pointer, message };
        continue;
      }
      const owner = fileSystems.get(fileSystem);
      if (owner !== undefined && owner !== index) {
        yield { pointer, message: `lies on the file system ${fileSystem}, which belongs to /groups/${owner}` };
      }
      fileSystems.set(fileSystem, index);
    }
  }
}
