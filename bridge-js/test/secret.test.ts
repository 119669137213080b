import assert from 'node:assert/strict';
import { format, inspect } from 'node:util';
import test from 'node:test';
import { isSecret, Secret } from '../src/secret.js';

const KEY = 'AIza-never-to-be-seen';

test('a secret shows itself to nobody but reveal', () => {
  const secret = new Secret(KEY);
  const shown = [
    String(secret),
    `${secret}`,
    '' + secret,
    JSON.stringify({ secret, list: [secret] }),
    inspect(secret),
    inspect({ deep: { secret } }, { depth: 9, showHidden: true }),
    format('%s %o %O %j', secret, secret, secret, secret),
    JSON.stringify(Object.entries(secret)),
    inspect(structuredClone({ ...secret })),
    inspect(new Error('with a cause', { cause: secret })),
  ].join(' ');
  assert.ok(!shown.includes(KEY), shown);
  assert.ok(shown.includes('<secret>'));
  assert.equal(secret.reveal(), KEY);
});

test('a secret of another copy of the package is known by its mark', () => {
  const other = { [Symbol.for('live-sidecar.secret')]: true, reveal: () => KEY };
  assert.ok(isSecret(other));
  assert.ok(!isSecret({ reveal: () => KEY }));
  assert.ok(!isSecret(null));
  assert.ok(!isSecret(KEY));
});

test('an empty or missing value is refused at once', () => {
  assert.throws(() => new Secret(''), /not empty/);
  assert.throws(() => new Secret(undefined as unknown as string), TypeError);
});
