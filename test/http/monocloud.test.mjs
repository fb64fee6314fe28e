// MonoCloud.
import assert from 'node:assert/strict';
import test from 'node:test';
import { env, eventsOf, get, newUser, request, rpc, sql, stateOf } from './lib/client.mjs';
import { check, commonErrors, commonListErrors, vectors, withRole } from './lib/contract.mjs';

const problem = 'application/problem+json';
const path = (endpoint, id) => `/api/users/${id}/${endpoint}`;
const send = (endpoint, id, { key = env.MONOCLOUD_API_KEY, ...options } = {}) =>
  request('POST', path(endpoint, id), { ...options, headers: { ...(key ? { 'X-API-KEY': key } : {}), ...options.headers } });

const traceId = '00-[0-9a-f]{32}-[0-9a-f]{16}-01';
const answer = (status, title, { fragment = '', errors = '' } = {}) => ({
  status, type: problem,
  body: new RegExp(`^\\{"type":"https://httpstatuses\\.io/${status}${fragment}","title":"${title}","status":${status},"traceId":"${traceId}"${errors}\\}$`),
});
const invalid = (field) =>
  answer(422, 'Unprocessable Entity', { fragment: '#validation-error', errors: `,"errors":\\{"${field}":\\["The ${field} is not valid\\."\\]\\}` });
const unauthorized = answer(401, 'Unauthorized');

const newKey = (role, tenant, more = '') => sql(`SELECT userlock.create_api_key('test ' || gen_random_uuid(), '${role}', '${tenant}' ${more})`);

const getUser = (id, { key = env.MONOCLOUD_API_KEY, ...options } = {}) => get(`/api/users/${id}`, { ...options, headers: { 'X-API-KEY': key, ...options.headers } });
const list = (query, { key = env.MONOCLOUD_API_KEY } = {}) =>
  get(`/api/users?${new URLSearchParams(query)}`, { headers: { 'X-API-KEY': key, 'Content-Type': 'application/json' } });
const pagination = (answer) => JSON.parse(answer.headers.get('x-pagination'));
const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

// What a user has of whom nothing is known but what the account says; in the order that it is sent.
const nobody = {
  user_id: null, disabled: false, has_password: false, creation_time: null, last_updated: null, password_updated_at: null, username: null, emails: [],
  phone_numbers: [], passkeys: [], idps: [], claims: {}, public_data: {}, private_data: {},
  sign_in_count: 0, last_sign_in_ip: null, last_sign_in_attempt: null, blocked: false,
  block_until: null, external_providers: [], connections: [], force_password_reset: false, failure_count: 0, sign_in_attempts_count: 0,
  last_sign_in_attempt_ip: null, sign_in_success_count: 0, last_sign_in_success: null, last_sign_in_success_ip: null, last_activity: null,
  last_known_city: null, last_known_country: null, last_known_region: null,
};

// What MonoCloud has of a user beside the account, all of it.
const own = {
  has_password: true, password_updated_at: 1640975400,
  username: { id: '9082b772-dbf6-4610-a71e-05fb93c0ab73', username: 'a "quoted" name, with: spaces', idps: ['monocloud', 'google'], authenticators: ['password'] },
  emails: [{ id: '6cec8047-6149-4d9b-8d99-91c83c22a9dc', email: 'user@example.com', primary: false, verified: true, idps: ['google'], authenticators: ['email'] }],
  phone_numbers: [], passkeys: [{ name: 'Käse \\ Brot' }],
  idps: [{ authenticator: 'google', provider_user_id: '79a500f9', claims: { name: 'John Doe' } }],
  claims: { name: 'John Doe' }, public_data: { send_emails: true, days_to_retain: 1 }, private_data: { plan: null },
  sign_in_count: 7, last_sign_in_ip: '192.0.2.1', last_sign_in_attempt: 1640975401,
  external_providers: [{ authenticator: 'github', provider_user_id: '1', claims: {} }], connections: [{ idp: 'google', connection_id: 'x' }],
  force_password_reset: true, failure_count: 2, sign_in_attempts_count: 8, last_sign_in_attempt_ip: '192.0.2.2', sign_in_success_count: 5,
  last_sign_in_success: 1640975402, last_sign_in_success_ip: '192.0.2.3', last_activity: 1640975403,
  last_known_city: 'Łódź', last_known_country: 'PL', last_known_region: null,
};
const profile = {
  userName: 'not shown', emails: [{ value: 'not@example.com' }], phoneNumbers: [{ value: '+1' }],
  'urn:userlock:monocloud': { ...own, user_id: 'somebody else', disabled: true, creation_time: 1, last_updated: 2, blocked: true, block_until: 5, unknown: 'never sent' },
};
const times = async (id) => {
  const [creation_time, last_updated] = (await sql(
    `SELECT floor(extract(epoch FROM created_at)), floor(extract(epoch FROM changed_at)) FROM userlock_private.account WHERE user_id = '${id}'`)).split('|').map(Number);
  return { creation_time, last_updated };
};

