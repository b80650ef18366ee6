/**
 * Events and their records in the ledger. A record is `[kind, ...fields]`: the kind first, then the fields in the order
 * of the table below, optional ones last and left out from the end on (`null` where a later one is there). A kind's
 * fields never change; a new form is a new kind. `schemas/events.json` describes the same.
 *
 * The kinds that a LOCK and its UNLOCK are made of are written and read by hand, to the same bytes: event-codec-hot.ts.
 *
 * range = [start, end]; call = [port, xid, digest]; counts = [locks, waiters, shares, expected locks?, expected shares?];
 * order = [command id, actor, door, reason, signature?]; signature = [key, statement, bytes]; scope = [0] all, [1, address], [2, file system]. Enumerations are indexes.
 */

import { LedgerError } from '../base/errors.js';
import { MsgpackReader } from '../base/msgpack-reader.js';
import type { MsgpackWriter } from '../base/msgpack-writer.js';
import type { CallIdentity, GraceScope, Order, OrderSignature, Rules, ShareBits } from './command.js';
import type { EncodedEvents } from './encoded-events.js';
import { decodeHotEvent, encodeHotEvent } from './event-codec-hot.js';
import {
  bytes,
  choice,
  damagedEvent,
  flag,
  list,
  number,
  record,
  text,
  tuple,
  wide,
  type Field,
} from './event-fields.js';
import type { CallbackForm } from './callback-form.js';
import type { Event } from './event.js';
import { countsWith, type Counts } from './outcome.js';
import type { StepOutcome, Way } from './life.js';
import type { Range } from './range.js';

const call = tuple<CallIdentity>({ port: number, xid: number, digest: number });
const counts: Field<Counts> = {
  write: (out, { locks, waiters, shares, expected = 0, expectedShares = 0 }) => {
    const all = [locks, waiters, shares, ...(expected + expectedShares === 0 ? [] : [expected, expectedShares])];
    out.array(all.length);
    for (const each of all) out.number(each);
  },
  read: (from) => {
    const length = from.array();
    if (length !== 3 && length !== 5) throw damagedEvent('counts');
    const held = { locks: from.number(), waiters: from.number(), shares: from.number() };
    return length === 3 ? countsWith(held, 0, 0) : countsWith(held, from.number(), from.number());
  },
};
const way = choice<Way>('carry', 'reclaim');
const signature = tuple<OrderSignature>({ key: text, statement: text, signature: bytes });
const order: Field<Order> = {
  write: (out, value) => {
    out.array(value.signature === undefined ? 4 : 5);
    for (const each of [value.commandId, value.actor, value.door, value.reason]) out.text(each);
    if (value.signature !== undefined) signature.write(out, value.signature);
  },
  read: (from) => {
    const length = from.array();
    if (length !== 4 && length !== 5) throw damagedEvent('an order');
    const named = { commandId: from.text(), actor: from.text(), door: from.text(), reason: from.text() };
    return length === 4 ? named : { ...named, signature: signature.read(from) };
  },
};
const range = tuple<Range>({ start: wide, end: wide });

const shareBits: Field<ShareBits> = {
  write: (out, value) => out.number(value),
  read: (from) => {
    const value = from.number();
    if (value !== 0 && value !== 1 && value !== 2 && value !== 3) throw damagedEvent('the bits of a share');
    return value;
  },
};

/** The cast brands a number that only `evolve` unpacks, bit by bit. */
const callback: Field<CallbackForm> = {
  write: (out, value) => out.number(value),
  read: (from) => from.number() as CallbackForm,
};

const SCOPES: readonly GraceScope['type'][] = ['all', 'address', 'file-system'];

