/** The wiring list: the only file that knows every part. Bytes come in at the doors, and leave by the effects. */

import { mkdir } from 'node:fs/promises';
import type { Logger } from 'pino';
import { callAdmin } from './admin/call.js';
import type { AdminPort, Listener } from './admin/port.js';
import { addressFamily, isLoopbackAddress, type Address } from './base/address.js';
import { LedgerError } from './base/errors.js';
import { Bus } from './bus/bus.js';
import { chooseNsm, NodeNsm, type NsmMode } from './compose-nsm.js';
import type { Configuration } from './config/configuration.js';
import type { Command, Rules } from './core/command.js';
import type { WaiterQueued } from './core/event.js';
import { THIS_HOST } from './core/nsm.js';
import { pendingGrant, pendingGrants } from './core/queries.js';
import { addressOf, clientOf, type NlmFiles } from './core/state.js';
import type { DroppedRow } from './core/sweep.js';
import { openControlFiles } from './doors/files/door.js';
import { openNatsDoor, type NatsDoor } from './doors/nats/door.js';
import { START_MS_MAX } from './doors/nats/limits.js';
import { Listeners } from './doors/rpc/listeners.js';
import { NLM_VERSIONS, NlmProgram } from './doors/rpc/nlm-program.js';
import { openPortmapDoor } from './doors/rpc/portmap-door.js';
import { RpcDispatch } from './doors/rpc/serve.js';
import { openSocketDoor } from './doors/socket/door.js';
import { ClientPorts } from './effects/client-ports.js';
import { ClientCalls } from './effects/granted/call.js';
import { GrantCourier, lockOfCookie } from './effects/granted/courier.js';
import { Registrar } from './effects/rpcbind/registrar.js';
import type { NetId, Registration } from './effects/rpcbind/rpcbind.js';
import { Checkpointer } from './engine/checkpoint/checkpointer.js';
import { GroupKeeper, type OpenedLedger } from './engine/keeper.js';
import { PurgeReports } from './engine/purge-reports.js';
import type { Settle } from './engine/settled.js';
import { HandleMap } from './handles/map.js';
import { watchAddresses } from './host/addresses.js';
import { lockFolder } from './host/exclusive.js';
import { release } from './host/release.js';
import { Admission } from './intake/admit.js';
import { FileRoutes } from './intake/route.js';
import { removeRestoredMarker, restoredMarker } from './ledger/file/backup.js';
import { FileCheckpoints } from './ledger/file/checkpoints.js';
import { openFileLedger } from './ledger/file/open.js';
import { FileSystems } from './node/file-systems.js';
import { LocalNode } from './node/local-node.js';
import { reportPurge } from './node/purges.js';
import { Tracer } from './node/tracer.js';
import { Watchers } from './node/watchers.js';
import { NLM_PROGRAM } from './nlm/procedures.js';
import { NSM_PROGRAM, NSM_VERSION } from './nsm/procedures.js';
import { netidOf, type Service } from './portmap/registry.js';

export interface RunningNode {
  readonly admin: AdminPort;
  readonly listeners: () => readonly Listener[];
  /** What is off, and why. */
  readonly notes: () => readonly string[];
  /** Answers what was asked, seals the ledger, and closes every door. Idempotent. */
  close(): Promise<void>;
}

/** A single machine has one group. */
const GROUP = 'default';
const DATA_FOLDER_MODE = 0o700;

export interface Surroundings {
  readonly logger: Logger;
  /** Milliseconds since 1970; it may jump. */
  readonly clock?: () => number;
  /** Opens the ledger: at the start, and again after it has failed. */
  readonly open?: (configuration: Configuration, logger: Logger) => Promise<OpenedLedger>;
}

