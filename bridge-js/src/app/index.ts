/** What the app imports. */
export { GeminiLiveWebSocketClient, GeminiLiveWebSocketClient as default } from './client.js';
export type { AppEvent, AppEvents, Compat, Getters } from './contract.js';
export {
  ConnectionQuality,
  ConnectionState,
  ErrorType,
  HeartbeatStatus,
  MessagePriority,
  MessageType,
  QueuePriority,
  ReconnectionStrategy,
  ResponseModality,
} from './enums.js';
export { GeminiLiveError } from './errors.js';
export type { AuthConfig, GeminiLiveConfig, GenerationConfig, TlsConfig } from './options.js';
export type * from './shapes.js';
export { configureSidecar } from './shared.js';
