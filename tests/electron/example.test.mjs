/** The example in a real Electron: speech over a bad line, as a user sees it. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { abandon, descendants, findElectron, launch, pack, processesOf, until, untilGone } from './electron.mjs';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const APP = join(ROOT, 'examples/electron-app');
const { turns } = JSON.parse(readFileSync(join(APP, 'conversation.json'), 'utf8'));
const recording = readFileSync(join(ROOT, 'examples/demo/speech-25s.wav')).subarray(44);
const STEADY_MS = 1_000;
const GONE_MS = 3_000;
const TIMEOUT_MS = 180_000;

const { path, reason } = findElectron();
if (reason) console.log(`skipped: ${reason}`);

/** In the page: notes what the light shows, what the client tells, and when each piece of the voice is played. */
function observe() {
  window.seen = { light: [], states: [], pieces: [] };
  const light = document.getElementById('light');
  const note = () => window.seen.light.push({ colour: light.dataset.colour, atMs: performance.now() });
  new MutationObserver(note).observe(light, { attributes: true, attributeFilter: ['data-colour'] });
  window.liveSidecar.on('stateChange', (state) => window.seen.states.push({ state, atMs: performance.now() }));
  const { start, stop } = AudioBufferSourceNode.prototype;
  AudioBufferSourceNode.prototype.start = function (atS) {
    this.piece = { startS: atS, endS: atS + this.buffer.duration };
    window.seen.pieces.push(this.piece);
    return start.call(this, atS);
  };
  AudioBufferSourceNode.prototype.stop = function () {
    this.piece.endS = Math.min(this.piece.endS, this.context.currentTime);
    return stop.call(this);
  };
}

/** From each loss of the line to the way back. */
function gapsOf(states) {
  const gaps = [];
  for (const { state, atMs } of states) {
    if (state === 'reconnecting' && gaps.at(-1)?.endMs !== undefined) gaps.push({ startMs: atMs });
    else if (state === 'reconnecting' && gaps.length === 0) gaps.push({ startMs: atMs });
    else if (state === 'connected' && gaps.length > 0) gaps.at(-1).endMs ??= atMs;
  }
  return gaps;
}

