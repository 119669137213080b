// What the connection light shows. A gap of less than a second is nobody's business: the light stays as it is. Pure.

export const STEADY_MS = 1_000;

const COLOURS = { connected: 'green', connecting: 'amber', reconnecting: 'amber', disconnected: 'grey', error: 'red' };
const WORDS = {
  connected: 'Connected',
  connecting: 'Connecting',
  reconnecting: 'Reconnecting',
  disconnected: 'Not connected',
  error: 'Connection failed',
};

/** `gaps`: how long each was that is over and was shown, in ms. */
export const DARK = { state: 'disconnected', lostAtMs: undefined, gaps: [] };

/** The light after a change of the client's state. */
export function changed(light, state, nowMs) {
  const isGap = state === 'reconnecting' || (state === 'connecting' && light.lostAtMs !== undefined);
  if (isGap) return { ...light, state, lostAtMs: light.lostAtMs ?? nowMs };
  const gapMs = gapOf(light, nowMs);
  const gaps = state === 'connected' && gapMs >= STEADY_MS ? [...light.gaps, gapMs] : light.gaps;
  return { state, lostAtMs: undefined, gaps };
}

/** What is to be seen now. `gapMs` is 0 while no gap is shown; `changesInMs`: when it looks different by itself. */
export function shown(light, nowMs) {
  const gapMs = gapOf(light, nowMs);
  const isSteady = light.lostAtMs !== undefined && gapMs < STEADY_MS;
  const state = isSteady ? 'connected' : light.state;
  return { state, colour: COLOURS[state], words: WORDS[state], gapMs: isSteady ? 0 : gapMs };
}

function gapOf({ lostAtMs }, nowMs) {
  return lostAtMs === undefined ? 0 : nowMs - lostAtMs;
}
