// The main job on real input: speech goes through the sidecar at real time, as from a microphone, while the line is
// cut, then frozen for 3 s and reset, and then ended by the service. Run it with `make demo`.
//
//   node examples/demo/demo.mjs [--file speech.wav] [--seconds 25] [--script conversation.json] [--no-replay]
//
// With GEMINI_API_KEY in the environment it talks to the real service instead of the simulator (GEMINI_MODEL: which
// model). It exits 0 only if the service's audio, de-duplicated, is the recording; --no-replay shows how that fails
// when the line freezes.
import { parseArgs } from 'node:util';
import { fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';
import { Secret, Sidecar, locate } from '../../bridge-js/dist/esm/index.js';
import { residentMB, startSimulator } from './machine.mjs';
import { reconcile, sha256 } from './reconcile.mjs';
import { Screen, table } from './screen.mjs';
import { BYTES_PER_MS, CHUNK_BYTES, CHUNK_MS, readWav } from './wav.mjs';

const SESSION = 'demo';
const SETTLE_MS = 8_000;

const here = (name) => fileURLToPath(new URL(name, import.meta.url));
process.on('uncaughtException', (error) => {
  console.error(`\nThe demo cannot go on: ${error.message}`);
  process.exit(2); // sidecar and simulator end with this process
});
const { values: options } = parseArgs({
  options: {
    file: { type: 'string', default: here('speech-25s.wav') },
    seconds: { type: 'string' },
    script: { type: 'string', default: here('conversation.json') },
    'no-replay': { type: 'boolean', default: false },
  },
});
const whole = readWav(options.file);
if (options.seconds !== undefined && !(Number(options.seconds) > 0)) throw new Error('--seconds must be a number above 0');
const recording = options.seconds ? whole.subarray(0, Number(options.seconds) * 1000 * BYTES_PER_MS) : whole;
const real = process.env.GEMINI_API_KEY || undefined;
if (recording.length === 0) throw new Error(`${options.file} holds no sound`);
const screen = new Screen();

const simulator = real ? undefined : await startSimulator(locate(), options.script);
const sidecar = await Sidecar.start({ client: { name: 'demo', version: '1' }, logLevel: 'error' });
sidecar.on('log', ({ source, message }) => screen.say(`! ${source}: ${message}`));
screen.say(
  real
    ? 'Talking to the real service, with your key. Cuts are not made; what the network does is dealt with.'
    : options.script
      ? `Talking to the simulator, which does what ${options.script} says.`
      : 'Talking to the simulator. On the way the line is cut at 5 s, frozen at 10 s, and ended by a goAway at 18 s.',
);

// --- listen ---------------------------------------------------------------------------------------------------------

let state = 'disconnected';
let rtt;
let queue;
let lost = 0;
const gaps = [];
let turnEnded = () => {};

sidecar.on('session/stateChanged', (change) => {
  if (change.state !== state) screen.say(`  [${change.state}: ${change.reason}]`);
  state = change.state;
});
sidecar.on('session/health', ({ rttMs }) => (rtt = rttMs));
sidecar.on('session/queue', (report) => (queue = report));
sidecar.on('session/dropped', ({ kind, durationMs = 0 }) => (lost += kind === 'audio' ? durationMs : 0));
sidecar.on('session/reconnected', ({ gapMs, stateRestored, replayedMs }) => {
  gaps.push(gapMs);
  screen.say(`  [back after ${gapMs} ms, ${stateRestored}, ${replayedMs} ms sent again]`);
});
sidecar.on('session/transcript', ({ source, text, final, cut }) => {
  if (final) screen.say(`${source === 'user' ? '  you' : 'model'}: ${text}${cut ? ' [cut]' : ''}`);
});
sidecar.on('session/turn', ({ event }) => {
  if (event === 'complete') turnEnded();
});
sidecar.on('session/error', ({ error, fatal }) => {
  if (fatal) screen.say(`! ${error.userMessage} (${error.kind}: ${error.message})`);
});

const ms = (value) => `${Math.round(value)} ms`;
const status = () =>
  `  ${state} | rtt ${rtt === undefined ? '-' : rtt.toFixed(1)} ms | sent ${ms((queue?.unconfirmedMs ?? 0) + (queue?.confirmedMs ?? 0))}` +
  ` | confirmed ${ms(queue?.confirmedMs ?? 0)} | held ${ms(queue?.heldMs ?? 0)} | lost ${ms(lost)}`;

// --- speak ----------------------------------------------------------------------------------------------------------

await sidecar.call('session/open', {
  sessionId: SESSION,
  endpoint: simulator && { baseUrl: simulator.url },
  auth: { type: 'apiKey', apiKey: new Secret(real ?? 'any-key-will-do') },
  setup: {
    model: `models/${(process.env.GEMINI_MODEL ?? 'gemini-3.8-live').replace(/^models\//, '')}`,
    generationConfig: { responseModalities: ['AUDIO'] },
    inputAudioTranscription: {},
    outputAudioTranscription: {},
  },
  settings: { outbox: { replayUnconfirmed: !options['no-replay'] } },
});
screen.start(status);
const startedAt = performance.now();
let chunks = 0;
for (let at = 0; at < recording.length; at += CHUNK_BYTES, chunks += 1) {
  const wait = startedAt + chunks * CHUNK_MS - performance.now();
  if (wait > 0) await sleep(wait);
  const data = recording.subarray(at, at + CHUNK_BYTES).toString('base64');
  const keepsUp = sidecar.notify('session/sendAudio', { sessionId: SESSION, n: chunks, data });
  if (!keepsUp) await sidecar.drained();
}
await sidecar.call('session/send', { sessionId: SESSION, realtimeInput: { audioStreamEnd: true } });
await settled();

// --- count ----------------------------------------------------------------------------------------------------------

const memory = { 'this program': process.pid, sidecar: sidecar.pid, ...(simulator && { simulator: simulator.pid }) };
const memoryRows = Object.entries(memory).map(([name, pid]) => [`memory, ${name}`, `${residentMB(pid)?.toFixed(1) ?? '?'} MB`]);
const closed = await sidecar.call('session/close', { sessionId: SESSION });
screen.stop();

const offeredMs = recording.length / BYTES_PER_MS;
const rows = [['audio offered', ms(offeredMs)]];
let failed = false;
if (simulator) {
  const { connections, faults } = await simulator.state();
  const received = [];
  for (const { connection } of connections.filter((c) => c.session === 1)) {
    received.push(await simulator.audio(1, connection));
  }
  const books = reconcile(recording, received, CHUNK_BYTES);
  failed = !books.whole;
  const receivedBytes = received.reduce((sum, pcm) => sum + pcm.length, 0);
  rows.push(
    ['faults on the way', [...faults.done.map((fault) => fault.do), ...faults.pending.map((fault) => `(no ${fault.do}: too short)`)].join(', ')],
    ['received by the server', ms(receivedBytes / BYTES_PER_MS)],
    ['lost', ms(books.lostBytes / BYTES_PER_MS)],
    ['doubled', ms(books.doubledBytes / BYTES_PER_MS)],
    ['sha256 of the recording', sha256(recording).slice(0, 16)],
    ['sha256 of what arrived', `${books.sha256.slice(0, 16)} ${books.whole ? '(the same)' : '(NOT the same)'}`],
  );
} else {
  failed = closed.queue.confirmedMs < offeredMs;
  rows.push(['confirmed by pongs', ms(closed.queue.confirmedMs)], ['dropped', ms(closed.queue.droppedMs)]);
}
rows.push(['gaps', gaps.map(ms).join(', ') || 'none'], ['reconnects', String(gaps.length)], ...memoryRows);
console.log(`\n${table(rows)}\n`);
console.log(failed ? 'FAILED: audio is missing.' : `${real ? 'All of it was confirmed' : 'Nothing was lost'}.`);
await sidecar.stop();
await simulator?.stop();
process.exitCode = failed ? 1 : 0;

/** Waits until everything is confirmed and the model has finished its answer, not for ever. */
async function settled() {
  const deadline = performance.now() + SETTLE_MS;
  while (performance.now() < deadline && !(queue?.heldMs === 0 && queue.unconfirmedMs === 0)) await sleep(50);
  const answered = new Promise((resolve) => (turnEnded = resolve));
  await Promise.race([answered, sleep(Math.max(0, deadline - performance.now()), undefined, { ref: false })]);
}
