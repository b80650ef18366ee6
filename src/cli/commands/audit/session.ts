/** What every `audit` command begins with: whose ledger, which rows, how times are shown, and a run that can be interrupted. */

import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { bytesOfText } from '../../../admin/text.js';
import type { StatusReply } from '../../../admin/messages.js';
import type { Filter } from '../../../audit/filter.js';
import type { Pace } from '../../../audit/fold.js';
import { parseMoment, positionOf, type Moment } from '../../../audit/moment.js';
import { openSources, type EntrySource } from '../../../audit/source.js';
import { addressFrom, parseAddress } from '../../../base/address.js';
import { LedgerError } from '../../../base/errors.js';
import { fileSystemOfPath } from '../../../host/mounts.js';
import { defaultDataFolder } from '../../../host/paths.js';
import type { Position } from '../../../ledger/port.js';
import { handleOf, integerOf } from '../../call/options.js';
import { withJson, withNats, type ClusterOptions, type Context } from '../../command.js';
import { EXIT } from '../../exit-codes.js';
import { askNode, socketPathOf } from '../../node-client.js';
import { Printer } from '../../printer.js';
import { Progress } from '../../progress.js';
import type { OpenSources } from '../../nats/sources.js';
import { timeTextIn, type TimeText } from '../../render/time.js';
import { EXIT_BY_SIGNAL } from '../../signals.js';
import type { Command } from 'commander';

export interface AuditOptions extends ClusterOptions {
  readonly data?: string;
  readonly group?: string;
  readonly local?: boolean;
}

export interface FilterOptions {
  readonly file?: string;
  readonly path?: string;
  readonly client?: string;
  readonly owner?: string;
  readonly address?: string;
  readonly fileSystem?: string;
}

export function withAudit(command: Command): Command {
  return withJson(command)
    .option('--data <dir>', 'a data folder, or a folder of archived segments; without it, that of the running node')
    .option('--socket <path>', "the node's Unix socket, to ask where its data folder is")
    .option('--group <name>', 'this service group alone')
    .option('--local', "times in this host's zone, not in UTC");
}

/** Of what needs the entries alone: they may come from NATS, where there is no node and no folder. */
export function withSource(command: Command): Command {
  return withNats(withAudit(command), 'read the streams');
}

export function withFilters(command: Command): Command {
  return command
    .option(
      '--file <handle>',
      'the file with this NFS file handle, in hex; else the name that `call --file` stands for',
    )
    .option('--path <path>', 'the file at this path, by its inode, where its file system is mounted')
    .option('--client <client>', 'the client of this name, address, or NAME@ADDRESS')
    .option('--owner <svid>', 'the owner with this svid, or SVID:OH')
    .option('--address <address>', 'came in through this server address')
    .option('--fs, --file-system <name>', 'on the file system of this name');
}

export interface RangeOptions {
  readonly from?: string;
  readonly to?: string;
}

export function withRange(command: Command): Command {
  return command
    .option('--from <moment>', 'from this TIME or POSITION on')
    .option('--to <moment>', 'up to this TIME or POSITION');
}

/** An open audit. */
export interface Audit {
  readonly sources: readonly EntrySource[];
  readonly printer: Printer;
  readonly json: boolean;
  readonly time: TimeText;
  readonly moment: (text: string) => Moment;
  /** For the folds of a source behind one position up to another. */
  readonly pace: (source: EntrySource, from: Position, to: Position) => Pace;
  /** Throws where the run was interrupted, or nobody reads any more. */
  readonly check: () => void;
}

class Ended extends Error {}

/** Runs to its end or to an interruption; the bar is gone when it returns. */
export async function runAudit(
  options: AuditOptions,
  context: Context,
  run: (audit: Audit) => Promise<number>,
): Promise<number> {
  const { sources, close } = await sourcesOf(options, context);
  const progress = new Progress(context.stderr);
  const printer = new Printer(context.stdout);
  const signal = context.interrupted();
  const check = (): void => {
    if (signal.aborted || printer.gone) throw new Ended();
  };
  const local = options.local === true;
  try {
    const code = await run({
      sources,
      printer,
      json: options.json === true,
      time: timeTextIn(local),
      moment: (text) => parseMoment(text, context.now(), local),
      pace: (source, from, to) => async (position) => {
        check();
        progress.show(source.group, position - from, to - from);
        await printer.flush();
      },
      check,
    });
    await printer.flush();
    return code;
  } catch (error) {
    if (!(error instanceof Ended)) throw error;
    return signal.aborted ? exitOf(signal) : EXIT.done;
  } finally {
    progress.end();
    await close();
  }
}

