/**
 * The hooks for exports and file systems against the real servers and a real kernel, in namespaces that the test makes
 * for itself (as root): NFS-Ganesha on a D-Bus of its own, exportfs on a table of its own, a loop device and a tmpfs.
 */

import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { promisify } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import { PRIVATE_HOST } from '../support/namespaces.js';

const SCENE_MS_MAX = 60_000;

/** What each scene begins with: folders that hide the host's. */
const FURNISH = `
set -e
mount -t tmpfs tmpfs /run; cp -a /etc /run/etc; mount --bind /run/etc /etc
if [ -d /var/lib/nfs ]; then mount -t tmpfs tmpfs /var/lib/nfs; fi
mkdir -p /run/settings /run/srv/web "/run/srv/with blank" /run/srv/other
`;

const GANESHA = `
mkdir -p /run/ganesha /run/rpcbind /run/exports /var/lib/nfs/ganesha
ip link set lo up
cat > /run/bus.conf <<C
<busconfig><type>system</type><listen>unix:path=/run/bus</listen><policy context="default">
<allow user="*"/><allow own="*"/><allow send_destination="*"/><allow receive_sender="*"/></policy></busconfig>
C
dbus-daemon --config-file=/run/bus.conf --nofork --nopidfile 2>/run/bus.log &
export DBUS_SYSTEM_BUS_ADDRESS=unix:path=/run/bus
rpcbind -f &
until [ -S /run/bus ]; do sleep 0.05; done
export_of() { echo "EXPORT { Export_Id = $1; Path = $2; Pseudo = /$1; Access_Type = RW; Protocols = 3; SecType = sys; FSAL { Name = VFS; } }"; }
{ echo 'NFS_CORE_PARAM { Protocols = 3; Enable_NLM = false; } NFS_KRB5 { Active_krb5 = false; }'; export_of 1 /run/srv/other; } > /run/ganesha.conf
export_of 77 /run/srv/web > /run/exports/export-77.conf
ganesha.nfsd -F -f /run/ganesha.conf -L /run/ganesha.log -p /run/ganesha.pid >/dev/null 2>&1 & ganesha=$!
settings() { printf "GANESHA_EXPORTS=$1\\nGANESHA_FOLDER=/run/exports\\n" > /run/settings/web; }
hook() {
  if env NLM_HOOK_SETTINGS=/run/settings NLM_GROUP=web NLM_STEP=$1 "$HOOKS/nfs-ganesha" >/run/said 2>&1; then result=done; else result=failed; fi
  echo "$1 $result: $(grep -o 'no Ganesha\\|there already\\|is not there\\|exports added\\|No such file' /run/said | head -1)"
}
shown() { showmount -e --no-headers 127.0.0.1 | cut -d' ' -f1 | sort | tr '\\n' ' '; }
until shown 2>/dev/null | grep -q other; do sleep 0.1; done
settings 77
hook unexport; hook export; shown; echo; hook export; hook unexport; shown; echo; hook unexport
settings 78
hook export
kill -9 $ganesha; wait $ganesha || true
settings 77
hook unexport; hook export
`;

const EXPORTFS = `
touch /etc/exports /var/lib/nfs/etab /var/lib/nfs/rmtab
printf "EXPORT_CLIENTS='10.1.0.0/16 127.0.0.1'\\nEXPORT_OPTIONS=rw,sync,no_subtree_check,fsid=7\\n" > /run/settings/web
hook() {
  if env NLM_HOOK_SETTINGS=/run/settings NLM_GROUP=web NLM_STEP=$1 NLM_EXPORTS="$(printf '/run/srv/web\\n/run/srv/with blank')" \\
    "$HOOKS/kernel-exports" >/dev/null 2>&1; then result=done; else result=failed; fi
  printf '%s\\n' "$1 $result: $(cut -d'(' -f1 /var/lib/nfs/etab | tr '\\t' ' ' | sort | tr '\\n' ',')"
}
hook unexport; hook export; hook export; hook unexport; hook unexport
`;

