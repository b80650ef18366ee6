import test from 'ava';
import { readdirSync, readFileSync } from 'node:fs';
import { join, normalize, dirname } from 'node:path';

/** From the ground up: a folder imports what stands before it. */
const ORDER = [
  'base', 'signing', 'bus', 'xdr', 'handles', 'core', 'host', 'rpc', 'nlm', 'nsm', 'portmap', 'ledger', 'engine', 'intake', 'config',
  'effects', 'takeover', 'admin', 'audit', 'doors', 'node', 'doctor', 'cli', 'compose-ledgers.ts', 'compose-nsm.ts', 'compose-registration.ts', 'compose-groups.ts', 'compose-cluster.ts', 'compose-takeovers.ts', 'compose-nats.ts',
  'compose.ts', 'start.ts', 'main.ts',
]; // prettier-ignore
const PURE = new Set(['core', 'handles', 'nlm', 'nsm', 'portmap', 'rpc', 'xdr']);
/** Where sockets are: the ways in, the ways out, and the command line's own client. */
const WITH_SOCKETS = new Set(['bus', 'doors', 'effects', 'cli', 'doctor']);
const SOCKET_MODULES = new Set(['node:net', 'node:dgram', 'node:tls', 'node:http', 'node:https']);

interface Source {
  readonly path: string;
  readonly folder: string;
  readonly text: string;
  readonly imports: readonly string[];
}

const SOURCES: readonly Source[] = readdirSync('src', { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.ts'))
  .map((path) => {
    const text = readFileSync(join('src', path), 'utf8');
    const imports = [...text.matchAll(/(?:from|import\()\s*'([^']+)'/g)].map((match) => match[1]!);
    return { path, folder: path.split('/')[0]!, text, imports };
  });

test('imports point down the list of folders only', (t) => {
  for (const { path, folder, imports } of SOURCES) {
    t.true(ORDER.includes(folder), `${path}: the folder has no place in the order`);
    for (const imported of imports.filter((name) => name.startsWith('.'))) {
      const target = normalize(join(dirname(path), imported))
        .replace(/\.js$/, '.ts')
        .split('/')[0]!;
      // Above src there are only the package's own JSON files.
      if (target === '..' || target === folder) continue;
      t.true(ORDER.indexOf(target) < ORDER.indexOf(folder), `${path} imports ${imported}: an arrow that points up`);
    }
  }
});

test('pure folders touch no module of Node, no clock and no randomness', (t) => {
  for (const { path, folder, text, imports } of SOURCES.filter((source) => PURE.has(source.folder))) {
    t.deepEqual(
      imports.filter((name) => name.startsWith('node:')),
      [],
      path,
    );
    t.notRegex(
      text,
      /\b(?:Date\.now|Math\.random|performance\.|process\.|console\.|setTimeout|setImmediate|await )/,
      `${folder}/${path}`,
    );
  }
});

test('sockets are in the doors, the effects and the clients alone', (t) => {
  for (const { path, folder, imports } of SOURCES) {
    if (WITH_SOCKETS.has(folder)) continue;
    t.deepEqual(
      imports.filter((name) => SOCKET_MODULES.has(name)),
      [],
      path,
    );
  }
});

/** What is loaded with a file: a type goes away in the build, and `import()` waits until it is asked for. */
function loadedWith(paths: readonly string[]): { readonly files: ReadonlySet<string>; readonly packages: Set<string> } {
  const files = new Set(paths);
  const packages = new Set<string>();
  for (const path of files) {
    const { text } = SOURCES.find((source) => source.path === path)!;
    for (const [, name] of text.matchAll(/^(?:import|export) (?!type )(?:[^;']* from )?'([^']+)'/gm)) {
      if (name!.startsWith('.')) files.add(normalize(join(dirname(path), name!)).replace(/\.js$/, '.ts'));
      else if (!name!.startsWith('node:')) packages.add(name!);
    }
  }
  return { files, packages };
}

test('a node that serves one machine loads nothing of a cluster, and no command but its own', (t) => {
  const { files, packages } = loadedWith(['main.ts', 'start.ts']);
  t.true(files.has('doors/rpc/listeners.ts'), 'the walk finds what serves');
  t.deepEqual([...packages].toSorted(), ['commander', 'ipaddr.js', 'pino']);
  const others =
    /^(?:takeover|doors\/nats|ledger\/jetstream|bus\/(?:bus|connection)|cli\/(?:render|commands\/(?!start)))/;
  t.deepEqual(
    [...files].filter((path) => others.test(path)),
    [],
  );
});

test('one file a task: nothing in src is called utils, helpers or common', (t) => {
  t.deepEqual(
    SOURCES.filter(({ path }) => /(?:^|\/)(?:utils?|helpers?|common|misc)(?:\/|\.ts$)/.test(path)).map(
      ({ path }) => path,
    ),
    [],
  );
});