test('the example: speech over a bad line', { skip: reason, timeout: TIMEOUT_MS }, async (t) => {
  const packed = pack(path, APP);
  t.after(packed.remove);
  const app = await launch(packed.path);
  t.after(() => abandon(app));
  const page = await app.firstWindow();
  const pageErrors = [];
  page.on('pageerror', (error) => pageErrors.push(error.message));
  const shot = (name) => process.env.SCREENSHOTS && page.screenshot({ path: join(process.env.SCREENSHOTS, `${name}.png`) });
  const entries = () =>
    page.$$eval('.entry', (items) =>
      items.map(({ dataset, children }) => ({ side: dataset.side, status: dataset.status, text: children[1].textContent })),
    );
  const saidBy = async (side) => (await entries()).filter((entry) => entry.side === side);
  const states = () => page.evaluate(() => window.seen.states);
  const colour = () => page.$eval('#light', ({ dataset }) => dataset.colour);
  const fault = (name) => page.click(`[data-fault=${name}]`);
  const isConnected = async () => (await states()).at(-1)?.state === 'connected';
  const lostAfter = async (count) => (await states()).filter(({ state }) => state === 'reconnecting').length > count;
  const losses = async () => (await states()).filter(({ state }) => state === 'reconnecting').length;
  let processes;

  await t.test('the window opens, and its page has nothing of Node or Electron', async () => {
    await page.waitForFunction(() => document.getElementById('service').textContent === 'Talking to the simulator');
    assert.deepEqual(await page.evaluate(() => [typeof require, typeof process, typeof module]), Array(3).fill('undefined'));
    const keys = await page.evaluate(() => Object.keys(window.liveSidecar).sort());
    const expected = ['connect', 'disconnect', 'getStatus', 'on', 'sendRealtimeInput', 'sendToolCallResponse', 'sendTurnCompletion'];
    assert.deepEqual(keys, expected);
    await shot('1-start');
  });

  await t.test('it is usable by keyboard, and every control has a name', async () => {
    const names = [];
    await page.focus('#connect');
    await page.keyboard.press('Shift+Tab');
    for (let i = 0; i < 9; i++) {
      await page.keyboard.press('Tab');
      names.push(
        await page.evaluate(() => {
          const { activeElement: at } = document;
          const label = at.getAttribute('aria-labelledby');
          const words = (label && document.getElementById(label).textContent) || at.labels?.[0]?.textContent || at.textContent;
          return `${words.trim()}${getComputedStyle(at).outlineStyle === 'none' ? ' without a ring' : ''}`;
        }),
      );
    }
    const panel = ['Cut the line', 'Freeze it for 3 s', 'Offline for 6 s', 'Service error', 'Ask to leave', 'Kill the sidecar'];
    assert.deepEqual(names, ['Connect', 'Conversation', ...panel, 'Recording']);
  });

  await t.test('it connects, and both sides are written down', async () => {
    await page.evaluate(observe);
    await page.focus('#connect');
    await page.keyboard.press('Enter');
    await until(isConnected, 'it is connected');
    assert.equal(await colour(), 'green');
    await page.click('#talk');
    await until(async () => (await saidBy('model')).some(({ status }) => status === 'done'), 'the first answer is complete');
    assert.equal((await saidBy('user'))[0].text, turns[0].user);
    assert.equal((await saidBy('model'))[0].text, turns[0].model);
    processes = descendants(app.process().pid);
    assert.equal(processes.filter(({ command }) => /live-sidecar (serve|simulate)/.test(command)).length, 2);
    await shot('2-talking');
  });

  await t.test('asked to leave: the line moves, and nothing is cut', async () => {
    const before = await losses();
    await fault('goAway');
    await until(() => lostAfter(before), 'the line moves');
    await until(isConnected, 'it has moved');
    assert.ok((await entries()).every(({ status }) => status !== 'cut'));
  });

  await t.test('cut while the user speaks: the light changes after a second, and it goes on', async () => {
    await until(async () => (await saidBy('user')).at(-1).status === 'open', 'the user speaks again');
    await fault('cut');
    await until(async () => (await colour()) === 'amber', 'the light is amber');
    await shot('3-cut');
    await until(async () => (await isConnected()) && (await colour()) === 'green', 'it is back');
    assert.match((await entries()).find(({ text }) => text.startsWith('No line'))?.text ?? '', /^No line for \d\.\d s\./);
  });

  await t.test('cut while the model speaks: the turn is marked', async () => {
    await until(async () => (await saidBy('model')).length >= 2 && (await saidBy('model')).at(-1).status === 'open', 'the model speaks');
    await fault('cut');
    await until(async () => (await saidBy('model')).at(-1).status === 'cut', 'the turn is marked as cut');
    await until(isConnected, 'it is back');
    await shot('4-marked');
  });

  await t.test('the sidecar is killed: another takes its place, and it goes on', async () => {
    await until(async () => (await saidBy('user')).at(-1).status === 'open', 'the user speaks');
    const before = await losses();
    const sidecarOf = () => descendants(app.process().pid).find(({ command }) => command.includes('live-sidecar serve'))?.pid;
    const old = sidecarOf();
    await fault('killSidecar');
    await until(() => lostAfter(before), 'it is lost');
    await until(isConnected, 'it is back');
    assert.notEqual(sidecarOf(), old);
    await shot('5-another-process');
  });

  await t.test('nothing that was said is missing, and the voice never spoke twice at once', async () => {
    await until(async () => (await page.textContent('#talk')) === 'Start talking', 'the recording has ended', 40_000);
    const sha256 = createHash('sha256').update(recording).digest('hex');
    const heard = () => page.evaluate(async () => (await fetch('/heard')).json());
    await until(async () => (await heard()).sha256 === sha256, 'the service has all of the recording, bit for bit');
    const afterKill = async () => (await entries()).slice((await entries()).findLastIndex(({ text }) => text.startsWith('No line')));
    await until(async () => (await afterKill()).some(({ side, status }) => side === 'model' && status === 'done'), 'an answer is complete');
    assert.ok((await afterKill()).some(({ side, status }) => side === 'user' && status === 'done'));
    const pieces = await page.evaluate(() => window.seen.pieces);
    assert.ok(pieces.length > 10);
    pieces.sort((a, b) => a.startS - b.startS);
    for (let i = 1; i < pieces.length; i++) assert.ok(pieces[i].startS >= pieces[i - 1].endS - 1e-6, `piece ${i} begins too early`);
    await shot('6-end');
  });

  await t.test('the light followed every gap that lasted, a second late, and no other', async () => {
    const { light, states: all } = await page.evaluate(() => window.seen);
    const gaps = gapsOf(all);
    assert.ok(gaps.length >= 4);
    const ambers = light.filter(({ colour: shown, atMs }) => shown === 'amber' && atMs > all.find(({ state }) => state === 'connected').atMs);
    for (const { atMs } of ambers) {
      const gap = gaps.find(({ startMs, endMs }) => startMs < atMs && atMs <= endMs);
      assert.ok(gap, 'amber outside a gap');
      assert.ok(atMs - gap.startMs >= STEADY_MS, `amber after ${atMs - gap.startMs} ms`);
    }
    const long = gaps.filter(({ startMs, endMs }) => endMs - startMs > STEADY_MS + 300);
    assert.equal(ambers.length >= long.length && long.length >= 1, true, JSON.stringify({ ambers, gaps }));
  });

  await t.test('a reload in the middle: the page learns how things are, and goes on', async () => {
    await page.click('#talk');
    await until(async () => (await saidBy('user')).at(-1).status === 'open', 'the user speaks');
    await page.reload();
    await until(async () => (await colour()) === 'green', 'the light is green again');
    await page.fill('#text', 'Are you still there?');
    await page.keyboard.press('Enter');
    await until(async () => (await saidBy('model')).length > 0, 'it is answered');
    await shot('7-reloaded');
  });

  await t.test('narrow and dark', async () => {
    if (!process.env.SCREENSHOTS) return;
    await page.emulateMedia({ colorScheme: 'dark' });
    await shot('8-dark');
    await app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0].setSize(440, 820));
    await page.waitForTimeout(300);
    await shot('9-narrow');
  });

  await t.test('quit leaves no process', async () => {
    assert.deepEqual(pageErrors, []);
    const all = processesOf(app);
    assert.ok(all.length > 4);
    await app.evaluate(({ app: electron }) => electron.quit()).catch(() => undefined); // it may end before it answers
    await untilGone(all, GONE_MS);
  });
});
