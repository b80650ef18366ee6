import test from 'ava';
import { checkRequest, checkSocketRequest, validatorOf } from '../../src/admin/schema.js';
import document from '../../schemas/admin.json' with { type: 'json' };
import type { LedgerError } from '../../src/base/errors.js';

interface Definition {
  readonly examples?: readonly unknown[];
}

const definitions: Readonly<Record<string, Definition>> = document.$defs;

for (const [name, { examples }] of Object.entries(definitions)) {
  test(`every example of ${name} is what the schema says`, (t) => {
    t.truthy(examples?.length, 'each definition has an example');
    const validator = validatorOf(name);
    for (const example of examples ?? []) t.true(validator(example), JSON.stringify(validator.errors));
  });
}

const refused: readonly (readonly [procedure: string, request: unknown])[] = [
  ['unlock-ip', {}],
  ['unlock-ip', { address: 1 }],
  ['unlock-ip', { address: '10.1.1.2', adress: '' }],
  ['unlock-ip', null],
  ['unlock-ip', { address: 'x'.repeat(65) }],
  ['unlock-fs', {}],
  ['unlock-fs', { path: '/a', fileSystem: 'b' }],
  ['unlock-client', { reason: 'x' }],
  ['unlock-lock', { lock: 0 }],
  ['unlock-lock', { lock: 1.5 }],
  ['locks', { limit: 10_001 }],
  ['locks', { handle: 'xyz' }],
  ['trace', { address: '10.1.0.7' }],
];

for (const [procedure, request] of refused) {
  test(`${procedure} ${JSON.stringify(request)?.slice(0, 40)} is refused as a bad request`, (t) => {
    t.like(
      t.throws<LedgerError>(() => checkRequest(procedure, request)),
      { code: 'bad-request' },
    );
  });
}

test('a refusal names the property that is not known', (t) => {
  t.throws(() => checkRequest('unlock-ip', { address: '10.1.1.2', adress: '' }), { message: /"adress"/ });
});

test('a line to the socket needs an id and a procedure', (t) => {
  t.notThrows(() => checkSocketRequest({ id: 1, procedure: 'status' }));
  t.throws(() => checkSocketRequest({ procedure: 'status' }));
  t.throws(() => checkSocketRequest({ id: 1, procedure: 'status', user: 'a b' }));
});
