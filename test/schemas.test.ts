/** The documents of schemas/ themselves: what reads them at run time does not check them again. */

import { readdirSync, readFileSync } from 'node:fs';
import test from 'ava';
import { Ajv2020 } from 'ajv/dist/2020.js';

for (const name of readdirSync('schemas').filter((file) => file.endsWith('.json'))) {
  test(`${name} is a schema of JSON Schema 2020-12`, (t) => {
    const ajv = new Ajv2020({ validateFormats: false });
    const schema = JSON.parse(readFileSync(`schemas/${name}`, 'utf8')) as { readonly $schema?: string };
    t.is(schema.$schema, 'https://json-schema.org/draft/2020-12/schema');
    t.true(ajv.validateSchema(schema) === true, ajv.errorsText(ajv.errors));
  });
}
