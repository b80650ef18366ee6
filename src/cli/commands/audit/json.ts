/** One JSON object whose `rows` go out as they come. */

import type { Printer } from '../../printer.js';

/** `more` says whether rows were left out by the limit. Resolves with the number of rows. */
export async function jsonWithRows(
  printer: Printer,
  head: object,
  rows: AsyncIterable<object>,
  limit: number,
  check: () => void,
): Promise<number> {
  const start = JSON.stringify(head).slice(0, -1);
  await printer.print(`${start}${start === '{' ? '' : ','}"rows":[`);
  let count = 0;
  let more = false;
  for await (const row of rows) {
    check();
    if (count >= limit) {
      more = true;
      break;
    }
    await printer.print(`${count === 0 ? '' : ','}${JSON.stringify(row)}`);
    count += 1;
  }
  await printer.print(`],"more":${more}}`);
  return count;
}
