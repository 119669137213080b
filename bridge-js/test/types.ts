/** Not run: `tsc` checks that the types allow what they should, and nothing else. */
import { Secret, Sidecar, type SessionSnapshot } from '../src/index.js';

export async function accepted(sidecar: Sidecar): Promise<void> {
  const opened: SessionSnapshot = await sidecar.call(
    'session/open',
    { sessionId: 's', auth: { type: 'apiKey', apiKey: new Secret('k') }, setup: {}, settings: { resumption: { handle: new Secret('h') } } },
    { signal: AbortSignal.timeout(1), timeoutMs: 1 },
  );
  const uptimeMs: number = (await sidecar.call('ping')).uptimeMs;
  sidecar.notify('session/sendAudio', { sessionId: opened.sessionId, n: uptimeMs, data: '' });
  sidecar.notify('exit');
  sidecar.on('session/transcript', ({ sessionId, seq, text }) => void [sessionId.length, seq.toFixed(), text.length]);
  sidecar.on('log', ({ source, level }) => void (source === 'stderr' && level === 'raw'));
  const off: () => void = sidecar.once('exit', ({ expected }) => void (expected === true));
  off();
  await using another = await Sidecar.start({ on: { log: ({ message }) => void message.length } });
  void another;
}

export function refused(sidecar: Sidecar): void {
  // @ts-expect-error no such method
  void sidecar.call('session/opened', {});
  // @ts-expect-error a required field is missing
  void sidecar.call('session/get', {});
  // @ts-expect-error params are required
  void sidecar.call('session/get');
  // @ts-expect-error a misspelt setting
  void sidecar.call('session/close', { sessionId: 's', drainMS: 1 });
  // @ts-expect-error a request is not a notification
  sidecar.notify('ping');
  // @ts-expect-error a notification is not a request
  void sidecar.call('exit');
  // @ts-expect-error no such event
  sidecar.on('session/transcripts', () => {});
  // @ts-expect-error another shape
  sidecar.on('session/transcript', ({ words }) => words);
  // @ts-expect-error a secret only where one belongs
  void sidecar.call('session/get', { sessionId: new Secret('s') });
}
