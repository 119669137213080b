/**
 * One final text per side and turn. The sidecar tells one for each run of a speaker and language, and after them how
 * the turn ended: they are put together until that comes, or another text, or another state. Pure.
 */
import type { Happening, HappeningName, Utterance } from './happenings.js';

export interface Gathered {
  /** What may still grow. */
  readonly open: Utterance | undefined;
  readonly happenings: readonly Happening[];
}

/** Nothing else says anything of the texts: it may come in the middle of them, when they are read in pieces. */
const ENDS: ReadonlySet<HappeningName> = new Set<HappeningName>([
  'transcript',
  'turn',
  'stateChanged',
  'connectFailed',
  'closed',
  'sessionEnded',
]);

export function gather(open: Utterance | undefined, happening: Happening): Gathered {
  const final = finalOf(happening);
  if (final !== undefined && open !== undefined && open.source === final.source && open.turnId === final.turnId) {
    return { open: { ...open, text: open.text + final.text }, happenings: [] };
  }
  if (!ENDS.has(happening.name)) return { open, happenings: [happening] };
  const done = ended(open);
  return final === undefined
    ? { open: undefined, happenings: [...done, happening] }
    : { open: final, happenings: done };
}

/** Whether `gather` has anything to do. */
export function isGathered(open: Utterance | undefined, { name, params }: Happening): boolean {
  return open !== undefined || (name === 'transcript' && params.final);
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
