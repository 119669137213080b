/** The built package as its users load it: by its name, in both module formats. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import * as source from '../src/index.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const { exports: entries, version } = JSON.parse(readFileSync(`${ROOT}package.json`, 'utf8')) as {
  exports: Record<string, Record<string, Record<string, string>>>;
  version: string;
};

/** Runs a program inside the package, where its own name leads to what `exports` says. */
function run(inputType: 'module' | 'commonjs', program: string): unknown {
  const args = [`--input-type=${inputType}`, '-e', program];
  return JSON.parse(execFileSync(process.execPath, args, { cwd: ROOT, encoding: 'utf8' })) as unknown;
}

test('both formats export the same names as the sources', () => {
  const names = Object.keys(source).sort();
  assert.ok(names.includes('Sidecar'));
  const imported = run('module', `console.log(JSON.stringify(Object.keys(await import('live-sidecar')).sort()))`);
  const required = run('commonjs', `console.log(JSON.stringify(Object.keys(require('live-sidecar')).sort()))`);
  assert.deepEqual(imported, names);
  assert.deepEqual(required, names);
});

test('a secret of one format is known to the other', () => {
  const program = `
    import { createRequire } from 'node:module';
    import { Secret } from 'live-sidecar';
    const { encodeLine } = createRequire(process.cwd() + '/')('./dist/cjs/framing.js');
    console.log(encodeLine({ key: new Secret('k-1') }, 100).toString());`;
  assert.deepEqual(run('module', program), { key: 'k-1' });
});

test('both formats start the sidecar of the development environment', () => {
  const body = `Sidecar.start().then(async (sidecar) => {
    await sidecar.stop();
    console.log(JSON.stringify(sidecar.info.sidecar.version));
  });`;
  assert.equal(run('module', `import { Sidecar } from 'live-sidecar'; ${body}`), version);
  assert.equal(run('commonjs', `const { Sidecar } = require('live-sidecar'); ${body}`), version);
});

test('every file that exports names exists, with its types', () => {
  const files = Object.values(entries['.'] ?? {}).flatMap((condition) => Object.values(condition));
  assert.equal(files.length, 4);
  for (const file of files) assert.ok(readFileSync(`${ROOT}${file}`, 'utf8').includes('Sidecar'), file);
});

test('the lock file names no registry', () => {
  assert.ok(!readFileSync(`${ROOT}package-lock.json`, 'utf8').includes('://'));
});
