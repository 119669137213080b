/** How a row of the table of events is written. */
import type { AppEvent, AppEvents, Compat } from './contract.js';
import type { HappeningName, Happenings } from './happenings.js';
import type { Mirror } from './mirror.js';

/** What a row may look at beside what happened. */
export interface Scene {
  readonly before: Mirror;
  readonly after: Mirror;
  readonly nowMs: number;
  readonly compat: Compat;
}

/** One source of an event: on what it comes, which fields its arguments are made of, and how. */
export type Feed<Arguments extends readonly unknown[]> = {
  [N in HappeningName]: {
    readonly on: N;
    readonly fields: readonly (keyof Happenings[N] & string)[];
    /** The arguments of each event to emit: none, one, or several. */
    readonly make: (params: Happenings[N], scene: Scene) => readonly Arguments[];
  };
}[HappeningName];

export interface Row<E extends AppEvent> {
  /** Since which version of the app; `extra`: its status component listens to it, and its class never emitted it. */
  readonly since: 'R1' | 'R2' | 'extra';
  /** The arguments, as the page shows them. */
  readonly shape: string;
  readonly when: string;
  /** At least one: an event that nothing feeds does not compile. */
  readonly feeds: readonly [Feed<AppEvents[E]>, ...Feed<AppEvents[E]>[]];
}

export type EventTable = { readonly [E in AppEvent]: Row<E> };

/** One event with these arguments if `condition` holds. */
export function when<A extends readonly unknown[]>(condition: boolean, args: () => A): readonly A[] {
  return condition ? [args()] : [];
}
