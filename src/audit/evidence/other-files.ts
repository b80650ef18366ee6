/**
 * What else lies in a group's folder: the empty segments, which are zero; what recovery set aside, whose SHA-256 the
 * ledger has; and what nobody knows. Under `audit verify`; reads only.
 */

import { join } from 'node:path';
import { sha256 } from '../../ledger/chain.js';
import { endOfBytes } from '../../ledger/file/frames.js';
import type { FileReader } from '../../ledger/file/reader.js';
import { readWhole } from '../../ledger/file/storage.js';

export type Finding =
  | { readonly type: 'fault'; readonly file: string; readonly offset?: number; readonly why: string }
  | { readonly type: 'remark'; readonly text: string };

const EMPTY_SEGMENTS: ReadonlySet<string> = new Set(['spare', 'reserve']);
const KNOWN: Readonly<Record<string, RegExp>> = {
  // What a crash left of copies in `incoming` counts for nothing, and goes at the next start.
  segments: /^(\d{16}\.seg|incoming)$/,
  checkpoints: /^\d{16}\.ckpt$/,
  notes: /^\d{16}\.note$/,
};

/** `aside`: the SHA-256 in hex of what the ledger says that recovery set aside. */
export async function otherFiles(reader: FileReader, running: boolean, aside: ReadonlySet<string>): Promise<Finding[]> {
  const { storage, folders } = reader;
  const findings: Finding[] = [];
  const unknown: string[] = [];
  for (const [folder, known] of Object.entries(KNOWN)) {
    const path = folder === 'segments' ? folders.segments : join(folders.root, folder);
    for (const name of await storage.list(path)) {
      if (known.test(name)) continue;
      if (folder !== 'segments' || !EMPTY_SEGMENTS.has(name)) unknown.push(`${folder}/${name}`);
      else if (!running) findings.push(...(await emptySegment(reader, name)));
    }
  }
  for (const name of await storage.list(folders.aside)) {
    const hash = Buffer.from(sha256(await readWhole(storage, join(folders.aside, name)))).toString('hex');
    if (aside.has(hash)) continue;
    findings.push({
      type: 'remark',
      text: `aside/${name}: the ledger does not have its SHA-256, so nothing vouches for it`,
    });
  }
  if (unknown.length > 0)
    findings.push({ type: 'remark', text: `not of this ledger, and vouched for by nothing: ${unknown.join(', ')}` });
  return findings;
}

async function emptySegment({ storage, folders }: FileReader, name: string): Promise<Finding[]> {
  const file = await storage.open(join(folders.segments, name), 'read');
  try {
    const end = await endOfBytes(file, 0);
    return end === 0
      ? []
      : [
          {
            type: 'fault',
            file: name,
            offset: end - 1,
            why: `it was written full of zeros, and byte ${end - 1} is not zero`,
          },
        ];
  } finally {
    await file.close();
  }
}
