/** `doctor` as a command: exit codes, text and JSON, with and without a running node. */

import { join } from 'node:path';
import test from 'ava';
import { nlm as run } from '../support/in-process.js';
import { startNode, temporaryFolder } from '../support/node.js';

test('without a node the doctor says so, and exits with what it found', async (t) => {
  const folder = await temporaryFolder(t);
  const { code, out } = await run('doctor', '--socket', join(folder, 'socket'));
  t.true(code === 12 || code === 13);
  t.regex(out, /^warn {2}node: no node was asked: .*; to do: start one/m);
  for (const line of out.trim().split('\n')) t.regex(line, /^(ok {2}|warn|fail) {2}[a-z]+: /);
});

test('of a running node the doctor sees its state, in JSON too', async (t) => {
  const node = await startNode(t);
  const { code, out } = await run('doctor', '--json', '--socket', join(node.data, 'socket'));
  t.true(code === 12 || code === 13);
  const reply = JSON.parse(out) as { worst: string; findings: { check: string; level: string; what: string }[] };
  t.is(code, reply.worst === 'warn' ? 12 : 13);
  const of = (name: string) => reply.findings.filter(({ check }) => check === name);
  t.like(of('node')[0], { level: 'ok' });
  t.like(of('portmapper')[0], { level: 'warn' });
  t.like(of('ports')[0], { level: 'ok' });
  t.regex(of('callbacks')[0]?.what ?? '', /0 of 0 clients/);
});

test('a configuration that is wrong is a usage error', async (t) => {
  const { code, err } = await run('doctor', '--config', '/nonexistent/c.json');
  t.is(code, 2);
  t.regex(err, /there is no such file/);
});
