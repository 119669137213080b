// The package as its users get it: packed, installed into a clean project, and used in every way that it promises:
// `make consumers`. Needs no network. `--package FOLDER` looks at another one than bridge-js.
import { existsSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { startSimulator } from '../../examples/demo/machine.mjs';
import { CONSUMERS } from './consumers.mjs';
import { cleanProject, newFolder, pack, remove, run } from './project.mjs';

const HERE = dirname(fileURLToPath(import.meta.url));
const ROOT = join(HERE, '../..');
const PROGRAM = join(ROOT, process.platform === 'win32' ? '.venv/Scripts/live-sidecar.exe' : '.venv/bin/live-sidecar');

const { values: options } = parseArgs({ options: { package: { type: 'string', default: join(ROOT, 'bridge-js') } } });
const folder = newFolder();
let simulator;
let broken = 0;
try {
  const tarball = await pack(options.package, folder);
  const project = await cleanProject(join(folder, 'project'), tarball);
  const alone = join(folder, 'alone');
  mkdirSync(alone);
  simulator = await startSimulator(PROGRAM, join(HERE, 'programs/script.json'));
  const world = { tarball, project, alone, program: PROGRAM, talk: (file) => talk(file, simulator.url) };
  for (const [what, check] of Object.entries(CONSUMERS)) await row(what, () => check(world));
} finally {
  await simulator?.stop();
  remove(folder);
}
console.log(broken === 0 ? `all ${Object.keys(CONSUMERS).length} consumers are served` : `${broken} consumers are NOT served`);
process.exitCode = broken === 0 ? 0 : 1;

/** One line for one consumer: what it found, or what is wrong. */
async function row(what, check) {
  const startMs = performance.now();
  let words;
  try {
    words = await check();
  } catch (error) {
    broken += 1;
    words = `WRONG: ${error.message}`;
  }
  console.log(`${what.padEnd(38)} ${((performance.now() - startMs) / 1000).toFixed(1).padStart(5)} s  ${words}`);
}

/** Runs a consumer's program, which must hold its conversation and end by itself. */
async function talk(file, url) {
  if (!existsSync(file)) throw new Error(`${file} was not built`);
  const said = JSON.parse(await run(process.execPath, [file, url, PROGRAM], { cwd: dirname(file), timeout: 20_000 }));
  if (!said.connected || said.answer !== 'It is sunny.') throw new Error(`it heard ${JSON.stringify(said)}`);
  return `talked with sidecar ${said.version}`;
}
