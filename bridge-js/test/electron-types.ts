/** Compiles, and that is the test: the part for Electron as an app and its pages use it. */
import type { GeminiLiveWebSocketClient } from '../src/app/client.js';
import type { LiveSidecarRegistration, RegisterOptions } from '../src/electron/main.js';
import type { LiveSidecarApi } from '../src/electron/renderer.js';
import type { AppWindow } from '../src/electron/surface.js';
import type { Supervisor } from '../src/supervisor.js';

export function main(
  registerLiveSidecar: (options: RegisterOptions) => LiveSidecarRegistration,
  supervisor: Supervisor,
  window: AppWindow,
  client: GeminiLiveWebSocketClient,
): Promise<void> {
  const live = registerLiveSidecar({ supervisor, allowed: ['app://bundle'] });
  const detach: () => void = live.attach(window, client, { events: ['chatResponse', 'interrupted'] });
  detach();
  // @ts-expect-error: its handle is a secret
  live.attach(window, client, { events: ['sessionResumptionUpdate'] });
  return live.close();
}

export async function page(live: LiveSidecarApi): Promise<string> {
  const off = live.on('chatResponse', ({ text, isFinal }) => isFinal && text.trim());
  live.on('stateChange', (state) => state === 'connected');
  // @ts-expect-error: there is no such state
  live.on('stateChange', (state) => state === 'online');
  // @ts-expect-error: there is no such event
  live.on('anything', () => undefined);
  await live.sendRealtimeInput({ audio: { data: new Uint8Array(640) } });
  off();
  const { state, reconnection } = await live.getStatus();
  return `${state} ${reconnection.attemptCount}`;
}
