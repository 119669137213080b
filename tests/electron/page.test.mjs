/** What the example's page decides: the light, the transcript and the order of the voice. No Electron. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { EMPTY, noted, said, turnEnded } from '../../examples/electron-app/page/conversation.js';
import { changed, DARK, shown } from '../../examples/electron-app/page/light.js';
import { Playlist } from '../../examples/electron-app/page/playlist.js';

const connected = changed(changed(DARK, 'connecting', 0), 'connected', 100);

test('the first connection is shown at once', () => {
  assert.equal(shown(DARK, 0).words, 'Not connected');
  assert.equal(shown(changed(DARK, 'connecting', 0), 0).words, 'Connecting');
  assert.equal(shown(connected, 100).colour, 'green');
});

test('a gap of less than a second is never shown, nor counted', () => {
  const lost = changed(connected, 'reconnecting', 5_000);
  for (const nowMs of [5_000, 5_500, 5_999]) assert.deepEqual(shown(lost, nowMs), shown(connected, nowMs));
  assert.deepEqual(changed(lost, 'connected', 5_999).gaps, []);
});

test('a longer one is shown after a second, with its whole length, and counted', () => {
  const lost = changed(connected, 'reconnecting', 5_000);
  assert.deepEqual(shown(lost, 6_000), { state: 'reconnecting', colour: 'amber', words: 'Reconnecting', gapMs: 1_000 });
  const again = changed(changed(lost, 'connecting', 6_500), 'reconnecting', 7_000); // another process, say
  assert.equal(shown(again, 8_000).gapMs, 3_000);
  const back = changed(again, 'connected', 8_200);
  assert.deepEqual([back.gaps, shown(back, 8_200).colour, shown(back, 8_200).gapMs], [[3_200], 'green', 0]);
});

test('what will not pass by itself is shown at once', () => {
  const lost = changed(connected, 'reconnecting', 5_000);
  assert.equal(shown(changed(lost, 'error', 5_100), 5_100).colour, 'red');
  assert.equal(shown(changed(lost, 'disconnected', 5_100), 5_100).colour, 'grey');
});

const piece = (side, turnId, content, isPartial = true) => ({
  content,
  isPartial,
  metadata: { turnId, ...(side === 'user' ? { inputTranscription: true } : { modelTurn: true }) },
});
const texts = ({ entries }) => entries.map(({ side, text, status }) => [side, text, status]);

test('pieces are put together, the whole takes their place, and the turn ends when it is complete', () => {
  let talk = [piece('user', '1', 'Hel'), piece('user', '1', 'lo'), piece('model', '1', 'Good ')].reduce(said, EMPTY);
  assert.deepEqual(texts(talk), [['user', 'Hello', 'open'], ['model', 'Good ', 'open']]);
  talk = said(said(talk, piece('user', '1', 'Hello.', false)), piece('model', '1', 'Good day.', false));
  assert.deepEqual(texts(talk), [['user', 'Hello.', 'done'], ['model', 'Good day.', 'open']]);
  assert.deepEqual(texts(turnEnded(talk, 'done'))[1], ['model', 'Good day.', 'done']);
});

test('a cut turn stays marked, although its text becomes whole, and the next one is another', () => {
  let talk = turnEnded(said(EMPTY, piece('model', '1', 'There is ')), 'cut');
  talk = said(talk, piece('model', '1', 'There is', false));
  talk = turnEnded(said(talk, piece('model', '2', 'Room.', false)), 'done');
  assert.deepEqual(texts(talk), [['model', 'There is', 'cut'], ['model', 'Room.', 'done']]);
});

test('the end of a turn that does not run changes nothing', () => {
  const talk = turnEnded(said(EMPTY, piece('model', '1', 'Yes.', false)), 'done');
  assert.equal(turnEnded(talk, 'cut'), talk);
});

test('a text that goes on after its whole was told is another entry', () => {
  const talk = [piece('user', '1', 'long', false), piece('user', '1', ' and more')].reduce(said, EMPTY);
  assert.deepEqual(texts(talk), [['user', 'long', 'done'], ['user', ' and more', 'open']]);
});

test('notes stand between, and every entry has a name of its own', () => {
  const talk = noted(said(noted(EMPTY, 'a'), piece('user', '1', 'b')), 'c');
  assert.equal(new Set(talk.entries.map(({ id }) => id)).size, 3);
});

test('the voice: pieces follow each other without overlap, however they come', () => {
  const playlist = new Playlist();
  let endS = 0;
  let nowS = 0;
  for (let i = 0; i < 500; i++) {
    nowS += ((i * 7_919) % 100) / 500; // 0 to 0.2 s apart, pieces of 0.02 to 0.3 s
    const durationS = 0.02 + ((i * 104_729) % 28) / 100;
    const startS = playlist.add(durationS, nowS);
    assert.ok(startS >= endS && startS >= nowS, `piece ${i}`);
    endS = startS + durationS;
  }
  assert.ok(Math.abs(playlist.leftS(nowS) - (endS - nowS)) < 1e-9);
});

test('after an interruption what comes is played at once', () => {
  const playlist = new Playlist();
  playlist.add(30, 0);
  playlist.clear();
  assert.equal(playlist.leftS(1), 0);
  assert.ok(playlist.add(1, 1) < 1.5);
});
