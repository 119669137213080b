// Builds the package twice with tsc alone: dist/esm and dist/cjs, each with a package.json that names its format.
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');
const FORMATS = { esm: 'module', cjs: 'commonjs' };

for (const [name, type] of Object.entries(FORMATS)) {
  rmSync(join(root, 'dist', name), { recursive: true, force: true });
  const project = join(root, `tsconfig.${name}.json`);
  const { status } = spawnSync(process.execPath, [tsc, '-p', project], { stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
  writeFileSync(join(root, 'dist', name, 'package.json'), `${JSON.stringify({ type, sideEffects: false })}\n`);
}
