/** The app's words for the sidecar's. */
import type { BreakerState, State } from '../generated/protocol.js';
import type { ConnectionState } from './enums.js';
import type { CircuitBreakerState } from './shapes.js';

/** The app's five states for the sidecar's seven. */
export const APP_STATES: { readonly [S in State]: ConnectionState } = {
  disconnected: 'disconnected',
  connecting: 'connecting',
  connected: 'connected',
  reconnecting: 'reconnecting',
  suspended: 'disconnected',
  disconnecting: 'disconnected',
  failed: 'error',
};

export const BREAKER_STATES: { readonly [S in BreakerState]: CircuitBreakerState } = {
  closed: 'closed',
  open: 'open',
  halfOpen: 'half_open',
};
