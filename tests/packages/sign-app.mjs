// Signs an app with the osx-sign that is given and the options of forge.config.cjs, as if this were macOS.
import { createRequire, syncBuiltinESMExports } from 'node:module';
import os from 'node:os';

const [, , osxSign, app] = process.argv;
os.release = () => '24.0.0'; // older ones know no hardened runtime
syncBuiltinESMExports();

process.env.APPLE_IDENTITY = 'Developer ID Application: Nobody';
const { packagerConfig } = createRequire(import.meta.url)('../../examples/electron-app/forge.config.cjs');
const { sign = undefined, signAsync = sign } = await import(osxSign);
const asOnMac = { platform: 'darwin', version: '25.1.1', identityValidation: false, preAutoEntitlements: false, preEmbedProvisioningProfile: false };
await signAsync({ ...packagerConfig.osxSign, ...asOnMac, app });
