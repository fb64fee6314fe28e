// Guardhouse: System API.
import assert from 'node:assert/strict';
import test from 'node:test';
import { env, eventsOf, get, newUser, request, rpc, sign, sql, stateOf } from './lib/client.mjs';
import { check, commonErrors, commonListErrors, vectors, withRole } from './lib/contract.mjs';

const json = 'application/json';
const path = (endpoint, id) => `/api/v1/users/${id}/${endpoint}`;
const bodies = {
  unblock: { triggerWebhook: false, notifyUserViaEmail: false, unblockedByUserId: 9001 },
  block: { triggerWebhook: true, notifyUserViaEmail: false, suspensionReason: 'spam', blockedByUserId: 9001 },
};
let last = (Date.now() % 1_000_000_000) + 1_000_000_000;
const newId = () => String(++last);
const send = (endpoint, id, { token = env.OPERATOR_TOKEN, body = bodies[endpoint], headers } = {}) =>
  request('PATCH', path(endpoint, id), { token, body, headers });

const done = { status: 204 };
const notFound = { status: 404, type: 'text/plain; charset=utf-8', body: 'User not found' };
const invalid = { status: 400, type: json, body: '{"error":"invalid_request"}' };
const invalidToken = { status: 401, type: json, body: '{"error":"invalid_token"}', headers: { 'www-authenticate': 'Bearer error="invalid_token"' } };

const lastEvent = (id, columns) => sql(`SELECT ${columns} FROM userlock_private.event WHERE user_id = '${id}' ORDER BY sequence DESC LIMIT 1`);
const floorIsLastEvent = (id) => sql(`SELECT access_valid_after = changed_at FROM userlock_private.account WHERE user_id = '${id}'`);

test('Guardhouse unblock: 204, suspension cleared, access revoked, flags kept', async () => {
  const id = await newUser('block_user', newId());
  check(await send('unblock', id), done);
  assert.equal(await stateOf(id), 'active');
  assert.equal(await eventsOf(id), 'registered blocked unblocked access_revoked');
  assert.equal(await floorIsLastEvent(id), 't');
  assert.equal(
    await sql(`SELECT actor, details FROM userlock_private.event WHERE user_id = '${id}' AND kind = 'unblocked'`),
    'support@example.com|{"triggerWebhook": false, "unblockedByUserId": 9001, "notifyUserViaEmail": false}');
});

test('Guardhouse unblock: a user who is not suspended: 204, access revoked all the same', async () => {
  const id = await newUser(undefined, newId());
  check(await send('unblock', id), done);
  check(await send('unblock', id), done);
  assert.equal(await eventsOf(id), 'registered access_revoked access_revoked');
  assert.equal(await floorIsLastEvent(id), 't');
});

test('Guardhouse unblock leaves a lock alone', async () => {
  const id = await newUser('lock_user', newId());
  await rpc('block_user', { user_id: id });
  check(await send('unblock', id), done);
  assert.equal(await stateOf(id), 'locked');
});

test('Guardhouse block: 204, twice; the first reason stays', async () => {
  const id = await newUser(undefined, newId());
  check(await send('block', id), done);
  assert.equal(await stateOf(id), 'blocked');
  assert.equal(await lastEvent(id, 'kind, actor, reason, details'),
    'blocked|support@example.com|spam|{"triggerWebhook": true, "blockedByUserId": 9001, "suspensionReason": "spam", "notifyUserViaEmail": false}');
  check(await send('block', id, { body: { blockedByUserId: 1, suspensionReason: 'other' } }), done);
  assert.equal(await eventsOf(id), 'registered blocked access_revoked');
  assert.equal(await floorIsLastEvent(id), 't');
  assert.equal(await sql(`SELECT block_reason FROM userlock.restricted_users WHERE user_id = '${id}'`), 'spam');
});

