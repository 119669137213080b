/**
 * The folder of this file. A CommonJS module in both builds, because `__dirname` exists only there and
 * `import.meta` only in the other kind. Empty inside a bundle that has no `__dirname`.
 */
export const here: string = typeof __dirname === 'string' ? __dirname : '';
