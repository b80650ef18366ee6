/** The hook kernel-exports on a running kernel NFS server: one guest serves, the other is its client. */
import { mkdirSync, rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { clients } from './harness/addresses.js';
import { Guest } from './harness/guest.js';
import { ensureInitramfs } from './harness/initramfs.js';
import { putKernelServer, startKernelServer } from './harness/kernel-server.js';
import { ensureKernel } from './harness/kernel.js';
import { createNetwork } from './harness/namespaces.js';
import { ensurePackages } from './harness/packages.js';

const PATH = '/srv/web';

test('kernel-exports: a client sees the export come and go, and the file system can be unmounted then', async (t) => {
  await ensurePackages();
  const kernel = await ensureKernel();
  const image = { kernel: kernel.image, initramfs: await ensureInitramfs(kernel) };
  const scratch = await mkdtemp(join(tmpdir(), 'nlm-ledger-e2e-'));
  t.teardown(() => rmSync(scratch, { recursive: true, force: true }));
  const network = await createNetwork();
  const [server, client] = (['client1', 'client2'] as const).map(
    (name) => new Guest(name, network, scratch, image),
  ) as [Guest, Guest];
  t.teardown(() => Promise.all([server.close(), client.close()]));
  const state = join(scratch, 'client1/state');
  mkdirSync(state, { recursive: true });
  await putKernelServer(state, kernel);
  await Promise.all([server.boot(), client.boot()]);
  await startKernelServer(server, PATH);
  // A tmpfs has no UUID that its handles could be made from.
  await server.run(`mkdir -p /etc/hooks && echo 'EXPORT_OPTIONS=rw,sync,no_subtree_check,fsid=7' >/etc/hooks/web`);
  const words = `NLM_HOOK_SETTINGS=/etc/hooks NLM_GROUP=web NLM_EXPORTS=${PATH}`;
  const hook = (step: string): Promise<string> => server.run(`${words} NLM_STEP=${step} kernel-exports`);
  const address = clients.client1.ip4;
  const mount = (): Promise<void> => client.mount(address, PATH, '/mnt/web');

  await t.throwsAsync(mount(), { message: /access denied|No such file/ });
  const exported = `export: *:${PATH}\n`;
  t.is(await hook('export'), exported);
  t.is(await hook('export'), exported, 'also where it was done before');
  await mount();
  await client.run('echo kept >/mnt/web/file');
  t.is(await server.run(`cat ${PATH}/file`), 'kept\n');
  const unmount = `umount ${PATH}`;
  await t.throwsAsync(server.run(unmount), { message: /busy/i }, 'the kernel holds it');

  t.is(await hook('unexport'), `unexport: *:${PATH}\n`);
  t.is(await hook('unexport'), `*:${PATH} is not exported\n`, 'also where it was done before');
  await t.throwsAsync(client.run('cat /mnt/web/file'), { message: /Stale|Permission denied/ });
  t.is(await hook('export'), exported);
  t.is(await client.run('cat /mnt/web/file'), 'kept\n', 'as for one that comes back');
  await hook('unexport');
  await server.run(unmount);
});
