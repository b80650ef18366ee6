/**
 * The wiring of NSM: who holds 100024 on this host, what that means for locks and notices, and the parts that do it.
 * `compose` places them on the line.
 */

import { randomBytes } from 'node:crypto';
import type { Logger } from 'pino';
import type { NoticeProgress } from './effects/sm-notify/progress.js';
import { parseAddress, type Address } from './base/address.js';
import { bytesFrom } from './base/bytes.js';
import { LedgerError } from './base/errors.js';
import type { Configuration } from './config/configuration.js';
import { callbackFormParts } from './core/callback-form.js';
import type { Command, LockCommand } from './core/command.js';
import { tellsOfReboot } from './core/decide-lock.js';
import { THIS_HOST, type Notice } from './core/nsm.js';
import type { NlmFiles } from './core/state.js';
import type { ConnectionName } from './doors/rpc/caller.js';
import { LoopbackDoor } from './doors/rpc/loopback.js';
import { NsmProgram } from './doors/rpc/nsm-program.js';
import { RpcDispatch } from './doors/rpc/serve.js';
import { StatdProgram } from './doors/rpc/statd-program.js';
import type { TcpLimits } from './doors/rpc/tcp.js';
import type { UdpLimits } from './doors/rpc/udp.js';
import { ClientPorts } from './effects/client-ports.js';
import { Notifier } from './effects/sm-notify/notifier.js';
import { sendNotice } from './effects/sm-notify/send.js';
import { Subscribers } from './effects/sm-notify/subscribers.js';
import { findStatd, HostStatd } from './effects/statd/host-statd.js';
import type { Settle } from './engine/settled.js';
import { MonitorGate } from './intake/monitor-gate.js';

/** `own`: this node serves NSM. `host`: the host's statd does, and watches our clients. `none`: nobody is watched. */
export type NsmMode = 'own' | 'host' | 'none';

export interface NodeNsmOptions {
  readonly mode: NsmMode;
  readonly configuration: Configuration;
  readonly logger: Logger;
  readonly clock: () => number;
  readonly submit: (command: Command, settle: Settle) => void;
  /** Of the host's own group; undefined while its ledger is away. */
  readonly state: () => NlmFiles | undefined;
  /** Of each group that this node owns now. */
  readonly states: () => readonly NlmFiles[];
  /** Of the group that a LOCK is for. */
  readonly stateOf: (command: LockCommand) => NlmFiles | undefined;
  /** A client says that it has rebooted; nothing is decided yet. */
  readonly onNotice: (address: Address) => void;
  /** A client has rebooted: what is connected to its older life goes, but for one connection. */
  readonly onReboot: (address: Address, except?: ConnectionName) => void;
}

const LOOPBACK = parseAddress('127.0.0.1');
const PRIV_BYTES = 16;
const MONITOR_MS_MAX = 3000;

/** @throws LedgerError 'busy' or 'unavailable': clients' notices of a reboot would be lost, with what to do */
export async function chooseNsm({ nsm, portmap }: Configuration): Promise<NsmMode> {
  // Without rpcbind nobody finds a statd either.
  if (nsm === 'none' || nsm === 'host' || portmap !== 'system') return nsm ?? 'own';
  const found = await findStatd();
  if (found === 'none') return 'own';
  if (found === 'living' && nsm === undefined) return 'host';
  if (found === 'living') {
    throw new LedgerError(
      'busy',
      "another statd holds NSM (program 100024) on this host, and clients' notices of a reboot would never come here: stop it, or start with --nsm host (it watches the clients for this node) or --nsm none (no reboot of a client is noticed)",
    );
  }
  if (nsm === 'own') return 'own';
  throw new LedgerError(
    'unavailable',
    'it cannot be told whether a statd holds NSM (program 100024) on this host: rpcbind, or what it lists, does not answer. Look at rpcinfo -p, or say it: --nsm own, --nsm host, or --nsm none (no reboot of a client is noticed)',
  );
}

export class NodeNsm {
  readonly mode: NsmMode;
  readonly program: NsmProgram;
  /** Takes the callbacks of the host's statd. */
  readonly statd: StatdProgram | undefined;
  readonly #options: NodeNsmOptions;
  readonly #gate: MonitorGate | undefined;
  readonly #notifier: Notifier;
  readonly #subscribers: Subscribers;
  #holds: ((serverAddress: string) => string | undefined) | undefined;
  #loopback: LoopbackDoor | undefined;

