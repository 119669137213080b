// Files that are not among the sources, or that another program reads: none but Electron sees what is inside app.asar. In
// a packaged app they lie beside it.
const { existsSync } = require('node:fs');
const { basename, join } = require('node:path');

/** The path of a file that is named as it lies in the repository, seen from here. */
function resource(path) {
  const packaged = join(process.resourcesPath, basename(path));
  return existsSync(packaged) ? packaged : join(__dirname, path);
}

module.exports = { resource };
