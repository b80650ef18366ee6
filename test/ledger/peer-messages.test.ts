/** What nodes tell each other is what schemas/peer.json says, read and written, and nothing less is taken. */

import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import test from 'ava';
import { decodePayload, encodePayload } from '../../src/bus/payload.js';
import {
  decodeAgreed,
  decodeArchiveHead,
  decodeCheckpointPart,
  decodeEntriesPage,
  decodeSynced,
  encodeAgreed,
  encodeArchiveHead,
  encodeCheckpointPart,
  encodeEntriesPage,
  encodeRequest,
  encodeSynced,
  requestFor,
} from '../../src/ledger/jetstream/peer-messages.js';
import { natsTest, startNats, PlainClient } from '../support/nats.js';
import { temporaryFolder } from './fixture.js';
import { Owner, startLog } from './jetstream/fixture.js';

type Message = Readonly<Record<string, unknown>>;

interface Definition {
  readonly required: readonly string[];
  readonly examples: readonly Message[];
}

// The cast states the form of our own file.
const schema = JSON.parse(readFileSync('schemas/peer.json', 'utf8')) as { readonly $defs: Record<string, Definition> };
const ajv = new Ajv2020({ strict: true });
ajv.addSchema(schema, 'peer');

const BYTES: ReadonlySet<string> = new Set(['hash', 'part']);

function toBytes(message: Message): Message {
  return Object.fromEntries(
    Object.entries(message).map(([key, value]) => {
      if (BYTES.has(key)) return [key, Buffer.from(String(value), 'hex')];
      if (key === 'entries') return [key, (value as string[]).map((entry) => Buffer.from(entry, 'hex'))];
      return [key, value];
    }),
  );
}

function toHex(message: unknown): unknown {
  const hex = (value: unknown): unknown => {
    if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
    return Array.isArray(value) ? value.map(hex) : value;
  };
  return Object.fromEntries(Object.entries(message as object).map(([key, value]) => [key, hex(value)]));
}

/** Reads a message, and writes it again. */
const AGAIN: Readonly<Record<string, (bytes: Uint8Array) => Uint8Array>> = {
  'heads-reply': (bytes) => encodeArchiveHead(decodeArchiveHead(bytes)),
  'entries-reply': (bytes) => encodeEntriesPage(decodeEntriesPage(bytes)),
  'checkpoint-reply': (bytes) => encodeCheckpointPart(decodeCheckpointPart(bytes)),
  synced: (bytes) => encodeSynced(decodeSynced(bytes)),
  agreed: (bytes) => encodeAgreed(decodeAgreed(bytes)),
  'entries-request': (bytes) => encodeRequest('b', Object.fromEntries(requestFor(bytes, 'b') ?? [])),
  'checkpoint-request': (bytes) => encodeRequest('b', Object.fromEntries(requestFor(bytes, 'b') ?? [])),
};

for (const [name, { examples, required }] of Object.entries(schema.$defs)) {
  test(`${name}: its examples are what the schema says, and are read and written as they are`, (t) => {
    const isValid = ajv.getSchema(`peer#/$defs/${name}`)!;
    t.true(examples.length > 0);
    for (const example of examples) {
      t.true(isValid(example), JSON.stringify(isValid.errors));
      const again = AGAIN[name];
      if (again === undefined) continue;
      const written = toHex(decodePayload(again(encodePayload(toBytes(example), 'msgpack'))));
      t.deepEqual(written, example);
      // A later release may say more.
      t.deepEqual(toHex(decodePayload(again(encodePayload({ ...toBytes(example), later: 1 }, 'msgpack')))), {
        ...example,
        ...(name.endsWith('-request') && { later: 1 }),
      });
    }
  });

  if (AGAIN[name] === undefined || name.endsWith('-request')) continue;
  test(`${name}: without one of its keys, or with something else there, it is none`, (t) => {
    const example = toBytes(examples[0]!);
    for (const key of required) {
      const { [key]: _, ...rest } = example;
      for (const wrong of [rest, { ...example, [key]: { nested: true } }, { ...example, [key]: -1 }]) {
        t.throws(() => AGAIN[name]!(encodePayload(wrong, 'msgpack')), { code: 'bad-request' }, `${name} ${key}`);
      }
    }
  });
}

test('a message that its receiver would not take is not sent', (t) => {
  const [hash, reads] = [new Uint8Array(32), { entry: 1, event: 1 }];
  const head = { node: 'a', position: 1, epoch: 1, hash, reads };
  const wrong: readonly (() => Uint8Array)[] = [
    () => encodeArchiveHead({ ...head, position: -1, agreed: 0, author: 'a', generation: 1 }),
    () => encodeArchiveHead({ ...head, agreed: 0, author: 'a', generation: Number.NaN }),
    () => encodeSynced({ ...head, position: 0.5 }),
    () => encodeAgreed({ ...head, hash: new Uint8Array(31) }),
    () => encodeEntriesPage({ entries: [], head: -1 }),
    () => encodeCheckpointPart({ ...head, time: 0, version: 1, bytes: 1, offset: -1, part: hash }),
    () => encodeRequest('b', { from: -1 }),
  ];
  for (const encode of wrong) t.throws(encode, { code: 'bad-request' });
});

natsTest('what two nodes say to each other is what the schema says', async (t) => {
  const server = await startNats(t, { jetstream: await temporaryFolder(t) });
  const client = await PlainClient.connect(t, server);
  const seen = new Map<string, Uint8Array>();
  client.connection.subscribe('nlm.peer.g.*', {
    callback: (_, { subject, data }) => void seen.set(subject.split('.').at(-1) ?? '', data),
  });
  await client.connection.flush();
  const [a, b] = await Promise.all(['a', 'b'].map((name) => startLog(t, name, { servers: [server.url] })));
  b!.log.follow(b!.observer);
  const owner = await Owner.claim(a!);
  await owner.append(5);
  await b!.observer.until(({ positions }) => positions.includes(5));
  const agreed = client.connection.subscribe('nlm.peer.g.agreed', { max: 1 });
  for await (const { data } of agreed) seen.set('agreed', data);
  await client.connection.flush();
  const check = (definition: string, bytes: Uint8Array | undefined): void => {
    const isValid = ajv.getSchema(`peer#/$defs/${definition}`)!;
    const message = toHex(decodePayload(bytes ?? new Uint8Array()));
    t.true(isValid(message), `${definition}: ${JSON.stringify(message)}: ${JSON.stringify(isValid.errors)}`);
  };
  check('heads-request', seen.get('heads'));
  check('synced', seen.get('synced'));
  check('agreed', seen.get('agreed'));
  const ask = async (what: string, request: object): Promise<Uint8Array> =>
    (await client.connection.request(`nlm.peer.g.${what}`, encodePayload(request, 'msgpack'))).data;
  check('heads-reply', await ask('heads', {}));
  check('entries-reply', await ask('entries', { node: 'a', from: 2 }));
});
