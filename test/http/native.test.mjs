// PostgREST's own interface: status and body come from the SQLSTATEs.
import assert from 'node:assert/strict';
import test from 'node:test';
import { env, get, newUser, request, rpc, sign, sql } from './lib/client.mjs';
import { startNginx } from './lib/nginx.mjs';

const transitions = [
  // name, what makes it possible, state after, error when it is not, in words
  ['lock_user', undefined, 'locked', 'is already locked'],
  ['unlock_user', 'lock_user', 'active', 'is not locked'],
  ['block_user', undefined, 'blocked', 'is already blocked'],
  ['unblock_user', 'block_user', 'active', 'is not blocked'],
];

for (const [name, before, state, refusal] of transitions) {
  test(`${name}: 200 with the status, then 400 with the reason`, async () => {
    const user_id = await newUser(before);
    const done = await rpc(name, { user_id, reason: 'because', details: { ticket: 7 } });
    assert.equal(done.status, 200);
    assert.equal(done.json.state, state);
    assert.equal(done.json.tenant, env.TENANT);
    assert.equal(done.json.sequence, before ? 3 : 2);
    assert.deepEqual(Object.keys(done.json), [
      'tenant', 'user_id', 'state', 'sequence', 'created_at', 'changed_at', 'locked_until', 'blocked_until',
    ]);
    const event = await sql(
      `SELECT actor, reason, details FROM userlock_private.event WHERE user_id = '${user_id}' ORDER BY sequence DESC LIMIT 1`);
    assert.equal(event, 'support@example.com|because|{"ticket": 7}');

    const refused = await rpc(name, { user_id });
    assert.equal(refused.status, 400);
    assert.equal(refused.json.code, 'PT400');
    assert.equal(refused.json.message, `user "${user_id}" ${refusal}`);
    assert.equal(refused.json.details, `The current state of user "${user_id}" in tenant "${env.TENANT}" is ${state}.`);
    assert.match(refused.json.hint, /^Set idempotent .* \[user_(not|already)_(locked|blocked)\]$/);

    const again = await rpc(name, { user_id, idempotent: true });
    assert.equal(again.status, 200);
    assert.equal(again.json.sequence, done.json.sequence);
  });
}

test('register_user: 200, then 409', async () => {
  const user_id = `register-${Date.now()}`;
  const first = await rpc('register_user', { user_id, profile: { username: 'alice' } });
  assert.equal(first.status, 200);
  assert.equal(first.json.state, 'active');
  const second = await rpc('register_user', { user_id });
  assert.equal(second.status, 409);
  assert.equal(second.json.code, 'PT409');
});

test('delete_user and revoke_access', async () => {
  const user_id = await newUser();
  assert.equal((await rpc('revoke_access', { user_id })).json.sequence, 2);
  assert.equal((await rpc('delete_user', { user_id })).json.sequence, 3);
  assert.equal((await rpc('delete_user', { user_id })).status, 404);
  assert.equal((await rpc('revoke_access', { user_id })).status, 404);
});

test('an unknown user: 404', async () => {
  const { status, json } = await rpc('unlock_user', { user_id: 'nobody at all' });
  assert.equal(status, 404);
  assert.equal(json.code, 'PT404');
  assert.equal(json.message, 'user "nobody at all" not found');
});

test('expected_sequence differs: 412, and nothing is changed', async () => {
  const user_id = await newUser('lock_user');
  const { status, json } = await rpc('unlock_user', { user_id, expected_sequence: 1 });
  assert.equal(status, 412);
  assert.equal(json.code, 'PT412');
  assert.equal((await get(`/rpc/user_status?user_id=${user_id}`, { token: env.OPERATOR_TOKEN })).json.state, 'locked');
  assert.equal((await rpc('unlock_user', { user_id, expected_sequence: 2 })).status, 200);
});

