// The README's HTTP examples, run as they stand there, one after the other.  A
// comment below a command is what it answers, but for the numbers.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import test from 'node:test';
import { promisify } from 'node:util';

const readme = await readFile(new URL('../../README.md', import.meta.url), 'utf8');
const sections = readme.slice(readme.indexOf('\n## HTTP\n'), readme.indexOf('\n## Roles and grants\n'));
const examples = [...sections.matchAll(/```sh\n(.*?)```/gs)].map(([, text]) => text);

// The stack's addresses and tokens are in the environment already.
const prelude = `set -e
eval() { :; }
curl() { command curl --silent --show-error --fail-with-body "$@"; }
`;

const withoutNumbers = (text) => text.replace(/\d+/g, '0');

test('there are examples', () => assert.ok(examples.length >= 6));

for (const [i, example] of examples.entries()) {
  test(`example ${i + 1} of README.md: ${example.split('\n')[0].slice(0, 70)}`, async () => {
    const { stdout } = await promisify(execFile)('bash', ['-c', prelude + example]);
    for (const [, answer] of example.matchAll(/^# (.*)$/gm)) {
      assert.ok(withoutNumbers(stdout).includes(withoutNumbers(answer)), `${stdout}\ninstead of\n${answer}`);
    }
  });
}
