import assert from 'node:assert/strict';
import test from 'node:test';
import { Continuity } from '../src/continuity.js';
import type { OpenParams } from '../src/generated/protocol.js';
import { firstOpening, patched, reopening } from '../src/reopening.js';
import { Secret } from '../src/secret.js';
import type { ShortName, Told } from '../src/session-events.js';

const PARAMS: OpenParams = { sessionId: 's', auth: { type: 'apiKey', apiKey: 'k' }, setup: { model: 'models/m' } };
const WAITING = { heldMs: 500, replayedMs: 200 };

/** A story with a process in it: `tell` what that process notifies. */
function story(params = PARAMS): { it: Continuity; tell: (name: ShortName, params: object, nowMs?: number) => Told[] } {
  const it = new Continuity(params);
  let seq = 0;
  const tell = (name: ShortName, params: object, nowMs = 0): Told[] =>
    it.receive(name, { sessionId: 's', instanceId: 'i', seq: ++seq, ...params }, nowMs, () => WAITING);
  return { it, tell };
}

const changed = (revision: number, state: string, previous: string, more: object = {}): object => ({
  revision,
  state,
  previous,
  reason: 'r',
  attempt: 0,
  ...more,
});

/** The fields of `told` that matter, in a short form. */
function short(told: readonly Told[]): unknown[] {
  return told.map(({ name, params }) => {
    if (name === 'stateChanged') return `${params.revision} ${params.previous} -> ${params.state}`;
    if (name === 'transcript') return `${params.source} ${params.turnId} ${params.final ? 'final' : ''}: ${params.text}`;
    if (name === 'turn') return `turn ${params.turnId} ${params.event}`;
    return name;
  });
}

test('over a loss the revisions go on growing, and the state is reconnecting until it is connected', () => {
  const { it, tell } = story();
  assert.deepEqual(short(tell('stateChanged', changed(1, 'connecting', 'disconnected'))), ['1 disconnected -> connecting']);
  tell('stateChanged', changed(4, 'connected', 'connecting'), 100);
  assert.deepEqual(short(it.lost(1_000, 250)), ['5 connected -> reconnecting', 'reconnecting', 'error']);
  assert.deepEqual(short(tell('stateChanged', changed(1, 'connecting', 'disconnected'), 1_300)), [
    '6 reconnecting -> reconnecting',
  ]);
  const back = tell('stateChanged', changed(4, 'connected', 'connecting', { stateRestored: 'resumed' }), 2_500);
  assert.deepEqual(short(back), ['9 reconnecting -> connected', 'reconnected']);
  const { gapMs, heldMs, replayedMs, stateRestored } = back[1]!.params as never as Record<string, unknown>;
  assert.deepEqual([gapMs, heldMs, replayedMs, stateRestored], [1_500, 500, 200, 'resumed']);
  assert.deepEqual(short(tell('stateChanged', changed(5, 'reconnecting', 'connected'))), ['10 connected -> reconnecting']);
});

test('the loss of a process is an error that is not fatal; to be brought back is none', () => {
  const { it, tell } = story();
  tell('stateChanged', changed(1, 'connected', 'disconnected'));
  const { error, fatal } = it.lost(1_000, 250).at(-1)!.params as never as Record<string, Record<string, unknown>>;
  assert.deepEqual([fatal, error!['kind'], error!['retryable'], error!['action']], [false, 'sidecarExited', true, 'resume']);
  assert.deepEqual(short(it.away(2_000, 0)), ['3 reconnecting -> reconnecting', 'reconnecting']);
});

test('a process that is lost while the app wants none ends what was begun, and the session is suspended', () => {
  const { it, tell } = story();
  tell('stateChanged', changed(1, 'connected', 'disconnected'));
  tell('turn', { turnId: 1, event: 'started' });
  assert.deepEqual(short(it.parked(5_000)), ['turn 1 interrupted', '2 connected -> suspended']);
  assert.equal(it.past(6_000).lineEndedAgoMs, 1_000);
  assert.deepEqual(it.parked(7_000), []);
  assert.deepEqual(short(it.away(8_000, 0)), ['3 suspended -> reconnecting', 'reconnecting']);
});

