import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import test from 'ava';

const run = promisify(execFile);
const UNIT = 'ops/systemd/nlm-ledger.service';

test('systemd finds no fault in the unit', async (t) => {
  const installed = await run('systemd-analyze', ['--version']).then(
    () => true,
    () => false,
  );
  if (!installed) {
    // Where this has to run, as in CI, a missing program is a failure.
    t.is(process.env['CI'], undefined, 'systemd-analyze is missing: apt-get install systemd');
    t.log('not run: there is no systemd-analyze here (Debian package systemd)');
    return;
  }
  const { stdout, stderr } = await run('systemd-analyze', ['verify', '--man=no', UNIT]);
  t.is(stdout + stderr, '');
});

test('the unit is exposed no more than systemd calls OK', async (t) => {
  const security = await run('systemd-analyze', ['security', '--offline=true', UNIT]).catch(() => undefined);
  if (security === undefined) {
    t.pass();
    t.log('not run: this systemd-analyze cannot judge a unit by itself (252 and newer can)');
    return;
  }
  const level = /exposure level for nlm-ledger\.service: ([0-9.]+)/.exec(security.stdout)?.[1];
  t.true(Number(level) < 2.5, security.stdout);
});
