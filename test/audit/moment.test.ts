import test from 'ava';
import { parseMoment } from '../../src/audit/moment.js';

const NOW = Date.UTC(2031, 1, 3, 12, 0, 0);

const times: readonly (readonly [text: string, iso: string])[] = [
  ['2031-02-03T03:12:04.123Z', '2031-02-03T03:12:04.123Z'],
  ['2031-02-03 03:12:04', '2031-02-03T03:12:04.000Z'],
  ['2031-02-03T03:12', '2031-02-03T03:12:00.000Z'],
  ['2031-02-03T03', '2031-02-03T03:00:00.000Z'],
  ['2031-02-03', '2031-02-03T00:00:00.000Z'],
  ['2031-02', '2031-02-01T00:00:00.000Z'],
  ['20310203T031204Z', '2031-02-03T03:12:04.000Z'],
  ['20310203T0312+0100', '2031-02-03T02:12:00.000Z'],
  ['2031-02-03T03:12:04,5+01:30', '2031-02-03T01:42:04.500Z'],
  ['2031-02-03T03:12-05', '2031-02-03T08:12:00.000Z'],
  ['2031-034', '2031-02-03T00:00:00.000Z'],
  ['2031-W06-1T03:12Z', '2031-02-03T03:12:00.000Z'],
  ['2031W061T0312', '2031-02-03T03:12:00.000Z'],
  ['2020-W53-7', '2021-01-03T00:00:00.000Z'],
  ['2031-02-03T24:00', '2031-02-04T00:00:00.000Z'],
  ['03:12', '2031-02-03T03:12:00.000Z'],
  ['13:12:30', '2031-02-02T13:12:30.000Z'],
  ['2h ago', '2031-02-03T10:00:00.000Z'],
  ['1h30m ago', '2031-02-03T10:30:00.000Z'],
  ['1 day 2 hours ago', '2031-02-02T10:00:00.000Z'],
  ['1.5 minutes ago', '2031-02-03T11:58:30.000Z'],
  ['2 weeks ago', '2031-01-20T12:00:00.000Z'],
];

for (const [text, iso] of times) {
  test(`${text} is ${iso}`, (t) => {
    const moment = parseMoment(text, NOW);
    t.is(moment.type === 'time' && new Date(moment.time).toISOString(), iso);
  });
}

test('digits alone are a position, and head and now are the end', (t) => {
  t.deepEqual(parseMoment('20310203', NOW), { type: 'position', position: 20_310_203 });
  t.deepEqual(parseMoment('0', NOW), { type: 'position', position: 0 });
  t.deepEqual(parseMoment('head', NOW), { type: 'head' });
  t.deepEqual(parseMoment('now', NOW), { type: 'head' });
});

for (const text of [
  '',
  'yesterday',
  '2031-13-01',
  '2031-02-30',
  '2031-02-03T25:00',
  '03:99',
  '2 fortnights ago',
  '2031-02-03T03:12X',
  '-5',
]) {
  test(`${JSON.stringify(text)} is refused, and the message says what is taken`, (t) => {
    t.throws(() => parseMoment(text, NOW), { message: /neither a position nor a time: give/ });
  });
}

test('a time without a zone is read in the zone of the host with --local', (t) => {
  const moment = parseMoment('2031-07-03T03:12:04', NOW, true);
  t.is(moment.type === 'time' && moment.time, new Date(2031, 6, 3, 3, 12, 4).getTime());
  t.deepEqual(parseMoment('2031-07-03T03:12:04Z', NOW, true), parseMoment('2031-07-03T03:12:04Z', NOW));
});
