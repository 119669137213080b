/** The app's two policies that can be changed while it runs, as settings of the sidecar. Pure. */
import type { HeartbeatSettings, ReconnectSettings } from '../generated/protocol.js';
import type { ReconnectionStrategy } from './enums.js';
import type { HeartbeatConfig, ReconnectionConfig } from './shapes.js';

/** So many delays of a function are asked for at most. */
const MAX_DELAYS = 1_000;

const BACKOFFS: { readonly [S in ReconnectionStrategy]: NonNullable<ReconnectSettings['backoff']> } = {
  exponential: 'exponential',
  linear: 'linear',
  fibonacci: 'fibonacci',
  custom: 'list',
};

/** The app's own defaults under what it gives. */
export function newReconnectionConfig(options: {
  readonly reconnectAttempts?: number;
  readonly reconnectionStrategy?: ReconnectionStrategy;
  readonly reconnectionConfig?: Partial<ReconnectionConfig>;
}): ReconnectionConfig {
  return {
    maxAttempts: options.reconnectAttempts ?? 5,
    strategy: options.reconnectionStrategy ?? 'exponential',
    baseDelay: 1_000,
    maxDelay: 30_000,
    jitterEnabled: true,
    jitterRange: 0.1,
    qualityThreshold: 0.8,
    unstableConnectionThreshold: 3,
    backoffMultiplier: 2,
    ...options.reconnectionConfig,
  };
}

export function newHeartbeatConfig(interval = 30_000): HeartbeatConfig {
  return { interval, timeout: 5_000, maxMissedBeats: 3, useNativePing: true, enableMetrics: true };
}

/** A function cannot leave this process: its first `maxAttempts` values are sent as a list. */
export function reconnectSettings(config: ReconnectionConfig): ReconnectSettings {
  const { maxAttempts, strategy, baseDelay, maxDelay, jitterEnabled, jitterRange, backoffMultiplier } = config;
  const custom = strategy === 'custom' ? config.customDelayFunction : undefined;
  return {
    maxAttempts,
    backoff: strategy === 'custom' && custom === undefined ? 'exponential' : BACKOFFS[strategy],
    baseDelayMs: baseDelay,
    maxDelayMs: maxDelay,
    factor: backoffMultiplier,
    jitter: jitterEnabled ? 'proportional' : 'none',
    jitterRange,
    ...(custom && { delaysMs: delays(custom, maxAttempts, maxDelay) }),
  };
}

/** `partial`: what the app changed. The line is dead after as many missed beats as the app allows. */
export function heartbeatSettings(partial: Partial<HeartbeatConfig>, all?: HeartbeatConfig): HeartbeatSettings {
  const { interval, timeout, maxMissedBeats } = { ...all, ...partial };
  const judges = partial.timeout !== undefined || partial.maxMissedBeats !== undefined;
  return {
    ...(interval !== undefined && { intervalMs: interval }),
    ...(judges &&
      all !== undefined && {
        suspectAfterMs: timeout!,
        deadAfterMs: interval! * maxMissedBeats! + timeout!,
      }),
  };
}

function delays(delayOf: (attempt: number) => number, maxAttempts: number, maxDelay: number): number[] {
  const count = Math.max(1, Math.min(maxAttempts, MAX_DELAYS));
  return Array.from({ length: count }, (_, index) => {
    const delay = Math.round(Number(delayOf(index + 1)));
    return Number.isFinite(delay) ? Math.min(Math.max(0, delay), maxDelay) : maxDelay;
  });
}
