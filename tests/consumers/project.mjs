// A clean project with the packed package in it, in a temporary folder.
import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const HERE = dirname(fileURLToPath(import.meta.url));
const NPM = process.platform === 'win32' ? 'npm.cmd' : 'npm';

export const TOOLS = join(HERE, 'node_modules');

/** Not inside the repository: there its own environment and packages would be found. */
export const newFolder = () => mkdtempSync(join(realpathSync(tmpdir()), 'live-sidecar-consumers-'));

export const remove = (folder) => rmSync(folder, { recursive: true, force: true });

/** What the program prints; its own words when it fails. */
export function run(command, args, options) {
  return new Promise((resolve, reject) => {
    execFile(command, args, { shell: command.endsWith('.cmd'), ...options }, (error, stdout, stderr) => {
      if (error === null) return resolve(stdout);
      const why = error.killed ? `it did not end within ${options.timeout} ms` : `exit code ${error.code}`;
      reject(new Error(`${why}\n${stdout}${stderr}`.trimEnd().replaceAll('\n', '\n    ')));
    });
  });
}

/** The package as it would be published, built before. */
export async function pack(from, into) {
  const printed = await run(NPM, ['pack', '--ignore-scripts', '--silent', '--pack-destination', into], { cwd: from });
  return join(into, printed.trim().split('\n').at(-1));
}

/** A project with the package, the programs, the types of Node, and what stands in for Electron. */
export async function cleanProject(folder, tarball) {
  const modules = join(folder, 'node_modules');
  mkdirSync(folder);
  writeFileSync(join(folder, 'package.json'), '{ "private": true }\n');
  await run(NPM, ['install', '--offline', '--silent', '--no-audit', '--no-fund', tarball], { cwd: folder });
  cpSync(join(HERE, 'programs'), folder, { recursive: true, filter: (path) => !path.endsWith('electron') });
  cpSync(join(HERE, 'programs/electron'), join(modules, 'electron'), { recursive: true });
  symlinkSync(join(TOOLS, '@types'), join(modules, '@types'), 'junction');
  return folder;
}