/** @throws LedgerError: what keeps the node from starting, with what to do. */
export async function compose(
  configuration: Configuration,
  { logger, clock = Date.now, open = openLedger }: Surroundings,
): Promise<RunningNode> {
  const startedAt = Date.now();
  const version = release();
  const notes = new Map<string, string>();
  const closers: (() => Promise<void> | void)[] = [];
  const closeAll = async (): Promise<void> => {
    for (const close of closers.splice(0).toReversed()) await close();
  };
  try {
    // Ledger and engine.
    await mkdir(configuration.data, { recursive: true, mode: DATA_FOLDER_MODE });
    const folder = await lockFolder(configuration.data);
    closers.push(() => folder.close());
    const watchers = new Watchers();
    const reports = new PurgeReports<DroppedRow>();
    const checkpointer = new Checkpointer({
      data: configuration.data,
      group: GROUP,
      log: (message, details) => logger.info(details, message),
    });
    closers.push(() => checkpointer.close());
    const nsmMode = await chooseNsm(configuration);
    if (nsmMode !== 'own') {
      notes.set('nsm', NSM_NOTES[nsmMode]);
      logger.warn(NSM_NOTES[nsmMode]);
    }
    const submit = (command: Command, settle: Settle): void => keeper.submit(command, settle);
    const order = (command: Command): void => submit(command, () => undefined);

    // The way out: callbacks.
    const admission = new Admission(configuration.clients);
    const clientPorts = new ClientPorts({ configuredPort: (address) => admission.networkOf(address)?.callbackPort });
    const clientCalls = new ClientCalls({
      port: ({ client, serverAddress, version: asked, transport }) =>
        clientPorts.find({
          address: client,
          program: NLM_PROGRAM,
          version: asked,
          protocol: transport,
          localAddress: serverAddress,
        }),
      portFailed: (address) => clientPorts.forget(address),
      override: (address) => {
        const { callbackForm, callbackTransport: transport } = admission.networkOf(address) ?? {};
        return {
          ...(transport === undefined ? {} : { transport }),
          ...(callbackForm === undefined ? {} : { message: callbackForm === 'granted-msg' }),
        };
      },
    });
    closers.push(() => clientCalls.close());
    const courier = new GrantCourier({
      call: (grant, cookie) => clientCalls.granted(grant, cookie),
      pending: (lock) => (keeper.group === undefined ? undefined : pendingGrant(keeper.group.state, lock)),
      acknowledge: (lock) => order({ type: 'acknowledge-grant', lock }),
      deny: (lock, onlyCopy) => order({ type: 'deny-grant', lock, onlyCopy }),
      log: (message, details) => logger.warn(details, message),
    });
    closers.push(() => courier.close());

    const nodeNsm = new NodeNsm({
      mode: nsmMode,
      configuration,
      logger,
      clock,
      submit,
      state: () => keeper.group?.state,
      onNotice: (address) => listeners?.ageClient(address),
      onReboot: (address, except) => {
        listeners?.resetClient(address, except);
        clientCalls.forgetClient(address);
        clientPorts.forget(address);
      },
    });
    closers.push(() => nodeNsm.close());

    const keeper: GroupKeeper = new GroupKeeper({
      name: GROUP,
      node: configuration.node.name,
      release: version,
      clock,
      rules: rulesOf(configuration),
      firstStart: configuration.firstStart,
      graceMs: configuration.graceMs,
      open: () => open(configuration, logger),
      onOpened: (replayed, opened, inGrace) => {
        const { state, ...figures } = replayed;
        logger.info(
          { ...figures, locks: state.lockCount, waiters: state.waiterCount, notes: opened.notes },
          'ledger opened',
        );
        if (replayed.entries > 0) checkpointer.count(replayed.events);
        for (const grant of pendingGrants(state, Number.MAX_SAFE_INTEGER)) courier.deliver(grant, false);
        if (inGrace !== undefined) nodeNsm.announceAll(inGrace);
        nodeNsm.resume();
      },
      onDurable: (batch, state) => {
        checkpointer.count(batch.events.length);
        watchers.publish(GROUP, batch, state);
        for (const event of batch.events) {
          reportPurge(reports, batch.position, event, state);
          if (event.type === 'notify-ordered') nodeNsm.resume();
          if (event.type === 'waiter-queued') warmCallback(clientCalls, event, state);
        }
        for (const lock of batch.grants) {
          const grant = pendingGrant(state, lock);
          if (grant !== undefined) courier.deliver(grant, true);
        }
      },
      onSwept: (row) => reports.add(row.fileSystem + row.key, () => row),
      onSweepEnd: () => reports.end(),
      onAway: (cause, retryMs) =>
        logger.error({ err: cause, retryMs }, 'the ledger failed; nothing is answered until it is back'),
    });
    closers.push(() => keeper.close());
    await keeper.open();

    // The way in: RPC.
    const routes = new FileRoutes(new HandleMap(configuration.exports), configuration.unmapped);
    const tracer = new Tracer();
    const nlmProgram = new NlmProgram({
      submit: (command, settle) => nodeNsm.submit(command, settle),
      statd: nodeNsm.statd,
      file: (handle) => routes.fileOf(handle),
      call: ({ address: client, serverAddress, transport }, asked, procedure, encode) => {
        void clientCalls.send({ client, serverAddress, version: asked, transport }, procedure, encode);
      },
      granted: (cookie, status, address) => {
        const lock = lockOfCookie(cookie);
        if (lock !== undefined) courier.answered(lock, status, address);
      },
      trace: (address) => (tracer.traces(address) ? (call) => logger.info(call, 'call') : undefined),
    });
    const admits = (address: Address): boolean => admission.admits(address);
    const nlm = new RpcDispatch([nlmProgram], admits);
    const nsm = new RpcDispatch([nodeNsm.program], (address) => isLoopbackAddress(address) || admits(address));
    const addresses = await watchAddresses(() => void listeners?.refresh());
    closers.push(() => addresses.close());
    const { limits } = configuration;
    const rpcLimits = {
      connectionsMax: limits.connections,
      connectionsPerClientMax: limits.connectionsPerClient,
      idleMsMax: limits.idleMs,
      recordMsMax: limits.partialRecordMs,
      recordBytesMax: limits.recordBytes,
      fragmentsMax: limits.recordFragments,
      inFlightMax: limits.callsPerConnection,
      unsentBytesMax: UNSENT_BYTES_MAX,
      udpInFlightMax: limits.udpCallsInFlight,
    };
    const listeners: Listeners | undefined = await Listeners.open({
      addresses: configuration.listen,
      isPresent: (address) => addresses.has(address),
      nlmPort: configuration.nlmPort,
      nsmPort: nsmMode === 'own' ? configuration.nsmPort : undefined,
      nlm,
      nsm,
      limits: rpcLimits,
      onChange: ({ address, isOpen, problem }) => {
        if (isOpen) logger.info({ address }, 'listening');
        else if (problem === undefined) logger.info({ address }, 'the address has left: its sockets are closed');
        else logger.error({ address, problem }, 'cannot listen');
      },
    });
    closers.push(() => listeners.close());
    const loopbackProblem = await nodeNsm.openLoopback(rpcLimits);
    if (loopbackProblem !== undefined) notes.set('loopback', loopbackProblem);

    // Registration: after the sockets are open, since whoever finds us calls at once.
    let registration = 'off';
    if (configuration.portmap === 'system') {
      const registrar = new Registrar({
        registrations: registrationsOf(configuration, nsmMode),
        onOutcome: (outcome) => {
          registration = outcome.type === 'registered' ? 'registered' : outcome.message;
          if (outcome.type === 'registered') notes.delete('portmap');
          else notes.set('portmap', outcome.message);
          logger[outcome.type === 'registered' ? 'info' : 'warn'](
            { outcome: outcome.type },
            `rpcbind: ${registration}`,
          );
        },
      });
      closers.push(() => registrar.close());
      await registrar.start();
    } else if (configuration.portmap === 'embedded') {
      registration = `embedded, port ${configuration.portmapPort}`;
      const portmap = await openPortmapDoor({
        addresses: configuration.listen,
        isPresent: (address) => addresses.has(address),
        port: configuration.portmapPort,
        own: (address) => servicesAt(listeners, address),
        fixed: configuration.portmapStatic.map(({ protocol: netid, ...service }) => ({ ...service, netid })),
        reserved: [NLM_PROGRAM, NSM_PROGRAM],
        admits,
        limits: rpcLimits,
        clock: Date.now,
        onChange: ({ address, isOpen, problem }) => {
          if (isOpen || problem === undefined) notes.delete(`portmap ${address}`);
          else notes.set(`portmap ${address}`, `the embedded portmapper cannot listen on ${address}: ${problem}`);
          logger[problem === undefined ? 'info' : 'error']({ address, isOpen, problem }, 'portmapper');
        },
      });
      closers.push(() => portmap.close());
    } else {
      notes.set('portmap', 'not registered with rpcbind (--portmap off): clients need the fixed ports');
    }

    // Clients that are told of a new state reclaim at once: only what can be answered is announced.
    nodeNsm.begin((serverAddress) => {
      if (configuration.portmap === 'system' && registration !== 'registered') return registration;
      const isServed = listeners.endpoints.some(({ address, isOpen }) => address === serverAddress && isOpen);
      return serverAddress === THIS_HOST || isServed ? undefined : `${serverAddress} is not served here now`;
    });

    // The way in: administration.
    const listenerViews = (): readonly Listener[] =>
      listeners.endpoints.map(({ address, isOpen, nlmPort, nsmPort, problem }) => ({
        address,
        present: isOpen,
        nlmPort,
        nsmPort,
        problem,
      }));
    let natsDoor: NatsDoor | undefined;
    const admin = new LocalNode({
      name: configuration.node.name,
      release: version,
      startedAt,
      data: configuration.data,
      keepers: [keeper],
      reports: new Map([[GROUP, reports]]),
      fileSystems: new FileSystems(configuration.exports),
      watchers,
      tracer,
      noticeProgress: (notice) => nodeNsm.progress(notice),
      listeners: listenerViews,
      connections: () => listeners.connections,
      notes: () => [...notes.values()],
      registration: () => registration,
      unmappedCalls: () => routes.unmappedCalls,
      counters: () => ({
        calls: nlm.counters.calls,
        refused: nlm.counters.refused,
        garbled: nlm.counters.garbled,
        notices: nsm.counters.calls,
        callbacksWaiting: courier.size,
        ...nodeNsm.counters,
        ...natsDoor?.counters(),
      }),
    });
    const socketDoor = await openSocketDoor({ path: configuration.socket, admin, log: logger });
    closers.push(() => socketDoor.close());
    if (configuration.control === 'off') {
      notes.set('control', 'no control files (--control off)');
    } else {
      try {
        const files = await openControlFiles({
          directory: configuration.control,
          admin: (call) => callAdmin(admin, call),
          log: logger,
        });
        closers.push(() => files.close());
      } catch (error) {
        if (!(error instanceof LedgerError) || error.code !== 'unsupported') throw error;
        notes.set('control', error.message);
        logger.warn(`no control files: ${error.message}`);
      }
    }
    const { nats } = configuration;
    if (nats === undefined) {
      notes.set('nats', 'no NATS (not in the configuration): orders come from this host alone');
    } else {
      const bus = new Bus(nats, {
        onUp: (server) => {
          notes.delete('nats');
          logger.info({ server }, 'connected to NATS');
        },
        onDown: (cause) => {
          if (!notes.has('nats')) logger.warn({ err: cause }, 'no connection to NATS; it is tried again');
          notes.set('nats', `NATS is away, and tried again: ${cause.message}`);
        },
      });
      closers.push(() => bus.close());
      const { eventsFormat } = nats;
      const note = (text: string | undefined): void =>
        void (text === undefined ? notes.delete('nats-door') : notes.set('nats-door', text));
      const door = openNatsDoor({
        bus,
        admin,
        node: configuration.node.name,
        release: version,
        eventsFormat,
        log: logger,
        note,
      });
      natsDoor = door;
      closers.push(() => door.close());
      await bus.start(START_MS_MAX);
    }

    let closing: Promise<void> | undefined;
    return { admin, listeners: listenerViews, notes: () => [...notes.values()], close: () => (closing ??= closeAll()) };
  } catch (error) {
    await closeAll();
    throw error;
  }
}

