// Xekout.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import test from 'node:test';
import { env, eventsOf, get, newUser, request, rpc, sign, sql, stateOf } from './lib/client.mjs';
import { check, commonErrors, commonListErrors, vectors, withRole } from './lib/contract.mjs';

const json = 'application/json';
const path = (endpoint, id) => `/v1/admin/tenant/user/${endpoint}/${id}`;
const send = (endpoint, id, headers = { Authentication: `Bearer ${env.OPERATOR_TOKEN}` }, body) =>
  request('POST', path(endpoint, id), { headers, body });

const error = (code, message) => ({
  status: Math.floor(code / 1000), type: json, body: JSON.stringify({ status: 'error', code, message }),
});
const notFound = { revoke: error(404014, 'user not found'), block: error(404014, 'user not found for this tenant') };
const invalidId = error(400010, 'this uuid is invalid for this request');
const badToken = { ...error(401002, 'credentials are missing or invalid'), headers: { 'www-authenticate': null } };
const done = { status: 204 };

test('Xekout block and revoke: 204, then refused', async () => {
  const id = await newUser(undefined, randomUUID());
  check(await send('block', id), done);
  assert.equal(await stateOf(id), 'blocked');
  check(await send('block', id), error(400004, 'user is already blocked'));
  check(await send('revoke', id), done);
  assert.equal(await stateOf(id), 'active');
  check(await send('revoke', id), error(400019, 'error on try unlock user'));
  assert.equal(await eventsOf(id), 'registered blocked unblocked');
});

test('Xekout revoke lifts the block and never the lock', async () => {
  const id = await newUser('lock_user', randomUUID());
  check(await send('revoke', id), error(400019, 'error on try unlock user'));
  await rpc('block_user', { user_id: id });
  check(await send('revoke', id), done);
  assert.equal(await stateOf(id), 'locked');
});

test('Xekout: what a request may look like', async () => {
  const bearer = `Bearer ${env.OPERATOR_TOKEN}`;
  for (const [headers, body] of [
    [{ Authentication: bearer }], [{ Authorization: bearer }], [{ Authentication: bearer, Authorization: 'Basic eDp4' }],
    [{ Authentication: bearer, Prefix: 'store' }], [{ Authentication: `bearer ${env.OPERATOR_TOKEN}` }],
    [{ Authentication: bearer, 'Content-Type': 'text/plain' }, 'x'], [{ Authentication: bearer, 'Content-Type': json }, '{'],
    [{ Authentication: bearer, Accept: 'text/html' }],
  ]) {
    const id = await newUser('block_user', randomUUID());
    check(await send('revoke', id, headers, body), done, JSON.stringify(headers));
  }
});

test('Xekout: a UUID in any case of letters names the same user', async () => {
  const id = await newUser('block_user', randomUUID());
  check(await send('revoke', id.toUpperCase()), done);
  assert.equal(await stateOf(id), 'active');
});

vectors('Xekout', [
  ...['not-a-uuid', randomUUID().replaceAll('-', ''), `${randomUUID()}0`, randomUUID().replace(/^./, 'g'), '%ff', `{${randomUUID()}}`, `${randomUUID()}%0A`]
    .map((id) => [`revoke of ${id}`, () => send('revoke', id), invalidId]),
  ['block of not-a-uuid', () => send('block', 'not-a-uuid'), invalidId],
  ['no token', () => send('revoke', randomUUID(), {}), badToken],
  ['no token, bad id', () => send('revoke', 'not-a-uuid', {}), badToken],
  ['the vendor\'s header counts before the usual one',
    () => send('revoke', randomUUID(), { Authentication: 'Bearer x', Authorization: `Bearer ${env.OPERATOR_TOKEN}` }), badToken],
  ['the vendor\'s later paths', () => request('POST', `/v1/admin/tenant/user/revoke/example.com/${randomUUID()}`, { token: env.OPERATOR_TOKEN }),
    error(404000, 'not found')],
]);

