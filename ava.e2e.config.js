export default {
  files: ['test/e2e/**/*.test.ts'],
  typescript: { rewritePaths: { 'src/': 'dist/src/', 'test/': 'dist/test/', 'ops/': 'dist/ops/' }, compile: false },
  nodeArguments: ['--enable-source-maps', '--import=./dist/test/support/ending.js'],
  concurrency: 1,
  serial: true,
  workerThreads: false,
  timeout: '5m',
};