function warmCallback(calls: ClientCalls, { owner, callback }: WaiterQueued, state: NlmFiles): void {
  // The casts brand what was branded when the call came in.
  const client = clientOf(state, owner).address as Address;
  const serverAddress = addressOf(state, owner).address as Address;
  calls.warm(calls.serviceOf(client, serverAddress, callback));
}

/** Bytes of replies that one connection may owe before its client is made to take them. */
const UNSENT_BYTES_MAX = 1024 * 1024;

/** The embedded ledger of the data folder. */
export async function openLedger({ data }: Configuration, logger: Logger): Promise<OpenedLedger> {
  const log = (line: string): void => logger.warn(line);
  const restored = await restoredMarker(data);
  // The whole data folder is locked already.
  const acquire = async () => ({ release: () => undefined });
  const { ledger, recovery } = await openFileLedger({ data, group: GROUP, acquire, log });
  const notes =
    restored === undefined
      ? recovery.notes
      : [`restored at ${new Date(restored.time).toISOString()}`, ...recovery.notes];
  return {
    ledger,
    checkpoints: new FileCheckpoints({ data, group: GROUP, log }),
    notes,
    restored: restored !== undefined,
    onRecorded: async () => {
      if (restored !== undefined) await removeRestoredMarker(data);
    },
  };
}