test('MonoCloud unblock: 200 with the User, whom it unlocks', async () => {
  const id = await newUser('lock_user', undefined, profile);
  const { status, headers, text, json } = await send('unblock', id);
  assert.equal(status, 200);
  assert.equal(headers.get('content-type'), 'application/json');
  assert.equal(await stateOf(id), 'active');
  assert.equal(await sql(`SELECT actor LIKE 'api_key:stack %' FROM userlock_private.event WHERE user_id = '${id}' AND kind = 'unlocked'`), 't');
  assert.deepEqual(Object.keys(json), Object.keys(nobody));
  assert.deepEqual(json, { ...nobody, ...own, user_id: id, ...await times(id) });
  assert.equal(text, JSON.stringify(json), 'compact');
});

test('MonoCloud unblock: 200 also for a user who is not locked; nothing is written', async () => {
  const id = await newUser();
  const first = await send('unblock', id);
  await new Promise((resolve) => setTimeout(resolve, 1100));
  const second = await send('unblock', id);
  assert.equal(first.status, 200);
  assert.equal(first.text, second.text);
  assert.equal(await eventsOf(id), 'registered');
  assert.deepEqual(first.json, { ...nobody, user_id: id, creation_time: first.json.creation_time, last_updated: first.json.creation_time });
});

test('MonoCloud unblock leaves "disabled" alone', async () => {
  const id = await newUser('lock_user');
  await rpc('block_user', { user_id: id });
  assert.equal((await send('unblock', id)).json.disabled, true);
  assert.equal(await stateOf(id), 'blocked');
});

test('MonoCloud disable and enable, each twice', async () => {
  const id = await newUser('lock_user');
  for (const [endpoint, disabled] of [['disable', true], ['disable', true], ['enable', false], ['enable', false]]) {
    const { status, json } = await send(endpoint, id);
    assert.equal(status, 200);
    assert.equal(json.disabled, disabled);
  }
  assert.equal(await eventsOf(id), 'registered locked blocked unblocked');
});

test('MonoCloud: what the profile has of wrong types is as good as not there', async () => {
  const wrong = Object.fromEntries(Object.entries(own).map(([name, value]) => [name, typeof value === 'string' || value === null ? 5 : 'x']));
  for (const [document, expected] of [
    [{ 'urn:userlock:monocloud': wrong }, {}], [{ 'urn:userlock:monocloud': 'x' }, {}], [{ 'urn:userlock:monocloud': [own] }, {}],
    // As it once was: beside the attributes of SCIM, not under a key of its own.
    [{ has_password: true, claims: { a: 1 }, public_data: { a: 1 } }, {}],
    [{ emails: [{ display: 'x' }], phoneNumbers: [5, null, 'x', {}, { value: 7 }, [{ value: 'x' }]], 'urn:userlock:monocloud': null }, {}],
    [{ phoneNumbers: { value: '+1' }, 'urn:userlock:monocloud': { idps: null, emails: {}, username: [] } }, {}],
  ]) {
    const id = await newUser(undefined, undefined, document);
    const { json } = await getUser(id);
    assert.deepEqual(json, { ...nobody, ...expected, user_id: id, ...await times(id) }, JSON.stringify(document));
  }
});

