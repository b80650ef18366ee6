/**
 * Makes one program of the modules that main.js loads, in its place, as the last step of a build: Node takes a millisecond
 * for each file. The modules beside it stay, for the workers and the tests.
 */

import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const SOURCES = fileURLToPath(new URL('dist/src/', import.meta.url));
/** What is loaded with `import()` is a file of its own; so is what two files share. */
const PART = 'bundled-';

/** esbuild makes a variable of each constant of a module: V8 would read it anew each time, which is a twentieth of a call. */
const CONSTANTS = /^var ([A-Z][A-Z0-9_]* = )/gm;

/**
 * A module looks for its worker, its validators and package.json from its own place, not from the bundle's.
 * @type {import('esbuild').Plugin}
 */
const ownPlaces = {
  name: 'own places',
  setup({ onLoad }) {
    onLoad({ filter: /\.js$/ }, ({ path }) => {
      if (!path.startsWith(SOURCES)) return undefined;
      const place = `new URL(${JSON.stringify(relative(SOURCES, path))}, import.meta.url).href`;
      return { contents: readFileSync(path, 'utf8').replaceAll('import.meta.url', place), loader: 'js' };
    });
  },
};

for (const file of readdirSync(SOURCES)) if (file.startsWith(PART)) rmSync(join(SOURCES, file));
const { outputFiles } = await build({
  entryPoints: [join(SOURCES, 'main.js')],
  outdir: SOURCES,
  write: false,
  chunkNames: `${PART}[name]-[hash]`,
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  sourcemap: true,
  sourcesContent: false,
  // CommonJS packages ask for Node's own modules.
  banner: {
    js: "import { createRequire as requireFor } from 'node:module'; const require = requireFor(import.meta.url);",
  },
  plugins: [ownPlaces],
  logLevel: 'warning',
});
for (const { path, text } of outputFiles) writeFileSync(path, text.replaceAll(CONSTANTS, 'const $1'));
