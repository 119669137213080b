/** Main and preload in a real Electron: several windows, windows that die, foreign pages, and an end that hangs. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { abandon, findElectron, launch, pack, processesOf, until, untilGone } from './electron.mjs';

const APP = fileURLToPath(new URL('probe', import.meta.url));
/** In a page: keeps what it hears. */
const HEAR = `window.heard = []; window.liveSidecar.on('stateChange', (state) => heard.push(state)); window.liveSidecar.on('chatResponse', () => heard.push('chat')); undefined`;

const { path, reason } = findElectron();
if (reason) console.log(`skipped: ${reason}`);

test('main and preload in a real Electron', { skip: reason, timeout: 90_000 }, async (t) => {
  const packed = pack(path, APP);
  t.after(packed.remove);
  const app = await launch(packed.path);
  t.after(() => abandon(app));
  await until(() => app.evaluate(() => globalThis.probe !== undefined), 'the probe is up');
  const run = (id, code) => app.evaluate((_, [window, text]) => globalThis.probe.run(window, text), [id, code]);
  const open = (events) => app.evaluate((_, chosen) => globalThis.probe.open(chosen), events);
  const faults = () => app.evaluate(() => globalThis.probe.faults);
  const heard = (id) => run(id, 'window.heard');
  const answers = () => app.evaluate(() => globalThis.probe.answers());
  const load = (id, url) => app.evaluate(({ BrowserWindow }, [window, page]) => BrowserWindow.fromId(window).loadURL(page), [id, url]);
  const first = await until(() => app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.id), 'a window');
  await until(() => run(first, 'window.liveSidecar !== undefined'), 'its page is there');
  let second;

  await t.test('the windows are sandboxed, and the system’s parts are the real ones', async () => {
    const preferences = await app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0].webContents.getLastWebPreferences());
    assert.deepEqual([preferences.sandbox, preferences.contextIsolation, preferences.nodeIntegration], [true, true, false]);
  });

  await t.test('two windows hear one client, each what was chosen for it', async () => {
    second = await open(['chatResponse']);
    for (const id of [first, second]) await run(id, HEAR);
    await run(first, 'window.liveSidecar.connect()');
    await run(second, `window.liveSidecar.sendRealtimeInput({ text: 'Hello' })`);
    await until(async () => (await heard(first)).includes('chat') && (await heard(second)).includes('chat'), 'both hear the answer');
    assert.deepEqual((await heard(first)).slice(0, 2), ['connecting', 'connected']);
    assert.ok((await heard(second)).every((event) => event === 'chat'));
    const status = await run(second, 'window.liveSidecar.getStatus()');
    assert.equal(status.state, 'connected');
    assert.equal(status.metrics.successfulConnections, 1);
  });

  await t.test('bytes are taken as audio, and nonsense is refused with words', async () => {
    await run(first, 'window.liveSidecar.sendRealtimeInput({ audio: { data: new Uint8Array(640) } })');
    const refused = (input) => run(first, `window.liveSidecar.sendRealtimeInput(${input}).then(() => 'taken', ({ message }) => message)`);
    assert.match(await refused('{ audio: { data: 5 } }'), /^audio\.data must be base64/);
    assert.match(await refused('{ video: 1 }'), /^input\.video is unknown/);
    assert.match(await run(first, `try { window.liveSidecar.on('sessionResumptionUpdate', () => {}) } catch ({ message }) { message }`), /no event/);
  });

  await t.test('a foreign page in the window is told nothing, and may do nothing', async () => {
    await load(second, 'data:text/html,<title>foreign</title>');
    assert.match(await run(second, `window.liveSidecar.disconnect().catch(({ message }) => message)`), /may not call disconnect/);
    await run(second, HEAR);
    const count = (await heard(first)).length;
    await run(first, `window.liveSidecar.sendRealtimeInput({ text: 'Again' })`);
    await until(async () => (await heard(first)).length > count, 'the app’s own page hears the answer');
    assert.deepEqual(await heard(second), []);
  });

  await t.test('a frame inside the page has nothing to call', async () => {
    assert.equal(await run(first, `typeof document.querySelector('iframe').contentWindow.liveSidecar`), 'undefined');
  });

  await t.test('a window that crashes while the model speaks disturbs nobody, and lives again after a reload', async () => {
    await run(first, `window.liveSidecar.sendRealtimeInput({ text: 'Speak' })`);
    await app.evaluate(({ BrowserWindow }, id) => BrowserWindow.fromId(id).webContents.forcefullyCrashRenderer(), first);
    await until(() => app.evaluate(({ BrowserWindow }, id) => BrowserWindow.fromId(id).webContents.isCrashed(), first), 'it is dead');
    const before = await answers();
    await app.evaluate(() => globalThis.probe.client.sendRealtimeInput({ text: 'Anybody there?' }));
    await until(async () => (await answers()) > before, 'it is answered');
    await app.evaluate(({ BrowserWindow }, id) => BrowserWindow.fromId(id).webContents.reload(), first);
    await until(() => run(first, 'window.liveSidecar !== undefined').catch(() => false), 'the page is there again');
    assert.equal((await run(first, 'window.liveSidecar.getStatus()')).state, 'connected');
    assert.deepEqual(await faults(), []);
  });

  await t.test('a window that is closed while the model speaks takes its listeners along', async () => {
    await run(first, HEAR);
    await run(first, `window.liveSidecar.sendRealtimeInput({ text: 'Speak' })`);
    await until(async () => (await heard(first)).includes('chat'), 'the model speaks');
    const before = await answers();
    await app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows().forEach((window) => window.destroy()));
    const listeners = () => app.evaluate(() => globalThis.probe.listeners());
    await until(async () => (await listeners()) === 1, 'only the listener of the probe itself is left');
    await until(async () => (await answers()) > before, 'the answer comes to its end');
    assert.deepEqual(await faults(), []);
  });

  await t.test('a machine that sleeps and wakes: the line is closed, and made again', async () => {
    const state = () => app.evaluate(() => globalThis.probe.client.getConnectionState());
    await app.evaluate(({ powerMonitor }) => powerMonitor.emit('suspend'));
    await until(async () => (await state()) === 'disconnected', 'the line is closed');
    await app.evaluate(({ powerMonitor }) => powerMonitor.emit('resume'));
    await until(async () => (await state()) === 'connected', 'it is there again');
  });

  await t.test('an app that quits while its sidecar hangs leaves no process, and does not wait for ever', async () => {
    await open();
    const pid = await app.evaluate(() => globalThis.probe.pid());
    const all = processesOf(app);
    assert.ok(all.some((process_) => process_.pid === pid));
    process.kill(pid, 'SIGSTOP');
    const startMs = performance.now();
    await app.evaluate(({ app: electron }) => electron.quit()).catch(() => undefined);
    await untilGone(all, 6_000);
    assert.ok(performance.now() - startMs >= 1_400, 'it had its time');
  });
});
