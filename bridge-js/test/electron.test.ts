/** The rules of the part for Electron, one by one. With a real Electron: tests/electron. */
import assert from 'node:assert/strict';
import { setTimeout as after } from 'node:timers/promises';
import test from 'node:test';
import { GeminiLiveError } from '../src/app/errors.js';
import { pageTest } from '../src/electron/allowed.js';
import { ALL_EVENTS, DEFAULT_EVENTS } from '../src/electron/channels.js';
import { closeWithin } from '../src/electron/closing.js';
import { networkHint, watchSystem, type Hint } from '../src/electron/hints.js';
import { plain } from '../src/electron/plain.js';
import { register } from '../src/electron/register.js';
import { Secret } from '../src/secret.js';
import { FakeClient, FakeContents, FakeElectron, PAGE } from './electron-support.js';

test('which pages are the app’s own', () => {
  const isAllowed = pageTest(['app://live', 'http://localhost:5173', 'file:///opt/app/pages/', 'file:///opt/app/about.html']);
  const own = [
    PAGE,
    'app://live',
    'http://localhost:5173/a/b?c#d',
    'file:///opt/app/pages/x/index.html#top',
    'file:///opt/app/about.html?x',
  ];
  const foreign = [
    'app://other/index.html',
    'app://live.evil.example/',
    'https://localhost:5173/',
    'http://localhost:51730/',
    'http://localhost:5173@evil.example/',
    'file:///opt/app/pages',
    'file:///opt/app/pages/../secret.html',
    'file:///opt/app/pages/..%2fsecret.html',
    'file:///opt/app/pages/%5c..%5csecret.html',
    'file:///opt/app/about.html/x',
    'file://host/opt/app/pages/x.html',
    'data:text/html,app://live/',
    'about:blank',
    'about:srcdoc',
    '',
  ];
  for (const url of own) assert.ok(isAllowed(url), url);
  for (const url of foreign) assert.ok(!isAllowed(url), url);
  for (const url of [...own, ...foreign, ...own]) assert.equal(isAllowed(url), own.includes(url), `${url}, asked again`);
});

test('a list that is no list of pages is refused with words', () => {
  assert.throws(() => pageTest(['pages/index.html']), /"pages\/index.html" in `allowed` is no URL/);
  for (const url of ['file://', 'file:///', 'file:///C:/', 'file:///C:']) assert.throws(() => pageTest([url]), /every file/, url);
});

test('what crosses the border is plain: errors with their fields, no secret, no function, no stack', () => {
  const error = new GeminiLiveError({
    id: '1',
    name: 'GeminiError',
    type: 'network',
    message: 'gone',
    timestamp: 5,
    retryable: true,
  });
  const sent = plain({ error, key: new Secret('k-123'), run: () => 1, list: [error], at: new Date(5) }) as Record<string, any>;
  assert.deepEqual(structuredClone(sent), sent);
  assert.equal(sent['error'].type, 'network');
  assert.equal(sent['error'].message, 'gone');
  assert.equal(sent['error'].stack, undefined);
  assert.equal(sent['list'][0].retryable, true);
  assert.ok(sent['at'] instanceof Date);
  assert.ok(!JSON.stringify(sent).includes('k-123'));
});

test('no event with a secret can be forwarded, and the raw ones are not unless chosen', () => {
  assert.ok(!(ALL_EVENTS as readonly string[]).includes('sessionResumptionUpdate'));
  for (const raw of ['message', 'geminiResponse', 'serverContent', 'modelTurn', 'audioData']) {
    assert.ok(!(DEFAULT_EVENTS as readonly string[]).includes(raw), raw);
  }
});

function setUp(options: { closeMs?: number } = {}) {
  const electron = new FakeElectron();
  const notified: unknown[][] = [];
  const supervisor = {
    current: { notify: (...args: unknown[]) => (notified.push(args), true), kill: () => Promise.resolve(notified.push(['kill'])) },
    stop: () => Promise.resolve(void notified.push(['stop'])),
  };
  const live = register(electron.parts, { allowed: ['app://live'], supervisor: supervisor as never, ...options });
  const attach = (client = new FakeClient(), events?: readonly string[]) => {
    const webContents = new FakeContents();
    const detach = live.attach({ webContents }, client.client, events === undefined ? {} : { events: events as never });
    return { client, webContents, detach };
  };
  return { electron, supervisor, live, attach, notified };
}

