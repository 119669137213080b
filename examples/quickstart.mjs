// Asks the Live API something and prints what it says. Run `make setup` first, then from the root of the repository:
//   GEMINI_API_KEY=... node examples/quickstart.mjs     the real service
//   node examples/quickstart.mjs ws://127.0.0.1:9000    a simulator: .venv/bin/live-sidecar simulate --port 9000
import { Secret, Sidecar } from '../bridge-js/dist/esm/index.js';

const baseUrl = process.argv[2];
const apiKey = new Secret(process.env.GEMINI_API_KEY || (baseUrl ? 'any' : ''));
const sidecar = await Sidecar.start();
sidecar.on('session/transcript', ({ source, text, final }) => final && console.log(`${source}: ${text}`));
const answered = new Promise((resolve) => sidecar.on('session/turn', ({ event }) => event !== 'started' && resolve()));
const generationConfig = { responseModalities: ['AUDIO'] };
const setup = { model: 'models/gemini-3.8-live', generationConfig, outputAudioTranscription: {} };
await sidecar.call('session/open', { sessionId: 's1', auth: { type: 'apiKey', apiKey }, endpoint: { baseUrl }, setup });
await sidecar.call('session/send', { sessionId: 's1', realtimeInput: { text: 'Hello! What can you do?' } });
await answered;
await sidecar.stop();
