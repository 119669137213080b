/** The app's two policies that can be changed while it runs, as settings of the sidecar. Pure. */
import type { HeartbeatSettings, ReconnectSettings } from '../generated/protocol.js';
import type { ReconnectionStrategy } from './enums.js';
import { LONGEST_MS, usable, usableFields } from './numbers.js';
import type { HeartbeatConfig, ReconnectionConfig } from './shapes.js';

/** So many delays of a function are asked for at most; later attempts wait as long as the last of them. */
const MAX_DELAYS = 100;

const BACKOFFS: { readonly [S in ReconnectionStrategy]: NonNullable<ReconnectSettings['backoff']> } = {
  exponential: 'exponential',
  linear: 'linear',
  fibonacci: 'fibonacci',
  custom: 'list',
};

/** The app's own defaults under what it gives. @throws RangeError for a value that makes no sense. */
export function newReconnectionConfig(options: {
  readonly reconnectAttempts?: number;
  readonly reconnectionStrategy?: ReconnectionStrategy;
  readonly reconnectionConfig?: Partial<ReconnectionConfig>;
}): ReconnectionConfig {
  const { reconnectAttempts = 5, reconnectionStrategy = 'exponential' } = options;
  const config: ReconnectionConfig = {
    maxAttempts: usable('maxAttempts', reconnectAttempts, 'reconnectAttempts'),
    strategy: strategy(reconnectionStrategy, 'reconnectionStrategy'),
    baseDelay: 1_000,
    maxDelay: 30_000,
    jitterEnabled: true,
    jitterRange: 0.1,
    qualityThreshold: 0.8,
    unstableConnectionThreshold: 3,
    backoffMultiplier: 2,
  };
  return changedReconnection(config, options.reconnectionConfig ?? {});
}

/** @throws RangeError for a value that makes no sense. */
export function changedReconnection(
  config: ReconnectionConfig,
  partial: Partial<ReconnectionConfig>,
): ReconnectionConfig {
  const changed = { ...config, ...usableFields(partial, 'reconnectionConfig.') };
  strategy(changed.strategy, 'reconnectionConfig.strategy');
  return changed;
}

export function newHeartbeatConfig(interval = 30_000): HeartbeatConfig {
  return {
    interval: usable('interval', interval, 'heartbeatInterval'),
    timeout: 5_000,
    maxMissedBeats: 3,
    useNativePing: true,
    enableMetrics: true,
  };
}

function strategy(given: ReconnectionStrategy, option: string): ReconnectionStrategy {
  if (Object.hasOwn(BACKOFFS, given)) return given;
  throw new RangeError(`The option ${option} is ${String(given)}. Give one of ${Object.keys(BACKOFFS).join(', ')}.`);
}

/** A function cannot leave this process: its first `maxAttempts` values are sent as a list. */
export function reconnectSettings(config: ReconnectionConfig): ReconnectSettings {
  const { maxAttempts, strategy, baseDelay, maxDelay, jitterEnabled, jitterRange, backoffMultiplier } = config;
  const custom = strategy === 'custom' ? config.customDelayFunction : undefined;
  return {
    maxAttempts,
    backoff: strategy === 'custom' && custom === undefined ? 'exponential' : BACKOFFS[strategy],
    baseDelayMs: Math.min(baseDelay, maxDelay),
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
        deadAfterMs: Math.min(interval! * maxMissedBeats! + timeout!, LONGEST_MS),
      }),
  };
}

function delays(delayOf: (attempt: number) => number, maxAttempts: number, maxDelay: number): number[] {
  const count = Math.max(1, Math.min(maxAttempts, MAX_DELAYS));
  return Array.from({ length: count }, (_, index) => {
    const delay = Math.round(Number(asked(delayOf, index + 1)));
    return Number.isFinite(delay) ? Math.min(Math.max(0, delay), maxDelay) : maxDelay;
  });
}

function asked(delayOf: (attempt: number) => number, attempt: number): number {
  try {
    return delayOf(attempt);
  } catch (cause) {
    const { message } = cause instanceof Error ? cause : { message: String(cause) };
    throw new RangeError(`The option reconnectionConfig.customDelayFunction threw for attempt ${attempt}: ${message}`);
  }
}
