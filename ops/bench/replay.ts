/**
 * A ledger read from its first entry, checked and folded, without its checkpoints: events a second and bytes an event.
 * `node dist/ops/bench/replay.js DATA [group]`, one line of JSON; of a stopped node, or beside a running one.
 */

import { fold } from '../../src/engine/replay.js';
import { openForReading } from '../../src/ledger/file/reader.js';
import { ledgerStat } from '../../src/ledger/file/stat.js';

const [data, group = 'default'] = process.argv.slice(2);
if (data === undefined) throw new Error('which data folder?');

const reader = await openForReading({ data, group });
const { usedBytes } = await ledgerStat(reader, data);
const { events, entries, milliseconds, state } = await fold(undefined, (from) => reader.read(from));
console.log(
  JSON.stringify({
    events,
    entries,
    milliseconds,
    eventsPerSecond: Math.round((events * 1000) / milliseconds),
    locks: state.lockCount,
    usedBytes,
  }),
);
