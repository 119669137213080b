// The packages as users get them: npm chooses and installs, and an app outside development talks.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, realpathSync, statSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { startSimulator } from '../../examples/demo/machine.mjs';
import { run } from '../consumers/project.mjs';
import { BARE, BUILT, contents, makeWorld, NAME, PLATFORM, platformPackage, PRODUCTION, PROGRAM_NAME, ROOT, VERSION } from './world.mjs';

const OTHER = PLATFORM === 'darwin-arm64' ? 'win32-x64' : 'darwin-arm64';
const [otherSystem, otherProcessor] = OTHER.split('-');
let world;
let project;

before(async () => {
  world = await makeWorld();
  project = await world.project('app');
});
after(() => world?.close());

const installed = (folder) => readdirSync(join(folder, 'node_modules/@live-sidecar'));

test('npm takes the package of this machine, and fetches no other', () => {
  assert.deepEqual(installed(project), [PLATFORM]);
  assert.deepEqual([...new Set(world.registry.requested)].sort(), [`live-sidecar-${VERSION}.tgz`, `live-sidecar-${PLATFORM}-${VERSION}.tgz`].sort());
});

test('every file came through, and the program is executable', () => {
  const folder = join(project, 'node_modules', NAME, 'live-sidecar');
  const hasLinks = readdirSync(BUILT, { recursive: true, withFileTypes: true }).some((entry) => entry.isSymbolicLink());
  if (!hasLinks) assert.deepEqual(contents(folder), contents(BUILT));
  if (process.platform !== 'win32') {
    assert.equal(statSync(join(folder, PROGRAM_NAME)).mode & 0o777, 0o755);
    assert.equal(statSync(join(folder, 'SHA256SUMS')).mode & 0o777, 0o644);
  }
  const checked = execFileSync(join(folder, PROGRAM_NAME), ['--self-check', '--json'], { encoding: 'utf8', env: BARE });
  assert.match(checked, /"files"/);
});

for (const file of ['talk.mjs', 'talk.cjs']) {
  test(`outside development ${file} finds the program, and talks`, async () => {
    const simulator = await startSimulator(join(project, 'node_modules', NAME, 'live-sidecar', PROGRAM_NAME), join(project, 'script.json'));
    try {
      const said = JSON.parse(await run(process.execPath, [file, simulator.url], { cwd: project, env: PRODUCTION, timeout: 20_000 }));
      assert.deepEqual(said, { version: VERSION, connected: true, answer: 'It is sunny.' });
    } finally {
      await simulator.stop();
    }
  });
}

test('the same from the lock file', async () => {
  const before = contents(join(project, 'node_modules', NAME));
  await world.npm(project, ['ci']);
  assert.deepEqual(installed(project), [PLATFORM]);
  assert.deepEqual(contents(join(project, 'node_modules', NAME)), before);
});

/** The same packages as pnpm lays them out: in a store, and linked from there. */
function linked(name) {
  const folder = join(world.folder, name);
  const store = join(folder, 'node_modules/.pnpm');
  for (const [each, linkedFrom] of [
    ['live-sidecar', folder],
    [NAME, join(store, 'live-sidecar')],
  ]) {
    const real = join(store, basename(each), 'node_modules', each);
    cpSync(join(project, 'node_modules', each), real, { recursive: true });
    const link = join(linkedFrom, 'node_modules', each);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(real, link, 'junction');
  }
  return folder;
}

for (const [manager, lay] of Object.entries({ npm: () => project, pnpm: () => linked('linked') })) {
  test(`what packs an Electron app finds the program as ${manager} lays it out`, () => {
    const folder = realpathSync(lay());
    cpSync(join(ROOT, 'examples/electron-app/sidecar.cjs'), join(folder, 'sidecar.cjs'));
    const { sidecar, default: beforePack } = createRequire(join(folder, 'sidecar.cjs'))('./sidecar.cjs');
    const found = sidecar(process.platform, process.arch);
    assert.deepEqual(contents(found), contents(join(project, 'node_modules', NAME, 'live-sidecar')));
    // electron-builder takes a path from the project on, and has numbers for processors.
    beforePack({ electronPlatformName: process.platform, arch: { x64: 1, arm64: 3 }[process.arch], packager: { projectDir: folder } });
    assert.equal(join(folder, process.env.LIVE_SIDECAR_FOLDER), found);
    assert.throws(() => sidecar(otherSystem, otherProcessor), /is not installed: npm install --os=.* supportedArchitectures/);
  });
}

/** What an app says that cannot find the program. */
function complaint(folder) {
  const { status, stderr } = spawnSync(process.execPath, ['talk.mjs', 'ws://127.0.0.1:1'], { cwd: folder, env: PRODUCTION, encoding: 'utf8', timeout: 20_000 });
  assert.equal(status, 1);
  assert.match(stderr, /SidecarSpawnError: The live-sidecar program was not found\./);
  assert.ok(stderr.includes(`install ${NAME} (npm`), stderr);
  return stderr;
}

test('for another machine npm takes its package, and here the error says that it is another’s', async () => {
  const folder = await world.project('of-another', [`--os=${otherSystem}`, `--cpu=${otherProcessor}`]);
  assert.deepEqual(installed(folder), [OTHER]);
  assert.ok(complaint(folder).includes(`Installed is @live-sidecar/${OTHER}, and this is ${PLATFORM}:`));
  await world.npm(folder, ['install', '--no-save', `--os=${process.platform}`, `--cpu=${process.arch}`, 'live-sidecar']);
  assert.ok(installed(folder).includes(PLATFORM));
});

test('without optional packages the error names the one that is missing', async () => {
  const folder = await world.project('omitted', ['--omit=optional']);
  assert.ok(!complaint(folder).includes('Installed is'));
});

test('packed again it has the same bytes', async () => {
  const [again] = await platformPackage(BUILT, join(world.folder, 'again'));
  assert.deepEqual(readFileSync(again), readFileSync(join(ROOT, 'dist/packages', basename(again))));
});
