/** The same mark in the ESM and the CJS copy of this package, so that a secret made by one is known to the other. */
const BRAND = Symbol.for('live-sidecar.secret');
const HIDDEN = '<secret>';

/**
 * A string that cannot be printed by accident: not by `console.log`, `util.inspect`, `JSON.stringify`,
 * string concatenation or `structuredClone`. Accepted wherever params take a secret, and revealed only while the
 * line to the sidecar is encoded.
 */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    if (typeof value !== 'string' || value === '') {
      throw new TypeError('A Secret holds a string that is not empty. Is the environment variable or setting unset?');
    }
    this.#value = value;
  }

  /** The string itself. */
  reveal(): string {
    return this.#value;
  }

  get [BRAND](): true {
    return true;
  }

  toString(): string {
    return HIDDEN;
  }

  toJSON(): string {
    return HIDDEN;
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return HIDDEN;
  }
}

/** Whether `value` is a {@link Secret} of any copy of this package. */
export function isSecret(value: unknown): value is Secret {
  return typeof value === 'object' && value !== null && (value as { [BRAND]?: unknown })[BRAND] === true;
}
