// Packs the example with Electron Forge: docs/packaging.md.
const { join } = require('node:path');
const { sidecar } = require('./sidecar.cjs');

const ENTITLEMENTS = join(__dirname, 'entitlements.plist');
/** Of other programs' use, or of none in the app. The sidecar is beside app.asar, for no system runs a program in it. */
const LEFT_OUT = [/\/node_modules\/@live-sidecar($|\/)/, /^\/(conversation\.json|start\.mjs|entitlements\.plist|forge\.config\.cjs|sidecar\.cjs|electron-builder\.yml|out)$/];

module.exports = {
  packagerConfig: {
    asar: true,
    ignore: LEFT_OUT,
    // A folder with Electron's archives, where they cannot be fetched.
    electronZipDir: process.env.ELECTRON_ZIP_DIR,
    appBundleId: 'org.example.live',
    extendInfo: { NSMicrophoneUsageDescription: 'You talk with the model.' },
    // Signs from the inside out: the sidecar's libraries, its program, then the app. APPLE_IDENTITY is in the keychain.
    osxSign: process.env.APPLE_IDENTITY && {
      identity: process.env.APPLE_IDENTITY,
      optionsForFile: () => ({ hardenedRuntime: true, entitlements: ENTITLEMENTS }),
    },
    osxNotarize: process.env.APPLE_API_KEY && {
      appleApiKey: process.env.APPLE_API_KEY,
      appleApiKeyId: process.env.APPLE_API_KEY_ID,
      appleApiIssuer: process.env.APPLE_API_ISSUER,
    },
  },
  hooks: {
    prePackage: async ({ packagerConfig }, platform, arch) => {
      const others = ['../demo/speech-25s.wav', 'conversation.json'];
      packagerConfig.extraResource = [sidecar(platform, arch), ...others.map((path) => join(__dirname, path))];
    },
  },
};