for (const [what, body] of [
  ['null id', { user_id: null }],
  ['empty id', { user_id: '' }],
  ['id of 201 characters', { user_id: 'x'.repeat(201) }],
  ['until in the past', { user_id: 'x', until: '2000-01-01' }],
  ['until -infinity', { user_id: 'x', until: '-infinity' }],
  ['details that is a list', { user_id: 'x', details: [] }],
  ['details of more than 8192 bytes', { user_id: 'x', details: { a: 'x'.repeat(8200) } }],
  ['reason of 1001 characters', { user_id: 'x', reason: 'x'.repeat(1001) }],
]) {
  test(`${what}: 422`, async () => {
    const { status, json } = await rpc('lock_user', body);
    assert.equal(status, 422);
    assert.equal(json.code, 'PT422');
  });
}

test('another tenant: 403, whether or not it or the user exists', async () => {
  const user_id = await newUser();
  const answers = await Promise.all([
    rpc('lock_user', { user_id, tenant: env.TENANT }, { token: env.OTHER_TENANT_TOKEN }),
    rpc('lock_user', { user_id: 'nobody', tenant: env.TENANT }, { token: env.OTHER_TENANT_TOKEN }),
    rpc('lock_user', { user_id, tenant: 'no such tenant' }, { token: env.OTHER_TENANT_TOKEN }),
  ]);
  for (const { status, text } of answers) {
    assert.equal(status, 403);
    assert.equal(text, answers[0].text);
  }
  // A user of another tenant is an unknown user in one's own.
  assert.equal((await rpc('lock_user', { user_id }, { token: env.OTHER_TENANT_TOKEN })).status, 404);
});

test('a tenant listed in the claims may be named', async () => {
  const token = await sign({ role: 'operator', tenant: 'elsewhere', tenants: [env.TENANT] });
  const user_id = await newUser();
  assert.equal((await rpc('lock_user', { user_id }, { token })).status, 404);
  assert.equal((await rpc('lock_user', { user_id, tenant: env.TENANT }, { token })).status, 200);
});

test('no privilege: 403, the same for an existing and a missing user', async () => {
  const user_id = await newUser('lock_user');
  for (const name of ['lock_user', 'unlock_user', 'block_user', 'unblock_user', 'register_user', 'delete_user', 'revoke_access']) {
    const existing = await rpc(name, { user_id }, { token: env.STRANGER_TOKEN });
    const missing = await rpc(name, { user_id: 'nobody' }, { token: env.STRANGER_TOKEN });
    assert.equal(existing.status, 403, name);
    assert.equal(missing.status, 403, name);
    assert.equal(existing.text, missing.text, name);
  }
  for (const path of ['/restricted_users', '/user_history', `/rpc/user_status?user_id=${user_id}`]) {
    assert.equal((await get(path, { token: env.STRANGER_TOKEN })).status, 403, path);
  }
});

test('whoami: who calls, and what of the interface is theirs', async () => {
  const whoami = async (token, method = 'GET') => (await request(method, '/rpc/whoami', { token, body: method === 'POST' ? {} : undefined }));
  const operator = await whoami(env.OPERATOR_TOKEN);
  assert.equal(operator.status, 200);
  assert.deepEqual(Object.keys(operator.json), ['user_id', 'tenant', 'tenants', 'role', 'functions', 'views']);
  assert.equal(operator.json.user_id, 'support@example.com');
  assert.equal(operator.json.tenant, env.TENANT);
  assert.deepEqual(operator.json.tenants, [env.TENANT]);
  assert.equal(operator.json.role, 'operator');
  for (const name of ['lock_user', 'unlock_users', 'register_user', 'user_status']) assert.ok(operator.json.functions.includes(name), name);
  for (const name of ['create_api_key', 'is_locked', 'caller_tenants', 'follow_row', 'theirs']) assert.ok(!operator.json.functions.includes(name), name);
  assert.deepEqual(operator.json.functions, [...operator.json.functions].sort());
  assert.ok(operator.json.views.includes('restricted_users'));
  assert.deepEqual((await whoami(env.OPERATOR_TOKEN, 'POST')).json, operator.json);

  // What it says is so: what is not there is refused.
  const stranger = (await whoami(env.STRANGER_TOKEN)).json;
  assert.deepEqual({ ...stranger, functions: undefined }, { user_id: 'stranger@example.com', tenant: env.TENANT, tenants: [env.TENANT], role: 'stranger', functions: undefined, views: [] });
  assert.deepEqual(stranger.functions, ['check_request', 'current_user_allowed', 'try_transition', 'whoami']);

  const service = (await whoami(await sign({ role: 'operator', tenant: 'elsewhere', tenants: [env.TENANT] }))).json;
  assert.equal(service.user_id, null);
  assert.deepEqual([service.tenant, service.tenants], ['elsewhere', ['elsewhere', env.TENANT]]);
});

