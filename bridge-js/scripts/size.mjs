// Measures what the package adds to an Electron app: the two parts for Electron, with all that they import, bundled and
// minified. Fails when they are more than they may be.
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';

const LIMIT_KB = 35;
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const at = (...parts) => JSON.stringify(join(root, 'dist', ...parts));

/** Bytes of `code` with everything it imports. */
function minified(code) {
  const stdin = { contents: code, resolveDir: root };
  const { outputFiles } = buildSync({ stdin, bundle: true, minify: true, format: 'cjs', platform: 'node', target: 'node18', external: ['electron'], write: false });
  return outputFiles[0].contents.byteLength;
}

const kB = (bytes) => `${(bytes / 1000).toFixed(1).padStart(6)} kB`;
const client = `export * from ${at('esm', 'app', 'index.js')};`;
const main = `export * from ${at('esm', 'electron', 'main.js')};`;
const preload = minified(`import ${at('electron', 'preload.cjs')};`);
const total = minified(main) + preload;
console.log(`${kB(minified(main))}  live-sidecar/electron/main\n${kB(preload)}  live-sidecar/electron/preload\n${kB(total)}  both`);
console.log(`${kB(minified(client))}  live-sidecar/app, the client with all below it, for comparison`);
if (total > LIMIT_KB * 1000) {
  console.error(`Main and preload are more than ${LIMIT_KB} kB.`);
  process.exit(1);
}