commonErrors({
  name: 'Xekout',
  verb: 'POST',
  path,
  endpoints: ['revoke', 'block'],
  restriction: (endpoint) => (endpoint === 'revoke' ? 'block_user' : undefined),
  newId: randomUUID,
  unknownId: () => '00000000-0000-4000-8000-000000000000',
  malformedIds: ['not-a-uuid', '%ff'],
  credential: (token) => ({ Authentication: `Bearer ${token}` }),
  badToken,
  forbidden: () => error(401100, 'Operation not permitted'),
  notFound: (endpoint) => notFound[endpoint],
  notFoundPath: error(404000, 'not found'),
  methodNotAllowed: { ...error(405001, 'method not allowed'), headers: { allow: 'POST' } },
  tooLarge: error(413001, 'request body too large'),
  unreadable: error(400000, 'bad request'),
  malformedId: { status: 400, body: /"code":400010/ },
});

const authentication = (token) => ({ Authentication: `Bearer ${token}` });
const getUser = (id, token = env.OPERATOR_TOKEN) => get(`/v1/admin/users/${id}`, { headers: authentication(token) });
const list = (query = '', token = env.OPERATOR_TOKEN) => get(`/v1/admin/users${query}`, { headers: authentication(token) });
const found = (user) => ({ status: 200, type: json, body: JSON.stringify({ status: 'success', code: 200002, user }) });
const forbidden = error(401100, 'Operation not permitted');
const nowhere = error(404014, 'user not found or not avaliable');
const nobodyThere = error(404014, 'users not found or not avaliable');
const tokenOf = (role, tenant = env.TENANT) => sign({ role, tenant });

// What a user has of whom nothing is known but what the account says; in the order that it is sent.
const nobody = {
  id: null, uuid: null, name: null, email: null, phone: null, phone_code_id: null, cpf: null, token_access: null, remember_token: null, state_id: null,
  active: true, gender: null, email_verified_at: null, shopify_user_id: null, gateway_user_id: null, gateway_id: null, user_address_id: null,
  api_token: null, birth: null, status: true, created_at: null, updated_at: null,
};
const own = {
  id: 17, phone_code_id: 55, cpf: '123.456.789-09', state_id: 3, gender: 'f', email_verified_at: '2020-02-01 10:00:00', shopify_user_id: 1234567890123,
  gateway_user_id: 'cus_"1', gateway_id: 2, user_address_id: 9, birth: '1990-01-31',
};
const times = async (id) => {
  const [created_at, updated_at] = (await sql(`SELECT to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS'), to_char(changed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS')
    FROM userlock_private.account WHERE user_id = '${id}'`)).split('|');
  return { created_at, updated_at };
};

// A tenant of the test's own, of this many customers.
async function newTenant(count) {
  const tenant = `store-${randomUUID()}`;
  const ids = Array.from({ length: count }, randomUUID).sort();
  await sql(`SELECT userlock.register_user(id, '${tenant}') FROM unnest('{${ids}}'::text[]) AS id`);
  return { tenant, ids, token: await tokenOf('operator', tenant) };
}

test('Xekout get: a customer without a profile, blocked or not', async () => {
  const id = await newUser(undefined, randomUUID());
  check(await getUser(id), found({ ...nobody, uuid: id, ...await times(id) }));
  check(await getUser(id.toUpperCase()), found({ ...nobody, uuid: id, ...await times(id) }));
  await rpc('lock_user', { user_id: id });
  check(await getUser(id), found({ ...nobody, uuid: id, ...await times(id) }));
  check(await send('block', id), done);
  check(await getUser(id), found({ ...nobody, uuid: id, active: false, status: false, ...await times(id) }));
});

test('Xekout get: a customer with a profile; tokens are never told', async () => {
  const id = randomUUID();
  const scim = { displayName: 'Zoë "Z"', name: { givenName: 'Zoë' }, emails: [{ value: 'a@example.com' }, { value: 'zoe@example.com', primary: true }], phoneNumbers: [{ value: '998345513' }] };
  await newUser(undefined, id, { ...scim, 'urn:userlock:xekout': {
    ...own, token_access: 'secret', remember_token: 'secret', api_token: 'secret', uuid: 'x', name: 'x', email: 'x', active: false, status: false, created_at: 'x',
  } });
  check(await getUser(id), found({ ...nobody, ...own, uuid: id, name: 'Zoë "Z"', email: 'zoe@example.com', phone: '998345513',
    token_access: null, remember_token: null, api_token: null, ...await times(id) }));
});

