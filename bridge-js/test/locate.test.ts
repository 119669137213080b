import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import test, { afterEach, beforeEach } from 'node:test';
import { SidecarSpawnError } from '../src/errors.js';
import { locate, type Surroundings } from '../src/locate.js';

let root: string;
let around: Surroundings;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'locate-'));
  const from = join(root, 'repo', 'bridge-js', 'dist', 'esm');
  around = { env: {}, platform: 'linux', arch: 'x64', development: true, from, resources: undefined, musl: () => false };
});

afterEach(() => rmSync(root, { recursive: true, force: true }));

function program(...parts: string[]): string {
  const path = join(root, ...parts);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, '');
  chmodSync(path, 0o755);
  return path;
}

test('an explicit command is taken as it is', () => {
  assert.equal(locate('/somewhere/live-sidecar', around), '/somewhere/live-sidecar');
});

test('the environment variable comes before the development environment', () => {
  program('repo', '.venv', 'bin', 'live-sidecar');
  const named = program('other', 'live-sidecar');
  assert.equal(locate(undefined, { ...around, env: { LIVE_SIDECAR_BINARY: named } }), named);
});

test('a variable that names nothing is an error, not a reason to take another program', () => {
  program('repo', '.venv', 'bin', 'live-sidecar');
  const missing = join(root, 'missing');
  assert.throws(
    () => locate(undefined, { ...around, env: { LIVE_SIDECAR_BINARY: missing } }),
    (error) =>
      error instanceof SidecarSpawnError &&
      error.tried.length === 1 &&
      error.tried[0] === missing &&
      error.message === `LIVE_SIDECAR_BINARY names a program that is not there. Correct it, or take it away. Tried: ${missing}`,
  );
});

test('the nearest development environment above the package is found', () => {
  program('.venv', 'bin', 'live-sidecar');
  const nearest = program('repo', '.venv', 'bin', 'live-sidecar');
  assert.equal(locate(undefined, around), nearest);
});

test('on Windows its program has another place and name', () => {
  const path = program('repo', '.venv', 'Scripts', 'live-sidecar.exe');
  assert.equal(locate(undefined, { ...around, platform: 'win32' }), path);
});

test('a folder or a file that cannot be executed is not the program', { skip: process.platform === 'win32' }, () => {
  mkdirSync(join(root, 'repo', 'bridge-js', '.venv', 'bin', 'live-sidecar'), { recursive: true });
  chmodSync(program('repo', '.venv', 'bin', 'live-sidecar'), 0o644);
  const found = program('.venv', 'bin', 'live-sidecar');
  assert.equal(locate(undefined, around), found);
});

test('a program that may not be executed is not said to be missing', { skip: process.platform === 'win32' }, () => {
  const path = platformPackage('@live-sidecar/linux-x64', 'live-sidecar', 'repo');
  chmodSync(path, 0o644);
  for (const development of [true, false]) {
    assert.throws(
      () => locate(undefined, { ...around, development }),
      (error) => error instanceof SidecarSpawnError && error.message.startsWith(`The live-sidecar program is there, but may not be executed: ${path}. `) && error.message.includes('chmod +x'),
    );
  }
});

test('the error names every path that was tried and what to do', () => {
  assert.throws(
    () => locate(undefined, around),
    (error) => {
      assert.ok(error instanceof SidecarSpawnError);
      assert.match(error.message, /Supervisor\(\{ command \}\).*configureSidecar\(\{ command \}\).*install @live-sidecar\/linux-x64 .*LIVE_SIDECAR_BINARY.*make/);
      assert.ok(error.tried.length >= 4);
      for (const path of error.tried) assert.ok(error.message.includes(path), path);
      return true;
    },
  );
});

test('outside development neither the variable nor a folder above is trusted', () => {
  const path = program('repo', '.venv', 'bin', 'live-sidecar');
  const packaged = { ...around, development: false, env: { LIVE_SIDECAR_BINARY: path } };
  assert.throws(() => locate(undefined, packaged), /outside development/);
});