test('MonoCloud: the User of a SCIM document', async () => {
  const document = {
    schemas: ['urn:ietf:params:scim:schemas:core:2.0:User'], userName: `Jo"hn-${Date.now()}`,
    emails: [{ value: 'work@example.com', type: 'work', verified: true }, { value: 'home@example.com', primary: true, verified: 'yes' }, { value: '' }],
    PHONENUMBERS: [{ value: 'tel:+44-151-496.0453' }, { value: '+44 (0) 1' }, { value: 'ask the desk' }],
  };
  const id = await newUser(undefined, undefined, document);
  const { json, text } = await getUser(id);
  const contact = (rest) => ({ id: '', ...rest, idps: [], authenticators: [] });
  assert.deepEqual(JSON.parse(JSON.stringify([json.username, json.emails, json.phone_numbers], (key, value) => (key === 'id' ? '' : value))), [
    contact({ username: document.userName }),
    [contact({ email: 'work@example.com', primary: false, verified: true }), contact({ email: 'home@example.com', primary: true, verified: false })],
    [contact({ phone: '+441514960453', primary: true, verified: false }), contact({ phone: '+4401', primary: false, verified: false }),
      contact({ phone: 'ask the desk', primary: false, verified: false })],
  ]);
  assert.deepEqual(Object.keys(json.emails[0]), ['id', 'email', 'primary', 'verified', 'idps', 'authenticators']);
  assert.equal(text, JSON.stringify(json));
  const ids = [json.username, ...json.emails, ...json.phone_numbers].map((contact) => contact.id);
  assert.ok(ids.every((one) => uuid.test(one)), ids.join());
  assert.equal(new Set(ids).size, ids.length);

  // The same each time, whatever else changes; others for another user.
  await rpc('set_profile', { user_id: id, profile: { ...document, emails: [document.emails[1]] } });
  const after = (await getUser(id)).json;
  assert.deepEqual([after.username.id, after.emails[0].id], [json.username.id, json.emails[1].id]);
  const other = await newUser(undefined, undefined, { emails: document.emails });
  assert.notEqual((await getUser(other)).json.emails[1].id, json.emails[1].id);
});

test('MonoCloud get: who is locked is blocked until the end of it, who is blocked disabled', async () => {
  const id = await newUser();
  const seen = async () => (({ blocked, block_until, disabled }) => ({ blocked, block_until, disabled }))((await getUser(id)).json);
  assert.deepEqual(await seen(), { blocked: false, block_until: null, disabled: false });
  // A second that has begun is not over.
  await rpc('lock_user', { user_id: id, until: '2100-01-01T00:00:00.5Z' });
  assert.deepEqual(await seen(), { blocked: true, block_until: 4102444801, disabled: false });
  await rpc('block_user', { user_id: id });
  assert.deepEqual(await seen(), { blocked: true, block_until: 4102444801, disabled: true });
  await send('unblock', id);
  assert.deepEqual(await seen(), { blocked: false, block_until: null, disabled: true });
  // Without an end: until the end of 9999, because newer clients look at nothing else.
  await rpc('lock_user', { user_id: id });
  assert.deepEqual(await seen(), { blocked: true, block_until: Date.UTC(10000, 0) / 1000 - 1, disabled: true });
});

test('MonoCloud: a lock that has ended is not shown, and nothing is written', async () => {
  const id = await newUser(undefined, undefined, { userName: `short-${Date.now()}` });
  await rpc('lock_user', { user_id: id, until: new Date(Date.now() + 1500).toISOString() });
  assert.equal((await getUser(id)).json.blocked, true);
  assert.equal((await list({ filter: `user_id:${id}` })).json[0].blocked, true);
  await new Promise((resolve) => setTimeout(resolve, 1600));
  for (const json of [(await getUser(id)).json, (await list({ filter: `user_id:${id}` })).json[0]]) {
    assert.deepEqual([json.blocked, json.block_until], [false, null]);
  }
  assert.equal(await stateOf(id), 'locked');
  assert.equal(await eventsOf(id), 'registered locked');
});

test('MonoCloud: without EXECUTE on user_profile the profile stays where it is', async () => {
  await withRole(['unlock_user', 'user_status', 'find_users', 'count_users'], async (role) => {
    const id = await newUser('lock_user', undefined, { ...profile, userName: `hidden-${Date.now()}` });
    const key = await newKey(role, env.TENANT);
    const expected = async () => ({ ...nobody, user_id: id, ...await times(id) });
    const { status, json } = await send('unblock', id, { key });
    assert.equal(status, 200);
    assert.deepEqual(json, await expected());
    assert.deepEqual((await getUser(id, { key })).json, await expected());
    const { public_data, private_data, ...listed } = await expected();
    assert.deepEqual((await list({ filter: `user_id:${id}` }, { key })).json, [listed]);
    // It may unlock and read, and nothing else.
    check(await send('disable', id, { key }), answer(403, 'Forbidden'));
  });
});