test('Xekout get: the name, and what the profile has of wrong types', async () => {
  const wrong = Object.fromEntries(Object.entries(own).map(([name, value]) => [name, typeof value === 'string' ? 5 : 'x']));
  for (const [profile, name] of [
    [{ name: { formatted: 'Dr. Z', givenName: 'Zoë' } }, 'Dr. Z'], [{ name: { givenName: 'Zoë', familyName: 'Zed' } }, 'Zoë Zed'],
    [{ name: { familyName: 'Zed' } }, 'Zed'], [{ name: {} }, null], [{ name: 'Zoë' }, null], [{ DisplayName: 'Zed' }, 'Zed'],
    [{ 'urn:userlock:xekout': wrong }, null], [{ 'urn:userlock:xekout': 'x' }, null], [{ phoneNumbers: [{ value: 5 }] }, null],
  ]) {
    const id = await newUser(undefined, randomUUID(), profile);
    check(await getUser(id), found({ ...nobody, uuid: id, name, ...await times(id) }), JSON.stringify(profile));
  }
});

test('Xekout: without EXECUTE on user_profile the profile stays where it is; without others there is no answer', async () => {
  const id = await newUser(undefined, randomUUID(), { displayName: 'Zoë', 'urn:userlock:xekout': own });
  await withRole(['user_status', 'find_users', 'count_users'], async (role) => {
    const token = await tokenOf(role);
    check(await getUser(id, token), found({ ...nobody, uuid: id, ...await times(id) }));
    assert.deepEqual((await list('', token)).json.user.find(({ uuid }) => uuid === id), { ...nobody, uuid: id, ...await times(id) });
    check(await send('block', id, authentication(token)), forbidden);
  });
  await withRole(['find_users', 'count_users', 'user_profile', 'block_user'], async (role) => {
    const token = await tokenOf(role);
    for (const someId of [id, randomUUID(), 'not-a-uuid']) check(await getUser(someId, token), forbidden, someId);
  });
});

test('Xekout list: all customers of the store, under "user"', async () => {
  const { tenant, ids, token } = await newTenant(30);
  await sql(`SELECT userlock.block_user('${ids[3]}', tenant => '${tenant}'), userlock.lock_user('${ids[4]}', tenant => '${tenant}'),
    userlock.block_user('${ids[5]}', until => clock_timestamp() + interval '200 ms', tenant => '${tenant}'), pg_sleep(0.3)`);
  const { status, headers, json: body, text } = await list('', token);
  assert.deepEqual([status, headers.get('content-type')], [200, json]);
  assert.deepEqual(Object.keys(body), ['status', 'code', 'user']);
  assert.deepEqual([body.status, body.code], ['success', 200003]);
  assert.deepEqual(body.user.map(({ uuid }) => uuid), ids);
  assert.deepEqual(body.user.filter(({ active }) => !active).map(({ uuid }) => uuid), [ids[3]], 'blocks that have ended do not count');
  assert.deepEqual(Object.keys(body.user[0]), Object.keys(nobody));
  assert.equal(text, JSON.stringify(body));
});

test('Xekout list: nobody there', async () => {
  const token = await tokenOf('operator', `empty-${randomUUID()}`);
  check(await list('', token), nobodyThere);
  check(await list('?page=1', token), nobodyThere);
});

