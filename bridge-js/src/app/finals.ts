/**
 * One final text per side and turn. The sidecar tells one for each run of a speaker and language, one right after the
 * other: they are put together until something else happens. Pure.
 */
import type { Happening, Utterance } from './happenings.js';

export interface Gathered {
  /** What may still grow. */
  readonly open: Utterance | undefined;
  readonly happenings: readonly Happening[];
}

export function gather(open: Utterance | undefined, happening: Happening): Gathered {
  const final = finalOf(happening);
  if (final !== undefined && open !== undefined && open.source === final.source && open.turnId === final.turnId) {
    return { open: { ...open, text: open.text + final.text }, happenings: [] };
  }
  const done = ended(open);
  return final === undefined
    ? { open: undefined, happenings: [...done, happening] }
    : { open: final, happenings: done };
}

/** Nothing more will come for now. */
export function ended(open: Utterance | undefined): Happening[] {
  return open === undefined || open.text === '' ? [] : [{ name: 'utterance', params: open }];
}

function finalOf({ name, params }: Happening): Utterance | undefined {
  if (name !== 'transcript' || !params.final) return undefined;
  const { source, text, turnId } = params;
  return { source, text, turnId };
}