test('MonoCloud: who may read may not unblock, and the other way round', async () => {
  const id = await newUser('lock_user');
  await withRole(['user_status'], async (role) => {
    const key = await newKey(role, env.TENANT);
    assert.equal((await getUser(id, { key })).status, 200);
    check(await send('unblock', id, { key }), answer(403, 'Forbidden'));
    check(await list({}, { key }), answer(403, 'Forbidden'));
  });
  await withRole(['unlock_user', 'user_profile', 'find_users', 'count_users'], async (role) => {
    const key = await newKey(role, env.TENANT);
    for (const someId of [id, 'nobody', 'a.b']) check(await getUser(someId, { key }), answer(403, 'Forbidden'), someId);
  });
});

test('MonoCloud list: the User without public_data and private_data', async () => {
  const id = await newUser('block_user', undefined, { ...profile, userName: `listed-${Date.now()}` });
  const { status, headers, json, text } = await list({ filter: `user_id:${id}` });
  assert.deepEqual([status, headers.get('content-type')], [200, 'application/json']);
  assert.equal(headers.get('x-pagination'), '{"page_size":10,"current_page":1,"total_count":1,"has_previous":false,"has_next":false}');
  const { public_data, private_data, ...expected } = { ...nobody, ...own, user_id: id, disabled: true, ...await times(id) };
  assert.deepEqual(json, [expected]);
  assert.deepEqual(Object.keys(json[0]), Object.keys(nobody).filter((name) => !name.endsWith('_data')));
  assert.equal(text, JSON.stringify(json));
});

test('MonoCloud list: filters', async () => {
  const stamp = Date.now();
  const alice = await newUser(undefined, `alice-${stamp}`, { userName: `Alice ${stamp}`, emails: [{ value: `Alice+${stamp}@example.com` }] });
  const bob = await newUser(undefined, `bob-${stamp}`, { userName: `b\\"${stamp}`, emails: [{ value: `bob.${stamp}@example.com` }] });
  const named = await newUser(undefined, `${stamp}`, { userName: `alice-${stamp}` });
  for (const [filter, expected] of [
    [`user_id:${alice}`, [alice]], [`user_id:"${alice}"`, [alice]], [`user_id:ALICE-${stamp}`, []],
    [`username:"alice ${stamp}"`, [alice]], [`username:alice-${stamp}`, [named]], [`username:"b\\\\\\"${stamp}"`, [bob]],
    [`email:alice+${stamp}@example.com`, [alice]], [`email:"BOB.${stamp}@example.com"`, [bob]], [`email:example.com`, []],
    // Any of the three.
    [alice, [named, alice]], [`"Alice ${stamp}"`, [alice]], [`bob.${stamp}@example.com`, [bob]],
    [`email:alice+${stamp}@example.com AND user_id:${alice}`, [alice]], [`email:alice+${stamp}@example.com AND user_id:${bob}`, []],
    [` user_id:${alice}  AND  ${alice} `, [alice]], [`"AND" AND ${alice}`, []],
    [`user_id:${alice} AND ${Array(19).fill(alice).join(' AND ')}`, [alice]],
  ]) {
    const answered = await list({ filter });
    assert.deepEqual(answered.json?.map(({ user_id }) => user_id), expected, `${filter} ${answered.text}`);
    assert.equal(pagination(answered).total_count, expected.length);
  }
  for (const filter of [
    'AND', 'OR', `NOT ${alice}`, `${alice} OR ${bob}`, `${alice} ${bob}`, `${alice} and ${bob}`, `${alice} AND`, `AND ${alice}`, 'email:', 'email: x', 'user_id:""',
    'name:x', 'email:a*', 'email:a?', 'email:a~', '-x', '+x', '(x)', '[a TO b]', 'email:(a b)', '"x', 'x"', 'x^2', 'a:b:c', '"\\"', '*', 'email:*', 'Email:x',
    Array(21).fill(alice).join(' AND '), `"${'\\"'.repeat(2000)}`, `email:${'"'.repeat(4000)}`, "'", ';', '/', 'a&b',
  ]) check(await list({ filter }), answer(400, 'Bad Request'), filter.slice(0, 80));
  assert.equal((await list({ filter: '' })).status, 200);
});

