// Starts the app with an Electron of your choice: ELECTRON_BIN, else the package `electron` that is installed here or
// above, else the `electron` on PATH.
import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

function electron() {
  if (process.env.ELECTRON_BIN) return process.env.ELECTRON_BIN;
  try {
    return createRequire(import.meta.url)('electron');
  } catch {
    return 'electron';
  }
}

const here = fileURLToPath(new URL('.', import.meta.url));
const child = spawn(electron(), [here, ...process.argv.slice(2)], { stdio: 'inherit' });
child.once('error', ({ message }) => {
  console.error(`Electron could not be started: ${message}. Install one (\`npm install --no-save electron\`), or name it in ELECTRON_BIN.`);
  process.exitCode = 1;
});
child.once('exit', (code) => {
  process.exitCode = code ?? 1;
  if (process.exitCode !== 0) {
    console.error(
      `Electron ended with code ${code}. As root it needs \`npm start -- --no-sandbox\`. One that is cut down to packed apps, ` +
        'such as that of `make setup-electron`, does not run this folder: use `make electron`.',
    );
  }
});
