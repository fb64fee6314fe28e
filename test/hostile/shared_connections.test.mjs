// What one caller's request was told of them does not outlive it, though the next caller's
// runs on the same connection to the database: neither claims nor role, headers, batch
// or tenant, however the request ended.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import test, { after, before } from 'node:test';
import { promisify } from 'node:util';
import { env, get, newUser, request, rpc, sign, sql } from '../http/lib/client.mjs';

const probe = `settings_${process.pid}`;
const login = `regress_userlock_session_${process.pid}`;
const names = ['role', 'request.jwt.claims', 'userlock.batch', 'userlock.tenant', 'userlock.issuer', 'search_path', 'TimeZone', 'transaction_read_only',
  'statement_timeout', 'lock_timeout', 'response.status', 'response.headers', 'userlock.registration'];
let user;
before(async () => {
  await sql(`CREATE FUNCTION userlock.${probe}() RETURNS json STABLE LANGUAGE sql AS $$
      SELECT json_object_agg(name, coalesce(current_setting(name, true), '')) FROM unnest('{${names}}'::text[]) AS name $$;
    CREATE FUNCTION userlock.${probe}_connection() RETURNS int STABLE LANGUAGE sql AS 'SELECT pg_backend_pid()';
    CREATE FUNCTION userlock.${probe}_fails() RETURNS void LANGUAGE sql AS 'SELECT 1/0';
    CREATE ROLE ${login} LOGIN; NOTIFY pgrst, 'reload schema'`);
  while ((await get(`/rpc/${probe}_connection`)).status !== 200 || (await rpc(`${probe}_fails`, {})).status === 404) await new Promise((resolve) => setTimeout(resolve, 50));
  user = await newUser();
});
after(() => sql(`DROP FUNCTION userlock.${probe}, userlock.${probe}_connection, userlock.${probe}_fails; DROP ROLE ${login}; NOTIFY pgrst, 'reload schema'`));

// What callers do between the looks of others.
const key = { headers: { 'X-API-KEY': env.MONOCLOUD_API_KEY } };
const operator = { token: env.OPERATOR_TOKEN };
const deeds = {
  'a change': () => rpc('lock_user', { user_id: user, idempotent: true }),
  'a refused change': () => rpc('unblock_user', { user_id: user }),
  'changes of many, a batch': () => rpc('block_users', { user_ids: [user, 'nobody'] }),
  'a change of another tenant\'s': () => rpc('lock_user', { user_id: user, tenant: 'other' }, { token: env.OTHER_TENANT_TOKEN }),
  'an error': () => rpc(`${probe}_fails`, {}),
  'a key': () => request('POST', `/api/users/${user}/enable`, key),
  'a list by a key': () => get('/api/users?size=1', key),
  'a contract': () => request('POST', `/v2/users/${user}/unlock`, operator),
  'a bad token': () => rpc('whoami', {}, { token: 'nonsense' }),
  'malformed claims': async () => rpc('whoami', {}, { token: await sign({ role: 'operator', sub: 'x', tenant: 7 }) }),
  'a time zone': () => get('/users?limit=1', { ...operator, headers: { Prefer: 'timezone=Asia/Tokyo' } }),
  'a batch of one\'s own': () => rpc('unlock_user', { user_id: user, idempotent: true },
    { ...operator, headers: { 'X-Request-Id': '11111111-1111-1111-1111-111111111111', Prefer: 'tx=rollback' } }),
};

// Who looks, and with what token.
const onlookers = { nobody: undefined, stranger: env.STRANGER_TOKEN, operator: env.OPERATOR_TOKEN, other: env.OTHER_TENANT_TOKEN };
const look = async (who) => {
  const { status, json } = await get(`/rpc/${probe}`, { token: onlookers[who] });
  assert.equal(status, 200);
  return json;
};

test('whoever comes next on a connection sees nothing of who came before', async () => {
  // As it is for each when nobody else is there.
  const expected = {};
  for (const who in onlookers) expected[who] = await look(who);
  assert.equal(new Set(Object.values(expected).map((seen) => seen['request.jwt.claims'])).size, 4);
  assert.deepEqual([expected.nobody.role, expected.operator.role], ['anon', 'operator']);
  for (const seen of Object.values(expected)) assert.deepEqual([seen['userlock.batch'], seen['userlock.tenant']], ['', env.TENANT]);
  const statuses = {};
  const connections = {};
  await Promise.all(Array.from({ length: 12 }, async (_, i) => {
    for (let round = 0; round < 20; round++) {
      const [deed, act] = Object.entries(deeds)[(i + round) % Object.keys(deeds).length];
      (statuses[deed] ??= new Set()).add((await act()).status);
      const who = Object.keys(onlookers)[(i + 3 * round) % 4];
      // But for callers without a token, of whom nginx lets few in at once.
      if (who !== 'nobody' || i < 4) {
        assert.deepEqual(await look(who), expected[who], `${who} after ${deed}`);
        const { json } = await get(`/rpc/${probe}_connection`, { token: onlookers[who] });
        (connections[json] ??= new Set()).add(who);
      }
    }
  }));
  // These were what they are called.
  assert.deepEqual([...statuses['an error']], [400]);
  assert.deepEqual([...statuses['malformed claims']], [401]);
  for (const [deed, status] of [['a change', 200], ['a refused change', 400], ['a key', 200], ['a batch of one\'s own', 200]]) {
    assert.ok(statuses[deed].has(status), `${deed}: ${[...statuses[deed]]}`);
  }
  // And they did share connections.
  assert.ok(Object.values(connections).filter((who) => who.size === 4).length > 1, JSON.stringify(Object.values(connections).map((who) => [...who])));
  assert.equal(await sql("SELECT count(*) FROM userlock_private.event WHERE batch = '11111111-1111-1111-1111-111111111111'"), '0');
});

const skip = !env.USERLOCK_POOLER && 'there is no pooler';
const throughPooler = async (...statements) => {
  const { stdout } = await promisify(execFile)('psql', ['--no-psqlrc', '-qAt', '-p', '6432', '-U', login, ...statements.flatMap((text) => ['-c', text])]);
  return stdout.trim();
};

test('PostgREST comes through the pooler, which gives it fewer connections than it has itself', { skip }, async () => {
  await Promise.all(Array.from({ length: 40 }, () => rpc('whoami', {})));
  assert.ok(Number(await sql("SELECT count(*) FROM pg_stat_activity WHERE usename = 'authenticator'")) <= 8);
});

test('through a pooler, what one client sets for a session the next has, but no client of another login', { skip }, async () => {
  const claims = '{"sub": "support@example.com", "role": "operator", "tenant": "other"}';
  await throughPooler(`SET request.jwt.claims = '${claims}'`, "SET userlock.tenant = 'other'", "SET userlock.batch = '22222222-2222-2222-2222-222222222222'");
  assert.equal(await throughPooler("SELECT current_setting('request.jwt.claims'), current_setting('userlock.tenant')"), `${claims}|other`);
  for (let i = 0; i < 20; i++) assert.equal((await look('nobody'))['userlock.tenant'], env.TENANT);
  assert.equal((await look('nobody'))['userlock.batch'], '');
  // What a transaction sets for itself ends with it.
  await throughPooler('RESET ALL');
  await throughPooler("BEGIN; SET LOCAL userlock.tenant = 'other'; SELECT; COMMIT");
  assert.equal(await throughPooler("SELECT current_setting('userlock.tenant')"), env.TENANT);
});