test('MonoCloud list: sorted', async () => {
  const stamp = `s${Date.now()}`;
  const mail = `${stamp}@example.com`;
  const ids = [];
  for (const [name, userName] of [['b', 'x'], ['c', 'Y'], ['a', undefined]]) {
    ids.push(await newUser(undefined, `${stamp}-${name}`, { userName: userName && `${userName}-${stamp}`, emails: [{ value: mail }] }));
  }
  const [b, c, a] = ids;
  await rpc('lock_user', { user_id: b });
  for (const [sort, expected] of [
    [undefined, [a, b, c]], ['', [a, b, c]], ['user_id:1', [a, b, c]], ['user_id:-1', [c, b, a]],
    ['creation_time:1', [b, c, a]], ['creation_time:-1', [a, c, b]], ['last_updated:1', [c, a, b]], ['last_updated:-1', [b, a, c]],
    ['username:1', [a, b, c]], ['email:1', [a, b, c]],
  ]) {
    const query = { filter: `email:${mail}`, ...(sort === undefined ? {} : { sort }) };
    assert.deepEqual((await list(query)).json.map(({ user_id }) => user_id), expected, sort);
  }
  for (const sort of ['creation_time', 'creation_time:2', 'creation_time:1,user_id:1', 'failure_count:1', 'x:1', ':1', 'creation_time:asc', 'created_at:1']) {
    check(await list({ sort }), answer(400, 'Bad Request'), sort);
  }
});

test('MonoCloud list: pages, and what is no page', async () => {
  const mail = `p${Date.now()}@example.com`;
  const ids = [];
  for (let i = 0; i < 5; i++) ids.push(await newUser(undefined, undefined, { emails: [{ value: mail }] }));
  const page = async (query) => {
    const answered = await list({ filter: `email:${mail}`, ...query });
    return [answered.json.map(({ user_id }) => ids.indexOf(user_id)), pagination(answered)];
  };
  const told = (page_size, current_page, has_previous, has_next) => ({ page_size, current_page, total_count: 5, has_previous, has_next });
  assert.deepEqual(await page({}), [[0, 1, 2, 3, 4], told(10, 1, false, false)]);
  assert.deepEqual(await page({ page: '', size: '' }), [[0, 1, 2, 3, 4], told(10, 1, false, false)]);
  assert.deepEqual(await page({ size: 2 }), [[0, 1], told(2, 1, false, true)]);
  assert.deepEqual(await page({ size: 2, page: 2 }), [[2, 3], told(2, 2, true, true)]);
  assert.deepEqual(await page({ size: 2, page: 3 }), [[4], told(2, 3, true, false)]);
  assert.deepEqual(await page({ size: 5, page: 1 }), [[0, 1, 2, 3, 4], told(5, 1, false, false)]);
  assert.deepEqual(await page({ size: 2, page: 4 }), [[], told(2, 4, true, false)]);
  assert.deepEqual(await page({ size: 100, page: 2147483647 }), [[], told(100, 2147483647, true, false)]);
  for (const query of [{ page: 0 }, { page: -1 }, { page: 'x' }, { page: '1.5' }, { page: 2147483648 }, { size: 0 }, { size: 101 }, { size: -5 }, { size: 'ten' }, { size: '1e1' }]) {
    check(await list(query), answer(400, 'Bad Request'), JSON.stringify(query));
  }
});

test('MonoCloud list: each of 10,000 users is seen once while others are registered and locked', async () => {
  const tenant = `many-${Date.now()}`;
  const key = await newKey('operator', tenant);
  const ids = Array.from({ length: 10_000 }, (_, i) => String((i * 7_777) % 10_000).padStart(4, '0'));
  await sql(`SELECT count(userlock.register_user(lpad((i * 7777 % 10000)::text, 4, '0'), '${tenant}', '{"displayName": "x"}')) FROM generate_series(0, 9999) AS i`);
  const seen = [];
  for (let page = 1, more = true; more; page++) {
    const answered = await list({ sort: 'creation_time:1', size: 100, page }, { key });
    seen.push(...answered.json.map(({ user_id }) => user_id));
    more = pagination(answered).has_next;
    // In the order of ids one would be before the page, the other behind it.
    await sql(`SELECT userlock.register_user(id, '${tenant}') FROM unnest('{0000-${page},9999-${page}}'::text[]) AS id WHERE ${page <= 40};
      SELECT userlock.${page % 2 ? 'lock_user' : 'block_user'}('${ids[page * 90]}', tenant => '${tenant}')`);
  }
  assert.equal(new Set(seen).size, seen.length);
  assert.deepEqual(seen.slice(0, 10_000), ids);
  assert.equal(seen.length, 10_080);
});

