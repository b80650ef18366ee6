/** Plays a script of behaviours.ts with holders; the steps are described there. */
import { until } from './events.js';
import type { Guest } from './guest.js';
import { Holder, type Pending } from './holder.js';

const soonMs = 5000;

class Play {
  private readonly actor: Record<string, Holder>;
  private readonly waits: Record<string, Pending> = {};
  private readonly file: string;

  constructor(actor: Record<string, Holder>, file: string) {
    this.actor = actor;
    this.file = file;
  }

  async step(line: string): Promise<void> {
    const [, name, slot = '0', rest] = /^([ABC])(?::(\d))? (.*)$/.exec(line) ?? [];
    const holder = this.actor[name ?? ''];
    if (name === undefined || holder === undefined || rest === undefined) throw new Error(`not a step: ${line}`);
    const [action = '', expected] = rest.split(' = ');
    const [verb = '', ...words] = action.split(' ');
    if (expected === undefined) return this.wait(line, name, holder, action);
    let result = '';
    const answered = await until(line, verb === 'soon' ? soonMs : 0, async () => {
      result = await this.command(holder, slot, verb === 'soon' ? words : [verb, ...words]);
      return verb !== 'soon' || result === expected;
    }).catch(() => false);
    if (!answered || result !== expected) throw new Error(`${line}: got ${result}`);
  }

  private async command(holder: Holder, slot: string, [verb = '', ...words]: string[]): Promise<string> {
    const range = words.join(' ').replace('FILE', this.file);
    const result = await holder.do(`${verb === 'tries' ? 'lock' : verb} ${slot} ${range}`);
    if (verb === 'tries' && result === 'OK') await holder.do(`unlock ${slot} ${range}`);
    return result;
  }

  private async wait(line: string, name: string, holder: Holder, action: string): Promise<void> {
    if (action.startsWith('waits ')) {
      this.waits[name] = await holder.wait(`wait 0 ${action.slice('waits '.length)}`);
      return;
    }
    if (action === 'is killed') return holder.kill();
    const pending = this.waits[name];
    if (pending === undefined) throw new Error(`nothing was waited for: ${line}`);
    if (action === 'still waits') {
      if (!pending.open) throw new Error(`${line}: it got ${(await pending.answer).result}`);
      return;
    }
    if (action === 'is interrupted') await holder.interrupt(pending);
    const expected = action === 'is interrupted' ? 'EINTR' : action.replace('gets ', '');
    // 20 s: less than the 30 s after which a client asks again, so a lost callback is seen
    const { result } = await holder.finish(pending, line, 20_000);
    if (result !== expected) throw new Error(`${line}: got ${result}`);
  }
}

/** Plays a script on a fresh file: A and C on one guest, B on the other (which may be the same). */
export async function play(a: Guest, b: Guest, file: string, script: string): Promise<void> {
  const actor = { A: new Holder(a), B: new Holder(b), C: new Holder(a) };
  const steps = new Play(actor, file);
  try {
    await actor.A.open(0, file);
    await actor.A.do('size 0 4096');
    await actor.B.open(0, file);
    for (const line of script.split('\n')) await steps.step(line.trim());
  } finally {
    for (const holder of Object.values(actor)) await holder.kill();
  }
}
