// An app in strict TypeScript, compiled as ESM and as CommonJS, and for a bundler. It names every part of the package.
import { LiveSession, Sidecar, type OpenParams, type Supervisor } from 'live-sidecar';
import GeminiLive, { ConnectionState, GeminiLiveWebSocketClient, type AppEvents } from 'live-sidecar/app';
import { registerLiveSidecar, type LiveSidecarRegistration, type RegisterOptions } from 'live-sidecar/electron/main';
import type {} from 'live-sidecar/electron/preload';
import type { LiveSidecarApi, WindowEvents } from 'live-sidecar/electron/renderer';

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

// Not `any`, as they would be if a declaration were missing.
export const known: readonly true[] = [
  true satisfies Same<AppEvents['chatResponse'][0]['isFinal'], boolean>,
  true satisfies Same<Parameters<LiveSession['sendAudio']>[0], string | Uint8Array>,
  true satisfies Same<ReturnType<typeof registerLiveSidecar>, LiveSidecarRegistration>,
  true satisfies Same<WindowEvents['chatResponse'][0]['isFinal'], boolean>,
  true satisfies Same<ReturnType<LiveSidecarApi['connect']>, Promise<void>>,
];
// @ts-expect-error: it is no event of a session
export const wrong = (session: LiveSession): unknown => session.on('transkript', () => undefined);
export const open = (supervisor: Supervisor, params: OpenParams): LiveSession => new LiveSession(supervisor, params);
export const register = (options: RegisterOptions): LiveSidecarRegistration => registerLiveSidecar(options);

async function main([, , websocketBaseUrl = '', command = '']: readonly string[]): Promise<void> {
  const sidecar = await Sidecar.start({ command });
  const { version } = sidecar.info.sidecar;
  await sidecar.stop();

  const client = new GeminiLiveWebSocketClient({ apiKey: 'any', websocketBaseUrl, sidecar: { command } });
  const answered = new Promise<string>((resolve, reject) => {
    client.on('chatResponse', ({ text, isFinal }) => isFinal && resolve(text));
    client.on('error', reject);
  });
  await client.connect();
  const connected = client.getConnectionState() === ConnectionState.CONNECTED && client instanceof GeminiLive;
  await client.sendRealtimeInput({ text: 'Hello' });
  const answer = await answered;
  await client.destroy();
  console.log(JSON.stringify({ version, connected, answer }));
}

void main(process.argv);
