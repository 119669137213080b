// The transcript as a list of entries: who said what, and how it ended. Pure: each function returns a new list.
//
// An entry: { id, side: 'user' | 'model' | 'note', text, status: 'open' | 'done' | 'interrupted' | 'cut', turnId? }.
// A model's turn is over when it is complete, not when its text is whole: the voice may still be on its way.

export const EMPTY = { entries: [], nextId: 1, running: undefined };

/** A piece of what somebody said, or at the end the whole. */
export function said(talk, { content, metadata, isPartial }) {
  const side = metadata.inputTranscription ? 'user' : 'model';
  const { turnId } = metadata;
  const at = talk.entries.findLastIndex((entry) => entry.side === side && entry.turnId === turnId && !entry.isWhole);
  const known = talk.entries[at];
  const text = isPartial ? (known?.text ?? '') + content : content;
  // A text may become whole after its turn was cut: it stays marked.
  const status = known && known.status !== 'open' ? known.status : isPartial || side === 'model' ? 'open' : 'done';
  const entry = { id: known?.id ?? talk.nextId, side, turnId, text, status, isWhole: !isPartial };
  const entries = known ? replaced(talk.entries, at, entry) : [...talk.entries, entry];
  const isRunning = side === 'model' && status === 'open';
  return { entries, nextId: known ? talk.nextId : talk.nextId + 1, running: isRunning ? entry.id : talk.running };
}

/** How the model's turn ended: `done`, `interrupted` by the user, or `cut` by the line. */
export function turnEnded(talk, status) {
  const at = talk.entries.findIndex(({ id }) => id === talk.running);
  if (at < 0) return talk;
  return { ...talk, entries: replaced(talk.entries, at, { ...talk.entries[at], status }), running: undefined };
}

/** Something that nobody said. */
export function noted(talk, text) {
  const entry = { id: talk.nextId, side: 'note', text, status: 'done' };
  return { ...talk, entries: [...talk.entries, entry], nextId: talk.nextId + 1 };
}

function replaced(list, at, entry) {
  return [...list.slice(0, at), entry, ...list.slice(at + 1)];
}