const FILE_SYSTEMS = `
mkdir /run/point /run/loop
truncate -s 8M /run/image; mkfs.ext4 -q /run/image
printf '/run/image /run/loop ext4 noauto,loop 0 0\\nnone /run/point tmpfs noauto,size=1m 0 0\\n' > /etc/fstab
hook() {
  if env NLM_GROUP=web NLM_STEP=$1 NLM_MOUNT_POINTS="$(printf '/run/loop\\n/run/point')" "$HOOKS/filesystem" >/run/said 2>&1
  then result=done; else result=failed; fi
  echo "$1 $result: $(tr '\\n' ',' < /run/said)"
}
hook mount; hook mount
echo data > /run/loop/file
sleep 100 < /run/loop/file & holder=$!
hook unmount | grep -o "unmount failed: umount: /run/loop: target is busy\\| f[.]* sleep"
kill $holder; wait $holder || true
hook unmount; hook unmount; hook mount; cat /run/loop/file; hook unmount
`;

/** The lines of a scene; undefined where it cannot be played. */
async function play(t: ExecutionContext, scene: string, programs: readonly string[]): Promise<string[] | undefined> {
  const missing = programs.filter(
    (name) => !['/usr/sbin', '/usr/bin'].some((folder) => existsSync(`${folder}/${name}`)),
  );
  const why = process.getuid?.() !== 0 ? 'it needs root for its namespaces' : `not installed: ${missing.join(', ')}`;
  if (process.getuid?.() !== 0 || missing.length > 0) {
    t.log(`not run: ${why}`);
    // All but the kernel's server are installed where this must run.
    if (process.env['CI'] === 'true' && !missing.includes('exportfs')) t.fail(why);
    else t.pass();
    return undefined;
  }
  const { stdout } = await promisify(execFile)('unshare', [...PRIVATE_HOST, 'sh', '-c', FURNISH + scene], {
    timeout: SCENE_MS_MAX,
    killSignal: 'SIGKILL',
    env: { ...process.env, HOOKS: `${process.cwd()}/ops/hooks` },
  });
  return stdout.trim().split('\n');
}

test('the hook nfs-ganesha: a running Ganesha gains and loses the export, and a repeat is done too', async (t) => {
  const lines = await play(t, GANESHA, ['ganesha.nfsd', 'dbus-daemon', 'dbus-send', 'rpcbind', 'showmount']);
  if (lines === undefined) return;
  t.deepEqual(
    lines.map((line) => line.trim()),
    [
      'unexport done: is not there',
      'export done: exports added',
      '/run/srv/other /run/srv/web',
      'export done: there already',
      'unexport done:',
      '/run/srv/other',
      'unexport done: is not there',
      // A file that is missing, and a Ganesha that is gone: nothing to take away, and nobody to export anything.
      'export failed: No such file',
      'unexport done: no Ganesha',
      'export failed:',
    ],
  );
});

test('the hook kernel-exports: exportfs has each export for each client, and a repeat is done too', async (t) => {
  const lines = await play(t, EXPORTFS, ['exportfs']);
  if (lines === undefined) return;
  const all = [
    '/run/srv/web 10.1.0.0/16',
    '/run/srv/web 127.0.0.1',
    '/run/srv/with\\040blank 10.1.0.0/16',
    '/run/srv/with\\040blank 127.0.0.1',
  ];
  const has = `${all.join(',')},`;
  t.deepEqual(
    lines.map((line) => line.trim()),
    ['unexport done:', `export done: ${has}`, `export done: ${has}`, 'unexport done:', 'unexport done:'],
  );
});

test('the hook filesystem: mounts what fstab has, names who keeps it from being unmounted, and a repeat is done too', async (t) => {
  const lines = await play(t, FILE_SYSTEMS, ['mkfs.ext4', 'fuser']);
  if (lines === undefined) return;
  t.deepEqual(lines, [
    'mount done: /run/loop mounted,/run/point mounted,',
    'mount done: /run/loop is mounted already,/run/point is mounted already,',
    'unmount failed: umount: /run/loop: target is busy',
    ' f.... sleep',
    'unmount done: /run/loop unmounted,/run/point unmounted,',
    'unmount done: /run/loop is not mounted,/run/point is not mounted,',
    'mount done: /run/loop mounted,/run/point mounted,',
    'data',
    'unmount done: /run/loop unmounted,/run/point unmounted,',
  ]);
});
