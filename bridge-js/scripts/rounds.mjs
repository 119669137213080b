// Somebody speaks, and at a random moment one of the parties is struck: the sidecar is killed or stopped, the
// simulator is stopped for a while, or the host itself is killed. After each round no process may be left, every call
// must have ended, and the service must have all that was said.
//
//   node scripts/rounds.mjs [--rounds 200] [--seed N] [--from 1] [--lanes 3]
//
// A round depends on the seed and its number alone: `--seed 7 --from 31 --rounds 1` plays the 31st of seed 7 again.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { LiveSession, SidecarError, Supervisor, locate } from '../dist/esm/index.js';

const CHUNK_MS = 20;
const CHUNK_BYTES = 640;
const SPEECH_CHUNKS = 75;
const GONE_MS = 1_000;
const DONE_MS = 20_000;
const SETUP = { model: 'models/m', generationConfig: { responseModalities: ['AUDIO'] } };

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '200' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    from: { type: 'string', default: '1' },
    lanes: { type: 'string', default: '3' },
    host: { type: 'string' },
  },
});

/** Random numbers from 0 to 1 that a seed decides (mulberry32). */
function chance(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return process.platform !== 'linux' || !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

async function until(condition, what, deadlineMs) {
  const start = performance.now();
  while (!(await condition())) {
    if (performance.now() - start > deadlineMs) throw new Error(`not within ${deadlineMs} ms: ${what}`);
    await sleep(10);
  }
}

const firstLine = (child) => new Promise((resolve) => createInterface(child.stdout).once('line', resolve));

async function startSimulator() {
  const child = spawn(locate(), ['simulate', '--until-stdin-closes', '--quiet'], { stdio: ['pipe', 'pipe', 'inherit'] });
  return { child, ...JSON.parse(await firstLine(child)) };
}

/** A supervisor whose hung process is found in about half a second, and a session in it. */
function newHost(url) {
  const supervisor = new Supervisor({ watchdog: { intervalMs: 200, timeoutMs: 400 }, logLevel: 'error' });
  const pids = [];
  supervisor.on('up', ({ sidecar }) => pids.push(sidecar.pid));
  const auth = { type: 'apiKey', apiKey: 'k' };
  const session = new LiveSession(supervisor, { sessionId: 's', auth, endpoint: { baseUrl: url }, setup: SETUP });
  return { supervisor, session, pids };
}

/** How each party is struck. */
const STRIKES = {
  killSidecar: ({ supervisor }) => supervisor.current && process.kill(supervisor.current.pid, 'SIGKILL'),
  stopSidecar: ({ supervisor }) => supervisor.current && process.kill(supervisor.current.pid, 'SIGSTOP'),
  killTwice: async ({ supervisor }, random) => {
    process.kill(supervisor.current.pid, 'SIGKILL');
    await sleep(random() * 1_500);
    if (supervisor.current) process.kill(supervisor.current.pid, 'SIGKILL');
  },
  stopSimulator: async (_, random, simulator) => {
    simulator.child.kill('SIGSTOP');
    await sleep(200 + random() * 1_500);
    simulator.child.kill('SIGCONT');
  },
  killBoth: async (host, random, simulator) => {
    simulator.child.kill('SIGSTOP');
    STRIKES.killSidecar(host);
    await sleep(200 + random() * 1_000);
    simulator.child.kill('SIGCONT');
  },
};

async function survivingRound(strike, random, simulator) {
  const host = newHost(simulator.url);
  const { supervisor, session, pids } = host;
  const calls = [];
  const track = (promise) => {
    const call = { open: true };
    calls.push(call);
    promise.then(
      () => (call.open = false),
      (error) => ((call.open = false), error instanceof SidecarError || (call.wrong = error)),
    );
  };
  let confirmed = -1;
  session.on('queue', ({ confirmedThrough = -1 }) => (confirmed = Math.max(confirmed, confirmedThrough)));
  const lost = [];
  session.on('dropped', (dropped) => lost.push(dropped));
  await session.open();
  const said = createHash('sha256');
  const moment = Math.floor(random() * SPEECH_CHUNKS);
  let struck;
  for (let i = 0; i < SPEECH_CHUNKS; i++) {
    const chunk = Buffer.from(Array.from({ length: CHUNK_BYTES }, () => random() * 256));
    said.update(chunk);
    session.sendAudio(chunk);
    if (i === moment) struck = (async () => STRIKES[strike](host, random, simulator))();
    if (i % 10 === 5) track(session.ping());
    if (i % 20 === 7) track(supervisor.call('session/get', { sessionId: 's' }));
    await sleep(CHUNK_MS);
  }
  await struck;
  // A process that was stopped in the last moment still has to be found, and the speech's last second to be confirmed.
  await until(() => confirmed === SPEECH_CHUNKS - 1, `all is confirmed (${confirmed})`, DONE_MS);
  const state = await (await fetch(`${simulator.control}/state`)).json();
  const heard = state.sessions.at(-1);
  const restarts = pids.length - 1;
  await session.close();
  await supervisor.stop();
  await until(() => !pids.some(isAlive), 'every sidecar is gone', GONE_MS);
  await until(() => calls.every((call) => !call.open), 'every call has ended', GONE_MS);
  const wrong = calls.find((call) => call.wrong);
  if (wrong) throw new Error(`a call ended with ${wrong.wrong}`);
  if (lost.length > 0) throw new Error(`told as lost: ${JSON.stringify(lost)}`);
  if (heard.audio.sha256 !== said.digest('hex')) {
    throw new Error(`the service has ${heard.audio.uniqueMs} ms of ${SPEECH_CHUNKS * CHUNK_MS} ms, or not the same`);
  }
  if (strike.includes('Sidecar') && restarts === 0) throw new Error('the sidecar was struck, and not replaced');
  return `${restarts} restarts, ${heard.audio.doubledMs} ms twice`;
}

async function killedHostRound(random, simulator) {
  const child = spawn(process.execPath, [process.argv[1], '--host', simulator.url], { stdio: ['pipe', 'pipe', 'inherit'] });
  const pid = Number(await firstLine(child));
  await sleep(random() * 1_000);
  child.kill('SIGKILL');
  await once(child, 'exit');
  await until(() => !isAlive(pid), 'the sidecar of the killed host is gone', GONE_MS);
  return 'the sidecar is gone, too';
}

async function beHost(url) {
  const { session, pids } = newHost(url);
  await session.open();
  console.log(pids[0]);
  for (;;) {
    session.sendAudio(Buffer.alloc(CHUNK_BYTES, 1));
    await sleep(CHUNK_MS);
  }
}

if (options.host !== undefined) await beHost(options.host);

const [seed, from, rounds, lanes] = [options.seed, options.from, options.rounds, options.lanes].map(Number);
const last = from + rounds - 1;
const kinds = [...Object.keys(STRIKES), 'killHost'];
const counts = {};
const failures = [];
let next = from;

async function lane() {
  const simulator = await startSimulator();
  while (next <= last) {
    const round = next++;
    const random = chance(seed * 1_000_003 + round);
    // The first of each kind in turn, so that a short run has them all.
    const strike = round <= kinds.length ? kinds[round - 1] : kinds[Math.floor(random() * kinds.length)];
    counts[strike] = (counts[strike] ?? 0) + 1;
    try {
      const how = strike === 'killHost' ? await killedHostRound(random, simulator) : await survivingRound(strike, random, simulator);
      console.log(`round ${round}: ${strike}: ${how}`);
    } catch (error) {
      failures.push(round);
      console.log(`round ${round}: ${strike}: FAILED: ${error.message}`);
    }
  }
  simulator.child.stdin.end();
  await once(simulator.child, 'exit');
}

console.log(`${rounds} rounds, seed ${seed}`);
await Promise.all(Array.from({ length: Math.min(lanes, rounds) }, lane));
console.log(`${JSON.stringify(counts)}; ${failures.length} failed${failures.length ? `: ${failures.join(', ')}` : ''}`);
process.exitCode = failures.length === 0 ? 0 : 1;