test('Xekout list: in pages, as newer clients ask', async () => {
  const { ids, token } = await newTenant(45);
  const page = async (query) => {
    const { json: body } = await list(query, token);
    assert.deepEqual(Object.keys(body), ['status', 'code', 'user', 'items', 'total', 'perPage', 'page', 'lastPage'], query);
    assert.deepEqual(body.user, body.items);
    return [body.items.map(({ uuid }) => ids.indexOf(uuid)), body.total, body.perPage, body.page, body.lastPage];
  };
  const range = (from, to) => Array.from({ length: to - from }, (_, i) => from + i);
  assert.deepEqual(await page('?page=1'), [range(0, 20), 45, 20, 1, 3]);
  assert.deepEqual(await page('?page=3'), [range(40, 45), 45, 20, 3, 3]);
  assert.deepEqual(await page('?perPage=15'), [range(0, 15), 45, 15, 1, 3]);
  assert.deepEqual(await page('?perPage=44&page=2'), [range(44, 45), 45, 44, 2, 2]);
  assert.deepEqual(await page('?perPage='), [range(0, 20), 45, 20, 1, 3]);
  check(await list('?page=4', token), nobodyThere);
  for (const query of ['page=0', 'page=-1', 'page=x', 'page=1.5', 'perPage=0', 'perPage=10001', 'perPage=ten', 'page=99999999999']) {
    check(await list(`?${query}`, token), error(400000, 'bad request'), query);
  }
});

test('Xekout list: every customer is seen once while others are registered and locked', async () => {
  const { tenant, ids, token } = await newTenant(60);
  const seen = [];
  for (let page = 1, last = 1; page <= last; page++) {
    const { json: body } = await list(`?page=${page}&perPage=7`, token);
    seen.push(...body.items.map(({ uuid }) => uuid));
    last = body.lastPage;
    // Behind where the page is: the order is that of the ids.
    await sql(`SELECT userlock.register_user('fffffff${page % 10}-${randomUUID().slice(9)}', '${tenant}'), userlock.lock_user('${ids[page]}', tenant => '${tenant}')`);
    if (page > 20) break;
  }
  assert.equal(new Set(seen).size, seen.length);
  assert.deepEqual(ids.filter((id) => !seen.includes(id)), []);
});

vectors('Xekout get and list', [
  ...['not-a-uuid', randomUUID().replaceAll('-', ''), `${randomUUID()}0`, '%ff', `{${randomUUID()}}`, `${randomUUID()}%0A`].map((id) => [`get ${id}`, () => getUser(id), invalidId]),
  ['get, the usual header', () => get(`/v1/admin/users/${randomUUID()}`, { token: env.OPERATOR_TOKEN }), nowhere],
  ['get, Prefix and a Content-Type', () => get(`/v1/admin/users/${randomUUID()}`, { headers: { ...authentication(env.OPERATOR_TOKEN), Prefix: 'store', 'Content-Type': json } }), nowhere],
  ['get without a token', () => get('/v1/admin/users/not-a-uuid'), badToken],
  ['list without a token', () => get('/v1/admin/users?page=x'), badToken],
  ['the vendor\'s later path', () => getUser(`store/${randomUUID()}`), error(404000, 'not found')],
]);

const reads = {
  credential: authentication,
  badToken,
  notFoundPath: error(404000, 'not found'),
  methodNotAllowed: { ...error(405001, 'method not allowed'), headers: { allow: 'GET, HEAD' } },
  tooLarge: error(413001, 'request body too large'),
  unreadable: error(400000, 'bad request'),
};

commonErrors({
  ...reads,
  name: 'Xekout get',
  verb: 'GET',
  verbs: ['GET', 'HEAD'],
  path: (endpoint, id) => `/v1/admin/users/${id}`,
  endpoints: ['get'],
  restriction: () => 'block_user',
  newId: randomUUID,
  unknownId: () => '00000000-0000-4000-8000-000000000000',
  malformedIds: ['not-a-uuid', '%ff'],
  forbidden: () => forbidden,
  notFound: () => nowhere,
  malformedId: { status: 400, body: /"code":400010/ },
});

commonListErrors({
  ...reads,
  name: 'Xekout',
  path: '/v1/admin/users',
  idsOf: ({ json: body }) => body.user.map(({ uuid }) => uuid),
  newId: randomUUID,
  query: (skip) => `?perPage=1000&page=${skip + 1}`,
  credentialOf: (role) => tokenOf(role),
  forbidden,
  invalid: error(400000, 'bad request'),
});
