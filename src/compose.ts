/** The wiring list: the only file that knows every part. Bytes come in at the doors, and leave by the effects. */

import { mkdir } from 'node:fs/promises';
import type { Logger } from 'pino';
import { callAdmin } from './admin/call.js';
import type { AdminPort, Listener } from './admin/port.js';
import type { SigningRules } from './admin/signed.js';
import { isLoopbackAddress, type Address } from './base/address.js';
import { LedgerError } from './base/errors.js';
import { checkpointsSubject } from './bus/subjects.js';
import { Cluster, type OpenLog } from './compose-cluster.js';
import { GroupEffects, type GroupSurroundings } from './compose-groups.js';
import { openLedger, ownGroup } from './compose-ledgers.js';
import { registrationsOf, servicesAt } from './compose-registration.js';
import { chooseNsm, NodeNsm } from './compose-nsm.js';
import type { Configuration } from './config/configuration.js';
import type { Command, Rules } from './core/command.js';
import { THIS_HOST } from './core/nsm.js';
import { openControlFiles } from './doors/files/door.js';
import type { NatsDoor } from './doors/nats/door.js';
import { Listeners } from './doors/rpc/listeners.js';
import { NlmProgram } from './doors/rpc/nlm-program.js';
import { openPortmapDoor } from './doors/rpc/portmap-door.js';
import { RpcDispatch } from './doors/rpc/serve.js';
import { openSocketDoor } from './doors/socket/door.js';
import { ClientPorts } from './effects/client-ports.js';
import { ClientCalls } from './effects/granted/call.js';
import { Registrar } from './effects/rpcbind/registrar.js';
import { GroupKeeper, type OpenedLedger } from './engine/keeper.js';
import type { Settle } from './engine/settled.js';
import { HandleMap } from './handles/map.js';
import { watchAddresses } from './host/addresses.js';
import { lockFolder } from './host/exclusive.js';
import { release } from './host/release.js';
import { Admission } from './intake/admit.js';
import { GroupRoutes } from './intake/groups.js';
import { Owners } from './intake/owners.js';
import { FileRoutes } from './intake/route.js';
import { FileSystems } from './node/file-systems.js';
import { LocalNode } from './node/local-node.js';
import { Tracer } from './node/tracer.js';
import { Watchers } from './node/watchers.js';
import { decodeCookie } from './nlm/callback-cookie.js';
import { NLM_PROGRAM } from './nlm/procedures.js';
import { NSM_PROGRAM } from './nsm/procedures.js';

export interface RunningNode {
  readonly admin: AdminPort;
  readonly listeners: () => readonly Listener[];
  /** What is off, and why. */
  readonly notes: () => readonly string[];
  /** Answers what was asked, seals the ledger, and closes every door. Idempotent. */
  close(): Promise<void>;
}

/** A start without NATS does not wait for what is loaded here. */
const withNats = () => import('./compose-nats.js');

const DATA_FOLDER_MODE = 0o700;

export interface Surroundings {
  readonly logger: Logger;
  /** Milliseconds since 1970; it may jump. */
  readonly clock?: () => number;
  /** Opens the ledger: at the start, and again after it has failed. */
  readonly open?: (configuration: Configuration, logger: Logger) => Promise<OpenedLedger>;
  /** Opens the log of a group that is shared with other nodes. */
  readonly openLog?: OpenLog;
}

