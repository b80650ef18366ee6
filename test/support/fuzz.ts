/** How many inputs a fuzzing test takes, and from which seed: another one each run, so that runs add up. */

/** `share`: of one run of the suite. NLM_FUZZ_INPUTS is for longer runs. */
export function fuzzInputs(share: number): number {
  return Number(process.env['NLM_FUZZ_INPUTS'] ?? share);
}

/** Shown by each test that uses it; NLM_FUZZ_SEED repeats its run. */
export function fuzzSeed(): number {
  return Number(process.env['NLM_FUZZ_SEED'] ?? Date.now() % 2 ** 32);
}

/** A millisecond an input is a hundred times what one takes. */
export function fuzzMsMax(inputs: number): number {
  return 60_000 + inputs;
}
