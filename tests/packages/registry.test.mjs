// The registry on loopback reads packages wherever they lie.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { newFolder, remove } from '../consumers/project.mjs';
import { serveRegistry } from './registry.mjs';

test('a package in a path with a colon, as every path of Windows is', { skip: process.platform === 'win32' && 'no folder there has a colon' }, async () => {
  const folder = newFolder();
  try {
    mkdirSync(join(folder, 'package'));
    mkdirSync(join(folder, 'D:'));
    writeFileSync(join(folder, 'package/package.json'), JSON.stringify({ name: 'made-up', version: '1.2.3' }));
    execFileSync('tar', ['czf', 'made-up.tgz', 'package'], { cwd: folder });
    execFileSync('mv', ['made-up.tgz', 'D:/'], { cwd: folder });
    const before = process.cwd();
    process.chdir(folder);
    const registry = await serveRegistry(['D:/made-up.tgz']).finally(() => process.chdir(before));
    const found = await (await fetch(`${registry.url}/made-up`)).json();
    registry.close();
    assert.deepEqual(found['dist-tags'], { latest: '1.2.3' });
  } finally {
    remove(folder);
  }
});
