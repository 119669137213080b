// The table of consumers: each uses the package in its own way, and tells in words what it found, or throws.
import assert from 'node:assert/strict';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { run, TOOLS } from './project.mjs';

const NODE_MAJOR = Number(process.versions.node.split('.')[0]);
const tool = (...path) => join(TOOLS, ...path);
const STRICT = { target: 'ES2022', lib: ['ES2022'], types: ['node'], strict: true, exactOptionalPropertyTypes: true, skipLibCheck: false };

export const CONSUMERS = {
  publint: async ({ tarball }) => {
    await run(process.execPath, [tool('publint/src/cli.js'), 'run', tarball, '--strict'], {});
    return 'nothing to say';
  },
  'are the types wrong': async ({ tarball }) => {
    if (NODE_MAJOR < 20) return `SKIPPED: it needs Node 20, this is ${process.version}`;
    await run(process.execPath, [tool('@arethetypeswrong/cli/dist/index.js'), tarball, '--no-color', '--no-emoji'], {});
    return 'they are not';
  },
  'every part, imported and required': async ({ project }) => {
    const parts = partsOf(project);
    const names = JSON.parse(await run(process.execPath, ['load.mjs', ...parts], { cwd: project, timeout: 20_000 }));
    for (const part of parts) assert.deepEqual(names[part].imported, names[part].required, part);
    const source = readFileSync(join(project, 'talk.ts'), 'utf8');
    for (const part of parts) assert.ok(source.includes(`'${part}'`), `talk.ts does not use ${part}`);
    return parts.join(' ');
  },
  'ESM': ({ project, talk }) => talk(join(project, 'talk.mjs')),
  'CommonJS': ({ project, talk }) => talk(join(project, 'talk.cjs')),
  'ESM and CommonJS in one process': async ({ project, program }) => {
    const { known, type } = JSON.parse(await run(process.execPath, ['both.mjs', program], { cwd: project, timeout: 20_000 }));
    assert.deepEqual(known, ['SidecarRpcError', 'SidecarAbortError', 'SidecarTimeoutError', 'SidecarDownError']);
    assert.equal(type, 'validation');
    return 'errors of one copy are known to the other';
  },
  'TypeScript, node16, ESM': (world) => compiled(world, 'mts', { module: 'Node16' }),
  'TypeScript, node16, CommonJS': (world) => compiled(world, 'cts', { module: 'Node16' }),
  'TypeScript, node10': (world) => compiled(world, 'ts', { module: 'CommonJS', moduleResolution: 'Node10', ignoreDeprecations: '6.0', esModuleInterop: true }),
  'TypeScript, bundler': (world) => compiled(world, 'ts', { module: 'ESNext', moduleResolution: 'Bundler', noEmit: true }),
  'esbuild to ESM': (world) => bundled(world, 'talk.mjs', 'esm', world.alone),
  'esbuild to CommonJS': (world) => bundled(world, 'talk.cjs', 'cjs', world.alone),
  'esbuild of TypeScript, with Electron': (world) => bundled(world, 'talk.ts', 'cjs', world.project),
};

/** What `exports` offers as code. */
function partsOf(project) {
  const { name, exports } = JSON.parse(readFileSync(join(project, 'node_modules/live-sidecar/package.json'), 'utf8'));
  return Object.keys(exports).filter((path) => !path.endsWith('.json')).map((path) => name + path.slice(1));
}

/** Compiles the app with tsc, and runs what came out. */
async function compiled({ project, talk }, extension, compilerOptions) {
  const name = `compiled-${extension}`;
  const source = `${name}.${extension}`;
  copyFileSync(join(project, 'talk.ts'), join(project, source));
  writeFileSync(join(project, `${name}.json`), JSON.stringify({ compilerOptions: { ...STRICT, ...compilerOptions }, files: [source] }));
  await run(process.execPath, [tool('typescript/bin/tsc'), '-p', `${name}.json`], { cwd: project });
  return compilerOptions.noEmit ? 'no error' : talk(join(project, source.replace(/ts$/, 'js')));
}

/** Bundles the app, and runs the one file in a folder of its own. */
async function bundled({ project, talk }, source, format, folder) {
  const outfile = join(folder, `bundled-${source}.${format === 'esm' ? 'mjs' : 'cjs'}`);
  const entryPoints = [join(project, source)];
  const { warnings } = await build({ entryPoints, outfile, bundle: true, format, platform: 'node', target: 'node18', external: ['electron'], logLevel: 'silent' });
  assert.deepEqual(warnings.map(({ text }) => text), []);
  return talk(outfile);
}
