/** The app's numbers as the sidecar takes them: rounded, and held within the range of the setting. Pure. */

/** The longest time a setting may have: a day. */
export const LONGEST_MS = 86_400_000;
/** As good as no limit. */
const NO_LIMIT = 1_000_000;

interface Range {
  /** Anything below makes no sense. */
  readonly least: number;
  /** What is given to the sidecar is at least this. */
  readonly min?: number;
  readonly max: number;
  readonly isFraction?: boolean;
}

const RANGES = {
  maxAttempts: { least: 0, max: NO_LIMIT },
  baseDelay: { least: 0, min: 1, max: LONGEST_MS },
  maxDelay: { least: 0, min: 1, max: LONGEST_MS },
  backoffMultiplier: { least: 1, max: 10, isFraction: true },
  jitterRange: { least: 0, max: 1, isFraction: true },
  interval: { least: 1, max: LONGEST_MS },
  timeout: { least: 1, max: LONGEST_MS },
  maxMissedBeats: { least: 0, max: NO_LIMIT },
  connectionTimeout: { least: 0, min: 1_000, max: LONGEST_MS },
  handshakeTimeout: { least: 0, min: 500, max: LONGEST_MS },
  maxQueueSize: { least: 0, max: NO_LIMIT },
} as const satisfies Record<string, Range>;

export type NumberOption = keyof typeof RANGES;

/**
 * `option`: as the app calls it.
 * @throws RangeError when the value makes no sense.
 */
export function usable(kind: NumberOption, value: number, option: string = kind): number {
  const { least, min = least, max, isFraction = false }: Range = RANGES[kind];
  const rounded = isFraction ? value : Math.round(value);
  if (typeof value !== 'number' || !(rounded >= least)) {
    throw new RangeError(`The option ${option} is ${shown(value)}. Give a number from ${least} to ${max}, or none.`);
  }
  return Math.min(Math.max(min, rounded), max);
}

/** A text that looks like a number is no number. */
function shown(value: unknown): string {
  return typeof value === 'string' ? `the text ${JSON.stringify(value)}` : String(value);
}

/** `options` with usable numbers, and without what is undefined; `prefix` stands before their names in errors. */
export function usableFields<T extends object>(options: T, prefix: string): T {
  const fields = Object.entries(options).flatMap(([name, value]) => {
    if (value === undefined) return [];
    return [[name, Object.hasOwn(RANGES, name) ? usable(name as NumberOption, value, `${prefix}${name}`) : value]];
  });
  return Object.fromEntries(fields) as T;
}
