/**
 * How fcntl locks behave between two processes, as scripts. A line is a step:
 *
 *     A lock w 0 10 = OK          one command of guest/holder.c on slot 0 (A:1 is slot 1), and what it must answer
 *     B tries w 0 10 = EAGAIN     lock; taken back at once if it was granted
 *     B waits w 0 10              a blocking lock: goes on when the kernel waits for it
 *     B still waits               it has not been granted so far
 *     B gets OK                   what the blocking lock answers in the end
 *     B is interrupted            a signal for it, then EINTR
 *     C is killed                 kill -9
 *     B soon lock w 0 10 = OK     repeated until it is so, for at most 5 seconds
 *
 * A and C are processes of one client, B is the other process. MAX is the largest offset.
 */

export interface Behaviour {
  readonly title: string;
  readonly script: string;
}

const max = '9223372036854775807';

/** Each range tested by both, on a file that nobody has locked. */
const unlocked = ['0 1', '0 0', '0 MAX', '1 1', '1 0', '1 MAX', 'MAX 1', 'MAX 0', '4294967295 2', '4294967296 0']
  .map((range) => `A test w ${range} = FREE\nB test w ${range} = FREE`)
  .join('\n');

/** What one writes under a lock, the other reads under the next. */
const data = Array.from({ length: 10 }, (_, index) => {
  const [first, second] = [`a${1000 + index}`, `b${1000 + index}`];
  return `A lock w 0 8 = OK\nA write 0 ${first} = OK\nA unlock r 0 8 = OK
B lock r 0 8 = OK\nB read 0 5 = DATA ${first}\nB unlock r 0 8 = OK
B lock w 0 8 = OK\nB write 0 ${second} = OK\nB unlock r 0 8 = OK
A lock r 0 8 = OK\nA read 0 5 = DATA ${second}\nA unlock r 0 8 = OK`;
}).join('\n');