test('every line has the next seq, over all processes and over what none of them told', () => {
  const { it, tell } = story();
  const told = [
    ...tell('stateChanged', changed(1, 'connected', 'disconnected')),
    ...tell('health', { seq: 2 }),
    ...it.lost(1, 1),
    ...tell('stateChanged', changed(1, 'connecting', 'disconnected')),
  ];
  assert.deepEqual(told.map(({ params }) => params.seq), told.map((_, i) => i + 1));
});

test('what was begun is ended once: its text as final, its turn as interrupted; the next turn has another number', () => {
  const { it, tell } = story();
  tell('stateChanged', changed(1, 'connected', 'disconnected'));
  tell('transcript', { source: 'user', text: 'How ', final: false, turnId: 1 });
  tell('transcript', { source: 'user', text: 'How are', final: false, interim: true, turnId: 1 });
  tell('transcript', { source: 'user', text: 'are you?', final: false, turnId: 1 });
  tell('turn', { turnId: 2, event: 'started' });
  tell('transcript', { source: 'model', text: 'I am', final: false, turnId: 2 });
  assert.deepEqual(short(it.lost(0, 1)).slice(0, 3), [
    'user 1 final: How are you?',
    'model 2 final: I am',
    'turn 2 interrupted',
  ]);
  assert.deepEqual(short(it.lost(0, 1)), ['3 reconnecting -> reconnecting', 'reconnecting', 'error']);
  assert.deepEqual(short(tell('turn', { turnId: 1, event: 'started' })), ['turn 3 started']);
});

test('a turn that is complete, and a text that is final, are not ended again', () => {
  const { it, tell } = story();
  tell('stateChanged', changed(1, 'connected', 'disconnected'));
  tell('turn', { turnId: 1, event: 'started' });
  tell('transcript', { source: 'model', text: 'Yes', final: false, turnId: 1 });
  tell('transcript', { source: 'model', text: 'Yes', final: true, turnId: 1 });
  tell('turn', { turnId: 1, event: 'complete' });
  assert.deepEqual(short(it.lost(0, 1)), ['2 connected -> reconnecting', 'reconnecting', 'error']);
});

test('calls that a fresh session does not know are cancelled; answered ones are not', () => {
  const { it, tell } = story();
  tell('stateChanged', changed(1, 'connected', 'disconnected'));
  for (const id of ['a', 'b', 'c']) tell('toolCall', { id, name: 'f', args: {} });
  tell('toolCallCancelled', { ids: ['a'] });
  it.sent({ toolResponse: { functionResponses: [{ id: 'b' }] } });
  it.lost(0, 1);
  const back = tell('stateChanged', changed(1, 'connected', 'connecting', { stateRestored: 'fresh' }));
  assert.deepEqual(back.map(({ name }) => name), ['stateChanged', 'reconnected', 'toolCallCancelled']);
  assert.deepEqual((back[2]!.params as { ids?: string[] }).ids, ['c']);
});

test('the newest handle is kept as a secret, told as one, and forgotten with its session', () => {
  const { it, tell } = story();
  tell('stateChanged', changed(1, 'connected', 'disconnected'));
  const [told] = tell('resumption', { resumable: true, handle: 'h-1' });
  assert.ok(!JSON.stringify(told).includes('h-1'));
  assert.equal((told!.params as { handle?: Secret }).handle?.reveal(), 'h-1');
  tell('resumption', { resumable: false });
  assert.equal(it.past(0).handle?.reveal(), 'h-1', 'not resumable at the moment: the last good one stays');
  tell('stateChanged', changed(2, 'connected', 'reconnecting', { stateRestored: 'fresh' }));
  assert.equal(it.past(0).handle, undefined);
});