test('MonoCloud unblock ignores body and type', async () => {
  for (const options of [
    { headers: { 'Content-Type': 'application/json' } }, { body: '' }, { body: '{' }, { body: 'x', headers: { 'Content-Type': 'text/plain' } },
    { headers: { Accept: 'application/json' } }, { headers: { Accept: 'text/html' } }, { headers: { Authorization: `Bearer ${env.EXPIRED_TOKEN}` } },
  ]) {
    const id = await newUser('lock_user');
    assert.equal((await send('unblock', id, options)).status, 200, JSON.stringify(options));
  }
});

test('MonoCloud disable: revoke_sessions is taken, either way', async () => {
  for (const body of [undefined, '', {}, { revoke_sessions: false }, { revoke_sessions: true }, { other: 1 }]) {
    const id = await newUser();
    const { status, json } = await send('disable', id, { body });
    assert.equal(status, 200);
    assert.equal(json.disabled, true);
    assert.equal(await sql(`SELECT access_valid_after = changed_at FROM userlock_private.account WHERE user_id = '${id}'`), 't');
  }
});

vectors('MonoCloud', [
  ...['bad%20id', 'x'.repeat(201), 'a.b', '%ff', 'j%C3%BCrgen', "'", 'a%2Fb', '%25']
    .map((id) => [`unblock of ${id.slice(0, 20)}`, () => send('unblock', id), invalid('user_id')]),
  ['an id of 200 characters, unknown', () => send('unblock', 'x'.repeat(200)), answer(404, 'Not Found')],
  ['disable: revoke_sessions of a wrong type', () => send('disable', 'x', { body: { revoke_sessions: 'yes' } }), invalid('revoke_sessions')],
  ['disable: a bad id comes first', () => send('disable', 'a.b', { body: { revoke_sessions: 'yes' } }), invalid('user_id')],
  ['disable: malformed JSON', () => send('disable', 'x', { body: '{' }), answer(400, 'Bad Request')],
  ['disable: a wrong content type', () => send('disable', 'x', { body: '{}', headers: { 'Content-Type': 'text/plain' } }), answer(415, 'Unsupported Media Type')],
  ['disable: a body that is encoded', () => send('disable', 'x', { body: '{}', headers: { 'Content-Encoding': 'gzip' } }), answer(415, 'Unsupported Media Type')],
  ['no key', () => send('unblock', 'x', { key: null }), unauthorized],
  ['no key, bad id', () => send('unblock', 'a.b', { key: null }), unauthorized],
  ['an unknown key', () => send('unblock', 'x', { key: `ulk_${'0'.repeat(64)}` }), unauthorized],
  ['a key that is not ASCII', () => send('unblock', 'x', { key: '\xfc' }), unauthorized],
  ['a token instead of a key', () => send('unblock', 'x', { key: null, token: env.OPERATOR_TOKEN }), unauthorized],
]);

test('MonoCloud: keys that are expired, rotated, revoked', async () => {
  const id = await newUser();
  const expired = await newKey('operator', env.TENANT, ", now() + interval '1 hour'");
  assert.equal((await send('unblock', id, { key: expired })).status, 200);
  await sql(`UPDATE userlock_private.api_key SET expires_at = now() WHERE digest = sha256('${expired}')`);
  check(await send('unblock', id, { key: expired }), unauthorized, 'expired');

  const name = `rotated-${Date.now()}`;
  const old = await sql(`SELECT userlock.create_api_key('${name}', 'operator', '${env.TENANT}')`);
  const fresh = await sql(`SELECT userlock.rotate_api_key('${name}', '${env.TENANT}')`);
  check(await send('unblock', id, { key: old }), unauthorized, 'rotated');
  assert.equal((await send('unblock', id, { key: fresh })).status, 200);
  await sql(`SELECT userlock.revoke_api_key('${name}', '${env.TENANT}')`);
  check(await send('unblock', id, { key: fresh }), unauthorized, 'revoked');
});

test('MonoCloud: a key whose role is gone is no good', async () => {
  const key = await newKey('operator', env.TENANT);
  await sql(`UPDATE userlock_private.api_key SET role = 'gone' WHERE digest = sha256('${key}')`);
  check(await send('unblock', 'x', { key }), unauthorized);
});