test('Guardhouse unblock: bodies that are accepted', async () => {
  for (const [body, headers] of [
    ['', {}], ['{}'], [{ unblockedByUserId: 0 }], [{ unblockedByUserId: -1 }], [{ unblockedByUserId: null }],
    [{ suspensionReason: 5, blockedByUserId: 'x', other: { a: [1e99] } }], ['{"a":1e999999}'],
    ['{"triggerWebhook":1,"triggerWebhook":true}'], ['{}', { 'Content-Type': 'application/json; charset=utf-8' }],
  ]) {
    const id = await newUser('block_user', newId());
    check(await send('unblock', id, { body, headers }), done, String(body));
    assert.equal(await stateOf(id), 'active');
  }
  const id = await newUser('block_user', newId());
  check(await request('PATCH', path('unblock', id), { token: env.OPERATOR_TOKEN }), done, 'no body, no type');
});

test('Guardhouse: a number in any decimal form names the same user', async () => {
  const id = await newUser('block_user', newId());
  check(await send('unblock', `000${id}`), done);
  assert.equal(await stateOf(id), 'active');
});

vectors('Guardhouse', [
  ...['abc', '0', '-1', '1.5', '2147483648', '99999999999999999999', '%20', '1x', '%D9%A1', '+1', '1e3']
    .flatMap((id) => [
      [`unblock of ${id}`, () => send('unblock', id), notFound],
      [`block of ${id}`, () => send('block', id), notFound],
    ]),
  ...['{', '[]', 'null', '"x"', '{"triggerWebhook":1}', '{"triggerWebhook":null}', '{"notifyUserViaEmail":"yes"}', '{"unblockedByUserId":"9001"}',
    '{"unblockedByUserId":1.5}', '{"unblockedByUserId":1e999999}', '{"unblockedByUserId":2147483648}', '{"triggerWebhook":true}}',
    Buffer.from('{"a":"\xff"}', 'latin1'), '{"a":"\\u0000"}', '['.repeat(100_000)]
    .map((body) => [`unblock with ${String(body).slice(0, 40)}`, () => send('unblock', 1, { body }), invalid]),
  ...['{', '', {}, { blockedByUserId: 0 }, { blockedByUserId: -5 }, { blockedByUserId: null }, { blockedByUserId: '7' },
    { blockedByUserId: 1, suspensionReason: 'x'.repeat(251) }, { blockedByUserId: 1, suspensionReason: 7 },
    { blockedByUserId: 1, triggerWebhook: 'true' }]
    .map((body) => [`block with ${JSON.stringify(body).slice(0, 40)}`, () => send('block', 1, { body }), invalid]),
  ['a content type that only ends well', () => send('unblock', 1, { headers: { 'Content-Type': 'text/plain|application/json' } }),
    { status: 415, type: json, body: '{"error":"unsupported_media_type"}' }],
  ['a bad id comes before a bad body', () => send('unblock', 'abc', { body: '{' }), notFound],
  ['a bad body comes before an unknown user', () => send('unblock', 2147483647, { body: '{' }), invalid],
  ['no token', () => send('unblock', 1, { token: null }), invalidToken],
  ['no token, bad id and body', () => send('unblock', 'abc', { token: null, body: '{' }), invalidToken],
  ['a wrong content type', () => send('unblock', 1, { headers: { 'Content-Type': 'text/plain' } }),
    { status: 415, type: json, body: '{"error":"unsupported_media_type"}' }],
  ['a body that is encoded', () => send('unblock', 1, { headers: { 'Content-Encoding': 'gzip' } }),
    { status: 415, type: json, body: '{"error":"unsupported_media_type"}' }],
  ['a wrong content type comes before the token', () => send('block', 1, { token: null, headers: { 'Content-Type': 'application/x-www-form-urlencoded' } }),
    { status: 415, type: json, body: '{"error":"unsupported_media_type"}' }],
]);

