/** JWTs of NATS (ed25519-nkey, version 2) for a server in operator mode: an operator, an account, two users. */

import { createHash } from 'node:crypto';
import { nkeys } from 'nats';

type Pair = ReturnType<typeof nkeys.createUser>;

function jwt(issuer: Pair, subject: Pair, name: string, nats: Readonly<Record<string, unknown>>): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const claims = { iat: 1_700_000_000, iss: issuer.getPublicKey(), name, sub: subject.getPublicKey(), nats };
  const jti = createHash('sha256').update(JSON.stringify(claims)).digest('hex');
  const body = `${part({ typ: 'JWT', alg: 'ed25519-nkey' })}.${part({ jti, ...claims })}`;
  return `${body}.${Buffer.from(issuer.sign(Buffer.from(body))).toString('base64url')}`;
}

function file(token: string, pair: Pair): string {
  const seed = Buffer.from(pair.getSeed()).toString('latin1');
  const block = (what: string, text: string): string => `-----BEGIN ${what}-----\n${text}\n------END ${what}------\n`;
  return block('NATS USER JWT', token) + block('USER NKEY SEED', seed);
}

export interface Credentials {
  /** Of the server. */
  readonly config: string;
  /** Credentials files. */
  readonly node: string;
  readonly operator: string;
}

export function credentials(): Credentials {
  const [operator, account] = [nkeys.createOperator(), nkeys.createAccount()];
  const unlimited = { subs: -1, data: -1, payload: -1, imports: -1, exports: -1, wildcards: true, conn: -1, leaf: -1 };
  const trust = jwt(operator, operator, 'trust', { type: 'operator', version: 2 });
  const home = jwt(operator, account, 'nlm', { type: 'account', version: 2, limits: unlimited });
  const user = (name: string): string => {
    const pair = nkeys.createUser();
    const limits = { subs: -1, data: -1, payload: -1 };
    return file(jwt(account, pair, name, { type: 'user', version: 2, pub: {}, sub: {}, ...limits }), pair);
  };
  const config = [
    `operator: ${trust}`,
    'resolver: MEMORY',
    `resolver_preload: { ${account.getPublicKey()}: ${home} }`,
    '',
  ].join('\n');
  return { config, node: user('node'), operator: user('operator') };
}
