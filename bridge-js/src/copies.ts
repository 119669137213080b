/** Makes an error of one copy of this package (ESM or CommonJS) an instance of the other copy's class. */

const CLASS = Symbol.for('live-sidecar.error');

type Class = abstract new (...args: never[]) => Error;

/** For each class by a name that no bundler changes. */
export function markClasses(classes: Readonly<Record<string, Class>>): void {
  for (const [name, type] of Object.entries(classes)) {
    Object.defineProperty(type.prototype, CLASS, { value: name });
    Object.defineProperty(type, Symbol.hasInstance, {
      value(this: unknown, error: unknown): boolean {
        // A class of the app's own that extends one of these has no other copy.
        return this === type ? isOf(name, error) : Function.prototype[Symbol.hasInstance].call(this as never, error);
      },
    });
  }
}

function isOf(name: string, error: unknown): boolean {
  for (let type = error; typeof type === 'object' && type !== null; type = Object.getPrototypeOf(type)) {
    if (Object.getOwnPropertyDescriptor(type, CLASS)?.value === name) return true;
  }
  return false;
}