const scope: Field<GraceScope> = {
  write: (out, value) => {
    out.array(value.type === 'all' ? 1 : 2);
    out.number(SCOPES.indexOf(value.type));
    if (value.type === 'address') out.text(value.address);
    if (value.type === 'file-system') out.text(value.fileSystem);
  },
  read: (from) => {
    const length = from.array();
    const type = length === 1 || length === 2 ? SCOPES[from.number()] : undefined;
    if (length === 1 && type === 'all') return { type };
    if (length === 2 && type === 'address') return { type, address: from.text() };
    if (length === 2 && type === 'file-system') return { type, fileSystem: from.text() };
    throw damagedEvent('the scope of a grace period');
  },
};

type Fields<E extends Event> = {
  readonly [K in Exclude<keyof E, 'type'>]-?: Field<Exclude<E[K], undefined>>;
};

interface Kind {
  readonly kind: number;
  /** The first `EVENT_VERSION` that reads it; 1 where it is left out. */
  readonly since?: number;
  readonly fields: readonly (readonly [name: string, field: Field<unknown>])[];
}

type EventOf<T extends Event['type']> = Extract<Event, { readonly type: T }>;

function kind<T extends Event['type']>(kindNumber: number, _type: T, fields: Fields<EventOf<T>>): Kind {
  // Each field is written and read through its own name; the types were checked above.
  return { kind: kindNumber, fields: Object.entries(fields) as unknown as Kind['fields'] };
}

/** Who tried to reclaim what. */
const RECLAIM = {
  name: bytes,
  address: text,
  serverAddress: text,
  svid: number,
  oh: bytes,
  fileSystem: text,
  key: bytes,
  handle: bytes,
  range,
  exclusive: flag,
  mode: shareBits,
  access: shareBits,
};