test('Guardhouse: the longest bodies that are accepted can be kept', async () => {
  for (const character of ['😀', '\u0001']) {
    const id = await newUser(undefined, newId());
    check(await send('block', id, {
      body: { blockedByUserId: 2147483647, suspensionReason: character.repeat(250), triggerWebhook: false, notifyUserViaEmail: false },
    }), done);
  }
});

commonErrors({
  name: 'Guardhouse',
  verb: 'PATCH',
  path,
  endpoints: ['unblock', 'block'],
  restriction: (endpoint) => (endpoint === 'unblock' ? 'block_user' : undefined),
  newId,
  unknownId: () => '999999999',
  malformedIds: ['abc', '0', '%ff'],
  body: (endpoint) => bodies[endpoint],
  malformedBody: '{',
  credential: (token) => ({ Authorization: `Bearer ${token}` }),
  badToken: invalidToken,
  forbidden: () => ({
    status: 403, type: json, body: '{"error":"insufficient_scope"}', headers: { 'www-authenticate': 'Bearer error="insufficient_scope"' },
  }),
  notFound: () => notFound,
  notFoundPath: { status: 404, type: json, body: '{"error":"not_found"}' },
  methodNotAllowed: { status: 405, type: json, body: '{"error":"method_not_allowed"}', headers: { allow: 'PATCH' } },
  tooLarge: { status: 413, type: json, body: '{"error":"request_too_large"}' },
  unreadable: invalid,
  malformedId: { status: 404, body: /^User not found$/ },
});

const getUser = (id, { token = env.OPERATOR_TOKEN } = {}) => get(`/api/v1/users/${id}`, { token });
const list = (query = {}, { token = env.OPERATOR_TOKEN } = {}) => get(`/api/v1/users?${new URLSearchParams(query)}`, { token });
const insufficientScope = {
  status: 403, type: json, body: '{"error":"insufficient_scope"}', headers: { 'www-authenticate': 'Bearer error="insufficient_scope"' },
};
const found = (expected) => ({ status: 200, type: json, body: JSON.stringify(expected) });
const tokenOf = (role) => sign({ role, sub: 'support@example.com', tenant: env.TENANT });

// What a user has of whom nothing is known but the account, one asked for and one of a list.
const nobody = { id: null, email: '', firstName: '', lastName: '', status: 3, avatarUrl: null, roles: [], systemPermissions: [] };
const listedNobody = {
  id: null, firstName: '', lastName: '', email: '', roles: [], permissions: [], lastLogin: null, status: 3, isSuspended: false, isLocked: false, avatarUrl: null,
};
const role = { id: 1, key: 'administrator', name: 'Administrator', description: 'Full administrative "access"' };
const permission = { id: 2, key: 'users.read', name: 'Users Read', description: '' };
const profileOf = (address) => ({
  userName: address, name: { givenName: 'Jörg', familyName: "O'Neill \\" },
  emails: [{ value: 'old@example.com' }, { value: address, primary: true }], photos: [{ value: 'https://cdn.example.com/a' }],
  'urn:userlock:guardhouse': {
    status: 2, lastLogin: '2026-04-22T10:15:30Z', roles: [{ ...role, other: 1 }], permissions: [permission, { id: 3 }], systemPermissions: [{ id: 4, name: 'System' }],
    id: 5, email: 'never sent', isLocked: true, isSuspended: true,
  },
});

test('Guardhouse get and list: a user without a profile', async () => {
  const id = await newUser(undefined, newId());
  check(await getUser(id), found({ ...nobody, id: Number(id) }));
  check(await getUser(`000${id}`), found({ ...nobody, id: Number(id) }), 'in any decimal form');
  const { json } = await list({ pageSize: 1000 });
  assert.deepEqual(json.users.find((user) => user.id === Number(id)), { ...listedNobody, id: Number(id) });
});