test('MonoCloud: every trace id is another', async () => {
  const ids = await Promise.all([1, 2, 3, 4].map(async () => (await send('unblock', 'x')).json.traceId));
  assert.equal(new Set(ids).size, 4);
});

commonErrors({
  name: 'MonoCloud',
  verb: 'POST',
  path,
  endpoints: ['unblock', 'disable', 'enable'],
  restriction: (endpoint) => ({ unblock: 'lock_user', enable: 'block_user' })[endpoint],
  newId: () => undefined,
  unknownId: () => 'nobody',
  malformedIds: ['a.b', 'x'.repeat(201), '%ff'],
  operator: env.MONOCLOUD_API_KEY,
  stranger: await newKey('stranger', env.TENANT),
  otherTenant: await newKey('operator', 'other'),
  credential: (key) => ({ 'X-API-KEY': key }),
  forbidden: () => answer(403, 'Forbidden'),
  notFound: () => answer(404, 'Not Found'),
  notFoundPath: answer(404, 'Not Found'),
  methodNotAllowed: { ...answer(405, 'Method Not Allowed'), headers: { allow: 'POST' } },
  tooLarge: answer(413, 'Payload Too Large'),
  unreadable: answer(400, 'Bad Request'),
  malformedId: invalid('user_id'),
});

const stranger = await newKey('stranger', env.TENANT);
const otherTenant = await newKey('operator', 'other');

vectors('MonoCloud get', [
  ...['bad%20id', 'x'.repeat(201), 'a.b', '%ff', "'", '%25'].map((id) => [`${id.slice(0, 20)}`, () => getUser(id), invalid('user_id')]),
  ['no key', () => get('/api/users/x'), unauthorized],
  ['an unknown key', () => getUser('a.b', { key: `ulk_${'0'.repeat(64)}` }), unauthorized],
  ['a token instead of a key', () => get('/api/users/x', { token: env.OPERATOR_TOKEN }), unauthorized],
  ['a Content-Type', () => getUser('x', { headers: { 'Content-Type': 'application/json' } }), answer(404, 'Not Found')],
  ['a list without a key', () => get('/api/users'), unauthorized],
  ['a list with a token', () => get('/api/users', { token: env.OPERATOR_TOKEN }), unauthorized],
  ['a path below', () => getUser('x/emails'), answer(404, 'Not Found')],
]);

commonErrors({
  name: 'MonoCloud get',
  verb: 'GET',
  verbs: ['GET', 'HEAD'],
  path: (endpoint, id) => `/api/users/${id}`,
  endpoints: ['get'],
  restriction: () => 'lock_user',
  newId: () => undefined,
  unknownId: () => 'nobody',
  malformedIds: ['a.b', 'x'.repeat(201), '%ff'],
  operator: env.MONOCLOUD_API_KEY,
  stranger,
  otherTenant,
  credential: (key) => ({ 'X-API-KEY': key }),
  forbidden: () => answer(403, 'Forbidden'),
  notFound: () => answer(404, 'Not Found'),
  notFoundPath: answer(404, 'Not Found'),
  methodNotAllowed: { ...answer(405, 'Method Not Allowed'), headers: { allow: 'GET, HEAD' } },
  tooLarge: answer(413, 'Payload Too Large'),
  unreadable: answer(400, 'Bad Request'),
  malformedId: invalid('user_id'),
});

commonListErrors({
  name: 'MonoCloud',
  path: '/api/users',
  idsOf: ({ json }) => json.map(({ user_id }) => user_id),
  newId: () => undefined,
  query: (skip) => `?size=1&sort=creation_time:-1&page=${skip + 1}`,
  operator: env.MONOCLOUD_API_KEY,
  stranger,
  otherTenant,
  credential: (key) => ({ 'X-API-KEY': key }),
  credentialOf: (role) => newKey(role, env.TENANT),
  forbidden: answer(403, 'Forbidden'),
  invalid: answer(400, 'Bad Request'),
  notFoundPath: answer(404, 'Not Found'),
  methodNotAllowed: { ...answer(405, 'Method Not Allowed'), headers: { allow: 'GET, HEAD' } },
  tooLarge: answer(413, 'Payload Too Large'),
  unreadable: answer(400, 'Bad Request'),
});
