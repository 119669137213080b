// The example, packed for Electron in every way that docs/packaging.md tells of, and started outside the repository.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdir, readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { run } from '../consumers/project.mjs';
import { ARGUMENTS, cloneFolder, environment } from '../electron/electron.mjs';
import { converses, electronVersion, exampleProject, findTools, tool } from './app.mjs';
import { BUILT, contents, makeWorld, NAME, PROGRAM_NAME, PYTHON } from './world.mjs';

/** Not compressed: it is unpacked at once. */
const ZIP = `import pathlib, sys, zipfile
root = pathlib.Path(sys.argv[1])
with zipfile.ZipFile(sys.argv[2], 'w') as archive:
    for path in root.rglob('*'):
        archive.write(path, path.relative_to(root))
`;

const BUILDER = 'electron-builder/cli.js';
const FORGE = '@electron-forge/cli/dist/electron-forge.js';
const TO_FOLDER = ['--linux', 'dir', '--publish', 'never'];
const electronOf = (version) => [`-c.electronDist=${dirname(electron)}`, `-c.electronVersion=${version}`];

const { path: electron, reason } = findTools();
if (reason) console.log(`skipped: ${reason}`);

describe('the example, packed', { skip: reason, timeout: 240_000 }, () => {
  let world;
  let app;
  before(async () => {
    world = await makeWorld();
    app = await exampleProject(world, electron);
  });
  after(() => world?.close());

  /** An Electron with empty resources; where those are. */
  async function emptyElectron(name) {
    const resources = join(world.folder, name, 'resources');
    await mkdir(resources, { recursive: true });
    cloneFolder(dirname(electron), join(world.folder, name), 'resources');
    for (const path of ['electron-app/conversation.json', 'demo/speech-25s.wav']) await cp(join(world.folder, path), join(resources, basename(path)));
    return resources;
  }
  const started = (resources) => join(dirname(resources), basename(electron));
  const asar = (...args) => tool('@electron/asar/bin/asar.mjs', args, world.folder);

  test('in app.asar, the platform package unpacked beside it', async () => {
    const resources = await emptyElectron('unpacked');
    await asar('pack', app, join(resources, 'app.asar'), '--unpack-dir', '**/node_modules/@live-sidecar');
    const unpacked = join(resources, 'app.asar.unpacked/node_modules', NAME, 'live-sidecar');
    assert.deepEqual(contents(unpacked), contents(BUILT));
    await converses(started(resources), join(unpacked, PROGRAM_NAME));
  });

  test('in app.asar without the platform package, the program among the resources', async () => {
    const resources = await emptyElectron('resource');
    const alone = join(world.folder, 'alone');
    await cp(app, alone, { recursive: true, filter: (path) => !path.endsWith('@live-sidecar') });
    await asar('pack', alone, join(resources, 'app.asar'));
    await cp(join(app, 'node_modules', NAME, 'live-sidecar'), join(resources, 'live-sidecar'), { recursive: true });
    await converses(started(resources), join(resources, 'live-sidecar', PROGRAM_NAME));
  });

  test('in app.asar where nothing was unpacked: the error says so', async () => {
    const resources = await emptyElectron('archived');
    await asar('pack', app, join(resources, 'app.asar'));
    const args = [...ARGUMENTS, `--user-data-dir=${join(world.folder, 'profile')}`];
    const { status, stderr } = spawnSync(started(resources), args, { env: environment(), encoding: 'utf8', timeout: 20_000 });
    assert.equal(status, 1);
    assert.match(stderr, /SidecarSpawnError: .* inside app\.asar, where no system can run a program: have the packager unpack that\./);
  });

  /** What both recipes promise. */
  async function asTheRecipeSays(folder, executable) {
    const resources = join(folder, 'resources');
    assert.deepEqual(contents(join(resources, 'live-sidecar')), contents(BUILT));
    assert.ok(!existsSync(join(resources, 'app.asar.unpacked')), 'the program is there once');
    const inside = (await asar('list', join(resources, 'app.asar'))).split('\n');
    assert.ok(inside.includes('/node_modules/live-sidecar/package.json'), inside.join(' '));
    const others = /@live-sidecar|^.(conversation\.json|speech-25s\.wav|start\.mjs|entitlements\.plist|forge\.config\.cjs|sidecar\.cjs|electron-builder\.yml)$/;
    assert.deepEqual(inside.filter((path) => others.test(path)), []);
    await converses(join(folder, executable), join(resources, 'live-sidecar', PROGRAM_NAME));
  }

  test('by electron-builder, with electron-builder.yml', async () => {
    const version = await electronVersion(electron);
    await tool(BUILDER, [...TO_FOLDER, ...electronOf(version)], app);
    await asTheRecipeSays(join(app, 'out/linux-unpacked'), 'live-sidecar-electron-example');
  });

  test('for a machine whose package is not installed: both recipes refuse, and say what to do', async () => {
    const version = await electronVersion(electron);
    const told = /npm install --os=linux --cpu=arm64 --no-save live-sidecar/;
    await assert.rejects(tool(BUILDER, [...TO_FOLDER, '--arm64', ...electronOf(version)], app), told);
    await assert.rejects(tool(FORGE, ['package', '--arch=arm64'], app), told);
  });

  test('by Electron Forge, with forge.config.cjs', async () => {
    const zips = join(world.folder, 'zips');
    await mkdir(zips);
    const version = await electronVersion(electron);
    await run(PYTHON, ['-c', ZIP, dirname(electron), join(zips, `electron-v${version}-linux-x64.zip`)], {});
    await tool(FORGE, ['package'], app, { ELECTRON_ZIP_DIR: zips });
    const [folder] = (await readdir(join(app, 'out'))).filter((name) => name.endsWith('-linux-x64'));
    await asTheRecipeSays(join(app, 'out', folder), 'Live');
  });
});