test('whoami is for who has signed in, and may come in', async () => {
  assert.equal((await get('/rpc/whoami')).status, 401);
  assert.equal((await get('/rpc/whoami', { token: env.EXPIRED_TOKEN })).status, 401);
  const id = await newUser('lock_user');
  assert.equal((await get('/rpc/whoami', { token: await sign({ role: 'operator', sub: id, tenant: env.TENANT, iat: Math.floor(Date.now() / 1000) }) })).status, 403);
});

test('events_by_hour: a row for each tenant, hour and kind, of the caller\'s tenants', async () => {
  await newUser('lock_user');
  const { status, json } = await get('/events_by_hour?order=hour.desc,kind', { token: env.OPERATOR_TOKEN });
  assert.equal(status, 200);
  assert.deepEqual(Object.keys(json[0]), ['tenant', 'hour', 'kind', 'events']);
  assert.ok(json.some(({ kind, events, hour }) => kind === 'locked' && events > 0 && Date.now() - Date.parse(hour) < 7_200_000));
  assert.ok(json.every(({ tenant, hour }) => tenant === env.TENANT && Date.parse(hour) % 3_600_000 === 0));
  const other = (await get('/events_by_hour', { token: env.OTHER_TENANT_TOKEN })).json;
  assert.ok(other.every(({ tenant }) => tenant === 'other'));
  assert.equal((await get('/events_by_hour', { token: env.STRANGER_TOKEN })).status, 403);
  assert.equal((await get('/events_by_hour')).status, 401);
});

test('anonymous: 401, the same for an existing and a missing user', async () => {
  const user_id = await newUser('lock_user');
  const existing = await rpc('unlock_user', { user_id }, { token: undefined });
  const missing = await rpc('unlock_user', { user_id: 'nobody' }, { token: undefined });
  assert.equal(existing.status, 401);
  assert.equal(missing.status, 401);
  assert.equal(existing.text, missing.text);
  assert.equal((await get('/restricted_users')).status, 401);
});

test('tables, and what functions have in common, are not served', async () => {
  for (const path of ['/account', '/event', '/profile', '/visible_account', '/visible_event', '/rpc/raise', '/rpc/user_lock_state_eq']) {
    assert.equal((await get(path, { token: env.OPERATOR_TOKEN })).status, 404, path);
  }
});

test('PUT, PATCH and DELETE: 405, since functions alone change anything', async () => {
  for (const method of ['PUT', 'PATCH', 'DELETE']) {
    const { status, headers } = await request(method, '/user_history?sequence=eq.1', { token: env.OPERATOR_TOKEN });
    assert.equal(status, 405);
    assert.equal(headers.get('allow'), 'GET, HEAD, OPTIONS');
  }
});

test('a token that is expired, forged, or not a token: 401', async () => {
  const forged = await sign({ role: 'operator', tenant: env.TENANT }, { secret: 'not the secret of this stack, but long' });
  for (const token of [env.EXPIRED_TOKEN, forged, 'abc']) {
    assert.equal((await rpc('unlock_user', { user_id: 'x' }, { token })).status, 401);
  }
});

