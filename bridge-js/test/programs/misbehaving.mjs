// Sidecars that go wrong in one way each: `node misbehaving.mjs <way>`. What they do right is the least that
// `Sidecar.start()` needs. The real sidecar cannot be made to fail like this on request.
import { closeSync, existsSync, writeFileSync, writeSync } from 'node:fs';

const way = process.argv[2];
const INFO = {
  protocolVersion: way === 'otherVersion' ? '99' : '1',
  instanceId: 'i1',
  sidecar: { version: '0', python: '0', platform: 'test' },
  limits: { maxLineBytes: 1024 * 1024 },
  capabilities: {},
};

const write = (message) => process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
const answer = ({ id }, result = {}) => write({ id, result });
const stayAlive = () => setInterval(() => {}, 1000);

/** method -> what is done with its message; by default an empty result. */
const habits = {
  initialize: (message) => answer(message, INFO),
  exit: () => process.exit(0),
};

const ways = {
  well() {},
  otherVersion() {},
  refuses() {
    habits.initialize = ({ id }) => write({ id, error: { code: -32004, message: 'unsupportedProtocolVersion' } });
  },
  crashesAtOnce() {
    process.stderr.write('ImportError: no module named msgspec\n');
    process.exit(3);
  },
  crashesOnPing() {
    habits.ping = () => {
      for (let i = 1; i <= 300; i++) process.stderr.write(`line ${i}\n`);
      process.stderr.write('the last line has no end', () => process.exit(4));
    };
  },
  answersAndCrashes() {
    // The answer and the end come together: the answer must not get lost.
    habits.ping = (message) => {
      writeSync(1, `${JSON.stringify({ jsonrpc: '2.0', id: message.id, result: { uptimeMs: 7, sessions: 0 } })}\n`);
      process.exit(5);
    };
  },
  neverAnswers() {
    process.stderr.write(`process ${process.pid} is thinking\n`);
    habits.initialize = () => {};
  },
  startsSlowly() {
    habits.initialize = (message) => setTimeout(() => answer(message, INFO), 300);
  },
  failsOnceThenStartsSlowly() {
    const flag = process.argv[3];
    if (existsSync(flag)) return ways.startsSlowly();
    writeFileSync(flag, '');
    process.exit(3);
  },
  isBusyAtFirst() {
    const tried = new Set();
    const taken = [];
    habits['session/sendAudio'] = ({ params }) => void taken.push(params.n);
    habits['session/send'] = ({ id, params }) => {
      const isNew = !tried.has(params.n);
      tried.add(params.n);
      if (isNew && params.n % 2 === 0) return write({ id, error: { code: -32001, message: 'busy' } });
      taken.push(params.n);
      return answer({ id }, { status: 'sent' });
    };
    habits.ping = (message) => answer(message, { taken });
  },
  garbage() {
    process.stdout.write('Welcome to the banner!\n\x00\xff{"half":\n');
  },
  onlyGarbage() {
    process.stdout.write('usage: something-else [-h]\n', () => process.exit(2));
  },
  closesStdin() {
    habits.ping = () => {
      process.stdin.destroy();
      closeSync(0);
      stayAlive();
    };
  },
  closesStdout() {
    habits.ping = () => {
      closeSync(1);
      stayAlive();
    };
  },
  doesNotRead() {
    habits.initialize = (message) => {
      answer(message, INFO);
      process.stdin.pause();
      stayAlive();
    };
  },
  floodsStderr() {
    const line = `${'e'.repeat(1023)}\n`;
    habits.ping = (message) => {
      for (let i = 0; i < 8 * 1024; i++) writeSync(2, line); // blocks unless somebody reads
      answer(message, { uptimeMs: 8, sessions: 0 });
    };
  },
  logs() {
    process.stderr.write('{"ts":"2026-01-01T00:00:00.000Z","level":"warn","logger":"x","msg":"hello","n":1}\n');
    process.stderr.write('Traceback (most recent call last):\n');
    habits.ping = (message) => {
      write({ method: 'log', params: { level: 'error', message: 'not obeyed', instanceId: 'i1', data: { n: 2 } } });
      answer(message);
    };
  },
  ignoresTheEnd() {
    for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => process.stderr.write(`${signal}\n`));
    habits.shutdown = () => {};
    habits.exit = () => {};
    process.stdin.on('end', stayAlive);
  },
  echoes() {
    habits.initialize = (message) => {
      answer(message, INFO);
      habits.ping = (ping) => answer(ping, { env: process.env, argv: process.argv.slice(2), params: message.params });
    };
  },
};

ways[way]();
let text = '';
process.stdin.setEncoding('utf8').on('data', (chunk) => {
  const lines = (text + chunk).split('\n');
  text = lines.pop();
  for (const message of lines.map((line) => JSON.parse(line))) (habits[message.method] ?? answer)(message);
});