test('the age of the last line counts from when it ended, not from when the process did', () => {
  const { it, tell } = story();
  assert.equal(it.past(5).lineEndedAgoMs, undefined);
  tell('stateChanged', changed(1, 'connected', 'disconnected'), 1_000);
  tell('stateChanged', changed(2, 'reconnecting', 'connected'), 5_000);
  it.lost(8_000, 1);
  assert.equal(it.past(9_000).lineEndedAgoMs, 4_000);
});

test('a session that never was usable is still being opened', () => {
  const { it, tell } = story();
  tell('stateChanged', changed(1, 'connecting', 'disconnected'));
  assert.deepEqual(it.lost(0, 1), []);
  assert.equal(it.state, 'connecting');
  assert.deepEqual(short(tell('stateChanged', changed(1, 'connecting', 'disconnected'))), ['2 disconnected -> connecting']);
});

// --- the params of the next opening -----------------------------------------------------------------------------------

test('the next opening has the handle, the age of its line, and all the time of a reconnect', () => {
  const handle = new Secret('h');
  const params = { ...PARAMS, settings: { reconnect: { maxElapsedMs: 90_000 }, resumption: { reseed: true } } };
  const { settings } = reopening(params, { handle, lineEndedAgoMs: 1234.5, heard: true, kept: 9 });
  assert.deepEqual(settings, {
    reconnect: { maxElapsedMs: 90_000 },
    deadlines: { openMs: 90_000 },
    outbox: { ringMs: 60_000 },
    resumption: { reseed: true, handle, previousCloseAgeMs: 1235 },
  });
});

test('there is room for all that is offered at once, within what the sidecar takes', () => {
  const outboxOf = (outbox: object, kept: number): unknown =>
    reopening({ ...PARAMS, settings: { outbox } }, { handle: undefined, lineEndedAgoMs: 0, heard: true, kept }).settings?.outbox;
  assert.deepEqual(outboxOf({ maxMessages: 100 }, 50), { ringMs: 60_000, maxMessages: 150 });
  assert.deepEqual(outboxOf({ maxMessages: 999_999 }, 50), { ringMs: 60_000, maxMessages: 1_000_000 });
  assert.deepEqual(outboxOf({ ringMs: 86_400_000 }, 0), { ringMs: 86_400_000 });
});

test('before the session was usable, it is opened as the app asked', () => {
  assert.equal(reopening(PARAMS, { handle: undefined, lineEndedAgoMs: undefined, heard: false, kept: 9 }), PARAMS);
});

test('an old handle and a history that was given are not asked for again', () => {
  const setup = {
    model: 'models/m',
    sessionResumption: { handle: 'old', transparent: true },
    historyConfig: { initialHistoryInClientContent: true },
  };
  const params = { ...PARAMS, setup, settings: { resumption: { handle: 'older', previousCloseAgeMs: 1 } } };
  const again = reopening(params, { handle: undefined, lineEndedAgoMs: 0, heard: true, kept: 0 });
  assert.deepEqual(again.setup, { model: 'models/m', sessionResumption: { transparent: true }, historyConfig: {} });
  assert.deepEqual(again.settings?.resumption, {});
  const unheard = reopening(params, { handle: undefined, lineEndedAgoMs: 0, heard: false, kept: 0 });
  assert.deepEqual(unheard.setup['historyConfig'], { initialHistoryInClientContent: true });
});

test('what a session needs cannot be excluded on the wire', () => {
  const exclude = ['session/queue', 'session/message', 'session/resumption'] as const;
  const { notifications } = firstOpening({ ...PARAMS, notifications: { exclude: [...exclude] } });
  assert.deepEqual(notifications, { exclude: ['session/message'] });
});

test('a patch goes over the settings group by group', () => {
  const merged = patched({ outbox: { ringMs: 1, maxBytes: 2 }, stall: { afterMs: 3 } }, { outbox: { ringMs: 9 } });
  assert.deepEqual(merged, { outbox: { ringMs: 9, maxBytes: 2 }, stall: { afterMs: 3 } });
});
