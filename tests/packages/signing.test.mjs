// In which order both packagers sign for macOS. Apple's codesign is not here: a stand-in writes down what it is asked.
import assert from 'node:assert/strict';
import { chmodSync, copyFileSync, cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { after, before, test } from 'node:test';
import { newFolder, remove } from '../consumers/project.mjs';
import { NODE, node } from './app.mjs';
import { BUILT, PROGRAM_NAME, ROOT } from './world.mjs';

const MODULES = join(ROOT, 'tests/packages/node_modules');
const OSX_SIGN = {
  'Electron Forge': join(MODULES, '@electron/osx-sign/dist/index.js'),
  'electron-builder': join(MODULES, 'app-builder-lib/node_modules/@electron/osx-sign/dist/cjs/index.js'),
};
const skip = process.platform === 'win32' || !existsSync(NODE) ? 'it wants a shell, and Node 22.12' : false;
let folder;
let app;

before(() => {
  folder = newFolder();
  app = join(folder, 'Live.app');
  const framework = join(app, 'Contents/Frameworks/Electron Framework.framework/Versions/A');
  for (const path of [framework, join(app, 'Contents/MacOS'), join(folder, 'bin')]) mkdirSync(path, { recursive: true });
  cpSync(BUILT, join(app, 'Contents/Resources/live-sidecar'), { recursive: true });
  for (const path of [join(framework, 'Electron Framework'), join(app, 'Contents/MacOS/Live')]) copyFileSync(join(BUILT, PROGRAM_NAME), path);
  for (const name of ['codesign', 'spctl']) {
    writeFileSync(join(folder, 'bin', name), '#!/bin/sh\nprintf "%s\\n" "$*" >>"$ASKED"\n');
    chmodSync(join(folder, 'bin', name), 0o755);
  }
});
after(() => remove(folder));

for (const [packager, osxSign] of Object.entries(OSX_SIGN)) {
  test(`${packager}: libraries, the sidecar, the app`, { skip }, async () => {
    const asked = join(folder, packager);
    const PATH = `${join(folder, 'bin')}${delimiter}${process.env.PATH}`;
    await node([join(ROOT, 'tests/packages/sign-app.mjs'), osxSign, app], folder, { PATH, ASKED: asked });
    const signed = readFileSync(asked, 'utf8').split('\n').filter((line) => line.includes('--sign '));
    for (const line of signed) assert.match(line, /--options \S*runtime.* --entitlements \S*entitlements\.plist /, line);
    const order = signed.map((line) => line.slice(line.indexOf(app) + app.length));
    const at = (path) => order.findIndex((signedPath) => signedPath === path);
    const program = at(`/Contents/Resources/live-sidecar/${PROGRAM_NAME}`);
    const libraries = order.filter((path) => path.includes('/live-sidecar/_internal/') && /\.(so|dylib)(\.|$)/.test(path));
    assert.ok(libraries.length > 20, 'every library is signed');
    for (const library of libraries) assert.ok(at(library) < program, library);
    assert.ok(program < at('/Contents/MacOS/Live') && at('/Contents/MacOS/Live') < at(''), order.join('\n'));
    assert.equal(new Set(order).size, order.length, 'each once');
  });
}