test('Guardhouse get and list: a user with a profile', async () => {
  const [id, address] = [newId(), `Jorg-${last}@Example.com`];
  await newUser(undefined, id, profileOf(address));
  const person = { id: Number(id), email: address, firstName: 'Jörg', lastName: "O'Neill \\", status: 2, avatarUrl: 'https://cdn.example.com/a' };
  check(await getUser(id), found({ ...person, roles: [{ id: 1, name: 'Administrator' }], systemPermissions: [{ id: 4, name: 'System' }] }));
  check(await list({ email: address }), found({ total: 1, users: [{
    id: person.id, firstName: person.firstName, lastName: person.lastName, email: address, roles: [role],
    permissions: [permission, { id: 3, key: '', name: '', description: '' }], lastLogin: '2026-04-22T10:15:30Z', status: 2,
    isSuspended: false, isLocked: false, avatarUrl: person.avatarUrl,
  }] }));
});

test('Guardhouse: what the profile has of wrong types is as good as not there', async () => {
  for (const own of [
    'x', [], null, { status: 5 }, { status: '2' }, { status: 2.5 }, { roles: 'x', permissions: {}, systemPermissions: null },
    { roles: [1, null, 'x', [], {}, { id: '1' }, { id: 1.5 }, { id: 2147483648 }] }, { avatarUrl: 5 },
    ...['yesterday', '2026-04-22T10:15:30', '2026-04-22 10:15:30Z', '2026-04-22T10:15:30+02:00', 5, ''].map((lastLogin) => ({ lastLogin })),
  ]) {
    const id = newId();
    const mail = `wrong${id}@example.com`;
    await newUser(undefined, id, { name: 'x', photos: 'x', emails: [{ value: mail }], 'urn:userlock:guardhouse': own });
    check(await getUser(id), found({ ...nobody, id: Number(id), email: mail }), JSON.stringify(own));
    check(await list({ email: mail }), found({ total: 1, users: [{ ...listedNobody, id: Number(id), email: mail }] }), JSON.stringify(own));
  }
});

test('Guardhouse list: suspended is blocked, locked is locked, and the status stays', async () => {
  const id = newId();
  const mail = `state${id}@example.com`;
  await newUser(undefined, id, { emails: [{ value: mail }] });
  const seen = async () => (({ isSuspended, isLocked, status }) => [isSuspended, isLocked, status])((await list({ email: mail })).json.users[0]);
  assert.deepEqual(await seen(), [false, false, 3]);
  await rpc('lock_user', { user_id: id, until: new Date(Date.now() + 1500).toISOString() });
  assert.deepEqual(await seen(), [false, true, 3]);
  check(await send('block', id), done);
  assert.deepEqual(await seen(), [true, true, 3]);
  check(await getUser(id), found({ ...nobody, id: Number(id), email: mail }));
  await new Promise((resolve) => setTimeout(resolve, 1600));
  assert.deepEqual(await seen(), [true, false, 3], 'a lock that has ended');
  assert.equal(await eventsOf(id), 'registered locked blocked');
  check(await send('unblock', id), done);
  assert.deepEqual(await seen(), [false, false, 3]);
});

test('Guardhouse: without EXECUTE on user_profile the profile stays where it is; without others there is no answer', async () => {
  const [id, address] = [newId(), `hidden-${last}@example.com`];
  await newUser(undefined, id, profileOf(address));
  await withRole(['user_status', 'find_users', 'count_users'], async (name) => {
    const token = await tokenOf(name);
    check(await getUser(id, { token }), found({ ...nobody, id: Number(id) }));
    check(await list({ email: address }, { token }), found({ total: 1, users: [{ ...listedNobody, id: Number(id) }] }));
    check(await request('PATCH', path('unblock', id), { token }), insufficientScope);
  });
  await withRole(['find_users', 'count_users', 'user_profile', 'unblock_user', 'revoke_access'], async (name) => {
    const token = await tokenOf(name);
    for (const someId of [id, '999999999', 'abc']) check(await getUser(someId, { token }), insufficientScope, someId);
  });
});

