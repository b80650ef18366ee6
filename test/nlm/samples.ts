/** Every message of every procedure of every version of NLM, with its bytes as the .x files draw them. */
import { U64_ZERO, u64FromBigInt } from '../../src/base/u64.js';
import { nlmCall, type NlmVersion } from '../../src/nlm/procedures.js';
import type { NlmLock, NlmTestRes } from '../../src/nlm/types.js';
import { counted, join, long, padded, text, word, type Octets } from '../support/builder.js';
import { sample, type Sample } from '../support/codec-rules.js';

const COOKIE = '\u0000\u0001\u00fe';
const FH = 'C\u0000\u0000M\u0012D,01234567890123456';
const OH = '17@client1';

/** Every sample of `version`, each procedure's arguments and results. */
export function nlmSamples(version: NlmVersion): readonly Sample[] {
  const isWide = version === 4;
  const start = isWide ? 2n ** 53n + 1n : 2n ** 32n - 2n;
  const offset = (n: bigint): Octets => (isWide ? long(n) : word(Number(n)));
  const alock: NlmLock = {
    caller_name: text('client1'),
    fh: text(FH),
    oh: text(OH),
    svid: -17,
    l_offset: u64FromBigInt(start),
    l_len: u64FromBigInt(1n),
  };
  const lock = [
    ...counted('client1'),
    ...counted(FH),
    ...counted(OH),
    ...word(0xffff_ffef),
    ...offset(start),
    ...offset(1n),
  ];
  const cookie = text(COOKIE);
  const c = counted(COOKIE);

  const lockArgs = { cookie, block: true, exclusive: false, alock, reclaim: true, state: 3 };
  const lockArgsBytes = join(c, word(1), word(0), lock, word(1), word(3));
  const cancArgs = { cookie, block: false, exclusive: true, alock };
  const cancArgsBytes = join(c, word(0), word(1), lock);
  const testArgs = { cookie, exclusive: true, alock };
  const testArgsBytes = join(c, word(1), lock);
  const unlockArgs = { cookie, alock: { ...alock, l_len: U64_ZERO } };
  const unlockArgsBytes = join(c, lock.slice(0, isWide ? -8 : -4), offset(0n));
  const res = { cookie, stat: 4 } as const;
  const resBytes = join(c, word(4));
  const free: NlmTestRes = { cookie, stat: { stat: 0 } };
  const freeBytes = join(c, word(0));
  const holder = { exclusive: true, svid: 9, oh: text(OH), l_offset: u64FromBigInt(start), l_len: u64FromBigInt(1n) };
  const held: NlmTestRes = { cookie, stat: { stat: 1, holder } };
  const heldBytes = join(c, word(1), word(1), word(9), counted(OH), offset(start), offset(1n));
  const reboot = { mon: text('client1'), state: 5, priv: text('0123456789abcdef') };
  const nothing = Buffer.alloc(0);

  const samples = [
    sample('NULL', nlmCall(version, 'NULL')?.args, undefined, nothing),
    sample('TEST', nlmCall(version, 'TEST')?.args, testArgs, testArgsBytes),
    sample('TEST result, free', nlmCall(version, 'TEST')?.result, free, freeBytes),
    sample('TEST result, held', nlmCall(version, 'TEST')?.result, held, heldBytes),
    sample('LOCK', nlmCall(version, 'LOCK')?.args, lockArgs, lockArgsBytes),
    sample('LOCK result', nlmCall(version, 'LOCK')?.result, res, resBytes),
    sample('CANCEL', nlmCall(version, 'CANCEL')?.args, cancArgs, cancArgsBytes),
    sample('CANCEL result', nlmCall(version, 'CANCEL')?.result, res, resBytes),
    sample('UNLOCK', nlmCall(version, 'UNLOCK')?.args, unlockArgs, unlockArgsBytes),
    sample('UNLOCK result', nlmCall(version, 'UNLOCK')?.result, res, resBytes),
    sample('GRANTED', nlmCall(version, 'GRANTED')?.args, testArgs, testArgsBytes),
    sample('GRANTED result', nlmCall(version, 'GRANTED')?.result, res, resBytes),
    sample('TEST_MSG', nlmCall(version, 'TEST_MSG')?.args, testArgs, testArgsBytes),
    sample('LOCK_MSG', nlmCall(version, 'LOCK_MSG')?.args, lockArgs, lockArgsBytes),
    sample('LOCK_MSG result', nlmCall(version, 'LOCK_MSG')?.result, undefined, nothing),
    sample('CANCEL_MSG', nlmCall(version, 'CANCEL_MSG')?.args, cancArgs, cancArgsBytes),
    sample('UNLOCK_MSG', nlmCall(version, 'UNLOCK_MSG')?.args, unlockArgs, unlockArgsBytes),
    sample('GRANTED_MSG', nlmCall(version, 'GRANTED_MSG')?.args, testArgs, testArgsBytes),
    sample('TEST_RES', nlmCall(version, 'TEST_RES')?.args, held, heldBytes),
    sample('LOCK_RES', nlmCall(version, 'LOCK_RES')?.args, res, resBytes),
    sample('CANCEL_RES', nlmCall(version, 'CANCEL_RES')?.args, res, resBytes),
    sample('UNLOCK_RES', nlmCall(version, 'UNLOCK_RES')?.args, res, resBytes),
    sample('GRANTED_RES', nlmCall(version, 'GRANTED_RES')?.args, res, resBytes),
    sample(
      'SM_NOTIFY',
      nlmCall(version, 'SM_NOTIFY')?.args,
      reboot,
      join(counted('client1'), word(5), padded(reboot.priv)),
    ),
  ];
  if (version === 1) return samples;

  const share = { caller_name: text('client1'), fh: text(FH), oh: text(OH), mode: 2, access: 3 } as const;
  const shareArgs = { cookie, share, reclaim: true };
  const shareArgsBytes = join(c, counted('client1'), counted(FH), counted(OH), word(2), word(3), word(1));
  const shareRes = { cookie, stat: 1, sequence: 7 } as const;
  const shareResBytes = join(c, word(1), word(7));
  const notify = { name: text('client1'), state: 0 };
  return [
    ...samples,
    sample('SHARE', nlmCall(version, 'SHARE')?.args, shareArgs, shareArgsBytes),
    sample('SHARE result', nlmCall(version, 'SHARE')?.result, shareRes, shareResBytes),
    sample('UNSHARE', nlmCall(version, 'UNSHARE')?.args, shareArgs, shareArgsBytes),
    sample('UNSHARE result', nlmCall(version, 'UNSHARE')?.result, shareRes, shareResBytes),
    sample('NM_LOCK', nlmCall(version, 'NM_LOCK')?.args, lockArgs, lockArgsBytes),
    sample('NM_LOCK result', nlmCall(version, 'NM_LOCK')?.result, res, resBytes),
    sample('FREE_ALL', nlmCall(version, 'FREE_ALL')?.args, notify, join(counted('client1'), word(0))),
  ];
}
