// The documents' examples for HTTP and its clients, run as they stand there, one after the other.  A
// comment below a command is what it answers, but for the numbers.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { env, eventsOf, get, newUser, request, rpc, sign, sql, stateOf } from './lib/client.mjs';

const docs = new URL('../../docs/', import.meta.url);
const page = (name) => readFile(new URL(name, docs), 'utf8');
const examples = [];
for (const name of (await readdir(docs)).filter((file) => file.endsWith('.md')).sort()) {
  for (const [, language, text] of (await page(name)).matchAll(/```(sh|js)\n(.*?)```/gs)) {
    // deployment.test.mjs runs that.
    if (!text.startsWith('tools/stack render ')) examples.push({ name, language, text });
  }
}

// The stack's addresses and tokens are in the environment already.
const prelude = `set -e
eval() { :; }
curl() { command curl --silent --show-error --fail-with-body "$@"; }
`;

const withoutNumbers = (text) => text.replace(/\d+/g, '0');

test('there are examples', () => assert.ok(examples.length >= 8));

for (const { name, language, text } of examples) {
  test(`an example of docs/${name}: ${text.split('\n')[0].slice(0, 70)}`, async () => {
    const { stdout } = await (language === 'sh'
      ? promisify(execFile)('bash', ['-c', prelude + text])
      : promisify(execFile)('node', ['--input-type=module', '--eval', text], { cwd: new URL('..', import.meta.url) }));
    for (const [, answer] of text.matchAll(/^(?:#|\/\/) (.*)$/gm)) {
      assert.ok(withoutNumbers(stdout).includes(withoutNumbers(answer)), `${stdout}\ninstead of\n${answer}`);
    }
  });
}

test('the login function of docs/logins.md lets in, counts, and locks out, alike for users who exist and users who do not', async () => {
  const [, example] = (await page('logins.md')).match(/```sql\n(.*?)```/s);
  const login = (id, password) => sql(`SELECT current_setting('response.status') FROM login('${id}', '${password}')`);
  await sql(example);
  try {
    assert.equal(await login('zoe', 'correct horse'), '200');
    for (const password of ['correct horse', 'wrong']) {
      await assert.rejects(sql(`BEGIN READ ONLY; SELECT login('zoe', '${password}')`), /cannot record a login in a read-only transaction/);
    }
    for (let i = 0; i < 10; i++) assert.equal(await login('zoe', 'wrong'), '401');
    assert.equal(await login('zoe', 'correct horse'), '401');
    assert.equal(await login('nobody', 'correct horse'), '401');
    assert.equal(await stateOf('zoe'), 'locked');
    assert.equal(await eventsOf('zoe'), 'registered locked');
    await rpc('unlock_user', { user_id: 'zoe' });
    assert.equal(await login('zoe', 'correct horse'), '200');
  } finally {
    await sql('DROP FUNCTION login; DROP TABLE app_user');
  }
});

test('over PostgREST, nobody learns from the login function what is not written down', async () => {
  const [, example] = (await page('logins.md')).match(/```sql\n(.*?)```/s);
  await sql(`${example.replace('CREATE FUNCTION login', 'CREATE FUNCTION userlock.login').replaceAll('zoe', 'zora')};
    GRANT EXECUTE ON FUNCTION userlock.login TO anon; NOTIFY pgrst, 'reload schema'`);
  try {
    const post = (password, query = '') => request('POST', `/rpc/login${query}`, { body: { id: 'zora', password } });
    const failures = () => sql("SELECT coalesce(sum(failures), 0) FROM userlock_private.login_failure WHERE user_id = 'zora'");
    while ((await post('correct horse')).status === 404) await new Promise((resolve) => setTimeout(resolve, 50));
    assert.equal((await post('correct horse')).status, 200);
    assert.equal((await post('wrong')).status, 401);
    assert.equal(await failures(), '1');
    // An error that the caller makes, and a transaction that may not write.
    for (const send of [
      (password) => post(password, '?select=pgrst_scalar-%3E%3E0::int'),
      (password) => post(password, '?select=nothing::int'),
      (password) => post(password, '?limit=0'),
      (password) => get(`/rpc/login?id=zora&password=${encodeURIComponent(password)}`),
    ]) {
      const [right, wrong] = [await send('correct horse'), await send('wrong')];
      assert.ok(right.status >= 400, right.text);
      assert.deepEqual([right.status, right.text], [wrong.status, wrong.text]);
    }
    // Nor does it look like a success, without nginx either, that the function has not run.
    const direct = (query, password) => new Promise((resolve, reject) => {
      httpRequest({ socketPath: `${env.PGHOST}/postgrest.sock`, method: 'POST', path: `/rpc/login${query}`, headers: { 'Content-Type': 'application/json' } },
        (response) => response.resume().on('end', () => resolve(response.statusCode))).on('error', reject).end(JSON.stringify({ id: 'zora', password }));
    });
    const success = await direct('', 'correct horse');
    for (const query of ['?limit=0', '?offset=1', '?limit=1']) assert.notEqual(await direct(query, 'wrong'), success, query);
  } finally {
    await sql("DROP FUNCTION userlock.login; DROP TABLE app_user; NOTIFY pgrst, 'reload schema'");
  }
});

test('http/roles.sql can be run again', async () => {
  await promisify(execFile)('psql', ['--no-psqlrc', '--quiet', '--set=ON_ERROR_STOP=1', '--single-transaction', '--file', fileURLToPath(new URL('../../http/roles.sql', import.meta.url))]);
});

test('the grants of docs/operating.md let helpdesk unlock, over HTTP and through Zitadel\'s contract, and nothing else', async () => {
  const [, grants] = (await page('operating.md')).match(/```sql\n(CREATE ROLE.*?)```/s);
  await sql(grants);
  await newUser(undefined, 'helpdesk@example.com');
  try {
    const token = await sign({ role: 'helpdesk', sub: 'helpdesk@example.com', tenant: env.TENANT });
    const ids = [await newUser('lock_user'), await newUser('lock_user'), await newUser('lock_user')];
    assert.equal((await rpc('unlock_user', { user_id: ids[0] }, { token })).status, 200);
    assert.equal((await rpc('unlock_users', { user_ids: [ids[1]] }, { token })).json[0].outcome, 'changed');
    assert.equal((await request('POST', `/v2/users/${ids[2]}/unlock`, { token, body: '{}' })).status, 200);
    assert.equal((await request('GET', '/restricted_users', { token })).status, 200);
    assert.equal((await rpc('lock_user', { user_id: ids[0] }, { token })).status, 403);
    assert.equal((await request('POST', `/v2/users/${ids[0]}/lock`, { token, body: '{}' })).status, 403);
    assert.equal((await request('GET', '/user_history', { token })).status, 403);
  } finally {
    await sql('DROP OWNED BY helpdesk; DROP ROLE helpdesk');
  }
});
