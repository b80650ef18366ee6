/** Waiting for what the outside world gives no event for: a probe, repeated until it holds or its time is over. */
import { setTimeout as pause } from 'node:timers/promises';

/** Repeats `probe` every 50 ms until it gives something else than undefined or false. Throws after `withinMs`. */
export async function until<T>(
  what: string,
  withinMs: number,
  probe: () => T | undefined | false | Promise<T | undefined | false>,
): Promise<T> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const found = await probe();
    if (found !== undefined && found !== false) return found;
    if (performance.now() > deadline) throw new Error(`not seen within ${withinMs} ms: ${what}`);
    await pause(50);
  }
}

/** The promise's value, or an error that names `what` when it takes longer than `withinMs`. */
export async function within<T>(what: string, withinMs: number, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not done within ${withinMs} ms: ${what}`)), withinMs);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
