/** Numbers of up to 53 bits in two words, the high one first: of what stands in typed arrays. */

const TWO_32 = 0x1_0000_0000;

export function wideAt(words: Uint32Array, at: number): number {
  return words[at]! * TWO_32 + words[at + 1]!;
}

export function setWideAt(words: Uint32Array, at: number, value: number): void {
  const high = Math.floor(value / TWO_32);
  words[at] = high;
  words[at + 1] = value - high * TWO_32;
}