const KINDS: Readonly<Record<Event['type'], Kind>> = {
  'node-started': kind(1, 'node-started', { node: text, release: text, notes: list(text) }),
  'rules-set': kind(2, 'rules-set', { rules: record<Rules>() }),
  'client-met': kind(3, 'client-met', { client: number, name: bytes, address: text }),
  'owner-met': kind(4, 'owner-met', { owner: number, client: number, serverAddress: text, svid: number, oh: bytes }),
  'file-met': kind(5, 'file-met', { file: number, fileSystem: text, key: bytes, handle: bytes }),
  'names-forgotten': kind(6, 'names-forgotten', { files: list(number), owners: list(number), clients: list(number) }),
  'lock-granted': kind(7, 'lock-granted', {
    owner: number,
    file: number,
    range,
    exclusive: flag,
    reclaim: flag,
    monitored: flag,
    call,
    handle: bytes,
  }),
  'lock-released': kind(8, 'lock-released', { owner: number, file: number, range, call }),
  'waiter-queued': kind(9, 'waiter-queued', {
    owner: number,
    file: number,
    range,
    length: wide,
    exclusive: flag,
    callback,
    call,
    handle: bytes,
  }),
  'waiter-granted': kind(10, 'waiter-granted', { waiter: number }),
  'waiter-cancelled': kind(11, 'waiter-cancelled', { waiter: number, call }),
  'grant-acknowledged': kind(12, 'grant-acknowledged', { lock: number, by: choice('answer', 'lock') }),
  'grant-undone': kind(13, 'grant-undone', { lock: number, by: choice('cancel', 'denial'), call }),
  'client-state-learned': kind(14, 'client-state-learned', { client: number, state: number }),
  'client-rebooted': kind(15, 'client-rebooted', { client: number, state: number, counts }),
  'client-freed': kind(16, 'client-freed', { client: number, counts }),
  'address-unlocked': kind(17, 'address-unlocked', { address: text, counts, order }),
  'file-system-unlocked': kind(18, 'file-system-unlocked', { fileSystem: text, counts, order }),
  'client-unlocked': kind(19, 'client-unlocked', { counts, order, name: bytes, address: text }),
  'lock-unlocked': kind(20, 'lock-unlocked', { lock: number, owner: number, file: number, range, counts, order }),
  'grace-opened': kind(21, 'grace-opened', {
    scope,
    until: number,
    policy: choice('strict', 'lenient'),
    expect: choice('none', 'held'),
    order,
  }),
  'grace-ended': kind(22, 'grace-ended', { scope, why: choice('limit', 'command', 'complete'), order }),
  'call-refused': kind(23, 'call-refused', {
    what: choice('sm-notify', 'free-all', 'lock', 'sm-notify-older'),
    name: bytes,
    address: text,
    detail: text,
  }),
  'share-granted': kind(24, 'share-granted', {
    owner: number,
    file: number,
    mode: shareBits,
    access: shareBits,
    reclaim: flag,
    call,
    handle: bytes,
  }),
  'share-released': kind(25, 'share-released', {
    owner: number,
    file: number,
    mode: shareBits,
    access: shareBits,
    call,
  }),
  'locks-expected': kind(26, 'locks-expected', { scope, counts, order }),
  'reclaim-missed': kind(27, 'reclaim-missed', { lock: number, owner: number, file: number, range, exclusive: flag }),
  'share-missed': kind(28, 'share-missed', {
    share: number,
    owner: number,
    file: number,
    mode: shareBits,
    access: shareBits,
  }),
  'reclaims-settled': kind(29, 'reclaims-settled', { scope }),
  'reclaim-refused': kind(30, 'reclaim-refused', { why: choice('no-grace-period', 'not-expected'), ...RECLAIM }),
  'reclaim-conflict': kind(31, 'reclaim-conflict', { holder: number, held: number, ...RECLAIM }),
  'call-noted': kind(32, 'call-noted', {
    client: number,
    procedure: choice('unlock', 'cancel', 'share', 'unshare'),
    call,
  }),
  'server-state-advanced': kind(33, 'server-state-advanced', { serverAddress: text, state: number }),
  'expected-yielded': kind(50, 'expected-yielded', {
    lock: number,
    owner: number,
    file: number,
    range,
    exclusive: flag,
    to: number,
  }),
  'share-yielded': kind(51, 'share-yielded', {
    share: number,
    owner: number,
    file: number,
    mode: shareBits,
    access: shareBits,
    to: number,
  }),
  'refusals-counted': kind(52, 'refusals-counted', {
    what: choice('reclaim-refused', 'reclaim-conflict', 'call-refused'),
    address: text,
    count: number,
    since: number,
  }),
  'locks-released': kind(53, 'locks-released', { owner: number, file: number, range }),
  'share-unlocked': kind(54, 'share-unlocked', { share: number, owner: number, counts, order }),
  'waiter-unlocked': kind(55, 'waiter-unlocked', { waiter: number, owner: number, counts, order }),
  'host-monitored': kind(40, 'host-monitored', {
    monName: bytes,
    myName: bytes,
    prog: number,
    vers: number,
    proc: number,
    priv: bytes,
  }),
  'host-unmonitored': kind(41, 'host-unmonitored', {
    monName: bytes,
    myName: bytes,
    prog: number,
    vers: number,
    proc: number,
  }),
  'client-monitored': kind(42, 'client-monitored', { client: text, priv: bytes }),
  'client-notified': kind(43, 'client-notified', {
    client: text,
    serverAddress: text,
    state: number,
    outcome: choice('answered', 'given-up'),
  }),
  'notify-ordered': kind(45, 'notify-ordered', {
    serverAddress: text,
    state: number,
    known: flag,
    order,
  }),
  'group-claimed': kind(60, 'group-claimed', {
    node: text,
    way,
    from: text,
    takeover: number,
    lossAccepted: flag,
    order,
  }),
  'group-serving': kind(61, 'group-serving', { takeover: number, handles: list(text) }),
  'group-releasing': kind(62, 'group-releasing', { way, takeover: number, order }),
  'group-released': kind(63, 'group-released', { way, takeover: number }),
  'release-abandoned': kind(64, 'release-abandoned', { way, takeover: number, order }),
  'takeover-step': kind(65, 'takeover-step', {
    takeover: number,
    node: text,
    step: text,
    outcome: choice<StepOutcome>('done', 'failed', 'skipped'),
    detail: text,
    milliseconds: number,
  }),
};

