// Asks the Live API something and prints what it says. Run `make setup` first, then from the root of the repository:
//   GEMINI_API_KEY=... node examples/quickstart.mjs     the real service
//   node examples/quickstart.mjs ws://127.0.0.1:9000    a simulator: .venv/bin/live-sidecar simulate --port 9000
import { Secret, Sidecar } from '../bridge-js/dist/esm/index.js';
process.once('uncaughtException', ({ message }) => (console.error(`quickstart: ${message}`), process.exit(1)));
const baseUrl = process.argv[2];
if (!baseUrl && !process.env.GEMINI_API_KEY) throw new Error('Set GEMINI_API_KEY, or give the URL of a simulator.');
const sidecar = await Sidecar.start();
sidecar.on('session/transcript', ({ source, text, final }) => final && console.log(`${source}: ${text}`));
for (const note of ['session/reconnecting', 'session/stalled']) sidecar.on(note, ({ reason, demand }) => console.error(note, reason ?? demand));
const answered = new Promise((resolve, reject) => {
  sidecar.on('session/turn', ({ event }) => event !== 'started' && resolve());
  sidecar.on('session/error', ({ error, fatal }) => fatal && reject(new Error(`${error.message}. ${error.remediation ?? ''}`)));
});
const setup = { model: 'models/gemini-3.8-live', generationConfig: { responseModalities: ['AUDIO'] }, outputAudioTranscription: {} };
const auth = { type: 'apiKey', apiKey: new Secret(process.env.GEMINI_API_KEY || 'any') };
await sidecar.call('session/open', { sessionId: 's1', auth, endpoint: { baseUrl }, setup });
await sidecar.call('session/send', { sessionId: 's1', realtimeInput: { text: 'Hello! What can you do?' } }).then(() => answered).finally(() => sidecar.stop());
