/**
 * Prints what was measured, a row each: what, value, bound, whether it is met, whether it must be.
 * Returns whether all that must be met are.
 */
export function print(rows, log = console.log) {
  const widths = [0, 1, 2].map((i) => Math.max(...rows.map((row) => row[i].length)));
  for (const [what, value, bound, met] of rows) {
    const cells = [what, value, bound].map((cell, i) => cell.padEnd(widths[i]));
    log(`${cells.join('  ')}  ${met ? 'met' : 'NOT MET'}`);
  }
  return rows.every(([, , , met, hard]) => met || !hard);
}
