// The folder with the sidecar, for what packs the app.
const { existsSync } = require('node:fs');
const { join } = require('node:path');

/** electron-builder's numbers for processors. */
const ARCHITECTURES = ['ia32', 'x64', 'armv7l', 'arm64', 'universal'];

/** In the platform package, which npm has put there for this machine; for another one it must be told. */
function sidecar(platform, arch) {
  const folder = join(__dirname, 'node_modules/@live-sidecar', `${platform}-${arch}`, 'live-sidecar');
  if (existsSync(folder)) return folder;
  throw new Error(`There is no ${folder}: npm install --os=${platform} --cpu=${arch} --no-save live-sidecar, and one target at a time.`);
}

module.exports = { sidecar };
/** electron-builder's `beforePack`. It would go on without a file that is not there. */
module.exports.default = ({ electronPlatformName, arch }) => void sidecar(electronPlatformName, ARCHITECTURES[arch]);
