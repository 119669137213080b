/** What is given with a call, and how long one may take. */
import { SidecarAbortError, SidecarTimeoutError, type SidecarError } from './errors.js';
import type { HostNotifications, Methods } from './generated/protocol.js';
import { startTimer } from './timer.js';

/** A call without a deadline of its own is given up after this. */
export const DEFAULT_TIMEOUT_MS = 60_000;
/** Over a deadline that the sidecar itself keeps, so that its answer, which says more, comes first. */
const MARGIN_MS = 15_000;

/** Calls that the sidecar answers by a deadline in their own params; milliseconds, with its defaults. */
const OWN_DEADLINE_MS: { readonly [M in keyof Methods]?: (params: Methods[M]['params']) => number } = {
  'session/open': ({ settings }) => settings?.deadlines?.openMs ?? 30_000,
  'session/close': ({ drainMs }) => drainMs ?? 1_000,
  'session/wait': ({ timeoutMs }) => timeoutMs ?? 30_000,
};

export interface CallOptions {
  /** Gives the call up: it rejects with an `AbortError`, the sidecar cancels it, a late answer is ignored. */
  readonly signal?: AbortSignal | undefined;
  /** Default 60 000, or the deadline in the call's own params and some more. `Infinity`: wait for ever. */
  readonly timeoutMs?: number | undefined;
}

/** `params` may be left out where none of its fields is required. */
export type CallArguments<Params> = Record<never, never> extends Params
  ? [params?: Params, options?: CallOptions]
  : [params: Params, options?: CallOptions];

export type NotifyArguments<N extends keyof HostNotifications> = Record<never, never> extends HostNotifications[N]
  ? [params?: HostNotifications[N]]
  : [params: HostNotifications[N]];

/** How long a call may take that was given no `timeoutMs`. */
export function defaultTimeoutMs<M extends keyof Methods>(method: M, params: Methods[M]['params'] | undefined): number {
  const ownMs = OWN_DEADLINE_MS[method]?.((params ?? {}) as never);
  return ownMs === undefined ? DEFAULT_TIMEOUT_MS : ownMs + MARGIN_MS;
}

/**
 * Calls `giveUp` when the caller waits no longer for `method`, until the function it returns is called. `isSent` tells
 * whether a process may have carried it out by then.
 * @throws AbortError when he does not wait at all, RangeError.
 */
export function limited(
  method: string,
  { signal, timeoutMs = Infinity }: CallOptions,
  isSent: () => boolean,
  giveUp: (error: SidecarError) => void,
): () => void {
  if (!(timeoutMs > 0)) throw new RangeError('`timeoutMs` must be more than 0; `Infinity` waits for ever.');
  if (signal?.aborted) throw new SidecarAbortError({ method, sent: false }, signal.reason);
  const onAbort = (): void => giveUp(new SidecarAbortError({ method, sent: isSent() }, signal?.reason));
  const timer = startTimer(() => giveUp(new SidecarTimeoutError({ method, sent: isSent() }, timeoutMs)), timeoutMs);
  signal?.addEventListener('abort', onAbort, { once: true });
  return () => {
    clearTimeout(timer);
    signal?.removeEventListener('abort', onAbort);
  };
}
