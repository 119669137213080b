/** What the operating system tells Electron, as hints to the sidecar: sleep, waking, unlocking, the network. */
import { networkInterfaces } from 'node:os';
import type { HostNotifications } from '../generated/protocol.js';
import type { ElectronParts } from './surface.js';

/** Electron tells no change of the network to the main process, so it is looked at. */
const LOOK_MS = 2_000;

export type Hint = {
  [N in 'system/suspend' | 'system/resume' | 'network/changed']: {
    readonly name: N;
    readonly params: HostNotifications[N];
  };
}['system/suspend' | 'system/resume' | 'network/changed'];

export interface NetworkLook {
  readonly online: boolean;
  /** The addresses of this machine; they change with the network. */
  readonly addresses: string;
}

export interface Watched {
  readonly powerMonitor: ElectronParts['powerMonitor'];
  readonly look: () => NetworkLook;
  readonly nowMs: () => number;
  /** Calls it every so often; the answer ends that. */
  readonly every: (ms: number, run: () => void) => () => void;
}

/** What a second look at the network says beside the first. */
export function networkHint(before: NetworkLook, after: NetworkLook): Hint | undefined {
  if (before.online === after.online && (!after.online || before.addresses === after.addresses)) return undefined;
  // `addressChanged` would give living lines up at once. An address comes and goes with a VPN or a container, too:
  // so lines are probed, and those that are dead are found out.
  return { name: 'network/changed', params: { online: after.online } };
}

/** Tells hints until the function it returns is called. */
export function watchSystem({ powerMonitor, look, nowMs, every }: Watched, tell: (hint: Hint) => void): () => void {
  let seen = look();
  let sleptAtMs: number | undefined;
  const lookAgain = (): void => {
    const now = look();
    const hint = networkHint(seen, now);
    seen = now;
    if (hint !== undefined) tell(hint);
  };
  const listeners = {
    suspend: () => {
      sleptAtMs = nowMs();
      tell({ name: 'system/suspend', params: {} });
    },
    resume: () => {
      const sleptMs = sleptAtMs === undefined ? {} : { sleptMs: Math.max(0, Math.round(nowMs() - sleptAtMs)) };
      sleptAtMs = undefined;
      tell({ name: 'system/resume', params: sleptMs });
      lookAgain();
    },
    // Locking says nothing about the network. Who comes back wants to go on: lines are probed, waits end.
    'unlock-screen': () => {
      seen = look();
      tell({ name: 'network/changed', params: { online: seen.online } });
    },
  } as const;
  const entries = Object.entries(listeners) as [keyof typeof listeners, () => void][];
  for (const [event, listener] of entries) powerMonitor.on(event, listener);
  const stopLooking = every(LOOK_MS, lookAgain);
  return () => {
    stopLooking();
    for (const [event, listener] of entries) powerMonitor.removeListener(event, listener);
  };
}

/** The real surroundings. */
export function surroundings({ powerMonitor, net }: Pick<ElectronParts, 'powerMonitor' | 'net'>): Watched {
  return {
    powerMonitor,
    look: () => ({ online: net.isOnline(), addresses: addressesOf(networkInterfaces()) }),
    nowMs: Date.now, // the monotonic clock of some systems stands still in sleep
    every: (ms, run) => {
      const timer = setInterval(run, ms).unref();
      return () => clearInterval(timer);
    },
  };
}

function addressesOf(interfaces: ReturnType<typeof networkInterfaces>): string {
  return Object.values(interfaces)
    .flatMap((addresses = []) => addresses.filter(({ internal }) => !internal).map(({ address }) => address))
    .sort()
    .join();
}
