/** A small typed event emitter: one value per event, and a way out returned by every registration. */

export type Listener<Value> = (value: Value) => void;

/** Removes the listener it was returned for; a second call does nothing. */
export type Unsubscribe = () => void;

interface Registration {
  readonly listener: Listener<never>;
  readonly once: boolean;
}

export class Emitter<Events extends object> {
  // The arrays are replaced, never changed: a listener may add or remove others while an event is on its way.
  readonly #registrations = new Map<keyof Events, readonly Registration[]>();
  #next: Emitter<Events> | undefined;

  /** Passes every event on to `next`, after the listeners here. */
  forwardTo(next: Emitter<Events>): void {
    this.#next = next;
  }

  /** Calls `listener` for every `event` from now on. */
  on<E extends keyof Events>(event: E, listener: Listener<Events[E]>): Unsubscribe {
    return this.#add(event, { listener, once: false });
  }

  /** Calls `listener` for the next `event` only. */
  once<E extends keyof Events>(event: E, listener: Listener<Events[E]>): Unsubscribe {
    return this.#add(event, { listener, once: true });
  }

  /** Removes every registration of `listener` for `event`. */
  off<E extends keyof Events>(event: E, listener: Listener<Events[E]>): void {
    this.#keep(event, (registration) => registration.listener !== listener);
  }

  listenerCount(event: keyof Events): number {
    return this.#registrations.get(event)?.length ?? 0;
  }

  /**
   * Calls the listeners in the order of their registration. One that throws does not stop the others: its error is
   * thrown again on its own, where it reaches `uncaughtException` like that of any callback.
   */
  emit<E extends keyof Events>(event: E, value: Events[E]): void {
    for (const registration of this.#registrations.get(event) ?? []) {
      if (registration.once) this.#remove(event, registration);
      try {
        (registration.listener as Listener<Events[E]>)(value);
      } catch (error) {
        process.nextTick(() => {
          throw error;
        });
      }
    }
    this.#next?.emit(event, value);
  }

  #add(event: keyof Events, registration: Registration): Unsubscribe {
    if (typeof registration.listener !== 'function') {
      throw new TypeError(`The listener for ${String(event)} must be a function.`);
    }
    this.#registrations.set(event, [...(this.#registrations.get(event) ?? []), registration]);
    return () => this.#remove(event, registration);
  }

  #remove(event: keyof Events, registration: Registration): void {
    this.#keep(event, (other) => other !== registration);
  }

  #keep(event: keyof Events, wanted: (registration: Registration) => boolean): void {
    const kept = (this.#registrations.get(event) ?? []).filter(wanted);
    if (kept.length > 0) this.#registrations.set(event, kept);
    else this.#registrations.delete(event);
  }
}