/** Which fields may be missing; everything else must be there. */
const OPTIONAL: ReadonlySet<string> = new Set([
  'lock-granted.handle',
  'waiter-queued.handle',
  'waiter-cancelled.call',
  'grant-undone.call',
  'client-unlocked.name',
  'client-unlocked.address',
  'share-granted.handle',
  'reclaim-refused.range',
  'reclaim-refused.exclusive',
  'reclaim-refused.mode',
  'reclaim-refused.access',
  'reclaim-conflict.range',
  'reclaim-conflict.exclusive',
  'reclaim-conflict.mode',
  'reclaim-conflict.access',
]);

const TYPE_OF_KIND = new Map(Object.entries(KINDS).map(([type, entry]) => [entry.kind, [type, entry.fields] as const]));

/**
 * What this release reads; nodes tell each other. It grows with each kind of event that an older one cannot fold, and the
 * kind says `since`: it is not written before every node reads it. What a client's call or a start needs keeps an old form.
 */
export const EVENT_VERSION = 1;

/** Every release reads it. */
export const EVENT_VERSION_MIN = 1;

/** What a node must read to fold these. */
export function versionOf(events: readonly Event[]): number {
  let most = EVENT_VERSION_MIN;
  for (const { type } of events) most = Math.max(most, KINDS[type].since ?? EVENT_VERSION_MIN);
  return most;
}

/** Writes the event's record. Fields at its end that are missing are left out, others are nil. */
export function encodeEvent(out: MsgpackWriter, event: Event): void {
  if (encodeHotEvent(out, event)) return;
  const { kind: kindNumber, fields } = KINDS[event.type];
  // Each name is a key of this event by the table's type.
  const values = event as unknown as Readonly<Record<string, unknown>>;
  let last = fields.length;
  while (last > 0 && values[fields[last - 1]![0]] === undefined) last -= 1;
  out.array(last + 1);
  out.number(kindNumber);
  for (let i = 0; i < last; i += 1) {
    const [name, field] = fields[i]!;
    const value = values[name];
    if (value === undefined) out.nil();
    else field.write(out, value);
  }
}

const READER = new MsgpackReader();

/**
 * Visits the events in their order. Throws LedgerError `newer-version` for a kind of a later release, `damaged` for what
 * no release writes; what stands before it was visited. `visit` must not decode others.
 */
export function decodeEvents(events: EncodedEvents, visit: (event: Event) => void): void {
  const reader = READER.reset(events.bytes);
  for (let left = events.count; left > 0; left -= 1) {
    const length = reader.array();
    const kindNumber = reader.number();
    visit(decodeHotEvent(reader, kindNumber, length) ?? decodeByTable(reader, kindNumber, length));
  }
  if (!reader.isAtEnd) throw damagedEvent('bytes behind the last one');
}

function decodeByTable(reader: MsgpackReader, kindNumber: number, length: number): Event {
  const known = TYPE_OF_KIND.get(kindNumber);
  if (known === undefined) {
    if (kindNumber < 1) throw damagedEvent(`kind ${kindNumber}`);
    throw new LedgerError('newer-version', `The ledger has an event of kind ${kindNumber}: a newer release wrote it.`);
  }
  const [type, fields] = known;
  if (length > fields.length + 1) throw damagedEvent(`${type} with ${length - 1} fields`);
  const event: Record<string, unknown> = { type };
  fields.forEach(([name, field], i) => {
    if (i + 1 < length && !reader.nil()) event[name] = field.read(reader);
    else if (!OPTIONAL.has(`${type}.${name}`)) throw damagedEvent(`${type} without ${name}`);
  });
  // Every field of this type was read by the table.
  return event as unknown as Event;
}