function rulesOf({ limits }: Configuration): Rules {
  return {
    version: 1,
    locksMax: limits.locks,
    locksPerClientMax: limits.locksPerClient,
    waitersMax: limits.waiters,
    waitersPerFileMax: limits.waitersPerFile,
    sharesPerFileMax: limits.sharesPerFile,
    deadlockStepsMax: limits.deadlockSteps,
    repliesMax: limits.replyCacheEntries,
    replyAgeMsMax: limits.replyCacheMs,
    commandsMax: limits.commands,
    commandAgeMsMax: limits.commandMs,
    idleFilesMax: limits.idleFiles,
    idleOwnersMax: limits.idleOwners,
    idleClientsMax: limits.idleClients,
  };
}

const NSM_NOTES = {
  host: "NSM: the host's own statd holds program 100024 and watches the clients for this node (--nsm host)",
  none: 'NSM: off (--nsm none): the locks of a client that reboots stay until its next lock tells, or unlock-client',
} as const;

/** What the embedded portmapper tells of us at an address: nothing while its sockets are closed. */
function servicesAt(listeners: Listeners, address: Address): Service[] {
  const endpoint = listeners.endpoints.find((other) => other.address === address && other.isOpen);
  if (endpoint === undefined) return [];
  const { nlmPort, nsmPort } = endpoint;
  return (['tcp', 'udp'] as const).flatMap((transport) => {
    const netid = netidOf(transport, address);
    const nlm = NLM_VERSIONS.map((version) => ({ program: NLM_PROGRAM, version, netid, port: nlmPort }));
    const nsm = { program: NSM_PROGRAM, version: NSM_VERSION, netid, port: nsmPort ?? 0 };
    return nsmPort === undefined ? nlm : [...nlm, nsm];
  });
}

function registrationsOf({ listen, nlmPort, nsmPort }: Configuration, nsmMode: NsmMode): Registration[] {
  const families = new Set(listen.map(addressFamily));
  // The host's own programs, and its statd, look for IPv4 on loopback.
  if (nsmMode !== 'none') families.add(4);
  const netids: NetId[] = [
    ...(families.has(4) ? (['tcp', 'udp'] as const) : []),
    ...(families.has(6) ? (['tcp6', 'udp6'] as const) : []),
  ];
  return netids.flatMap((protocol) => [
    ...NLM_VERSIONS.map((version) => ({ program: NLM_PROGRAM, version, protocol, port: nlmPort })),
    ...(nsmMode === 'own' ? [{ program: NSM_PROGRAM, version: NSM_VERSION, protocol, port: nsmPort }] : []),
  ]);
}