  constructor(options: NodeNsmOptions) {
    this.#options = options;
    const { mode, configuration, logger, clock, onReboot } = options;
    this.mode = mode;
    const log = (message: string, details: Record<string, unknown>): void => logger.warn(details, message);
    const tables = () => options.state()?.nsm;
    const ports = new ClientPorts({ configuredPort: () => undefined });
    this.#subscribers = new Subscribers({ monitors: () => tables()?.monitors.values() ?? [], ports, log });
    this.#notifier = new Notifier({
      notices: () => options.states().flatMap(({ nsm }) => [...nsm.notices.values()]),
      holds: (address) => (this.#holds === undefined ? 'the node is starting' : this.#holds(address)),
      send: (notice) => sendNotice(notice, { ports, name: configuration.node.name }),
      settle: ({ client, serverAddress, state }, outcome) =>
        options.submit({ type: 'settle-notice', client, serverAddress, state, outcome }, () => undefined),
      log,
      clock,
    });
    this.program = new NsmProgram({
      submit: options.submit,
      onReboot: (address) => onReboot(address),
      onNotice: options.onNotice,
      onHeard: (notice) => void this.#subscribers.notice(notice),
      hostState: () => options.state()?.serverStates.get(THIS_HOST),
      simulateCrash: () => ({
        type: 'simulate-crash',
        serverAddresses: configuration.listen,
        order: this.#order('SM_SIMU_CRASH', 'nsm'),
      }),
    });
    if (mode !== 'host') return;
    const hostStatd = new HostStatd();
    this.#gate = new MonitorGate({
      submit: (command, settle) => this.#watchingReboots(command, settle),
      isMonitored: (client) => tables()?.monitoredClients.has(client) ?? true,
      monitor: (client, priv) => hostStatd.monitor(client, priv, MONITOR_MS_MAX),
      newPriv: () => bytesFrom(randomBytes(PRIV_BYTES)),
      onFailure: configuration.monitorFailure,
      log,
    });
    this.statd = new StatdProgram({
      submit: options.submit,
      onNotice: options.onNotice,
      onReboot: (address) => onReboot(address),
      privOf: (client) => tables()?.monitoredClients.get(client),
    });
  }

  get counters(): Readonly<Record<string, number>> {
    return {
      clientsToNotify: this.#notifier.size,
      unmonitoredLocks: this.#gate?.unmonitored ?? 0,
      nsmCallsFromElsewhere: this.program.notFromHere,
    };
  }

  /** What a lock server does with the calls of clients before they are decided. */
  submit(command: Command, settle: Settle): void {
    if (this.#gate === undefined) this.#watchingReboots(command, settle);
    else this.#gate.submit(command, settle);
  }

  /** A start that opened grace: clients hold what the ledger does not know, and have to be told. */
  announceAll(reason: string): void {
    const { configuration, submit } = this.#options;
    const order = this.#order(reason, 'start');
    submit({ type: 'notify-clients', serverAddresses: configuration.listen, known: true, order }, () => undefined);
  }

  /** Begins the notices that the ledger names; to be called after each order and each opening of the ledger. */
  resume(): void {
    if (this.#holds !== undefined) this.#notifier.resume();
  }

  /** From here on notices leave: `holds` says why one of an address cannot yet. */
  begin(holds: (serverAddress: string) => string | undefined): void {
    this.#holds = holds;
    this.#notifier.resume();
  }

  progress(notice: Notice): NoticeProgress {
    return this.#notifier.progress(notice);
  }

  /**
   * The port of this host's own programs, where no server address is 127.0.0.1. Answers what went wrong: the node
   * serves its clients all the same.
   */
  async openLoopback(limits: TcpLimits & UdpLimits): Promise<string | undefined> {
    const { configuration, mode } = this.#options;
    if (mode === 'none' || configuration.listen.includes(LOOPBACK)) return undefined;
    const port = mode === 'own' ? configuration.nsmPort : configuration.nlmPort;
    const isHere = (address: Address): boolean => address === LOOPBACK;
    try {
      this.#loopback = await LoopbackDoor.open(port, new RpcDispatch([this.statd ?? this.program], isHere), limits);
      return undefined;
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      const what =
        mode === 'own' ? 'no program of this host can watch another host' : "the host's statd cannot call back";
      return `port ${port} of ${LOOPBACK} cannot be opened (${why}): ${what}`;
    }
  }

  async close(): Promise<void> {
    this.#notifier.close();
    this.#subscribers.close();
    await this.#loopback?.close();
  }

  /** A LOCK may tell of a reboot that no notice told of: older connections of its client end, its own does not. */
  #watchingReboots(command: Command, settle: Settle): void {
    const { submit, stateOf, onReboot } = this.#options;
    const now = command.type === 'lock' ? stateOf(command) : undefined;
    if (command.type !== 'lock' || now === undefined || !tellsOfReboot(now, command)) return submit(command, settle);
    const { owner, call, callback } = command;
    submit(command, (settled) => {
      if (settled.type === 'answer') {
        // The casts brand what was branded when the call came in.
        const serverAddress = owner.serverAddress as Address;
        const isTcp = callbackFormParts(callback).transport === 'tcp';
        onReboot(owner.client.address as Address, isTcp ? { serverAddress, port: call.port } : undefined);
      }
      settle(settled);
    });
  }

  #order(reason: string, door: string) {
    return { commandId: '', actor: `node:${this.#options.configuration.node.name}`, door, reason };
  }
}
