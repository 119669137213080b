/** The types for pages: `import 'live-sidecar/electron/renderer'` makes `window.liveSidecar` known. No code. */
import type { RealtimeInput } from '../app/shapes.js';
import type { Status, WindowEvent, WindowEvents } from './channels.js';

export type { Status, WindowEvent, WindowEvents } from './channels.js';

/** As `RealtimeInput`; audio may also be given as bytes. */
export interface WindowInput extends Omit<RealtimeInput, 'audio'> {
  /** PCM16, mono. `mimeType` is `audio/pcm;rate=16000` unless given. */
  audio?: { data: string | ArrayBuffer | ArrayBufferView; mimeType?: string };
}

/** What the preload script gives to the page. Calls reject with an `Error`; more of it is told by the event `error`. */
export interface LiveSidecarApi {
  /** Calls `listener` with what the client's own event has; the answer removes it. */
  on<E extends WindowEvent>(event: E, listener: (...args: WindowEvents[E]) => void): () => void;
  connect(): Promise<void>;
  disconnect(): Promise<void>;
  /** Resolves when the sidecar has accepted it. */
  sendRealtimeInput(input: WindowInput): Promise<void>;
  sendTurnCompletion(): Promise<void>;
  sendToolCallResponse(id: string, name: string, result: unknown): Promise<void>;
  /** How things are now: ask when the page has loaded, and let the events tell what changes. */
  getStatus(): Promise<Status>;
}

declare global {
  interface Window {
    readonly liveSidecar: LiveSidecarApi;
  }
}
