// The main process: one window, one client, and a simulator where there is no key for the real service.
const { app, BrowserWindow, session } = require('electron');
const { Secret, Supervisor } = require('live-sidecar');
const { GeminiLiveWebSocketClient } = require('live-sidecar/app');
const { registerLiveSidecar } = require('live-sidecar/electron/main');
const { ORIGIN, registerScheme, servePages } = require('./pages.cjs');
const { startSimulator } = require('./simulator.cjs');

const PRELOAD = require.resolve('live-sidecar/electron/preload');

registerScheme();

async function start() {
  await app.whenReady();
  const supervisor = new Supervisor({ client: { name: 'electron-example', version: app.getVersion() } });
  supervisor.on('log', ({ level, message }) => console.error(`${level}: ${message}`));

  const key = process.env.GEMINI_API_KEY;
  const simulator = key ? undefined : await startSimulator();
  servePages({
    service: () => ({ name: key ? 'Gemini' : 'the simulator', isSimulated: !key }),
    heard: async () => simulator?.heard() ?? null,
    fault: (name) => {
      if (name === 'killSidecar') return supervisor.current?.kill();
      return simulator?.fault(name);
    },
  });

  const client = new GeminiLiveWebSocketClient({
    apiKey: new Secret(key ?? 'any'),
    sidecar: supervisor,
    ...(simulator && { websocketBaseUrl: simulator.url }),
  });
  client.on('error', ({ type, message }) => console.error(`${type}: ${message}`));
  const live = registerLiveSidecar({ supervisor, allowed: [ORIGIN] });

  // Of all permissions the page gets one: to listen, when the user asks it to.
  session.defaultSession.setPermissionRequestHandler((_, permission, answer) => answer(permission === 'media'));
  const window = new BrowserWindow({
    width: 1120,
    height: 760,
    minWidth: 420,
    minHeight: 480,
    title: 'Live',
    backgroundColor: '#f5f4f0',
    // Speech goes on while the window is covered.
    webPreferences: { preload: PRELOAD, sandbox: true, contextIsolation: true, backgroundThrottling: false },
  });
  window.removeMenu();
  window.webContents.setWindowOpenHandler(() => ({ action: 'deny' }));
  window.webContents.on('will-navigate', (event, url) => url.startsWith(`${ORIGIN}/`) || event.preventDefault());
  live.attach(window, client);
  await window.loadURL(`${ORIGIN}/`);
}

app.on('window-all-closed', () => app.quit());
start().catch((error) => {
  console.error(error);
  app.exit(1);
});
