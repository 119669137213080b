// The bridge's tests under each version of Node that it promises to run on: `make nodes`. A version that cannot be had is
// skipped, and said to be. Arguments pick test files, as in `npm test`, and versions:
//   make nodes NODES_ARGS='framing session --versions 18,26'
//   make nodes NODES_ARGS=--quick    only the tests of what depends on Node: processes, pipes, timers, formats of modules
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const HERE = dirname(fileURLToPath(import.meta.url));
const TESTS = join(HERE, '../../bridge-js/.test-dist/test');
/** Most of the time of a test is waiting for processes. */
const AT_A_TIME = 2;
const LONGEST_MS = 240_000;

/** What may differ from one Node to the next. */
const QUICK = ['connection', 'errors', 'events', 'framing', 'package', 'secret', 'sidecar', 'supervisor', 'timer', 'watchdog'];

const { values: options, positionals } = parseArgs({
  options: { quick: { type: 'boolean', default: false }, versions: { type: 'string' } },
  allowPositionals: true,
});
const wanted = options.quick ? [...QUICK, ...positionals] : positionals;
const majors = options.versions?.split(',');
const files = readdirSync(TESTS)
  .filter((name) => name.endsWith('.test.js') && (wanted.length === 0 || wanted.some((part) => name.includes(part))))
  .map((name) => join(TESTS, name));
if (files.length === 0) throw new Error(`No test file matches ${wanted.join(', ')}.`);

const { optionalDependencies } = JSON.parse(readFileSync(join(HERE, 'package.json'), 'utf8'));
const versions = Object.entries(optionalDependencies).filter(([name]) => majors?.includes(name.replace('node-', '')) ?? true);
const outcomes = [];
print('Node', 'passed', 'failed', 'skipped', 's');
for (const [name, spec] of versions) outcomes.push(await row(name, spec.replace('npm:node@', 'v')));
const count = (outcome) => outcomes.filter((each) => each === outcome).length;
console.log(`${count('passed')} of ${outcomes.length} versions passed, ${count('skipped')} skipped, ${files.length} files of tests each`);
process.exitCode = count('failed') > 0 || count('passed') === 0 ? 1 : 0;

async function row(name, promised) {
  const node = join(HERE, 'node_modules', name, 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
  if (!existsSync(node)) return skip(promised, 'its package brought no program for this machine');
  const { stdout, error } = spawnSync(node, ['--version'], { encoding: 'utf8' });
  if (stdout?.trim() !== promised) return skip(promised, error?.message ?? `it calls itself ${stdout.trim() || 'nothing'}`);
  const startMs = performance.now();
  const { code, tap } = await test(node);
  const [passed, failed, skipped] = ['pass', 'fail', 'skipped'].map((what) => new RegExp(`^# ${what} (\\d+)$`, 'm').exec(tap)?.[1]);
  print(promised, passed ?? '-', failed ?? '-', skipped ?? '-', ((performance.now() - startMs) / 1000).toFixed(0));
  if (code === 0 && Number(passed) > 0 && failed === '0') return 'passed';
  console.log(passed === undefined ? tap.slice(-2_000) : whatFailed(tap));
  return 'failed';
}

/** What the tests print, and how they end. Programs that they start by the name `node` are of this version, too. */
function test(node) {
  const args = ['--test', `--test-concurrency=${AT_A_TIME}`, '--test-reporter=tap', ...files];
  const env = { ...process.env, PATH: `${dirname(node)}${delimiter}${process.env.PATH}` };
  return new Promise((resolve) => {
    const child = spawn(node, args, { env, timeout: LONGEST_MS, killSignal: 'SIGKILL' });
    let tap = '';
    for (const output of [child.stdout, child.stderr]) output.setEncoding('utf8').on('data', (text) => (tap += text));
    child.once('close', (code, signal) => resolve({ code, tap: code === null ? `${tap}\nended by ${signal}` : tap }));
  });
}

/** Of each test that failed the name and the error; a file that failed only by its tests is left out. */
function whatFailed(tap) {
  const blocks = tap.split(/^(?=\s*(?:not )?ok \d)/m).filter((block) => /^\s*not ok/.test(block) && !block.includes('subtestsFailed'));
  return blocks.map((block) => block.split('\n').slice(0, 30).join('\n')).join('\n');
}

function skip(version, why) {
  print(version, '-', '-', '-', '-');
  console.log(`  SKIPPED: ${why}`);
  return 'skipped';
}

function print(version, ...cells) {
  console.log(version.padEnd(10) + cells.map((cell) => cell.padStart(9)).join(''));
}
