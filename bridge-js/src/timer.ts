/** Timers for waits of any length. */

/** `setTimeout` fires at once for anything longer: some 24 days. */
export const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** Does `action` after `delayMs`. A wait that no timer can hold, such as `Infinity`, never ends: undefined. */
export function startTimer(action: () => void, delayMs: number): NodeJS.Timeout | undefined {
  return delayMs <= LONGEST_TIMER_MS ? setTimeout(action, delayMs) : undefined;
}
