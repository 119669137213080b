/** The built part for Electron, as it is loaded. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const { exports: entries } = JSON.parse(readFileSync(`${ROOT}package.json`, 'utf8')) as {
  exports: Record<string, Record<string, string | Record<string, string>>>;
};

test('the preload script is one file that asks for nothing but Electron, as a sandbox demands', () => {
  const code = readFileSync(`${ROOT}${entries['./electron/preload']?.['default']}`, 'utf8');
  const required = [...code.matchAll(/\brequire\(([^)]*)\)/g)].map(([, name]) => name);
  assert.deepEqual(new Set(required), new Set(['"electron"']));
  assert.ok(!/\bimport[ (]/.test(code));
});

test('the page gets its API once, and no part of Electron', () => {
  const program = `
    const given = [], channels = [];
    const ipcRenderer = { on: (channel) => channels.push(channel), invoke: async (channel) => ({ ok: channel.endsWith('getStatus'), value: 1, message: 'no' }) };
    const electron = { contextBridge: { exposeInMainWorld: (name, api) => given.push([name, api]) }, ipcRenderer };
    require('module')._load = ((load) => (name, ...rest) => (name === 'electron' ? electron : load(name, ...rest)))(require('module')._load);
    require('live-sidecar/electron/preload');
    const [[name, api]] = given;
    api.on('stateChange', () => {});
    const refused = ['sessionResumptionUpdate', 'hasOwnProperty', 5].map((event) => { try { api.on(event, () => {}); } catch (error) { return error.name; } });
    Promise.all([api.getStatus(), api.connect().catch(({ message }) => message)]).then((answers) =>
      console.log(JSON.stringify({ name, channels, refused, answers, keys: Object.keys(api).sort(), kinds: [...new Set(Object.values(api).map((one) => typeof one))] })));`;
  const output = execFileSync(process.execPath, ['-e', program], { cwd: ROOT, encoding: 'utf8' });
  assert.deepEqual(JSON.parse(output), {
    name: 'liveSidecar',
    channels: ['live-sidecar:event:stateChange'],
    refused: ['TypeError', 'TypeError', 'TypeError'],
    answers: [1, 'no'],
    keys: ['connect', 'disconnect', 'getStatus', 'on', 'sendRealtimeInput', 'sendToolCallResponse', 'sendTurnCompletion'],
    kinds: ['function'],
  });
});

test('every file that the entries for Electron name exists', () => {
  for (const entry of ['./electron/main', './electron/preload', './electron/renderer']) {
    const files = Object.values(entries[entry]!).flatMap((value) => (typeof value === 'string' ? value : Object.values(value)));
    assert.ok(files.length >= 2);
    for (const file of files) readFileSync(`${ROOT}${file}`);
  }
});