// A tenant of the test's own, whose users have these numbers.
async function newTenant(first, last) {
  const tenant = `numbers-${Date.now()}-${first}`;
  await sql(`SELECT count(userlock.register_user(id::text, '${tenant}')) FROM generate_series(${first}, ${last}) AS id`);
  return tenant;
}

test('Guardhouse list: only ids that are numbers, in their order, and the total counts just these', async () => {
  const tenant = `numbers-${Date.now()}`;
  await sql(`SELECT userlock.register_user(id, '${tenant}') FROM unnest('{10,9,100,1,2147483647,2147483648,01,007,+5,-5,0,1.0,9999999999,99999999999,1e3,abc,"12 ","1\n",１２,19,1000000000,support}'::text[]) AS id`);
  const token = await sign({ role: 'operator', sub: 'support', tenant });
  const expected = [1, 9, 10, 19, 100, 1000000000, 2147483647];
  const page = async (query) => (({ total, users }) => [total, users.map(({ id }) => id)])((await list(query, { token })).json);
  assert.deepEqual(await page({}), [7, expected]);
  assert.deepEqual(await page({ pageSize: 3 }), [7, expected.slice(0, 3)]);
  assert.deepEqual(await page({ pageSize: 3, offset: 3 }), [7, expected.slice(3, 6)]);
  assert.deepEqual(await page({ pageSize: 3, offset: 6 }), [7, expected.slice(6)]);
  assert.deepEqual(await page({ pageSize: 3, offset: 7 }), [7, []]);
  assert.deepEqual(await page({ pageSize: 0 }), [7, []]);
  assert.deepEqual(await page({ pageSize: -3, offset: -3 }), [7, []]);
  assert.deepEqual(await page({ offset: -3, pageSize: '' }), [7, expected]);
  assert.deepEqual(await page({ offset: 2147483647, email: '' }), [7, []]);
});

test('Guardhouse list: the email is a part of it, in any case', async () => {
  const stamp = `m${last}`;
  const ids = [];
  for (const address of [`Anna.${stamp}@Example.com`, `hanna.${stamp}@example.com`, `100%_${stamp}@example.com`, undefined]) {
    ids.push(await newUser(undefined, newId(), address && { emails: [{ value: address }] }));
  }
  for (const [email, expected] of [
    [`anna.${stamp}`, [0, 1]], [`ANNA.${stamp}@EXAMPLE`, [0, 1]], [`hanna.${stamp}`, [1]], [`%_${stamp}`, [2]], [`%.${stamp}`, []], [`_${stamp}`, [2]],
    [`${stamp}@example.com`, [0, 1, 2]], [`+${stamp}`, []], [`'${stamp}`, []], [`\\${stamp}`, []],
  ]) {
    const { json } = await list({ email });
    assert.deepEqual([json.total, json.users.map(({ id }) => ids.indexOf(String(id)))], [expected.length, expected], email);
  }
});

test('Guardhouse list: 50 users unless told otherwise', async () => {
  const { json } = await list({}, { token: await sign({ role: 'operator', sub: '1', tenant: await newTenant(1, 60) }) });
  assert.deepEqual([json.total, json.users.map(({ id }) => id)], [60, Array.from({ length: 50 }, (_, i) => i + 1)]);
});

test('Guardhouse list: each of 10,000 users is seen once while others are registered and locked', async () => {
  // Across numbers of digits, where the order of texts is another.
  const tenant = await newTenant(5_001, 15_000);
  const token = await sign({ role: 'operator', sub: '5001', tenant });
  const seen = [];
  let total;
  do {
    const { json } = await list({ pageSize: 250, offset: seen.length }, { token });
    total = json.total;
    seen.push(...json.users.map(({ id }) => id));
    await sql(`SELECT userlock.register_user('${15_000 + seen.length / 250}', '${tenant}') WHERE ${seen.length <= 10_000};
      SELECT userlock.lock_user('${5_100 + seen.length % 9_000}', tenant => '${tenant}', idempotent => true)`);
  } while (seen.length < total);
  assert.deepEqual(seen, Array.from({ length: 10_040 }, (_, i) => 5_001 + i));
});

