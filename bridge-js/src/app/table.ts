/** The table of events as a whole, and its use: what happened, and which events the app hears of it. Pure. */
import type { AppEvent } from './contract.js';
import { CONNECTION } from './events-connection.js';
import { CONTENT } from './events-content.js';
import { ERRORS } from './events-errors.js';
import { LINE } from './events-line.js';
import { SENDING } from './events-sending.js';
import type { Happening, HappeningName } from './happenings.js';
import type { Mirror } from './mirror.js';
import { isOlder } from './reduce-state.js';
import { reduce } from './reduce.js';
import type { EventTable, Scene } from './row.js';

/** Every event of the contract: one that is missing does not compile. */
export const EVENTS: EventTable = { ...CONNECTION, ...LINE, ...ERRORS, ...CONTENT, ...SENDING };

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

/** The mirror after what happened. */
export function next(before: Mirror, happening: Happening, nowMs: number): Mirror {
  return isStale(before, happening) ? before : reduce(before, happening, nowMs);
}

/** Whether there are events for it at all. */
export function isTold({ name }: Happening): boolean {
  return BY_HAPPENING.has(name);
}

/** Whether the app hears any event for it. */
export function isHeard(name: HappeningName, hears: (event: AppEvent) => boolean): boolean {
  return BY_HAPPENING.get(name)?.some(({ event }) => hears(event)) ?? false;
}

/**
 * Emits the events for what happened, in order. They are made one by one: a listener that is added by an earlier
 * listener hears the later ones, and what nobody hears is not made.
 */
export function tell(
  happening: Happening,
  scene: Scene,
  hears: (event: AppEvent) => boolean,
  emit: (event: AppEvent, args: readonly unknown[]) => void,
): void {
  if (isStale(scene.before, happening)) return;
  for (const { event, make } of BY_HAPPENING.get(happening.name) ?? []) {
    if (!hears(event)) continue;
    for (const args of make(happening.params as never, scene)) emit(event, args);
  }
}

/** Told by an older snapshot of the same session: the mirror knows better. */
function isStale(before: Mirror, { name, params }: Happening): boolean {
  return name === 'stateChanged' && isOlder(before, params);
}