async function sourcesOf(options: AuditOptions, context: Context): Promise<OpenSources> {
  if (options.nats === undefined) {
    const folder = await folderOf(options, context);
    const sources = await openSources(folder, options.group, (line) => context.output.note(line));
    return { sources, close: () => Promise.resolve() };
  }
  if (options.data !== undefined) throw usage('give --data or --nats, not both');
  const { sourcesOnNats } = await import('../../nats/sources.js');
  return sourcesOnNats(options, context.environment);
}

function exitOf({ reason }: AbortSignal): number {
  return reason === 'SIGTERM' ? EXIT_BY_SIGNAL.SIGTERM : EXIT_BY_SIGNAL.SIGINT;
}

/** The folder named, else that of the node that answers, else the user's own. */
async function folderOf({ data, socket }: AuditOptions, { environment }: Context): Promise<string> {
  if (data !== undefined) return resolve(data);
  try {
    return (await askNode<StatusReply>(socketPathOf(socket, environment), 'status', {})).data;
  } catch (error) {
    const away = error instanceof LedgerError && (error.code === 'unavailable' || error.code === 'refused');
    if (socket !== undefined || !away) throw error;
    return defaultDataFolder(environment);
  }
}

export async function filterOf(options: FilterOptions): Promise<Filter> {
  const { file, path, client, owner, address, fileSystem } = options;
  if (file !== undefined && path !== undefined) throw usage('give --file or --path, not both');
  return {
    ...(file === undefined ? {} : { handle: handleOf(isHex(file) ? { fh: file } : { file }) }),
    ...(path === undefined ? {} : { inode: await inodeOf(resolve(path)) }),
    ...(client === undefined ? {} : clientOf(client)),
    ...(owner === undefined ? {} : ownerOf(owner)),
    ...(address === undefined ? {} : { address: parseAddress(address) }),
    ...(fileSystem === undefined ? {} : { fileSystem }),
  };
}

function isHex(text: string): boolean {
  return /^(?:[0-9a-f]{2}){4,64}$/i.test(text);
}

function clientOf(text: string): Pick<Filter, 'client' | 'clientAddress'> {
  const whole = addressFrom(text);
  if (whole !== undefined) return { clientAddress: whole };
  const at = text.lastIndexOf('@');
  const address = at < 0 ? undefined : addressFrom(text.slice(at + 1));
  if (address === undefined) return { client: bytesOfText(text) };
  return { client: bytesOfText(text.slice(0, at)), clientAddress: address };
}

function ownerOf(text: string): Pick<Filter, 'svid' | 'oh'> {
  const colon = text.indexOf(':');
  const svid = integerOf('--owner', colon < 0 ? text : text.slice(0, colon), -(2 ** 31), 2 ** 32 - 1) | 0;
  return colon < 0 ? { svid } : { svid, oh: bytesOfText(text.slice(colon + 1)) };
}

async function inodeOf(path: string): Promise<NonNullable<Filter['inode']>> {
  const { fsid } = await fileSystemOfPath(path);
  const { ino: inode } = await stat(path);
  return { inode, ...(fsid === undefined ? {} : { fsid }) };
}

export function usage(message: string): LedgerError {
  return new LedgerError('bad-request', message, { details: { next: 'see: nlm-ledger audit --help' } });
}

/** The positions of each source that a range means, both ends included; sources without an entry in it are left out. */
export async function rangeOf(
  { sources, moment }: Audit,
  options: RangeOptions,
): Promise<{ readonly source: EntrySource; readonly from: Position; readonly to: Position }[]> {
  const begin = options.from === undefined ? undefined : moment(options.from);
  const end = moment(options.to ?? 'head');
  checkOneGroup(sources, begin === undefined ? [end] : [begin, end]);
  const ranges: { source: EntrySource; from: Position; to: Position }[] = [];
  for (const source of sources) {
    const to = await positionOf(source, end);
    const from = begin === undefined ? await source.first() : await firstFrom(source, begin);
    if (from <= to) ranges.push({ source, from, to });
  }
  return ranges;
}

/** A time begins with the first entry that was written at it or after. */
async function firstFrom(source: EntrySource, begin: Moment): Promise<Position> {
  if (begin.type !== 'time') return Math.max(await source.first(), await positionOf(source, begin));
  return (await source.positionAt(begin.time - 1)) + 1;
}

/** A position belongs to one ledger: the groups count theirs apart. */
export function checkOneGroup(sources: readonly EntrySource[], moments: readonly Moment[]): void {
  if (sources.length === 1 || moments.every(({ type }) => type !== 'position')) return;
  throw usage(
    `each group counts its own positions: choose one with --group (${sources.map(({ group }) => group).join(', ')})`,
  );
}