test('events go to the windows of their client that want them', async () => {
  const { attach, live } = setUp();
  const one = attach();
  const two = attach(one.client, ['turnComplete']);
  const other = attach();
  one.client.emit('stateChange', 'connected', 'connecting');
  one.client.emit('turnComplete', { turnId: '1' });
  one.client.emit('error', Object.assign(new Error('gone'), { type: 'network' }));
  assert.deepEqual(one.webContents.sent.pop(), ['live-sidecar:event:error', { name: 'Error', message: 'gone', type: 'network' }]);
  const channels = ({ webContents }: { webContents: FakeContents }) => webContents.sent.map(([channel]) => channel);
  assert.deepEqual(one.webContents.sent[0], ['live-sidecar:event:stateChange', 'connected', 'connecting']);
  assert.deepEqual(channels(one), ['live-sidecar:event:stateChange', 'live-sidecar:event:turnComplete']);
  assert.deepEqual(channels(two), ['live-sidecar:event:turnComplete']);
  assert.deepEqual(channels(other), []);
  await live.close();
});

test('`interrupted` is told when the service says so, and without what it said', async () => {
  const { attach, live } = setUp();
  const { client, webContents } = attach();
  client.emit('serverContent', { modelTurn: { parts: [] } });
  client.emit('serverContent', { interrupted: true });
  assert.deepEqual(webContents.sent, [['live-sidecar:event:interrupted']]);
  await live.close();
});

test('a window that is gone, crashed, led elsewhere or just reloading gets nothing, and nobody is disturbed', async () => {
  const { attach, live } = setUp();
  const client = new FakeClient();
  const windows = ['crashed', 'refuses', 'well'].map((state) => [state, attach(client).webContents] as const);
  for (const [state, contents] of windows) if (state !== 'well') Object.assign(contents, { [state]: true });
  const away = attach(client).webContents;
  away.url = 'https://elsewhere.example/';
  const gone = attach(client).webContents;
  gone.destroyed = true; // and its event is still to come
  client.emit('turnComplete', {});
  assert.deepEqual(windows.map(([, { sent }]) => sent.length), [0, 0, 1]);
  assert.deepEqual([away.sent.length, gone.sent.length], [0, 0]);
  await live.close();
});

test('listeners are added once for a client, and leave with its last window', async () => {
  const { attach, live } = setUp();
  const client = new FakeClient();
  const windows = [attach(client), attach(client), attach(client)];
  assert.equal(client.listenerCount('stateChange'), 1);
  windows[0]!.webContents.destroy();
  windows[1]!.detach();
  windows[1]!.detach();
  assert.equal(client.listenerCount('stateChange'), 1);
  windows[2]!.webContents.destroy();
  assert.deepEqual(client.eventNames(), []);
  await live.close();
});

test('a window has one client, and one that is closed none', async () => {
  const { attach, live } = setUp();
  const { client, webContents, detach } = attach();
  assert.throws(() => live.attach({ webContents }, client.client), /has a client already/);
  detach();
  live.attach({ webContents }, client.client);
  const closed = new FakeContents();
  closed.destroyed = true;
  assert.throws(() => live.attach({ webContents: closed }, client.client), /is closed/);
  assert.throws(() => attach(client, ['sessionResumptionUpdate']), /no event "sessionResumptionUpdate"/);
  await live.close();
});

test('calls are answered for the window’s own page alone', async () => {
  const { attach, electron, live } = setUp();
  const { client, webContents } = attach();
  const input = { text: 'Hello' };
  assert.deepEqual(await electron.call(webContents, 'sendRealtimeInput', input), { ok: true, value: undefined });
  const refused = { ok: false, message: 'This page may not call sendRealtimeInput.' };
  const inside = { url: PAGE, parent: { url: PAGE } };
  const foreign = { url: 'https://elsewhere.example/', parent: null };
  const warned: string[] = [];
  const onWarning = ({ name, message }: Error): void => void (name === 'LiveSidecarWarning' && warned.push(message));
  process.on('warning', onWarning);
  for (const frame of [inside, foreign, null]) {
    assert.deepEqual(await electron.callFrom(frame, webContents, 'sendRealtimeInput', input), refused);
  }
  await new Promise(setImmediate);
  process.removeListener('warning', onWarning);
  assert.equal(warned.length, 1, 'whoever wrote the app is told once');
  assert.ok(warned[0]!.includes(PAGE) && warned[0]!.includes('`allowed`'));
  assert.deepEqual(await electron.call(new FakeContents(), 'sendRealtimeInput', input), refused);
  const disposed = { sender: webContents, get senderFrame(): never { throw new Error('disposed'); } };
  const handler = electron.handlers.get('live-sidecar:call:sendRealtimeInput')!;
  assert.deepEqual(await handler(disposed, input), refused);
  assert.deepEqual(client.asked, [input]);
  assert.deepEqual(await electron.call(webContents, 'connect'), { ok: false, message: 'The key was refused.' });
  await live.close();
  assert.equal(electron.handlers.size, 0);
});

