// Loads each part of the package both ways, and prints the names that it gives.
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const names = {};
for (const part of process.argv.slice(2)) {
  const whole = require(part);
  const required = Object.keys(whole).filter((name) => name !== '__esModule');
  // What Node adds when it imports CommonJS.
  const added = whole.__esModule ? ['module.exports', '__esModule'] : ['module.exports', 'default'];
  const imported = Object.keys(await import(part)).filter((name) => !added.includes(name));
  names[part] = { imported: imported.sort(), required: required.sort() };
}
console.log(JSON.stringify(names));