const scripts: ReadonlyArray<readonly [title: string, script: string]> = [
  ['every range of an unlocked file is free', unlocked],
  [
    'a lock of the whole file keeps out every range',
    `A lock w 0 0 = OK
     B tries w 0 1 = EAGAIN
     B tries w 0 0 = EAGAIN
     B tries w 0 MAX = EAGAIN
     B tries w 1 1 = EAGAIN
     B tries r MAX 1 = EAGAIN
     B tries w 1099511627776 1 = EAGAIN
     B test r 5 5 = HELD w 0 0
     A unlock r 0 0 = OK
     B tries w 0 0 = OK`,
  ],
  [
    'a lock of the first byte is a lock of the first byte',
    `A lock w 0 1 = OK
     B tries w 0 1 = EAGAIN
     B tries w 0 0 = EAGAIN
     B tries w 0 100 = EAGAIN
     B tries w 1 1 = OK
     B tries w 1 0 = OK
     B tries w MAX 1 = OK
     A unlock r 0 1 = OK
     B tries w 0 1 = OK`,
  ],
  [
    'a lock of the second byte leaves both its neighbours',
    `A lock w 1 1 = OK
     B tries w 0 1 = OK
     B tries w 2 1 = OK
     B tries w 2 0 = OK
     B tries w 1 1 = EAGAIN
     B tries w 0 2 = EAGAIN
     B tries w 0 0 = EAGAIN
     B test w 0 0 = HELD w 1 1`,
  ],
  [
    'a range ends where it ends',
    `A lock w 10 11 = OK
     B tries w 0 10 = OK
     B tries w 0 11 = EAGAIN
     B tries w 10 1 = EAGAIN
     B tries w 20 1 = EAGAIN
     B tries w 21 1 = OK
     B tries w 20 5 = EAGAIN
     B tries w 5 50 = EAGAIN
     B tries w 21 0 = OK
     B tries w 12 2 = EAGAIN`,
  ],
  [
    'length 0 reaches to the end of all offsets',
    `A lock w 10 0 = OK
     B tries w 0 10 = OK
     B tries w 9 2 = EAGAIN
     B tries w 10 1 = EAGAIN
     B tries w 1125899906842624 1 = EAGAIN
     B tries w MAX 1 = EAGAIN
     B tries w 11 0 = EAGAIN
     A unlock r 10 0 = OK
     B tries w 0 0 = OK`,
  ],
  [
    'readers share, a writer does not',
    `A lock r 0 100 = OK
     B lock r 50 100 = OK
     B lock w 0 10 = EAGAIN
     A lock w 60 1 = EAGAIN
     A lock w 0 50 = OK
     B lock r 0 10 = EAGAIN
     B test r 0 1 = HELD w 0 50`,
  ],
  [
    'a refused upgrade keeps the read lock, a downgrade lets readers in',
    `A lock r 0 10 = OK
     B lock r 0 10 = OK
     A lock w 0 10 = EAGAIN
     B test w 0 10 = HELD r 0 10
     B unlock r 0 10 = OK
     A lock w 0 10 = OK
     B lock r 0 10 = EAGAIN
     A lock r 0 10 = OK
     B lock r 0 10 = OK`,
  ],
  [
    'an upgrade of the middle leaves both ends as they were',
    `A lock r 0 30 = OK
     A lock w 10 10 = OK
     B lock r 0 10 = OK
     B lock r 10 1 = EAGAIN
     B lock r 19 1 = EAGAIN
     B lock r 20 10 = OK
     B lock w 0 1 = EAGAIN
     B lock w 25 1 = EAGAIN`,
  ],
  [
    'an unlock of a part splits a lock',
    `A lock w 0 300 = OK
     A unlock r 100 100 = OK
     B tries w 100 100 = OK
     B tries w 99 1 = EAGAIN
     B tries w 200 1 = EAGAIN
     B tries w 99 2 = EAGAIN
     B tries w 199 2 = EAGAIN
     B tries w 300 0 = OK
     A unlock r 0 50 = OK
     B tries w 0 50 = OK
     B tries w 50 1 = EAGAIN
     A unlock r 250 50 = OK
     B tries w 250 50 = OK
     B tries w 249 1 = EAGAIN
     A unlock r 0 0 = OK
     B tries w 0 0 = OK`,
  ],
  [
    'an unlock of a part splits a lock that has no end',
    `A lock w 0 0 = OK
     A unlock r 1000 1000 = OK
     B tries w 1000 1000 = OK
     B tries w 999 1 = EAGAIN
     B tries w 2000 1 = EAGAIN
     B tries w 35184372088832 1 = EAGAIN
     A unlock r 5000 0 = OK
     B tries w 5000 0 = OK
     B tries w 4999 1 = EAGAIN`,
  ],
  [
    'adjacent and overlapping ranges of one owner are one lock',
    `A lock w 0 10 = OK
     A lock w 20 10 = OK
     A lock w 10 10 = OK
     B test w 15 1 = HELD w 0 30
     A lock w 5 100 = OK
     B test w 100 1 = HELD w 0 105
     A unlock r 0 105 = OK
     B tries w 0 0 = OK`,
  ],
  [
    'locks are not counted, and an unlock of nothing is no error',
    `A lock w 0 10 = OK
     A lock w 0 10 = OK
     A unlock r 0 10 = OK
     B tries w 0 10 = OK
     A unlock r 500 10 = OK
     A unlock r 0 0 = OK`,
  ],
  [
    'the largest offset can be locked, one more cannot be named',
    `A lock w MAX 1 = OK
     B tries w MAX 1 = EAGAIN
     B tries w MAX 0 = EAGAIN
     B tries w 9223372036854775806 1 = OK
     A lock w MAX 2 = EOVERFLOW
     A lock w 9223372036854775806 2 = OK
     B tries w 9223372036854775806 1 = EAGAIN
     A unlock r 0 0 = OK
     B tries w 0 0 = OK`,
  ],
  [
    'offsets around 2^31, 2^32, 2^53 and 2^62 are exact',
    ['2147483647', '4294967295', '9007199254740991', '9007199254740992', '4611686018427387903']
      .map((offset) => {
        const [before, after] = [BigInt(offset) - 1n, BigInt(offset) + 1n];
        return `A lock w ${offset} 1 = OK\nB tries w ${before} 1 = OK\nB tries w ${after} 1 = OK
          B tries w ${offset} 1 = EAGAIN\nB test w 0 0 = HELD w ${offset} 1\nA unlock r ${offset} 1 = OK`;
      })
      .join('\n'),
  ],
  [
    'a negative length counts back, a negative start is invalid',
    `A lock w -1 1 = EINVAL
     A lock w 100 -10 = OK
     B test w 0 0 = HELD w 90 10
     B tries w 89 1 = OK
     B tries w 100 1 = OK
     A lock w 5 -10 = EINVAL`,
  ],
  [
    'ranges count from the position and from the end of the file',
    `A size 1000 = OK
     A seek 100 = OK
     A lock w 10 10 c = OK
     B tries w 110 10 = EAGAIN
     B tries w 109 1 = OK
     B tries w 120 1 = OK
     A lock w -10 5 e = OK
     B tries w 990 1 = EAGAIN
     B tries w 994 1 = EAGAIN
     B tries w 995 1 = OK
     A lock w 0 0 e = OK
     B tries w 1000 1 = EAGAIN
     B tries w 999 1 = OK`,
  ],
  [
    'a descriptor that cannot write takes no write lock, nor one that cannot read a read lock',
    `A:1 open FILE ro = OK
     A:2 open FILE wo = OK
     A:1 lock w 0 1 = EBADF
     A:1 lock r 0 1 = OK
     B tries w 0 1 = EAGAIN
     A:2 lock r 10 1 = EBADF
     A:2 lock w 10 1 = OK
     B tries w 10 1 = EAGAIN
     A:1 close = OK
     A:2 close = OK`,
  ],
  [
    'the close of any descriptor of the file drops its locks',
    `A lock w 0 10 = OK
     A:1 open FILE rw = OK
     B tries w 0 10 = EAGAIN
     A:1 close = OK
     B tries w 0 10 = OK`,
  ],
  [
    'a duplicated descriptor shares the locks',
    `A lock w 0 10 = OK
     A dup 1 = OK
     A:1 unlock r 0 5 = OK
     B tries w 0 5 = OK
     B tries w 5 5 = EAGAIN
     A:1 close = OK
     B tries w 0 10 = OK`,
  ],
  [
    'a forked child has none of its parent’s locks, and its end drops none',
    `A lock w 0 10 = OK
     A fork w 0 10 = EAGAIN
     B tries w 0 10 = EAGAIN
     A unlock r 0 10 = OK
     A fork w 0 10 = OK
     B soon tries w 0 10 = OK`,
  ],
  [
    'a killed process loses its locks',
    `C open FILE rw = OK
     C lock w 0 10 = OK
     B tries w 0 10 = EAGAIN
     A tries w 0 10 = EAGAIN
     C is killed
     B soon tries w 0 10 = OK`,
  ],
  [
    'a blocking lock is granted when the holder unlocks',
    `A lock w 0 10 = OK
     B waits w 0 10
     B still waits
     A unlock r 0 10 = OK
     B gets OK
     A lock w 0 10 = EAGAIN`,
  ],
  [
    'a blocking lock is granted when the last piece is free',
    `A lock w 0 100 = OK
     B waits w 20 20
     A unlock r 0 20 = OK
     A test r 0 10 = FREE
     B still waits
     A unlock r 20 10 = OK
     A test r 0 10 = FREE
     B still waits
     A unlock r 30 10 = OK
     B gets OK
     A lock w 20 1 = EAGAIN
     B test w 0 0 = HELD w 40 60`,
  ],
  [
    'a reader that waits is granted when the writer downgrades',
    `A lock w 0 10 = OK
     B waits r 0 10
     A lock r 0 10 = OK
     B gets OK
     A lock w 0 10 = EAGAIN`,
  ],
  [
    'an interrupted wait leaves no lock behind',
    `A lock w 0 10 = OK
     B waits w 0 10
     B is interrupted
     A unlock r 0 10 = OK
     A soon lock w 0 10 = OK
     A unlock r 0 10 = OK
     A soon lock w 0 10 = OK`,
  ],
  [
    'a deadlock of two processes is EDEADLK',
    `A lock w 0 1 = OK
     B lock w 1 1 = OK
     B waits w 0 1
     A wait w 1 1 = EDEADLK
     B still waits
     A unlock r 0 1 = OK
     B gets OK`,
  ],
  ['data written under a lock is read under the next', data],
  [
    'five hundred disjoint locks leave the gaps between them',
    `A many 500 = OK
     B tries w 1996 1 = EAGAIN
     B tries w 1998 2 = OK
     B tries w 0 0 = EAGAIN
     B tries w 2 2 = OK
     A unlock r 0 0 = OK
     B tries w 0 0 = OK`,
  ],
  ['two hundred times lock and unlock ends with nothing locked', 'A pairs 200 = OK\nB tries w 0 0 = OK'],
];

/** Named after what must hold; deadlockTitle names the one that Ganesha’s lock manager cannot do between clients. */
export const behaviours: readonly Behaviour[] = scripts.map(([title, script]) => ({
  title,
  script: script.replaceAll('MAX', max),
}));
export const deadlockTitle = 'a deadlock of two processes is EDEADLK';