test('claims of the wrong type: 401', async () => {
  for (const [claims, code] of [
    [{ tenant: 7 }, 'PT401'],
    [{ tenant: '' }, 'PT401'],
    [{ tenants: 'acme' }, 'PT401'],
    [{ sub: ['x'] }, 'PGRST301'], // PostgREST sees this one itself
  ]) {
    const token = await sign({ role: 'operator', ...claims });
    const { status, json } = await rpc('unlock_user', { user_id: 'x' }, { token });
    assert.equal(status, 401);
    assert.equal(json.code, code);
  }
});

test('set-based: 200 with an outcome for each id', async () => {
  const locked = await newUser('lock_user');
  const active = await newUser();
  const { status, json } = await rpc('unlock_users', { user_ids: ['~nobody', locked, active] });
  assert.equal(status, 200);
  const outcome = Object.fromEntries(json.map((row) => [row.user_id, `${row.outcome} ${row.sqlstate} ${row.status?.state}`]));
  assert.deepEqual(outcome, {
    [locked]: 'changed 00000 active',
    [active]: 'user_not_locked PT400 active',
    '~nobody': 'user_not_found PT404 undefined',
  });
  assert.equal((await rpc('unlock_users', { user_ids: [active, active] })).status, 422);
});

test('restricted_users and user_history: filtered, and only the caller\'s tenants', async () => {
  const user_id = await newUser('block_user');
  const until = new Date(Date.now() + 3600e3).toISOString();
  await rpc('lock_user', { user_id, reason: 'five wrong passwords', until });

  const { json: [restricted] } = await get(`/restricted_users?user_id=eq.${user_id}`, { token: env.OPERATOR_TOKEN });
  assert.equal(restricted.state, 'locked+blocked');
  assert.equal(restricted.lock_reason, 'five wrong passwords');
  assert.equal(restricted.locked_by, 'support@example.com');
  assert.equal(new Date(restricted.locked_until).toISOString(), until);
  assert.equal(restricted.blocked_until, null);
  const { json: byState } = await get('/restricted_users?state=eq.locked%2Bblocked', { token: env.OPERATOR_TOKEN });
  assert.ok(byState.some((row) => row.user_id === user_id));

  const { json: history } = await get(`/user_history?user_id=eq.${user_id}&order=sequence`, { token: env.OPERATOR_TOKEN });
  assert.deepEqual(history.map((event) => event.kind), ['registered', 'blocked', 'locked']);

  for (const view of ['restricted_users', 'user_history']) {
    const { status, json } = await get(`/${view}`, { token: env.OTHER_TENANT_TOKEN });
    assert.equal(status, 200);
    assert.deepEqual(json.filter((row) => row.tenant !== 'other'), []);
  }
});

test('a lock with an end is over at its end, also for GET', async () => {
  const user_id = await newUser();
  const until = new Date(Date.now() + 300);
  await rpc('lock_user', { user_id, until: until.toISOString() });
  assert.equal((await get(`/restricted_users?user_id=eq.${user_id}`, { token: env.OPERATOR_TOKEN })).json.length, 1);
  await new Promise((resolve) => setTimeout(resolve, 320));
  assert.equal((await get(`/restricted_users?user_id=eq.${user_id}`, { token: env.OPERATOR_TOKEN })).json.length, 0);
  const { json: history } = await get(`/user_history?user_id=eq.${user_id}&order=sequence.desc&limit=1`, { token: env.OPERATOR_TOKEN });
  assert.equal(history[0].kind, 'lock_expired');
  assert.equal(new Date(history[0].at).getTime(), until.getTime());
  assert.equal((await rpc('unlock_user', { user_id })).status, 400);
  assert.equal((await rpc('lock_user', { user_id })).json.sequence, 4);
});

test('the planner\'s guess at a count is not for callers: it counts every tenant\'s rows', async () => {
  for (const count of ['planned', 'estimated']) {
    const { headers } = await get('/user_history', { token: env.OTHER_TENANT_TOKEN, headers: { Prefer: `count=${count}` } });
    assert.match(headers.get('content-range'), /\/\*$/, count);
  }
  const { headers } = await get('/user_history', { token: env.OTHER_TENANT_TOKEN, headers: { Prefer: 'count=exact' } });
  assert.match(headers.get('content-range'), /\/\d+$/);
});

