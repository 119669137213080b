// An app for what the example does not do: several windows, foreign pages, and an end that hangs. The test drives it
// through `globalThis.probe`.
const { app, BrowserWindow } = require('electron');
const { spawn } = require('node:child_process');
const { join } = require('node:path');
const { pathToFileURL } = require('node:url');
const { createInterface } = require('node:readline');
const { locate, Supervisor } = require('../../../bridge-js/dist/cjs/index.js');
const { GeminiLiveWebSocketClient } = require('../../../bridge-js/dist/cjs/app/index.js');
const { registerLiveSidecar } = require('../../../bridge-js/dist/cjs/electron/main.js');

const preload = join(__dirname, '../../../bridge-js/dist/electron/preload.cjs');
const faults = [];
process.on('uncaughtException', (error) => faults.push(String(error.stack)));
process.on('unhandledRejection', (error) => faults.push(String(error?.stack)));
app.on('window-all-closed', () => {});

async function startSimulator() {
  const child = spawn(locate(), ['simulate', '--quiet', '--until-stdin-closes'], { stdio: ['pipe', 'pipe', 'ignore'] });
  return JSON.parse(await new Promise((resolve) => createInterface(child.stdout).once('line', resolve)));
}

app.whenReady().then(async () => {
  const { url } = await startSimulator();
  const supervisor = new Supervisor({ logLevel: 'warn' });
  const client = new GeminiLiveWebSocketClient({ apiKey: 'any', websocketBaseUrl: url, sidecar: supervisor });
  const live = registerLiveSidecar({ supervisor, allowed: [pathToFileURL(`${__dirname}/`).href], closeMs: 1_500 });
  const detach = [];
  let answers = 0;
  client.on('turnComplete', () => answers++);
  globalThis.probe = {
    faults,
    answers: () => answers,
    client,
    detach,
    pid: () => supervisor.current?.pid,
    listeners: () => client.eventNames().reduce((sum, event) => sum + client.listenerCount(event), 0),
    async open(events) {
      const webPreferences = { preload, sandbox: true, contextIsolation: true };
      const window = new BrowserWindow({ show: false, webPreferences });
      detach.push(live.attach(window, client, events && { events }));
      await window.loadFile(join(__dirname, 'index.html'));
      return window.id;
    },
    async run(id, code) {
      return BrowserWindow.fromId(id).webContents.executeJavaScript(code);
    },
  };
  await globalThis.probe.open();
});
