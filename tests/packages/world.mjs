// The packages as `make packages` makes them, those of other platforms made up by the same script, and clean projects.
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { newFolder, remove, run } from '../consumers/project.mjs';
import { serveRegistry } from './registry.mjs';

export const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const NPM = process.platform === 'win32' ? 'npm.cmd' : 'npm';
export const PYTHON = join(ROOT, process.platform === 'win32' ? '.venv/Scripts/python.exe' : '.venv/bin/python');

export const PLATFORM = `${process.platform}-${process.arch}`;
export const NAME = `@live-sidecar/${PLATFORM}`;
export const PROGRAM_NAME = process.platform === 'win32' ? 'live-sidecar.exe' : 'live-sidecar';
/** What `make binary` made. */
export const BUILT = join(ROOT, 'dist', `live-sidecar-${PLATFORM}`);
export const VERSION = JSON.parse(readFileSync(join(ROOT, 'bridge-js/package.json'), 'utf8')).version;

/** A registry, and what makes projects of it. `close()` removes it all. */
export async function makeWorld() {
  const folder = newFolder();
  try {
    const packages = join(ROOT, 'dist/packages');
    const ours = [`live-sidecar-${VERSION}.tgz`, `live-sidecar-${PLATFORM}-${VERSION}.tgz`].map((name) => join(packages, name));
    for (const path of ours) if (!existsSync(path)) throw new Error(`There is no ${path}: run \`make packages\`.`);
    const others = ['linux-x64', 'win32-x64', 'darwin-arm64', 'darwin-x64'].filter((platform) => platform !== PLATFORM);
    const tarballs = await Promise.all(others.map((platform) => madeUp(platform, folder)));
    const registry = await serveRegistry([...ours, ...tarballs]);
    const npm = (project, args) => run(NPM, [...args, '--no-audit', '--no-fund', '--silent'], { cwd: project, env: npmEnvironment(registry.url, folder) });
    return {
      folder,
      registry,
      npm,
      /** A new project, not inside the repository, with the packages of `npm install` and these arguments. */
      project: async (name, args = []) => {
        const project = join(folder, name);
        mkdirSync(project);
        writeFileSync(join(project, 'package.json'), '{ "private": true }\n');
        await npm(project, ['install', `live-sidecar@${VERSION}`, ...args]);
        cpSync(join(ROOT, 'tests/consumers/programs'), project, { recursive: true, filter: (path) => !path.endsWith('electron') });
        return project;
      },
      close: () => {
        registry.close();
        remove(folder);
      },
    };
  } catch (error) {
    remove(folder);
    throw error;
  }
}

/** A package for another platform, of a folder that has nothing but names. */
async function madeUp(platform, folder) {
  const built = join(folder, `live-sidecar-${platform}`);
  mkdirSync(built);
  for (const name of ['live-sidecar', 'live-sidecar.exe', 'SHA256SUMS']) writeFileSync(join(built, name), 'made up');
  return (await platformPackage(built, join(folder, 'others'))).at(-1);
}

/** Runs the script that makes a platform package; the paths it prints. */
export async function platformPackage(built, into) {
  const script = join(ROOT, 'build/npm_packages.py');
  return (await run(PYTHON, [script, built, '--into', into, '--no-bridge'], {})).trim().split(/\r?\n/);
}

function npmEnvironment(registry, folder) {
  return { ...process.env, npm_config_registry: registry, npm_config_cache: join(folder, 'cache'), npm_config_prefer_online: 'true' };
}

/** By path: mode and sum of every file below. */
export function contents(folder) {
  return Object.fromEntries(
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => !entry.isDirectory())
      .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
      .sort()
      .map((path) => [path.slice(folder.length + 1), `${statSync(path).mode & 0o777} ${createHash('sha256').update(readFileSync(path)).digest('hex')}`]),
  );
}

/** As little as a system works with. */
export const BARE = process.platform === 'win32' ? { SYSTEMROOT: process.env.SYSTEMROOT } : {};

/** What an app sees outside development, and no more. */
export const PRODUCTION = { ...BARE, PATH: dirname(process.execPath), NODE_ENV: 'production', LIVE_SIDECAR_BINARY: '/not/trusted' };
