/** `live-sidecar/app` as an app loads it: by its name, in both module formats. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import * as source from '../src/app/index.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const FACTS = `(names) => console.log(JSON.stringify({
  names: Object.keys(names).sort(), same: names.default === names.GeminiLiveWebSocketClient, states: names.ConnectionState,
}))`;

for (const [format, load] of [
  ['module', `await import('live-sidecar/app')`],
  ['commonjs', `require('live-sidecar/app')`],
] as const) {
  test(`the class is the default and a named export (${format})`, () => {
    const program = `(${FACTS})(${load})`;
    const facts = JSON.parse(
      execFileSync(process.execPath, [`--input-type=${format}`, '-e', program], { cwd: ROOT, encoding: 'utf8' }),
    ) as Record<string, unknown>;
    assert.deepEqual(facts['names'], Object.keys(source).sort());
    assert.equal(facts['same'], true);
    assert.deepEqual(facts['states'], source.ConnectionState);
  });
}