test('GET cannot change anything', async () => {
  const user_id = await newUser();
  const { status } = await get(`/rpc/lock_user?user_id=${user_id}`, { token: env.OPERATOR_TOKEN });
  assert.equal(status, 405);
  assert.equal((await get(`/rpc/user_status?user_id=${user_id}`, { token: env.OPERATOR_TOKEN })).json.state, 'active');
});

test('a body of more than a megabyte: 413', async () => {
  const { status } = await rpc('lock_user', { user_id: 'x', reason: 'x'.repeat(1100000) });
  assert.equal(status, 413);
});

test('OpenAPI documents every function, to those who may use it', async () => {
  const { json: operator } = await get('/', { token: env.OPERATOR_TOKEN });
  for (const [name, summary] of [
    ['unlock_user', 'Unlocks a user: lifts the lock, never the block.'],
    ['lock_user', 'Locks a user: a temporary restriction after a security event.'],
    ['block_users', 'Blocks many users of one tenant; returns an outcome for each id, in key order.'],
  ]) {
    const { post } = operator.paths[`/rpc/${name}`];
    assert.equal(post.summary, summary);
    assert.match(post.description, /PT422 invalid argument/);
  }
  assert.match(operator.paths['/restricted_users'].get.summary, /^Who is out/);
  for (const [column, { description }] of Object.entries(operator.definitions.restricted_users.properties)) assert.ok(description, column);
  assert.equal(operator.securityDefinitions.JWT.name, 'Authorization');
  const { json: stranger } = await get('/', { token: env.STRANGER_TOKEN });
  assert.equal(stranger.paths['/rpc/unlock_user'], undefined);
  assert.equal(stranger.paths['/restricted_users'], undefined);
});

test('a page of another origin may ask, call, and read the answer, of the origin that nginx names', async () => {
  const origin = { origin: 'https://app.example.com' };
  const preflight = await fetch(`${env.HTTP_URL}/restricted_users?limit=1`, {
    method: 'OPTIONS', headers: { ...origin, 'access-control-request-method': 'GET', 'access-control-request-headers': 'authorization' },
  });
  assert.equal(preflight.status, 204);
  assert.equal(preflight.headers.get('access-control-allow-origin'), '*');
  assert.equal(preflight.headers.get('access-control-allow-methods'), 'GET, HEAD, OPTIONS');
  assert.match(preflight.headers.get('access-control-allow-headers'), /authorization, content-type/);
  const nginx = await startNginx(['--origin', origin.origin]);
  try {
    for (const [path, method, token] of [['/restricted_users?limit=1', 'GET', env.OPERATOR_TOKEN], ['/restricted_users', 'GET'], ['/restricted_users', 'OPTIONS'], ['/user_history', 'PUT']]) {
      for (const [url, allowed] of [[env.HTTP_URL, '*'], [nginx.httpUrl, origin.origin]]) {
        const { headers } = await fetch(url + path, { method, headers: { ...origin, ...(token ? { authorization: `Bearer ${token}` } : {}) } });
        assert.equal(headers.get('access-control-allow-origin'), allowed, `${method} ${path}`);
      }
    }
  } finally {
    await nginx.stop();
  }
});

test('concurrent requests: of 40 unlocks one succeeds', async () => {
  const user_id = await newUser('lock_user');
  const answers = await Promise.all(Array.from({ length: 40 }, () => rpc('unlock_user', { user_id })));
  const statuses = answers.map((answer) => answer.status).sort();
  assert.deepEqual(statuses, [200, ...Array(39).fill(400)]);
});

test('after all of it: every account is the fold of its events', async () => {
  assert.equal(await sql('SELECT count(*) FROM userlock.verify()'), '0');
});