test('Guardhouse list: 100,000 users', async () => {
  const tenant = `many-${Date.now()}`;
  // As register_user() writes them; what is not looked at is left out.
  await sql(`INSERT INTO userlock_private.account (tenant, user_id, state, sequence, created_at, changed_at)
      SELECT '${tenant}', i::text, 'active', 1, now(), now() FROM generate_series(1, 100000) AS i;
    INSERT INTO userlock_private.account (tenant, user_id, state, sequence, created_at, changed_at)
      SELECT '${tenant}', 'x' || i, 'active', 1, now(), now() FROM generate_series(1, 1000) AS i;`);
  try {
    const token = await sign({ role: 'operator', sub: 'x1', tenant });
    for (const offset of [0, 9_990, 99_990]) {
      const begin = Date.now();
      const { json } = await list({ pageSize: 10, offset }, { token });
      assert.deepEqual([json.total, json.users.map(({ id }) => id)], [100_000, Array.from({ length: 10 }, (_, i) => offset + i + 1)]);
      assert.ok(Date.now() - begin < 5_000, `${Date.now() - begin} ms`);
    }
  } finally {
    await sql(`DELETE FROM userlock_private.account WHERE tenant = '${tenant}'`);
  }
});

vectors('Guardhouse get and list', [
  ...['abc', '0', '-1', '1.5', '2147483648', '99999999999999999999', '%20', '1x', '%D9%A1', '+1', '1e3'].map((id) => [`get ${id}`, () => getUser(id), notFound]),
  ...['pageSize=x', 'pageSize=1.5', 'pageSize=2147483648', 'pageSize=1001', 'offset=x', 'offset=2147483648', 'offset=1e1', 'pageSize=0x10', 'pageSize=%20', 'pageSize=+1']
    .map((query) => [`list ${query}`, () => get(`/api/v1/users?${query}`, { token: env.OPERATOR_TOKEN }), invalid]),
  ['get with a Content-Type', () => get('/api/v1/users/999999999', { token: env.OPERATOR_TOKEN, headers: { 'Content-Type': 'text/plain' } }), notFound],
  ['get without a token', () => get('/api/v1/users/abc'), invalidToken],
  ['list without a token', () => get('/api/v1/users?pageSize=x'), invalidToken],
]);

const reads = {
  credential: (token) => ({ Authorization: `Bearer ${token}` }),
  badToken: invalidToken,
  notFoundPath: { status: 404, type: json, body: '{"error":"not_found"}' },
  methodNotAllowed: { status: 405, type: json, body: '{"error":"method_not_allowed"}', headers: { allow: 'GET, HEAD' } },
  tooLarge: { status: 413, type: json, body: '{"error":"request_too_large"}' },
  unreadable: invalid,
};

commonErrors({
  ...reads,
  name: 'Guardhouse get',
  verb: 'GET',
  verbs: ['GET', 'HEAD'],
  path: (endpoint, id) => `/api/v1/users/${id}`,
  endpoints: ['get'],
  restriction: () => 'block_user',
  newId,
  unknownId: () => '999999999',
  malformedIds: ['abc', '0', '%ff'],
  forbidden: () => insufficientScope,
  notFound: () => notFound,
  malformedId: { status: 404, body: /^User not found$/ },
});

commonListErrors({
  ...reads,
  name: 'Guardhouse',
  path: '/api/v1/users',
  idsOf: ({ json }) => json.users.map(({ id }) => String(id)),
  newId,
  query: (skip) => `?pageSize=1000&offset=${skip * 1000}`,
  credentialOf: tokenOf,
  forbidden: insufficientScope,
  invalid,
});
