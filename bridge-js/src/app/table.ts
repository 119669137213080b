/** The table of events as a whole, and its use: what happened, and which events the app hears of it. Pure. */
import type { AppEvent, AppEvents, Compat } from './contract.js';
import { CONNECTION } from './events-connection.js';
import { CONTENT } from './events-content.js';
import { ERRORS } from './events-errors.js';
import { LINE } from './events-line.js';
import { SENDING } from './events-sending.js';
import type { Happening, HappeningName } from './happenings.js';
import type { Mirror } from './mirror.js';
import { isStale } from './reduce-state.js';
import { reduce } from './reduce.js';
import type { EventTable, Scene } from './row.js';

/** Every event of the contract: one that is missing does not compile. */
export const EVENTS: EventTable = { ...CONNECTION, ...LINE, ...ERRORS, ...CONTENT, ...SENDING };

export type Emission = { [E in AppEvent]: { readonly event: E; readonly args: AppEvents[E] } }[AppEvent];

interface Maker {
  readonly event: AppEvent;
  readonly make: (params: never, scene: Scene) => readonly (readonly unknown[])[];
}

/** For each happening the rows it feeds, in the order of the table: the order in which they are emitted. */
const BY_HAPPENING: ReadonlyMap<HappeningName, readonly Maker[]> = (() => {
  const makers = new Map<HappeningName, Maker[]>();
  for (const [event, { feeds }] of Object.entries(EVENTS)) {
    for (const { on, make } of feeds) {
      makers.set(on, [...(makers.get(on) ?? []), { event: event as AppEvent, make: make as Maker['make'] }]);
    }
  }
  return makers;
})();

export interface Translated {
  readonly mirror: Mirror;
  /** Made one by one: a listener that is added by an earlier listener hears the later ones. */
  readonly emissions: Iterable<Emission>;
}

export interface TranslateOptions {
  readonly nowMs: number;
  readonly compat: Compat;
  /** Whether anybody listens to it; what nobody hears is not made. */
  readonly isHeard?: (event: AppEvent) => boolean;
}

/** The mirror after what happened, and the events to emit for it, in order. */
export function translate(before: Mirror, happening: Happening, options: TranslateOptions): Translated {
  const { nowMs, compat, isHeard = () => true } = options;
  const { name, params } = happening;
  if (name === 'stateChanged' && isStale(before, params)) return { mirror: before, emissions: [] };
  const after = reduce(before, happening, nowMs);
  const scene: Scene = { before, after, nowMs, compat };
  return { mirror: after, emissions: emissionsOf(happening, scene, isHeard) };
}

function* emissionsOf(
  { name, params }: Happening,
  scene: Scene,
  isHeard: (event: AppEvent) => boolean,
): Generator<Emission> {
  for (const { event, make } of BY_HAPPENING.get(name) ?? []) {
    if (!isHeard(event)) continue;
    for (const args of make(params as never, scene)) yield { event, args } as unknown as Emission;
  }
}
