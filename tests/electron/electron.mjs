/** An Electron to test with: found, turned into a packaged app, started, and watched until none of its processes is left. */
import { copyFileSync, existsSync, linkSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const PROGRAM = join(ROOT, '.venv/bin/live-sidecar');

/** Where `make setup-electron` puts one. */
const PUT = fileURLToPath(new URL('node_modules/.electron/electron', import.meta.url));

/** The program, or why there is nothing to test with. */
export function findElectron() {
  if (Number(process.versions.node.split('.')[0]) < 20) return { reason: 'Playwright needs Node 20' };
  if (process.platform !== 'linux') return { reason: 'the test packs its app for Linux only' };
  if (!process.env.DISPLAY) return { reason: 'there is no display; run it as `make electron`, with Xvfb installed' };
  const { ELECTRON_BIN } = process.env;
  if (ELECTRON_BIN) return existsSync(ELECTRON_BIN) ? { path: ELECTRON_BIN } : { reason: `ELECTRON_BIN, ${ELECTRON_BIN}, is not there` };
  try {
    const path = createRequire(import.meta.url)('electron');
    if (existsSync(path)) return { path };
  } catch {
    // It is not installed, or without its program.
  }
  if (existsSync(PUT)) return { path: PUT };
  return { reason: 'there is no Electron; name one in ELECTRON_BIN, or try `make setup-electron`' };
}

/**
 * A packaged app: that Electron, `app` as its resources/app, and the sidecar where packaged apps keep it. So the test
 * also shows that it is found there, where nothing of a development environment is trusted.
 */
export function pack(electron, app) {
  const folder = mkdtempSync(join(tmpdir(), 'live-sidecar-electron-'));
  cloneFolder(dirname(electron), folder, 'resources');
  const resources = join(folder, 'resources');
  mkdirSync(join(resources, 'live-sidecar'), { recursive: true });
  symlinkSync(PROGRAM, join(resources, 'live-sidecar/live-sidecar'));
  symlinkSync(app, join(resources, 'app'));
  return { path: join(folder, basename(electron)), remove: () => rmSync(folder, { recursive: true, force: true }) };
}

/** Hard links where they are possible: an Electron has 230 MB. */
export function cloneFolder(from, to, except) {
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    if (entry.name === except) continue;
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) {
      mkdirSync(target);
      cloneFolder(source, target);
      continue;
    }
    try {
      linkSync(source, target);
    } catch {
      copyFileSync(source, target);
    }
  }
}

/** Chromium's own sandbox does not run as root; `sandbox: true` of a window is as strict about preload scripts all the same. */
export const ARGUMENTS = ['--disable-gpu', ...(process.getuid?.() === 0 ? ['--no-sandbox'] : [])];

/** What the app inherits: no key of the real service, above all. */
export function environment() {
  const { GEMINI_API_KEY: _, LIVE_SIDECAR_BINARY: __, ELECTRON_RUN_AS_NODE: ___, ...env } = process.env;
  return env;
}

/** All processes below `pid`, with their command lines. */
export function descendants(pid) {
  const parents = new Map();
  for (const name of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
      parents.set(Number(name), Number(/\) \S (\d+)/.exec(stat)[1]));
    } catch {
      // It ended meanwhile.
    }
  }
  const found = [];
  for (let above = new Set([pid]); above.size > 0; ) {
    const below = [...parents].filter(([, parent]) => above.has(parent)).map(([child]) => child);
    found.push(...below);
    above = new Set(below);
  }
  return found.map((child) => ({ pid: child, command: commandOf(child) }));
}

export function commandOf(pid) {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
  } catch {
    return ''; // ended, and it is a zombie's, too
  }
}

/** Waits until `condition` holds; fails, saying what was waited for, after `deadlineMs`. */
export async function until(condition, what, deadlineMs = 15_000) {
  const startMs = performance.now();
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (performance.now() - startMs > deadlineMs) throw new Error(`Not within ${deadlineMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Playwright forgets the process of an app that has ended. */
const children = new WeakMap();

/** Starts a packed app under Playwright. ELECTRON_OUTPUT=1 prints what it writes. */
export async function launch(executablePath) {
  const { _electron } = await import('playwright-core');
  const profile = mkdtempSync(join(tmpdir(), 'live-sidecar-profile-'));
  const args = [...ARGUMENTS, `--user-data-dir=${profile}`];
  const app = await _electron.launch({ executablePath, args, env: environment() });
  children.set(app, app.process());
  app.on('close', () => rmSync(profile, { recursive: true, force: true, maxRetries: 5 }));
  if (process.env.ELECTRON_OUTPUT) {
    for (const stream of [app.process().stdout, app.process().stderr]) stream.on('data', (data) => process.stderr.write(data));
  }
  return app;
}

/** The app's own process and all below it. */
export function processesOf(app) {
  const { pid } = children.get(app);
  return [{ pid, command: commandOf(pid) }, ...descendants(pid)];
}

/** Waits until none of these processes is left; ends what is, and fails, after `deadlineMs`. */
export async function untilGone(processes, deadlineMs) {
  const left = () => processes.filter(({ pid, command }) => commandOf(pid) === command);
  try {
    await until(() => left().length === 0, 'every process is gone', deadlineMs);
  } catch (error) {
    const names = left().map(({ command }) => command);
    for (const { pid } of left()) process.kill(pid, 'SIGKILL');
    throw new Error(`${error.message}; left: ${names.join('; ')}`);
  }
}

/** Ends an app whose test did not come to the end. */
export async function abandon(app) {
  const child = children.get(app);
  if (child.exitCode !== null || child.signalCode !== null) return;
  const processes = processesOf(app);
  app.close().catch(() => undefined);
  await untilGone(processes, 5_000).catch(() => undefined);
}
