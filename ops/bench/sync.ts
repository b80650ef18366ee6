/**
 * Which way of making an append durable is the fastest on this disk, and what it costs the event loop.
 * The choice in src/ledger/file/sync-writer.ts rests on it. Run: node dist/ops/bench/sync.js [folder]
 */

import { constants, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { fdatasync, write } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createHistogram, performance, type RecordableHistogram } from 'node:perf_hooks';

const SIZES = [200, 4096, 16_384, 65_536];
const APPENDS = 1500;
const DIRECTORY = mkdtempSync(join(process.argv[2] ?? tmpdir(), 'nlm-sync-'));

/** One way: appends `payload` at `offset` and returns once it is durable. */
type Way = (fd: number, payload: Buffer, offset: number) => Promise<void> | void;

function writeThenSync(fd: number, payload: Buffer, offset: number): Promise<void> {
  return new Promise((resolve, reject) => {
    write(fd, payload, 0, payload.length, offset, (error) => {
      if (error) reject(error);
      else fdatasync(fd, (failed) => (failed ? reject(failed) : resolve()));
    });
  });
}

function writeAsync(fd: number, payload: Buffer, offset: number): Promise<void> {
  return new Promise((resolve, reject) => {
    write(fd, payload, 0, payload.length, offset, (error) => (error ? reject(error) : resolve()));
  });
}

function writeOnMain(fd: number, payload: Buffer, offset: number): void {
  writeSync(fd, payload, 0, payload.length, offset);
}

const WAYS: readonly { name: string; dsync: boolean; prewritten: boolean; way: Way }[] = [
  { name: 'a  write + fdatasync, pool, appended', dsync: false, prewritten: false, way: writeThenSync },
  { name: "a' write + fdatasync, pool, prewritten", dsync: false, prewritten: true, way: writeThenSync },
  { name: 'b  O_DSYNC write, pool, prewritten', dsync: true, prewritten: true, way: writeAsync },
  { name: 'c  O_DSYNC writeSync, main thread, prewritten', dsync: true, prewritten: true, way: writeOnMain },
];

async function prewrite(path: string, bytes: number): Promise<void> {
  const file: FileHandle = await open(path, 'w');
  const zeros = Buffer.alloc(1 << 20);
  for (let at = 0; at < bytes; at += zeros.length) await file.write(zeros, 0, zeros.length, at);
  await file.sync();
  await file.close();
}

function line(name: string, size: number, latency: RecordableHistogram, stalls: number, seconds: number): string {
  const us = (percent: number): string => (latency.percentile(percent) / 1000).toFixed(0).padStart(7);
  const stall = `${(stalls * 1000).toFixed(0)} us`.padStart(9);
  const rate = (APPENDS / seconds).toFixed(0).padStart(7);
  return `${name.padEnd(46)} ${String(size).padStart(6)} ${us(50)} ${us(99)} ${us(100)} ${rate}/s ${stall}`;
}

console.log(`${'way'.padEnd(46)}  bytes  p50 us  p99 us  max us  appends  longest stall`);
for (const { name, dsync, prewritten, way } of WAYS) {
  for (const size of SIZES) {
    const path = join(DIRECTORY, `${name.slice(0, 2).trim()}-${size}`);
    if (prewritten) await prewrite(path, size * APPENDS);
    const flags = constants.O_RDWR | constants.O_CREAT | (dsync ? constants.O_DSYNC : 0);
    const fd = openSync(path, flags, 0o600);
    const payload = Buffer.alloc(size, 0x5a);
    const latency = createHistogram();
    let stall = 0;
    let turn = performance.now();
    let running = true;
    const watch = (): void => {
      const now = performance.now();
      stall = Math.max(stall, now - turn);
      turn = now;
      if (running) setImmediate(watch);
    };
    setImmediate(watch);
    const begun = performance.now();
    for (let i = 0; i < APPENDS; i++) {
      const started = performance.now();
      await way(fd, payload, i * size);
      latency.record(Math.max(1, Math.round((performance.now() - started) * 1e6)));
      if (way === writeOnMain) await new Promise<void>((resolve) => setImmediate(resolve));
    }
    const seconds = (performance.now() - begun) / 1000;
    running = false;
    fdatasyncSync(fd);
    console.log(line(name, size, latency, stall, seconds));
    rmSync(path);
  }
}
rmSync(DIRECTORY, { recursive: true });
