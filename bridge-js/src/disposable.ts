/** `await using`: what has a `stop()` is stopped at the end of the block. */

/** Gives the class the method that `await using` calls. Node before 18.18 lacks its name; a polyfill is served too. */
export function stopsWithItsBlock(type: { readonly prototype: { stop(): Promise<unknown> } }): void {
  if (Symbol.asyncDispose === undefined) return;
  Object.defineProperty(type.prototype, Symbol.asyncDispose, {
    async value(this: { stop(): Promise<unknown> }): Promise<void> {
      await this.stop();
    },
  });
}
