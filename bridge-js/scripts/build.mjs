// Builds the package twice with tsc: dist/esm and dist/cjs, each with a package.json that names its format. The preload
// script for Electron becomes one file, dist/electron/preload.cjs: a sandboxed one can load no others.
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');
const FORMATS = { esm: 'module', cjs: 'commonjs' };

for (const [name, type] of Object.entries(FORMATS)) {
  rmSync(join(root, 'dist', name), { recursive: true, force: true });
  const project = join(root, `tsconfig.${name}.json`);
  const { status } = spawnSync(process.execPath, [tsc, '-p', project], { stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
  writeFileSync(join(root, 'dist', name, 'package.json'), `${JSON.stringify({ type, sideEffects: false })}\n`);
  for (const file of ['preload.js', 'preload.d.ts']) rmSync(join(root, 'dist', name, 'electron', file));
}

const electron = join(root, 'dist', 'electron');
mkdirSync(electron, { recursive: true });
buildSync({
  entryPoints: [join(root, 'src', 'electron', 'preload.ts')],
  outfile: join(electron, 'preload.cjs'),
  bundle: true,
  format: 'cjs',
  platform: 'node',
  target: 'chrome100',
  external: ['electron'],
});
writeFileSync(join(electron, 'preload.d.cts'), 'export {};\n');
