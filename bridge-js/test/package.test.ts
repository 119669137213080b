/** The built package as its users load it: by its name, in both module formats. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import * as source from '../src/index.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const { exports: entries, version } = JSON.parse(readFileSync(`${ROOT}package.json`, 'utf8')) as {
  exports: Record<string, Entry>;
  version: string;
};

/** What `exports` says of one part: a file, or one for each condition. */
type Entry = string | { readonly [condition: string]: Entry };

function leaves(entry: Entry): string[] {
  return typeof entry === 'string' ? [entry] : Object.values(entry).flatMap(leaves);
}

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

test('every file that exports names is packed, its types too', () => {
  const files = Object.values(entries).flatMap(leaves);
  assert.ok(files.length > 4 && Object.keys(entries).every((entry) => entry.startsWith('.')));
  for (const file of leaves(entries['.']!)) assert.ok(readFileSync(`${ROOT}${file}`, 'utf8').includes('Sidecar'), file);
  const args = ['pack', '--dry-run', '--json', '--ignore-scripts', '--silent'];
  const [report] = JSON.parse(execFileSync('npm', args, { cwd: ROOT, encoding: 'utf8', shell: process.platform === 'win32' })) as [
    { files: { path: string }[] },
  ];
  const packed = report.files.map(({ path }) => `./${path}`);
  for (const file of files) assert.ok(packed.includes(file), file);
  for (const file of packed) assert.match(file, /^\.\/(dist\/|package\.json$|README\.md$|LICENSE$)/);
});

test('the lock file names no registry', () => {
  assert.ok(!readFileSync(`${ROOT}package-lock.json`, 'utf8').includes('://'));
});