test('what a page sends is checked', async () => {
  const { attach, electron, live } = setUp();
  const { client, webContents } = attach();
  const send = async (input: unknown) => ((await electron.call(webContents, 'sendRealtimeInput', input)) as { message?: string }).message;
  const bytes = new Uint8Array([1, 2, 3, 4]).subarray(1, 3);
  assert.equal(await send({ audio: { data: bytes } }), undefined);
  assert.deepEqual(client.asked, [{ audio: { data: 'AgM=', mimeType: 'audio/pcm;rate=16000' } }]);
  assert.match((await send(null)) ?? '', /input must be an object/);
  assert.match((await send({ video: {} })) ?? '', /input\.video is unknown/);
  assert.match((await send({ text: '' })) ?? '', /text must be a text/);
  assert.match((await send({ audio: { data: 7 } })) ?? '', /must be base64/);
  assert.match((await send({ audio: { data: new Uint8Array(400_000) } })) ?? '', /at most 320000/);
  assert.match((await send({ audio: { data: 'AA==', mimeType: 'text/html' } })) ?? '', /audio\.mimeType/);
  assert.match(((await electron.call(webContents, 'sendToolCallResponse', 5, 'f', {})) as { message: string }).message, /id must be/);
  assert.equal(client.asked.length, 1);
  await live.close();
});

test('sleep, waking, unlocking and a change of the network become hints', () => {
  const { powerMonitor } = new FakeElectron();
  let look = { online: true, addresses: 'a' };
  let nowMs = 0;
  let tick = (): void => {};
  const told: Hint[] = [];
  const every = (_: number, run: () => void) => ((tick = run), () => (tick = () => {}));
  const stop = watchSystem({ powerMonitor: powerMonitor as never, look: () => look, nowMs: () => nowMs, every }, (hint) => told.push(hint));
  const takeAll = () => told.splice(0).map(({ name, params }) => [name, params]);
  tick();
  assert.deepEqual(takeAll(), []);
  powerMonitor.emit('suspend');
  nowMs = 61_500.4;
  look = { online: true, addresses: 'b' };
  powerMonitor.emit('resume');
  assert.deepEqual(takeAll(), [
    ['system/suspend', {}],
    ['system/resume', { sleptMs: 61_500 }],
    ['network/changed', { online: true }],
  ]);
  powerMonitor.emit('resume');
  assert.deepEqual(takeAll(), [['system/resume', {}]]);
  look = { online: false, addresses: '' };
  tick();
  tick();
  powerMonitor.emit('unlock-screen');
  assert.deepEqual(takeAll(), [
    ['network/changed', { online: false }],
    ['network/changed', { online: false }],
  ]);
  stop();
  tick();
  powerMonitor.emit('suspend');
  assert.deepEqual(takeAll(), []);
  assert.deepEqual(powerMonitor.eventNames(), []);
});

test('addresses that change while there is no network are no news', () => {
  assert.equal(networkHint({ online: false, addresses: 'a' }, { online: false, addresses: 'b' }), undefined);
  assert.deepEqual(networkHint({ online: false, addresses: 'a' }, { online: true, addresses: 'a' })?.params, { online: true });
});

test('quitting waits until all is closed, and then goes on', async () => {
  const { attach, electron, live, notified } = setUp();
  const { client } = attach();
  let prevented = 0;
  const event = { preventDefault: () => void prevented++ };
  electron.app.emit('before-quit', event);
  electron.app.emit('before-quit', event); // an impatient user
  assert.equal(prevented, 2);
  await live.close();
  assert.deepEqual([client.asked, notified], [['destroy'], [['stop']]]);
  await after(0);
  assert.ok(electron.app.quits > 0);
  electron.app.emit('before-quit', event);
  assert.equal(prevented, 2);
  assert.throws(() => attach(), /quitting/);
  assert.deepEqual([electron.powerMonitor.eventNames(), electron.app.eventNames()], [[], []]);
});

test('an end that hangs is ended by force after its deadline', async () => {
  const { attach, live, notified } = setUp({ closeMs: 30 });
  const { client } = attach();
  client.destroy = () => new Promise(() => {});
  await live.close();
  assert.deepEqual(notified, [['kill'], ['stop']]);
  let killed = 0;
  const kill = () => Promise.resolve(killed++);
  await closeWithin(5_000, { close: () => Promise.reject(new Error('no')), kill });
  assert.equal(killed, 1);
  await closeWithin(5_000, { close: () => Promise.resolve(), kill });
  assert.equal(killed, 1);
});

test('a hint to a process that is just ending does no harm', async () => {
  const { electron, live, supervisor } = setUp();
  supervisor.current.notify = () => {
    throw new Error('closed');
  };
  electron.powerMonitor.emit('suspend');
  await live.close();
});
