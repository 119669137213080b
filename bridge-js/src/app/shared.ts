/** The one sidecar that all clients share, unless they bring their own: there while any of them needs it. */
import { Supervisor, type SupervisorOptions } from '../supervisor.js';

let options: SupervisorOptions = {};
let shared: { readonly supervisor: Supervisor; users: number } | undefined;

/** Sets how the shared sidecar is started and watched; call it before the first `connect()`. */
export function configureSidecar(next: SupervisorOptions): void {
  if (shared !== undefined) {
    throw new Error(
      'The shared sidecar is in use. Configure it before the first connect(), or give `sidecar` to each client.',
    );
  }
  options = next;
}

export interface Lease {
  readonly supervisor: Supervisor;
  /** Gives it back; the last one stops it. Resolves when it needs no more. */
  release(): Promise<void>;
}

export function lease(own: Supervisor | SupervisorOptions | undefined): Lease {
  if (isSupervisor(own)) return { supervisor: own, release: () => Promise.resolve() };
  if (own !== undefined) {
    const supervisor = new Supervisor(own);
    return { supervisor, release: () => supervisor.stop() };
  }
  const mine = (shared ??= { supervisor: new Supervisor(options), users: 0 });
  mine.users++;
  return {
    supervisor: mine.supervisor,
    async release() {
      if (--mine.users > 0) return;
      if (shared === mine) shared = undefined;
      await mine.supervisor.stop();
    },
  };
}

/** Of any copy of this package: an app may load the ESM and the CJS one. */
function isSupervisor(own: Supervisor | SupervisorOptions | undefined): own is Supervisor {
  return own !== undefined && 'start' in own && typeof own.start === 'function';
}
