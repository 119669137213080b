// What one live session costs the app's main process, beside `ws` in that process: `make bench-bridge`. 50 chunks a
// second go up, 5 messages of 16 KB come down. Each way has a process of its own; they take turns, so that all see the
// same machine. Ratios are of what a session adds to a process without one. On a busy machine they tell little.
//   node tests/bench/bridge.mjs [--rounds 5] [--seconds 5] [--cpu-prof FOLDER]
import { spawn } from 'node:child_process';
import { loadavg } from 'node:os';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const WAYS = { idle: 'no session', ws: 'ws, in this process', session: 'LiveSession', app: 'GeminiLiveWebSocketClient' };
const CPU_BOUND = 1.2;
const DELAY_BOUND_MS = 1;

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '5' },
    'cpu-prof': { type: 'string' },
  },
});
const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];

const service = program('speaker.mjs');
const port = await service.line();
const hosts = {};
for (const way of Object.keys(WAYS)) {
  hosts[way] = program('host.mjs', way, port);
  await hosts[way].line();
}

const load = loadavg()[0];
const ms = Number(options.seconds) * 1000;
const found = Object.fromEntries(Object.keys(WAYS).map((way) => [way, { share: [], p50Ms: [], p99Ms: [] }]));
for (let round = 0; round < Number(options.rounds); round += 1) {
  for (const delay of [false, true]) {
    const inTurn = Object.entries(hosts);
    inTurn.push(...inTurn.splice(0, round % inTurn.length)); // what ran just before leaves its traces in a machine
    for (const [way, host] of inTurn) {
      const result = await host.ask({ ms, delay });
      checkTalk(way, result);
      for (const [figure, values] of Object.entries(found[way])) if (figure in result) values.push(result[figure]);
    }
  }
}
for (const host of [...Object.values(hosts), service]) host.end();
report();

/** A session over which less goes than should go costs less, and shows nothing. */
function checkTalk(way, { sent, heard }) {
  const chunks = ms / 20;
  const spoken = way === 'idle' ? 0 : (chunks / 10) * 16_000;
  if (sent < chunks * 0.9 || heard < spoken * 0.85) throw new Error(`${way}: ${sent} chunks went up, ${heard} characters came down`);
}

function report() {
  console.log(`${options.rounds} rounds of ${options.seconds} s, Node ${process.version}, load before: ${load.toFixed(2)}; medians (from - to)`);
  const medians = (values) => Object.fromEntries(Object.entries(values).map(([name, list]) => [name, median(list)]));
  const figures = Object.fromEntries(Object.entries(found).map(([way, values]) => [way, medians(values)]));
  for (const [way, name] of Object.entries(WAYS)) {
    const { share, p50Ms, p99Ms } = figures[way];
    const range = found[way].share.map((each) => each * 100).sort((a, b) => a - b);
    const cpu = `${(share * 100).toFixed(2)} % of a core (${range[0].toFixed(2)} - ${range.at(-1).toFixed(2)})`;
    console.log(`${name.padEnd(27)} ${cpu.padEnd(36)} loop delay p50 ${p50Ms.toFixed(2)} ms, p99 ${p99Ms.toFixed(2)} ms`);
  }
  const { idle, ws, session, app } = figures;
  const ratio = (way) => (way.share - idle.share) / (ws.share - idle.share);
  const added = (way) => way.p99Ms - idle.p99Ms;
  for (const [what, value, bound, unit] of [
    ['CPU of a session, LiveSession', ratio(session), CPU_BOUND, 'x ws'],
    ['CPU of a session, the app\'s class', ratio(app), CPU_BOUND, 'x ws'],
    ['loop delay p99 added, LiveSession', added(session), DELAY_BOUND_MS, ' ms'],
    ['loop delay p99 added, the app\'s class', added(app), DELAY_BOUND_MS, ' ms'],
  ]) {
    console.log(`${what.padEnd(38)} ${(value.toFixed(2) + unit).padEnd(10)} ${(bound + unit).padEnd(8)} ${value <= bound ? 'met' : 'NOT MET'}`);
  }
}

/** A program of this folder: told things by a line, and telling them so. It ends with its stdin. */
function program(file, ...args) {
  const profiling = options['cpu-prof'] === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${options['cpu-prof']}`, `--cpu-prof-name=${args[0] ?? file}.cpuprofile`];
  const child = spawn(process.execPath, [...profiling, here(file), ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const line = async () => {
    const { value, done } = await lines.next();
    if (done) throw new Error(`${[file, ...args].join(' ')} ended`);
    return value;
  };
  return {
    line,
    ask: async (question) => {
      child.stdin.write(`${JSON.stringify(question)}\n`);
      return JSON.parse(await line());
    },
    end: () => child.stdin.end(),
  };
}
