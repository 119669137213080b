/** What crosses the border to a window: structured clones, of plain values. Pure. */

/**
 * A copy that can be cloned. Errors become objects with all their fields, which a clone would lose, but without their
 * stack, which is none of the page's business; functions are left out, and a `Secret` has nothing to copy.
 */
export function plain(value: unknown): unknown {
  if (typeof value === 'function' || typeof value === 'symbol') return undefined;
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(plain);
  if (value instanceof Error) {
    const { stack: _, ...fields } = { ...value, name: value.name, message: value.message };
    return plain(fields);
  }
  if (value instanceof Date || value instanceof ArrayBuffer || ArrayBuffer.isView(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, plain(field)]));
}