/** A platform package, as npm would install it. */
function platformPackage(name: string, executable: string, ...above: string[]): string {
  const folder = [...above, 'node_modules', name];
  mkdirSync(join(root, ...folder), { recursive: true });
  writeFileSync(join(root, ...folder, 'package.json'), JSON.stringify({ name, version: '1.0.0' }));
  return program(...folder, 'live-sidecar', executable);
}

test('the platform package beside this one is found, in development and outside', () => {
  const path = platformPackage('@live-sidecar/linux-x64', 'live-sidecar', 'repo');
  assert.equal(locate(undefined, around), path);
  assert.equal(locate(undefined, { ...around, development: false }), path);
  assert.throws(() => locate(undefined, { ...around, development: false, arch: 'arm64' }), SidecarSpawnError);
});

test('where packages are links into a store, as with pnpm, the platform package beside the real one is found', () => {
  const path = platformPackage('@live-sidecar/linux-x64', 'live-sidecar', 'app', 'node_modules', '.pnpm', 'live-sidecar@1.0.0');
  // Node gives a module its real path.
  const from = join(root, 'app', 'node_modules', '.pnpm', 'live-sidecar@1.0.0', 'node_modules', 'live-sidecar', 'dist', 'esm');
  assert.equal(locate(undefined, { ...around, from }), path);
});

test('on a machine with musl the error says that there is no build for it', () => {
  for (const development of [true, false]) {
    assert.throws(() => locate(undefined, { ...around, development, musl: () => true }), /there is no build for musl: use one with glibc/);
  }
  assert.throws(() => locate(undefined, around), (error) => error instanceof Error && !error.message.includes('musl'));
});

test('the resources of a packaged app come first', () => {
  platformPackage('@live-sidecar/win32-x64', 'live-sidecar.exe', 'repo');
  const path = program('resources', 'live-sidecar', 'live-sidecar.exe');
  const packaged = { ...around, development: false, platform: 'win32', resources: join(root, 'resources') };
  assert.equal(locate(undefined, packaged), path);
});

test('a program inside app.asar is looked for where the packager unpacked it', () => {
  // Electron shows the archive as a folder; to Node it is one.
  const manifest = ['resources', 'app.asar', 'node_modules', '@live-sidecar/linux-x64'];
  platformPackage('@live-sidecar/linux-x64', 'live-sidecar', ...manifest.slice(0, 2));
  const unpacked = program('resources', 'app.asar.unpacked', ...manifest.slice(2), 'live-sidecar', 'live-sidecar');
  const from = join(root, 'resources', 'app.asar', 'node_modules', 'live-sidecar', 'dist', 'esm');
  assert.equal(locate(undefined, { ...around, development: false, from }), unpacked);
  rmSync(unpacked);
  assert.throws(() => locate(undefined, { ...around, development: false, from }), /inside app\.asar, .*unpack.* Tried: .*app\.asar\.unpacked/);
});

test('outside development the error tells how to ship the program', () => {
  assert.throws(
    () => locate(undefined, { ...around, development: false, resources: join(root, 'resources') }),
    (error) => {
      assert.ok(error instanceof SidecarSpawnError);
      assert.match(error.message, /resource .*live-sidecar.*install @live-sidecar\/linux-x64 \(npm/);
      assert.deepEqual(error.tried, [join(root, 'resources', 'live-sidecar', 'live-sidecar')]);
      return true;
    },
  );
});

test('the error names the package of another platform that is installed instead', () => {
  platformPackage('@live-sidecar/darwin-arm64', 'live-sidecar', 'repo');
  for (const development of [true, false]) {
    assert.throws(
      () => locate(undefined, { ...around, development }),
      /Installed is @live-sidecar\/darwin-arm64, and this is linux-x64: .*`npm install --os=linux --cpu=x64`/,
    );
  }
});
