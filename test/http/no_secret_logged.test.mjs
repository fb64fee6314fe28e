// What a request carries is in no log, whatever became of it; but for the user id
// in the database's own log, where an error of a native call names it.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import test from 'node:test';
import { promisify } from 'node:util';
import { env, get, newUser, request, rpc, sign, sql } from './lib/client.mjs';

test('no token and no key is in a log, and no user id is in nginx\'s', async () => {
  const user_id = await newUser('lock_user');
  const unusable = await sql(`SELECT userlock.create_api_key('logs-${Date.now()}', 'operator', '${env.TENANT}')`);
  await sql(`UPDATE userlock_private.api_key SET role = 'gone' WHERE digest = sha256('${unusable}')`);
  const malformed = await sign({ role: 'operator', sub: user_id, tenant: 7 });
  const secrets = [env.OPERATOR_TOKEN, env.EXPIRED_TOKEN, env.JWT_SECRET, env.MONOCLOUD_API_KEY, unusable, malformed];

  await rpc('unlock_user', { user_id });
  await rpc('unlock_user', { user_id });
  await get(`/rpc/user_status?user_id=${user_id}`, { token: env.EXPIRED_TOKEN });
  for (const token of [env.OPERATOR_TOKEN, env.EXPIRED_TOKEN, malformed]) {
    await request('POST', `/v2/users/${user_id}/unlock`, { token, body: '{}' });
    await request('POST', `/v2/users/${user_id}/unlock`, { token, body: `{"a":"${'x'.repeat(1_100_000)}"}` });
    await request('POST', `/v2/users/${user_id}/unlock`, { token, body: '['.repeat(100_000) });
  }
  for (const key of [env.MONOCLOUD_API_KEY, unusable]) {
    await request('POST', `/api/users/${user_id}/unblock`, { headers: { 'X-API-KEY': key } });
    await request('POST', `/v1/users/${user_id}/unlock`, { token: key });
    await request('POST', `/v1/users/${user_id}/unlock`, { token: `${key}0` });
  }

  for (const file of (await readdir(env.PGHOST)).filter((name) => name.endsWith('.log'))) {
    const text = await readFile(`${env.PGHOST}/${file}`, 'utf8');
    for (const secret of secrets) assert.ok(!text.includes(secret), `${file} holds a secret`);
    assert.ok(file === 'postgresql.log' || !text.includes(user_id), `${file} names a user`);
  }
});

test('no password is in a log, if PostgreSQL cannot read what is around it', async () => {
  const user_id = await newUser();
  const password = `hunter-${Date.now()}`;
  const body = `{"user_id":"${user_id}","profile":{"password":"${password}","title":"\\u0000"}}`;
  for (const name of ['set_profile', 'register_user']) {
    const answer = await request('POST', `/rpc/${name}`, { token: env.OPERATOR_TOKEN, body, headers: { 'Content-Type': 'application/json' } });
    assert.equal(answer.json.code, '22P05');
  }
  const log = await readFile(`${env.PGHOST}/postgresql.log`, 'utf8');
  assert.match(log, /unsupported Unicode escape sequence/);
  assert.ok(!log.includes(password), 'the log holds a password');
});

test('no key is in a plan, for whoever logs plans', async () => {
  const plans = "LOAD 'auto_explain'; SET auto_explain.log_min_duration = 0; SET auto_explain.log_nested_statements = on; SET auto_explain.log_verbose = on; SET client_min_messages = log;";
  const psql = (...queries) => promisify(execFile)('psql', ['--no-psqlrc', '-qAt', ...queries.flatMap((query) => ['-c', query])]);
  const made = await psql(`${plans} SELECT userlock.create_api_key('plans-${Date.now()}', 'operator', '${env.TENANT}')`);
  const key = made.stdout.trim();
  const used = await psql(`SET request.headers = '{"x-api-key":"${key}"}'`,
    `${plans} SELECT userlock_http.api_key_claims(userlock_http.header('x-api-key'))`);
  assert.equal(JSON.parse(used.stdout).role, 'operator');
  for (const { stderr } of [made, used]) {
    assert.match(stderr, /api_key/);
    assert.ok(!stderr.includes(key), 'a plan shows the key');
  }
});
