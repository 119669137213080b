/** Who wants Node to be kept alive, and what keeps it alive meanwhile. */

export interface Handle {
  ref(): unknown;
  unref(): unknown;
}

export class Holders {
  readonly #holders = new Set<symbol>();
  readonly #handles: () => readonly (Handle | undefined)[];

  /** `handles` gives those that there are at the moment. */
  constructor(handles: () => readonly (Handle | undefined)[]) {
    this.#handles = handles;
  }

  add(holder: symbol): void {
    this.#holders.add(holder);
    this.apply();
  }

  remove(holder: symbol): void {
    this.#holders.delete(holder);
    this.apply();
  }

  /** To be called when there are other handles. */
  apply(): void {
    for (const handle of this.#handles()) {
      if (this.#holders.size > 0) handle?.ref();
      else handle?.unref();
    }
  }
}
