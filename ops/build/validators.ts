/**
 * Makes dist/schemas/validators of schemas/, as the last step of a build: one file a definition, loaded where it is first
 * asked for. A node that made them itself would load ajv for it, and serve half a second later.
 */

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Ajv2020, _, type Options, type ValidateFunction } from 'ajv/dist/2020.js';
import standalone from 'ajv/dist/standalone/index.js';
import admin from '../../schemas/admin.json' with { type: 'json' };
import configuration from '../../schemas/configuration.json' with { type: 'json' };
import { FORMATS } from '../../src/config/formats.js';

const FOLDER = new URL('../../schemas/validators/', import.meta.url);
/** That the schemas are schemas is tested. */
const OPTIONS: Options = { validateSchema: false };

mkdirSync(new URL('admin/', FOLDER), { recursive: true });
write('configuration', configurationValidator());
for (const [definition, code] of adminValidators()) write(`admin/${definition}`, code);

function* adminValidators(): Generator<[definition: string, code: string]> {
  const ajv = new Ajv2020({
    ...OPTIONS,
    strict: true,
    strictRequired: false,
    allowUnionTypes: true,
    code: { source: true },
  });
  ajv.addSchema(admin, 'admin');
  for (const definition of Object.keys(admin.$defs)) {
    yield [definition, codeOf(ajv, ajv.getSchema(`admin#/$defs/${definition}`))];
  }
}

/** A function of the formats (config/formats.ts) instead of a validator: they are the program's own. */
function configurationValidator(): string {
  const ajv = new Ajv2020({
    ...OPTIONS,
    allErrors: true,
    verbose: true,
    useDefaults: true,
    discriminator: true,
    strictTypes: false,
    code: { source: true, formats: _`formats` },
  });
  for (const [name, isValid] of Object.entries(FORMATS)) ajv.addFormat(name, isValid);
  const code = codeOf(ajv, ajv.compile(configuration));
  // Within parentheses, which V8 takes for a function that is called at once: it is read once less.
  return `module.exports = (function (formats) { const module = {}; ${code}; return module.exports; });`;
}

function codeOf(ajv: Ajv2020, validator: ValidateFunction | undefined): string {
  // The package's default export, as Node hands it to an ES module.
  return standalone.default(ajv, validator);
}

/** What is there already stays untouched: it may be in use. */
function write(name: string, code: string): void {
  const path = fileURLToPath(new URL(`${name}.cjs`, FOLDER));
  if (!existsSync(path) || readFileSync(path, 'utf8') !== code) writeFileSync(path, code);
}
