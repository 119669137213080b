// Puts the page together: what the client tells goes into the models, what the models say is drawn.
import { EMPTY, noted, said, turnEnded } from './conversation.js';
import { changed, DARK, shown } from './light.js';
import { Speaker } from './speaker.js';
import { drawEntries } from './transcript.js';
import { microphone, recording } from './voices.js';

const REDRAW_MS = 100;
const ASK_MS = 500;
const BYTES_PER_MS = 32;
const live = window.liveSidecar;
const at = (id) => document.getElementById(id);
const speaker = new Speaker();

let light = DARK;
let talk = EMPTY;
let nextAttemptAtMs = 0;
let attempt = 0;
let silence; // stops the voice that speaks now
let isRefused = false;
let saidMs = 0;

// --- what the client tells ---------------------------------------------------------------------------------------

live.on('stateChange', (state) => {
  const gaps = light.gaps.length;
  light = changed(light, state, performance.now());
  // The line went while the model was speaking: the rest of that turn will not come.
  if (state !== 'connected') talk = turnEnded(talk, 'cut');
  if (state === 'connected') nextAttemptAtMs = 0;
  if (light.gaps.length > gaps) talk = noted(talk, `No line for ${seconds(light.gaps.at(-1))}. What you said meanwhile was kept and sent.`);
  if (state === 'error' || state === 'disconnected') stopTalking();
  draw();
});
live.on('textResponse', (piece) => ((talk = said(talk, piece)), draw()));
live.on('turnComplete', () => ((talk = turnEnded(talk, 'done')), draw()));
live.on('interrupted', () => {
  speaker.stop();
  talk = turnEnded(talk, 'interrupted');
  draw();
});
live.on('audioResponse', ({ content }) => speaker.play(content));
live.on('reconnectionStarted', (event) => {
  attempt = event.attempt;
  nextAttemptAtMs = performance.now() + event.delay;
});
live.on('reconnectionCountdown', (event) => {
  attempt = event.attempt;
  nextAttemptAtMs = performance.now() + event.remaining;
});
live.on('connectionQualityUpdate', (quality) => (at('quality').textContent = quality));
live.on('error', ({ message, retryable }) => {
  if (!retryable) note(message);
});

// --- what the user does ------------------------------------------------------------------------------------------

at('connect').onclick = async () => {
  const isOn = light.state !== 'disconnected' && light.state !== 'error';
  speaker.wake();
  try {
    await (isOn ? live.disconnect() : live.connect());
  } catch (error) {
    note(error.message);
  }
};

at('talk').onclick = async () => {
  if (silence) return stopTalking();
  speaker.wake();
  const { value } = document.querySelector('input[name="voice"]:checked');
  try {
    silence = await (value === 'microphone' ? microphone(send) : recording(send, stopTalking));
  } catch (error) {
    note(`The ${value} cannot be used: ${error.message}`);
  }
  draw();
};

at('write').onsubmit = (event) => {
  event.preventDefault();
  const text = at('text').value.trim();
  if (!text) return;
  speaker.wake();
  talk = said(talk, { content: text, isPartial: false, metadata: { inputTranscription: true, turnId: `written ${talk.nextId}` } });
  at('text').value = '';
  live.sendRealtimeInput({ text }).catch(({ message }) => note(message));
  draw();
};

at('faults').onclick = async ({ target }) => {
  const name = target.dataset.fault;
  if (!name) return;
  note(`You: ${target.textContent.toLowerCase()}.`);
  const answer = await fetch('/fault', { method: 'POST', body: name });
  if (!answer.ok) note(await answer.text());
};

function send(data) {
  saidMs += data.length / BYTES_PER_MS;
  live.sendRealtimeInput({ audio: { data } }).then(
    () => (isRefused = false),
    ({ message }) => {
      if (!isRefused) note(message); // once, not for every chunk
      isRefused = true;
    },
  );
}

function stopTalking() {
  if (!silence) return;
  silence();
  silence = undefined;
  if (light.state === 'connected') live.sendRealtimeInput({ audioStreamEnd: true }).catch(() => {});
  draw();
}

function note(text) {
  talk = noted(talk, text);
  draw();
}

// --- what is to be seen ------------------------------------------------------------------------------------------

function draw() {
  const nowMs = performance.now();
  const { state, colour, words, gapMs } = shown(light, nowMs);
  const isOn = light.state !== 'disconnected' && light.state !== 'error';
  set(at('light').dataset, 'colour', colour);
  say('light-words', words);
  say('connect', isOn ? 'Disconnect' : 'Connect');
  say('talk', silence ? 'Stop talking' : 'Start talking');
  say('gap-now', gapMs > 0 ? seconds(gapMs) : 'none');
  at('gap-meter').value = gapMs / 1_000;
  const leftMs = nextAttemptAtMs - nowMs;
  const isWaiting = leftMs > 0 && state !== 'connected';
  say('countdown', isWaiting ? `in ${seconds(leftMs)} (attempt ${attempt})` : state === 'connected' || !isOn ? 'none is needed' : 'under way');
  say('gap-count', String(light.gaps.length));
  say('gap-longest', light.gaps.length > 0 ? seconds(Math.max(...light.gaps)) : 'none');
  for (const control of [at('talk'), at('text'), at('write').querySelector('button')]) set(control, 'disabled', !isOn);
  drawEntries(at('transcript'), at('announcer'), talk.entries);
}

/** The simulator counts what arrives: nothing that was said is missing in the end. */
async function count() {
  const heard = await (await fetch('/heard')).json();
  if (heard && saidMs > 0) say('heard', `${seconds(heard.uniqueMs)} of ${seconds(saidMs)} spoken`);
}

/** Changes nothing where nothing is new: a screen reader would say it again. */
function set(target, name, value) {
  if (target[name] !== value) target[name] = value;
}

function say(id, text) {
  set(at(id), 'textContent', text);
}

function seconds(ms) {
  return `${(ms / 1_000).toFixed(1)} s`;
}

// --- the beginning -----------------------------------------------------------------------------------------------

const { name, isSimulated } = await (await fetch('/service')).json();
say('service', `Talking to ${name}`);
at('faults').hidden = at('books').hidden = !isSimulated;
if (isSimulated) setInterval(count, ASK_MS);
const { state, metrics } = await live.getStatus();
light = changed(light, state, performance.now());
if (state === 'connected') say('quality', metrics.connectionQuality);
setInterval(draw, REDRAW_MS);
draw();
