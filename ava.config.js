import { existsSync } from 'node:fs';

// The validators of schemas/ as they are now, also after a build by `tsc` alone. Other tools read this file without a build.
const VALIDATORS = new URL('dist/ops/build/validators.js', import.meta.url);
if (existsSync(VALIDATORS)) await import(VALIDATORS);

export default {
  files: ['test/**/*.test.ts', '!test/e2e/**'],
  typescript: { rewritePaths: { 'src/': 'dist/src/', 'test/': 'dist/test/', 'ops/': 'dist/ops/' }, compile: false },
  nodeArguments: ['--enable-source-maps', '--import=./dist/test/support/ending.js'],
  // Node 20 can spin for ever when a thread ends while one of its sockets is busy; a process is ended by test/support/ending.ts.
  workerThreads: false,
  timeout: '4m',
};
