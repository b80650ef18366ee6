/** Latencies in buckets that grow with the value: 32 an octave, so a percentile is right to about 3 in 100. */

/** Of a microsecond. */
const UNITS = 4;
const SUB_BITS = 5;
const SUB = 1 << SUB_BITS;
const UNITS_MAX = 0x7fff_ffff;

export class Histogram {
  count = 0;
  /** The largest, exact, in microseconds. */
  max = 0;
  readonly #buckets = new Uint32Array((32 - SUB_BITS + 1) * SUB);

  record(microseconds: number): void {
    const value = Math.min(UNITS_MAX, Math.max(0, Math.round(microseconds * UNITS)));
    this.#buckets[bucketOf(value)]! += 1;
    this.count += 1;
    if (microseconds > this.max) this.max = microseconds;
  }

  /** Microseconds below which this share of the values lies. */
  quantile(share: number): number {
    let left = Math.ceil(share * this.count);
    if (left >= this.count) return this.max;
    for (let bucket = 0; bucket < this.#buckets.length; bucket += 1) {
      left -= this.#buckets[bucket]!;
      if (left <= 0) return Math.min(this.max, middleOf(bucket) / UNITS);
    }
    return this.max;
  }
}

function bucketOf(value: number): number {
  if (value < SUB) return value;
  const octave = 31 - Math.clz32(value) - SUB_BITS;
  return (octave + 1) * SUB + ((value >>> octave) & (SUB - 1));
}

function middleOf(bucket: number): number {
  if (bucket < SUB) return bucket;
  const octave = Math.trunc(bucket / SUB) - 1;
  return (SUB + (bucket % SUB) + 0.5) * 2 ** octave;
}
