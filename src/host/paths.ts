/** Where data and socket lie where nobody says: as systemd, then the XDG base directories, then the home folder say. */

import { homedir } from 'node:os';
import { join } from 'node:path';
import { LedgerError } from '../base/errors.js';

export type Environment = Readonly<Record<string, string | undefined>>;

const NAME = 'nlm-ledger';
/** sun_path of unix(7) has 108 bytes with the zero at its end. */
export const SOCKET_PATH_BYTES_MAX = 107;

export function defaultDataFolder(environment: Environment = process.env): string {
  // A unit with several state folders has them separated by colons; the first is ours.
  const state = environment['STATE_DIRECTORY']?.split(':')[0];
  if (isAbsolute(state)) return state;
  const xdg = environment['XDG_STATE_HOME'];
  if (isAbsolute(xdg)) return join(xdg, NAME);
  const home = environment['HOME'];
  return join(isAbsolute(home) ? home : homedir(), '.local', 'state', NAME);
}

/** `dataFolder` is the one in use: the socket lies in it where there is no folder for sockets. */
export function defaultSocketPath(dataFolder: string, environment: Environment = process.env): string {
  const runtime = environment['RUNTIME_DIRECTORY']?.split(':')[0];
  if (isAbsolute(runtime)) return join(runtime, 'socket');
  const xdg = environment['XDG_RUNTIME_DIR'];
  return isAbsolute(xdg) ? join(xdg, `${NAME}.sock`) : join(dataFolder, 'socket');
}

/** A longer path would be cut by the kernel without a word. @throws LedgerError 'bad-request' */
export function checkSocketPath(path: string): void {
  const bytes = Buffer.byteLength(path);
  if (bytes <= SOCKET_PATH_BYTES_MAX) return;
  throw new LedgerError(
    'bad-request',
    `the socket path ${path} has ${bytes} bytes, and a Unix socket takes ${SOCKET_PATH_BYTES_MAX}; give a shorter one with --socket`,
    { details: { path } },
  );
}

/** An XDG path that is not absolute is to be ignored (XDG Base Directory Specification). */
function isAbsolute(path: string | undefined): path is string {
  return path !== undefined && path.startsWith('/');
}
