/** Reads the configuration: the file, the command line's options over it, the platform's defaults below both. */

import { readFile, stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type { ValidateFunction } from 'ajv/dist/2020.js';
import { addressZone, parseAddress, parseNetwork, type Address } from '../base/address.js';
import { LedgerError } from '../base/errors.js';
import { nameZone } from '../host/interfaces.js';
import { checkConfiguration } from './check.js';
import type {
  ClientNetwork,
  Configuration,
  ConfigurationOptions,
  NatsConfiguration,
  ServiceGroup,
} from './configuration.js';
import { FORMATS } from './formats.js';
import { JsonSyntaxError, parseLocatedJson, type LocatedJson } from './json.js';
import { configurationError, problemOfSchema, type Problem } from './problems.js';

const FILE_BYTES_MAX = 1024 * 1024;

/** What the platform says where nobody else does. */
export interface PlatformDefaults {
  readonly nodeName: string;
  readonly data: string;
  /** The socket that belongs to a data folder. */
  readonly socket: (data: string) => string;
}

/** What is in memory between the schema and the types: text where the types have parsed values. */
type Checked = Omit<Configuration, 'listen' | 'clients' | 'nats' | 'groups'> & {
  readonly groups: readonly (Omit<ServiceGroup, 'addresses'> & { readonly addresses: readonly string[] })[];
  readonly nats?: Omit<NatsConfiguration, 'name'> & { readonly name?: string };
  readonly listen: readonly string[];
  readonly clients: readonly (Omit<ClientNetwork, 'network'> & { readonly network: string })[];
};

/** Made by the build (ops/build/validators.ts): it throws nothing, and fills in the defaults. */
const validate: ValidateFunction = createRequire(import.meta.url)('../../schemas/validators/configuration.cjs')(
  FORMATS,
);

/**
 * @throws LedgerError 'bad-configuration': its message has a line for each problem, with file, line and column, JSON
 * Pointer (or the option's name) and what is expected; `details.problems` has them as data.
 */
export async function loadConfiguration(
  source: { readonly file?: string | undefined; readonly options?: ConfigurationOptions },
  defaults: PlatformDefaults,
): Promise<Configuration> {
  const text = source.file === undefined ? '{}' : await readConfigurationFile(source.file);
  const configuration = parseConfiguration(text, source.file ?? 'options', source.options ?? {}, defaults);
  return { ...configuration, listen: await Promise.all(configuration.listen.map(withNamedZone)) };
}

/** Like `loadConfiguration`, from the text of a file. `file` names it in errors. */
export function parseConfiguration(
  text: string,
  file: string,
  options: ConfigurationOptions,
  defaults: PlatformDefaults,
): Configuration {
  const { value, places } = locate(text, file);
  const given = Object.entries(options).filter(([, option]) => option !== undefined);
  const fromOptions = new Set(given.map(([key]) => key));
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  const candidate: unknown = isObject ? { ...value, ...structuredClone(Object.fromEntries(given)) } : value;
  if (isObject && candidate !== null && typeof candidate === 'object') Reflect.deleteProperty(candidate, '$schema');
  const fail = (problems: readonly Problem[]): LedgerError => configurationError(problems, file, places, fromOptions);

  if (!validate(candidate)) {
    const problems = (validate.errors ?? []).map(problemOfSchema).filter((problem) => problem !== undefined);
    throw fail(problems);
  }
  const checked = withPlatform(candidate as Partial<Checked> & Omit<Checked, 'data' | 'socket'>, defaults); // the schema holds
  const problems = checkConfiguration(checked);
  if (problems.length > 0) throw fail(problems);
  return {
    ...checked,
    listen: checked.listen.map(parseAddress),
    nats: checked.nats === undefined ? undefined : { ...checked.nats, name: checked.nats.name ?? checked.node.name },
    groups: checked.groups.map((group) => ({ ...group, addresses: group.addresses.map(parseAddress) })),
    clients: checked.clients
      .map((client) => ({ ...client, network: parseNetwork(client.network) }))
      .toSorted((a, b) => b.network.prefixBits - a.network.prefixBits),
  };
}

/** A socket's own address has the interface's name for its zone, never its number. */
async function withNamedZone(address: Address): Promise<Address> {
  return addressZone(address) === undefined ? address : parseAddress(await nameZone(address));
}

function withPlatform(
  checked: Partial<Checked> & Omit<Checked, 'data' | 'socket'>,
  defaults: PlatformDefaults,
): Checked {
  const data = checked.data ?? defaults.data;
  return {
    ...checked,
    data,
    node: { name: checked.node.name ?? defaults.nodeName },
    socket: checked.socket ?? defaults.socket(data),
  };
}

function locate(text: string, file: string): LocatedJson {
  try {
    return parseLocatedJson(text);
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error;
    const { line, column } = error.place;
    const message = `not JSON: ${error.message}`;
    throw new LedgerError('bad-configuration', `${file}:${line}:${column}: ${message}`, {
      details: { file, problems: [{ pointer: '', line, column, message }] },
      cause: error,
    });
  }
}

async function readConfigurationFile(file: string): Promise<string> {
  try {
    const { size } = await stat(file);
    if (size <= FILE_BYTES_MAX) return await readFile(file, 'utf8');
  } catch (cause) {
    const errno = cause instanceof Error && 'code' in cause ? String(cause.code) : 'EIO';
    const why = errno === 'ENOENT' ? 'there is no such file' : `it cannot be read (${errno})`;
    throw new LedgerError('bad-configuration', `${file}: ${why}`, { details: { file, errno }, cause });
  }
  throw new LedgerError('bad-configuration', `${file}: it has more than ${FILE_BYTES_MAX} bytes`, {
    details: { file },
  });
}
