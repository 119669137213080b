// What stands for an app's main process: it holds one session in the way that argv names, and on a line on stdin speaks
// for so many ms and prints what that cost: `{"ms": 8000, "delay": false}`. Everything else in it is the same.
import { randomBytes } from 'node:crypto';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { GeminiLiveWebSocketClient } from '../../bridge-js/dist/esm/app/index.js';
import { LiveSession, Supervisor } from '../../bridge-js/dist/esm/index.js';
import { inProcess } from './clients.mjs';

const CHUNK_MS = 20;
const WARM_MS = 1_000;
const MIME = 'audio/pcm;rate=16000';
const [, , way, port] = process.argv;
const baseUrl = `ws://127.0.0.1:${port}`;
let heard = 0;
const hear = (audio) => (heard += audio.length);

/** Each gives the function that sends a chunk, once there is a session. */
const WAYS = {
  idle: async () => () => {},
  ws: async () => {
    const client = await inProcess(port);
    client.listen(({ serverContent }) => {
      for (const { inlineData } of serverContent?.modelTurn?.parts ?? []) if (inlineData) hear(inlineData.data);
    });
    return client.sendAudio;
  },
  session: async () => {
    const setup = { model: 'models/bench', generationConfig: { responseModalities: ['AUDIO'] } };
    const auth = { type: 'apiKey', apiKey: 'bench' };
    const session = new LiveSession(new Supervisor(), { sessionId: 'bench', endpoint: { baseUrl }, auth, setup });
    session.on('message', ({ message }) => {
      for (const { inlineData } of message.serverContent?.modelTurn?.parts ?? []) if (inlineData) hear(inlineData.data);
    });
    await session.open();
    return (data) => session.sendAudio(data, MIME);
  },
  app: async () => {
    const client = new GeminiLiveWebSocketClient({ apiKey: 'bench', websocketBaseUrl: baseUrl });
    client.on('audioData', hear);
    await client.connect();
    return (data) => void client.sendRealtimeInput({ audio: { data, mimeType: MIME } });
  },
};

const send = await WAYS[way]();
console.log('ready');
for await (const line of createInterface({ input: process.stdin })) console.log(JSON.stringify(await measured(JSON.parse(line))));
process.exit(0);

async function measured({ ms, delay }) {
  const chunks = Array.from({ length: 50 }, () => randomBytes(640).toString('base64'));
  let sent = 0;
  const timer = setInterval(() => send(chunks[sent++ % 50]), CHUNK_MS);
  await sleep(WARM_MS);
  heard = sent = 0;
  const result = delay ? await loopDelay(ms) : await cpu(ms);
  clearInterval(timer);
  return { ...result, sent, heard };
}

/** Of a core. */
async function cpu(ms) {
  const startMs = performance.now();
  const before = process.cpuUsage();
  await sleep(ms);
  const { user, system } = process.cpuUsage(before);
  return { share: (user + system) / 1000 / (performance.now() - startMs) };
}

/** How late timers of 1 ms are. Measuring costs more than a session, so this is not done while CPU is measured. */
async function loopDelay(ms) {
  const histogram = monitorEventLoopDelay({ resolution: 1 });
  histogram.enable();
  await sleep(ms);
  histogram.disable();
  return { p50Ms: histogram.percentile(50) / 1e6, p99Ms: histogram.percentile(99) / 1e6 };
}
