// The folder with the sidecar, for what packs the app.
const { createRequire } = require('node:module');
const { dirname, join, relative } = require('node:path');

/** electron-builder's numbers for processors. */
const ARCHITECTURES = ['ia32', 'x64', 'armv7l', 'arm64', 'universal'];

/** In the platform package, as live-sidecar itself finds it: npm and Yarn put it beside that one, pnpm into its store. */
function sidecar(platform, arch) {
  const name = `@live-sidecar/${platform}-${arch}`;
  try {
    const from = createRequire(require.resolve('live-sidecar/package.json'));
    return join(dirname(from.resolve(`${name}/package.json`)), 'live-sidecar');
  } catch (cause) {
    const how = `npm install --os=${platform} --cpu=${arch} --no-save live-sidecar, and one target at a time`;
    throw new Error(`${name} is not installed: ${how}; with pnpm or Yarn name the target in supportedArchitectures.`, { cause });
  }
}

module.exports = { sidecar };
/** electron-builder's `beforePack`: tells electron-builder.yml where the folder is, from the project on. */
module.exports.default = ({ electronPlatformName, arch, packager }) => {
  process.env.LIVE_SIDECAR_FOLDER = relative(packager.projectDir, sidecar(electronPlatformName, ARCHITECTURES[arch]));
};