/** @throws LedgerError: what keeps the node from starting, with what to do. */
export async function compose(
  configuration: Configuration,
  { logger, clock = Date.now, open = openLedger, openLog }: Surroundings,
): Promise<RunningNode> {
  const startedAt = Date.now();
  const version = release();
  const notes = new Map<string, string>();
  const closers: (() => Promise<void> | void)[] = [];
  /** While they are open. */
  let opened: Listeners | undefined;
  const closeAll = async (): Promise<void> => {
    for (const close of closers.splice(0).toReversed()) await close();
  };
  try {
    // Ledger and engine.
    await mkdir(configuration.data, { recursive: true, mode: DATA_FOLDER_MODE });
    // Listed while the ledger is opened: `ip` is another process. What changes before there are listeners, they see themselves.
    const watching = watchAddresses(() => void opened?.refresh());
    closers.push(async () => (await watching).close());
    const folder = await lockFolder(configuration.data);
    closers.push(() => folder.close());
    const watchers = new Watchers();
    const nsmMode = await chooseNsm(configuration);
    if (nsmMode !== 'own') {
      notes.set('nsm', NSM_NOTES[nsmMode]);
      logger.warn(NSM_NOTES[nsmMode]);
    }
    const submit = (command: Command, settle: Settle): void => routes.submit(command, settle);

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
    const nodeNsm = new NodeNsm({
      mode: nsmMode,
      configuration,
      logger,
      clock,
      submit,
      state: () => routes.local.group?.state,
      states: () => routes.all.flatMap(({ group }) => (group === undefined ? [] : [group.state])),
      stateOf: ({ file }) => routes.ofFileSystem(file.fileSystem).group?.state,
      onNotice: (address) => opened?.ageClient(address),
      onReboot: (address, except) => {
        opened?.resetClient(address, except);
        clientCalls.forgetClient(address);
        clientPorts.forget(address);
      },
    });
    closers.push(() => nodeNsm.close());

    // The groups: the host's own, or the only one, and those that it shares with other nodes.
    const surroundings: GroupSurroundings = {
      data: configuration.data,
      logger,
      clock,
      clientCalls,
      watchers,
      audit: configuration.audit,
      onCheckpoint: (group, note) => bus?.connection?.publish(checkpointsSubject(group), Buffer.from(note)),
      onNotices: () => nodeNsm.resume(),
    };
    const own = new GroupEffects(ownGroup(configuration), () => keeper, surroundings);
    closers.push(() => own.close());
    const keeper: GroupKeeper = new GroupKeeper({
      name: own.name,
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
        if (replayed.entries > 0) own.checkpointer.count(replayed.events);
        if (inGrace !== undefined) nodeNsm.announceAll(inGrace);
        own.begin(state);
      },
      onDurable: (batch, state) => own.onDurable(batch, state),
      onSwept: (row) => own.onSwept(row),
      onSweepEnd: () => own.onSweepEnd(),
      onAway: (cause, retryMs) =>
        logger.error({ err: cause, retryMs }, 'the ledger failed; nothing is answered until it is back'),
    });
    closers.push(() => keeper.close());
    const { nats } = configuration;
    const bus = nats === undefined ? undefined : (await withNats()).newBus(nats, notes, logger);
    if (bus === undefined) {
      notes.set('nats', 'no NATS (not in the configuration): orders come from this host alone');
    } else {
      closers.push(() => bus.close());
    }
    const cluster = new Cluster({
      configuration,
      surroundings,
      clock,
      release: version,
      rules: rulesOf(configuration),
      openLog: openLog ?? (async (group, log) => (await withNats()).openStream(configuration, group, bus, log)),
      notes,
      listeners: () => opened,
    });
    closers.push(() => cluster.close());
    const routes: GroupRoutes = new GroupRoutes(keeper, cluster.handles, cluster.byFileSystem);
    const effects = [own, ...cluster.effects];
    await keeper.open();
    await cluster.open();

    // The way in: RPC.
    const files = new FileRoutes(new HandleMap(configuration.exports), {
      unmapped: configuration.groups.length === 0 ? configuration.unmapped : 'refuse',
      serves: (fileSystem) => routes.serves(fileSystem),
    });
    const owners = new Owners();
    const tracer = new Tracer();
    const nlmProgram = new NlmProgram({
      submit: (command, settle) => nodeNsm.submit(command, settle),
      statd: nodeNsm.statd,
      file: (handle) => files.fileOf(handle),
      owner: (client, address, to, svid, oh) => owners.of(client, address, to, svid, oh),
      call: ({ address: client, serverAddress, transport }, asked, procedure, encode) => {
        void clientCalls.send({ client, serverAddress, version: asked, transport }, procedure, encode);
      },
      granted: (cookie, status, address) => {
        const answered = decodeCookie(cookie);
        if (answered === undefined) return;
        effects.find(({ tag }) => tag === answered.tag)?.courier.answered(answered.lock, status, address);
      },
      trace: (address) => (tracer.traces(address) ? (call) => logger.info(call, 'call') : undefined),
    });
    const admits = (address: Address): boolean => admission.admits(address);
    const nlm = new RpcDispatch([nlmProgram], admits);
    const nsm = new RpcDispatch([nodeNsm.program], (address) => isLoopbackAddress(address) || admits(address));
    const addresses = await watching;
    const servedAddresses = [...configuration.listen, ...cluster.addresses];
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
    const listeners = await Listeners.open({
      addresses: servedAddresses,
      isPresent: (address) => addresses.has(address) && cluster.isOpen(address),
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
    opened = listeners;
    closers.push(() => {
      opened = undefined;
      return listeners.close();
    });
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
        addresses: servedAddresses,
        isPresent: (address) => addresses.has(address) && cluster.isOpen(address),
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
    const takeovers =
      configuration.groups.length === 0
        ? undefined
        : new (await withNats()).Takeovers({
            configuration,
            ports: cluster.ports(),
            bus,
            logger,
            notes,
            isHere: (address) => [...addresses.current()].some((here) => here === address),
          });
    closers.push(() => takeovers?.close());
    const admin = new LocalNode({
      name: configuration.node.name,
      release: version,
      startedAt,
      data: configuration.data,
      groups: routes.all,
      takeovers: takeovers?.all ?? [],
      addressesOf: (group) => configuration.groups.find(({ name }) => name === group)?.addresses,
      reports: new Map(effects.map(({ name, reports }) => [name, reports])),
      fileSystems: new FileSystems(configuration.exports),
      watchers,
      tracer,
      noticeProgress: (notice) => nodeNsm.progress(notice),
      signing: signingOf(configuration),
      listeners: listenerViews,
      connections: () => listeners.connections,
      notes: () => [...notes.values()],
      registration: () => registration,
      unmappedCalls: () => files.unmappedCalls,
      counters: () => ({
        calls: nlm.counters.calls,
        refused: nlm.counters.refused,
        garbled: nlm.counters.garbled,
        notices: nsm.counters.calls,
        callbacksWaiting: effects.reduce((sum, { courier }) => sum + courier.size, 0),
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
    if (bus !== undefined && nats !== undefined) {
      const { eventsFormat } = nats;
      const { openNatsDoor, START_MS_MAX } = await withNats();
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
    takeovers?.begin();

    let closing: Promise<void> | undefined;
    return { admin, listeners: listenerViews, notes: () => [...notes.values()], close: () => (closing ??= closeAll()) };
  } catch (error) {
    await closeAll();
    throw error;
  }
}

/** Bytes of replies that one connection may owe before its client is made to take them. */
const UNSENT_BYTES_MAX = 1024 * 1024;

function signingOf({ audit: { orders } }: Configuration): SigningRules {
  return { require: orders.require, ageMsMax: orders.ageMs, keys: orders.keys };
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
