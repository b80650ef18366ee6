/** What is wrong with a configuration, each problem with its place and with what is expected there. */

import type { ErrorObject } from 'ajv/dist/2020.js';
import { LedgerError } from '../base/errors.js';
import { joinPointer, type Place } from './json.js';
import { nearestKey } from './suggest.js';

export interface Problem {
  /** JSON Pointer (RFC 6901) of the value, or of the unknown key. */
  readonly pointer: string;
  /** What is expected there, as a sentence without its place. */
  readonly message: string;
}

/** The flag of the command line that sets a key. */
const FLAGS: Readonly<Record<string, string>> = {
  data: '--data',
  listen: '--listen',
  nlmPort: '--nlm-port',
  nsmPort: '--nsm-port',
  portmap: '--portmap',
  nsm: '--nsm',
  portmapPort: '--portmap-port',
  control: '--control',
  socket: '--socket',
  logLevel: '--log-level',
  firstStart: '--first-start',
};

export function problemOfSchema(error: ErrorObject): Problem | undefined {
  const pointer = error.instancePath;
  const { params, keyword } = error;
  switch (keyword) {
    case 'additionalProperties': {
      const key = String(params['additionalProperty']);
      const known = Object.keys((error.parentSchema as { properties: object }).properties); // ajv's verbose option
      const near = nearestKey(key, known);
      const hint = near === undefined ? `known keys: ${known.join(', ')}` : `did you mean ${JSON.stringify(near)}?`;
      return { pointer: joinPointer(pointer, key), message: `unknown key ${JSON.stringify(key)}; ${hint}` };
    }
    case 'required':
      return { pointer, message: `the key ${JSON.stringify(params['missingProperty'])} is missing` };
    case 'type':
      return { pointer, message: `must be ${article(String(params['type']))}, not ${shown(error.data)}` };
    case 'enum':
      return {
        pointer,
        message: `must be one of ${(params['allowedValues'] as string[]).join(', ')}, not ${shown(error.data)}`,
      };
    case 'discriminator':
      return { pointer: joinPointer(pointer, 'format'), message: 'must be one of ganesha, prefix, any' };
    case 'minimum':
    case 'maximum':
      return { pointer, message: `must be ${params['comparison']} ${params['limit']}, not ${shown(error.data)}` };
    case 'pattern':
      return { pointer, message: `${expectedOf(String(params['pattern']))}, not ${shown(error.data)}` };
    case 'format':
      return { pointer, message: `must be ${formatOf(String(params['format']))}, not ${shown(error.data)}` };
    case 'maxLength':
    case 'minLength':
      return {
        pointer,
        message: `must have ${keyword === 'maxLength' ? 'at most' : 'at least'} ${params['limit']} characters`,
      };
    case 'maxItems':
    case 'minItems':
      return {
        pointer,
        message: `must have ${keyword === 'maxItems' ? 'at most' : 'at least'} ${params['limit']} items`,
      };
    default:
      return { pointer, message: error.message ?? keyword };
  }
}

/** One error for all problems, in the order of the file, options last; `details.problems` has them as data: pointer, line, column, option, message. */
export function configurationError(
  problems: readonly Problem[],
  file: string,
  places: ReadonlyMap<string, Place>,
  fromOptions: ReadonlySet<string>,
): LedgerError {
  const located = problems.map((problem) => {
    const top = problem.pointer.split('/')[1] ?? '';
    const option = fromOptions.has(top) ? FLAGS[top] : undefined;
    return { ...problem, option, ...(option === undefined ? placeOf(problem.pointer, places) : undefined) };
  });
  located.sort((a, b) => (a.line ?? Infinity) - (b.line ?? Infinity) || (a.column ?? 0) - (b.column ?? 0));
  const lines = located.map(({ pointer, message, option, line, column }) =>
    option === undefined
      ? `${file}${line === undefined ? '' : `:${line}:${column}`}: ${pointer === '' ? 'the configuration' : pointer}: ${message}`
      : `option ${option}: ${message}`,
  );
  return new LedgerError('bad-configuration', lines.join('\n'), { details: { file, problems: located } });
}

/** A value that a default filled in has no place; the nearest one around it has. */
function placeOf(pointer: string, places: ReadonlyMap<string, Place>): Place | undefined {
  for (let at = pointer; ; at = at.slice(0, at.lastIndexOf('/'))) {
    const place = places.get(at);
    if (place !== undefined || at === '') return place;
  }
}

function expectedOf(pattern: string): string {
  switch (pattern) {
    case '^/':
      return 'must be an absolute path';
    case '^(/.*|off)$':
      return 'must be an absolute path or off';
    case '^([0-9A-Fa-f]{2})+$':
      return 'must be whole bytes in hex';
    case '^[0-9A-Fa-f]{1,16}$':
      return "must be 1 to 16 hex digits, as 'stat -f -c %i PATH' prints them";
    default:
      return `must match ${pattern}`;
  }
}

function formatOf(format: string): string {
  if (format === 'nkey') return 'a public nkey, 56 letters and digits beginning with U';
  if (format === 'nats-server') return 'a NATS server as nats://host:port or tls://host:port, without a user';
  return format === 'network'
    ? 'a network as 10.1.0.0/16 or fd00::/8, or one address'
    : 'an IP address: IPv4 as four decimal parts without leading zeros, IPv6 with its zone where link-local';
}

function article(type: string): string {
  return /^[aeiou]/.test(type) ? `an ${type}` : `a ${type}`;
}

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
