/**
 * Unsigned 64-bit integers as two 32-bit halves: exact, and without a BigInt on the hot path
 * (a BigInt is an allocation of its own; two numbers are not). BigInt is for printing and parsing alone.
 */

export interface U64 {
  /** Bits 63 to 32, an unsigned 32-bit integer. */
  readonly high: number;
  /** Bits 31 to 0, an unsigned 32-bit integer. */
  readonly low: number;
}

const TWO_32 = 0x1_0000_0000;

export const U64_ZERO: U64 = { high: 0, low: 0 };
export const U64_MAX: U64 = { high: 0xffff_ffff, low: 0xffff_ffff };

export function u64(high: number, low: number): U64 {
  return { high, low };
}

/** Negative, zero or positive as `a` is below, equal to or above `b`. */
export function compareU64(a: U64, b: U64): number {
  return a.high !== b.high ? a.high - b.high : a.low - b.low;
}

export function equalU64(a: U64, b: U64): boolean {
  return a.high === b.high && a.low === b.low;
}

/** The sum, or `undefined` where it does not fit into 64 bits. */
export function addU64(a: U64, b: U64): U64 | undefined {
  let low = a.low + b.low;
  let high = a.high + b.high;
  if (low >= TWO_32) {
    low -= TWO_32;
    high += 1;
  }
  return high >= TWO_32 ? undefined : { high, low };
}

/** `a + 1`; the caller knows that `a` is below the maximum. */
export function incrementU64(a: U64): U64 {
  return a.low === 0xffff_ffff ? { high: a.high + 1, low: 0 } : { high: a.high, low: a.low + 1 };
}

/** `a - 1`; the caller knows that `a` is above zero. */
export function decrementU64(a: U64): U64 {
  return a.low === 0 ? { high: a.high - 1, low: 0xffff_ffff } : { high: a.high, low: a.low - 1 };
}

/** `n` is a safe non-negative integer. */
export function u64FromNumber(n: number): U64 {
  return { high: Math.floor(n / TWO_32), low: n % TWO_32 };
}

/** `n` is within 0 to 2^64-1. */
export function u64FromBigInt(n: bigint): U64 {
  return { high: Number(n >> 32n), low: Number(n & 0xffff_ffffn) };
}

export function u64ToBigInt(a: U64): bigint {
  return (BigInt(a.high) << 32n) | BigInt(a.low);
}

/** Decimal digits, exact. */
export function u64ToString(a: U64): string {
  return a.high < 0x20_0000 ? String(a.high * TWO_32 + a.low) : u64ToBigInt(a).toString();
}
