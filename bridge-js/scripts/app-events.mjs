// Writes docs/app-events.md from the tables of the app's class (as built in dist/esm) and app-events.template.md.
//   node scripts/app-events.mjs            writes it
//   node scripts/app-events.mjs --check    exits with 1 when it is not up to date
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { errorTypes } from '../dist/esm/app/errors.js';
import { GETTERS } from '../dist/esm/app/getters.js';
import { EVENTS } from '../dist/esm/app/table.js';
import { OWN_HAPPENINGS } from '../dist/esm/app/happenings.js';

const here = dirname(fileURLToPath(import.meta.url));
const page = join(here, '..', '..', 'docs', 'app-events.md');
const template = readFileSync(join(here, 'app-events.template.md'), 'utf8');

/** How the page calls what happened: the notification, or what the app or the client did. */
const title = (name) => OWN_HAPPENINGS[name] ?? `\`session/${name}\``;
const source = ({ on, fields }) =>
  `${title(on)}${fields.length > 0 ? `: ${fields.map((field) => `\`${field}\``).join(', ')}` : ''}`;
const sources = (feeds) => [...new Set(feeds.map(source))].join('; ');
const row = (...cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
const code = (text) => (text.includes('`') ? text : `\`${text}\``);

const events = [
  row('event', 'arguments', 'since', 'when', 'made of'),
  row('---', '---', '---', '---', '---'),
  ...Object.entries(EVENTS).map(([name, { shape, since, when, feeds }]) =>
    row(`\`${name}\``, code(shape), since, when, sources(feeds)),
  ),
];

const getters = [
  row('getter', 'made of'),
  row('---', '---'),
  ...Object.entries(GETTERS).map(([name, { feeds }]) => row(`\`${name}()\``, sources(feeds))),
];

const byHappening = new Map();
for (const [event, { feeds }] of Object.entries(EVENTS)) {
  for (const { on } of feeds) byHappening.set(on, [...(byHappening.get(on) ?? []), event]);
}
const order = [
  row('what happened', 'the events it may emit, in this order'),
  row('---', '---'),
  ...[...byHappening].map(([name, names]) =>
    row(title(name), [...new Set(names)].map((event) => `\`${event}\``).join(', ')),
  ),
];

const byType = new Map();
for (const [kind, type] of errorTypes()) byType.set(type, [...(byType.get(type) ?? []), kind]);
const errors = [
  row('type', 'kinds'),
  row('---', '---'),
  ...[...byType].sort().map(([type, kinds]) => row(`\`${type}\``, kinds.sort().map(code).join(', '))),
];

const parts = { events, getters, order, errors };
const content = template.replace(/\{\{(\w+)\}\}/g, (_, name) => parts[name].join('\n'));

if (!process.argv.includes('--check')) writeFileSync(page, content);
else if (current() !== content) {
  console.error('docs/app-events.md is stale: run `make generate` and commit the result.');
  process.exit(1);
}

function current() {
  try {
    return readFileSync(page, 'utf8').replaceAll('\r\n', '\n');
  } catch {
    return undefined;
  }
}
