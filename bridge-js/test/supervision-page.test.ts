/** The examples of docs/supervision.md run against things of the shape that they are for. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { RESTART_DEFAULTS } from '../src/restart.js';
import type { LogEvent } from '../src/sidecar.js';
import { Supervisor } from '../src/supervisor.js';
import { WATCHDOG_DEFAULTS } from '../src/watchdog.js';
import { firstRaw, PROGRAM } from './support-program.js';

const PAGE = readFileSync(fileURLToPath(new URL('../../../docs/supervision.md', import.meta.url)), 'utf8');
const EXAMPLES = [...PAGE.split('## The log')[1]!.matchAll(/```js\n([^]*?)```/g)].map(([, code]) => code!);

type Call = readonly [method: string, ...args: unknown[]];

/** Notes every call of the four methods that all loggers have; any other is an error, as it is with them. */
function logger(calls: Call[]): Record<string, (...args: unknown[]) => void> {
  const methods = ['debug', 'info', 'warn', 'error'].map((name) => [name, (...args: unknown[]) => calls.push([name, ...args])]);
  return Object.fromEntries(methods) as never;
}

/** Runs example `code` with `name` as the logger, and a real process that logs. */
async function run(code: string, name: string, value: unknown): Promise<LogEvent[]> {
  const supervisor = new Supervisor({ command: process.execPath, args: [PROGRAM, 'logs'], watchdog: false });
  const events: LogEvent[] = [];
  supervisor.on('log', (event) => events.push(event));
  new Function('supervisor', name, code)(supervisor, value);
  supervisor.ref();
  await supervisor.start();
  await firstRaw(events, supervisor);
  await supervisor.stop();
  return events;
}

test('console', async () => {
  const calls: Call[] = [];
  await run(EXAMPLES[0]!, 'console', { ...logger(calls), log: (...args: unknown[]) => calls.push(['log', ...args]) });
  assert.deepEqual(calls.slice(0, 2).map(([method, message]) => [method, message]), [
    ['warn', 'hello'],
    ['log', 'Traceback (most recent call last):'],
  ]);
});

test('pino: fields first, then the message', async () => {
  const calls: Call[] = [];
  const names: unknown[] = [];
  await run(EXAMPLES[1]!, 'logger', { child: (bindings: unknown) => (names.push(bindings), logger(calls)) });
  assert.deepEqual(names, [{ name: 'live-sidecar' }]);
  const [method, data, message] = calls[0]!;
  assert.deepEqual([method, (data as { n?: number }).n, message], ['warn', 1, 'hello']);
  assert.equal(calls[1]![0], 'info');
});

test('electron-log: a scope', async () => {
  const calls: Call[] = [];
  await run(EXAMPLES[2]!, 'log', { scope: (name: string) => (assert.equal(name, 'live-sidecar'), logger(calls)) });
  assert.deepEqual(calls[0]!.slice(0, 2), ['warn', 'hello']);
});

test('the defaults on the page are those of the code', () => {
  const told = Object.fromEntries([...PAGE.matchAll(/^\| `(\w+\.\w+)` \| ([\d.]+) \|/gm)].map(([, name, value]) => [name, Number(value)]));
  const restart = Object.entries(RESTART_DEFAULTS).map(([name, value]) => [`restart.${name}`, value]);
  const watchdog = Object.entries(WATCHDOG_DEFAULTS).map(([name, value]) => [`watchdog.${name}`, value]);
  assert.deepEqual(told, Object.fromEntries([...restart, ...watchdog]));
});
