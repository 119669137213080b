// The few lines that docs/packaging.md shows are those of the recipes that are packed and started here.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import test from 'node:test';
import vm from 'node:vm';
import { load } from 'js-yaml';

const read = (path) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const page = read('docs/packaging.md');
const shown = (language) => new RegExp('```' + language + '\\n(.*?)```', 's').exec(page)[1];
const require = createRequire(new URL('../../examples/electron-app/', import.meta.url));

test('those of electron-builder', () => {
  const recipe = load(read('examples/electron-app/electron-builder.yml'));
  const { files, beforePack, extraResources, win } = load(shown('yaml'));
  assert.deepEqual(files, recipe.files.slice(0, 2));
  assert.equal(beforePack, recipe.beforePack);
  assert.deepEqual(extraResources, recipe.extraResources.slice(0, 1));
  assert.deepEqual(win.signExts, recipe.win.signExts);
});

test('those of Electron Forge', async () => {
  const recipe = require('./forge.config.cjs');
  const module = {};
  const standIn = { sidecar: (...target) => target.join(' ') };
  vm.runInThisContext(`(module, require) => {${shown('js')}}`)(module, (name) => (assert.equal(name, './sidecar.cjs'), standIn));
  const { packagerConfig, hooks } = module.exports;
  assert.equal(packagerConfig.asar, recipe.packagerConfig.asar);
  assert.deepEqual(packagerConfig.ignore, recipe.packagerConfig.ignore.slice(0, 1));
  await hooks.prePackage({ packagerConfig }, 'linux', 'x64');
  assert.deepEqual(packagerConfig.extraResource, ['linux x64']);
});
