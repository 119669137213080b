// Two ways to the service, alike from outside: through the sidecar, and with `ws` in this process.
import WebSocket from 'ws';
import { Sidecar } from '../../bridge-js/dist/esm/index.js';

const PATH = '/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent';
const SETUP = { model: 'models/bench', generationConfig: { responseModalities: ['AUDIO'] } };
const MIME = 'audio/pcm;rate=16000';
/** What comes back must not be told twice: only the message itself is measured. */
const QUIET = ['session/health', 'session/queue', 'session/transcript', 'session/turn', 'session/usage'];

export async function throughSidecar(port, sidecar) {
  const own = sidecar === undefined;
  const process = sidecar ?? (await Sidecar.start({ logLevel: 'error' }));
  const sessionId = `bench-${Math.random()}`;
  let onMessage = () => {};
  process.on('session/message', (params) => params.sessionId === sessionId && onMessage(params.message));
  await process.call('session/open', {
    sessionId,
    endpoint: { baseUrl: `ws://127.0.0.1:${port}` },
    auth: { type: 'apiKey', apiKey: 'bench' },
    setup: SETUP,
    checks: 'lenient', // what the bench asks for is no clientContent of the Live API
    notifications: { exclude: QUIET },
  });
  let n = 0;
  return {
    pid: process.pid,
    process,
    sendAudio: (data) => process.notify('session/sendAudio', { sessionId, n: n++, data, mimeType: MIME }),
    ask: (turn) => process.call('session/send', { sessionId, clientContent: { turns: [turn], turnComplete: true } }),
    listen: (listener) => (onMessage = listener),
    close: async () => {
      await process.call('session/close', { sessionId, drainMs: 0 });
      if (own) await process.stop();
    },
  };
}

export async function inProcess(port) {
  const socket = new WebSocket(`ws://127.0.0.1:${port}${PATH}`, {
    perMessageDeflate: false,
    headers: { 'x-goog-api-key': 'bench' },
  });
  let onMessage = () => {};
  const ready = new Promise((resolve, reject) => {
    onMessage = resolve;
    socket.once('error', reject);
  });
  socket.on('message', (data) => onMessage(JSON.parse(data)));
  await new Promise((resolve) => socket.once('open', resolve));
  const send = (value) => socket.send(JSON.stringify(value));
  send({ setup: SETUP });
  await ready;
  return {
    sendAudio: (data) => send({ realtimeInput: { audio: { mimeType: MIME, data } } }),
    ask: (turn) => send({ clientContent: { turns: [turn], turnComplete: true } }),
    listen: (listener) => (onMessage = listener),
    close: () => {
      socket.close();
      return new Promise((resolve) => socket.once('close', resolve));
    },
  };
}
