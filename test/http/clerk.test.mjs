// Clerk.
import assert from 'node:assert/strict';
import test from 'node:test';
import { env, eventsOf, get, newUser, raw, request, rpc, sign, sql, stateOf } from './lib/client.mjs';
import { badTokens, check, commonErrors, vectors, withRole } from './lib/contract.mjs';

const json = 'application/json';
const bearer = (token) => ({ Authorization: `Bearer ${token}` });
const path = (endpoint, id) => `/v1/users/${id}/${endpoint}`;
// As Clerk's own client sends it: the type of a body, and none.
const send = (endpoint, id, { token = env.OPERATOR_TOKEN, ...options } = {}) =>
  request('POST', path(endpoint, id), { ...options, headers: { 'Content-Type': json, ...(token ? bearer(token) : {}), ...options.headers } });
const getUser = (id, { token = env.OPERATOR_TOKEN, ...options } = {}) => get(`/v1/users/${id}`, { ...options, headers: { ...bearer(token), ...options.headers } });
const bulk = (endpoint, body, { token = env.OPERATOR_TOKEN, ...options } = {}) =>
  request('POST', `/v1/users/${endpoint}`, { body, ...options, headers: { ...(token ? bearer(token) : {}), ...options.headers } });

const exactly = (text) => text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
const error = (status, code, message, longMessage = message, parameter) => ({
  status, type: json,
  body: new RegExp(`^${exactly(JSON.stringify({ errors: [{ message, long_message: longMessage, code, ...(parameter ? { meta: { param_name: parameter } } : {}) }] }).slice(0, -1))
    .replace('anyone', '[ -~]*')},"clerk_trace_id":"[0-9a-f]{32}"\\}$`),
});
const notFound = (id) => error(404, 'resource_not_found', 'not found', `No user was found with id ${id}`);
const notFoundPath = error(404, 'resource_not_found', 'URL not found', 'The URL was not found');
const forbidden = error(403, 'authorization_invalid', 'Unauthorized request', 'You are not authorized to perform this request');
const badKey = error(401, 'clerk_key_invalid', 'The provided Clerk Secret Key is invalid. Make sure that your Clerk Secret Key is correct.');
const badForm = error(401, 'authorization_header_format_invalid', 'Invalid Authorization header format',
  "Invalid Authorization header format. Must be 'Bearer <YOUR_API_KEY>'");
const noKey = error(401, 'authentication_invalid', 'Invalid authentication', 'Unable to authenticate the request, you need to supply an active session');
const methodNotAllowed = error(405, 'method_not_allowed', 'Method not allowed', 'The URL does not take this method');
const tooLarge = error(413, 'request_body_too_large', 'Request body too large', 'The request body should not exceed 1 MB.');
const unreadable = error(400, 'bad_request', 'Bad request');
const invalidBody = error(400, 'request_body_invalid', 'Request body invalid',
  'The request body is invalid. Please consult the API documentation for more information.');
const foreignBody = error(415, 'unsupported_content_type', 'Content-Type is unsupported',
  'Content-Type is unsupported. You should use application/json instead.');
const invalid = (code, message, longMessage) => error(422, `form_param_${code}`, message, longMessage, 'user_ids');

const newKey = (role, tenant = env.TENANT) => sql(`SELECT userlock.create_api_key('test ' || gen_random_uuid(), '${role}', '${tenant}')`);

// What a user has of whom nothing is known but what the account says; in the order that it is sent.
const nobody = {
  id: null, object: 'user', username: null, first_name: null, last_name: null, locale: null, timezone: null, image_url: '', has_image: false,
  primary_email_address_id: null, primary_phone_number_id: null, primary_web3_wallet_id: null, password_enabled: false, two_factor_enabled: false,
  totp_enabled: false, backup_code_enabled: false, email_addresses: [], phone_numbers: [], web3_wallets: [], passkeys: [], external_accounts: [],
  saml_accounts: [], enterprise_accounts: [], password_last_updated_at: null, public_metadata: {}, private_metadata: {}, unsafe_metadata: {},
  external_id: null, last_sign_in_at: null, banned: false, locked: false, deprovisioned: false, lockout_expires_in_seconds: null,
  verification_attempts_remaining: null, created_at: null, updated_at: null, delete_self_enabled: false, create_organization_enabled: false,
  create_organizations_limit: null, last_active_at: null, mfa_enabled_at: null, mfa_disabled_at: null, legal_accepted_at: null,
};

// What Clerk has of a user beside the account and what SCIM knows, all of it.
const own = {
  primary_web3_wallet_id: 'idn_9', password_enabled: true, two_factor_enabled: true, totp_enabled: true, backup_code_enabled: true,
  web3_wallets: [{ id: 'idn_9', object: 'web3_wallet', web3_wallet: '0x0', verification: { status: 'verified', strategy: 'web3_signature' } }],
  passkeys: [{ id: 'idn_8', name: 'Käse \\ Brot' }], external_accounts: [{ id: 'eac_1', provider: 'oauth_google', verification: null }],
  saml_accounts: [{ id: 'samlacc_1' }], enterprise_accounts: [{ id: 'entacc_1', enterprise_connection: { id: 'x' } }],
  password_last_updated_at: 1640975400123, public_metadata: { plan: 'pro', 'a b': [1, null] }, private_metadata: { crm: 7 }, unsafe_metadata: { theme: 'dark' },
  last_sign_in_at: 1640975401000, verification_attempts_remaining: 3, delete_self_enabled: true, create_organization_enabled: true,
  create_organizations_limit: 5, last_active_at: 1640975402000, mfa_enabled_at: 1640975403000, mfa_disabled_at: 1640975404000, legal_accepted_at: 1640975405000,
};
const times = async (id) => {
  const [created_at, updated_at] = (await sql(`SELECT floor(extract(epoch FROM created_at) * 1000), floor(extract(epoch FROM changed_at) * 1000)
    FROM userlock_private.account WHERE user_id = '${id.replaceAll("'", "''")}'`)).split('|').map(Number);
  return { created_at, updated_at };
};
const eventCount = () => sql('SELECT count(*) FROM userlock_private.event');

test('Clerk: each call answers 200 with the User, twice, and changes them once', async () => {
  const id = await newUser();
  for (const [endpoint, state, expected] of [
    ['lock', 'locked', { locked: true, lockout_expires_in_seconds: 1800 }], ['ban', 'locked+blocked', { locked: true, banned: true }],
    ['unlock', 'blocked', { banned: true, lockout_expires_in_seconds: null }], ['unban', 'active', {}],
  ]) {
    for (const again of [false, true]) {
      const { status, headers, text, json: user } = await send(endpoint, id);
      assert.equal(status, 200, text);
      assert.equal(headers.get('content-type'), json);
      assert.deepEqual(Object.keys(user), Object.keys(nobody));
      const seconds = user.lockout_expires_in_seconds;
      if (user.locked) assert.ok(seconds > 1780 && seconds <= 1800, seconds);
      assert.deepEqual(user, { ...nobody, id, ...expected, lockout_expires_in_seconds: seconds, ...await times(id) });
      if ('lockout_expires_in_seconds' in expected && !again) assert.equal(seconds, expected.lockout_expires_in_seconds);
      assert.equal(text, JSON.stringify(user), 'compact');
      assert.equal(await stateOf(id), state);
      assert.deepEqual(await getUser(id).then((got) => ({ ...got.json, lockout_expires_in_seconds: seconds })), user);
    }
  }
  assert.equal(await eventsOf(id), 'registered locked blocked unlocked unblocked');
});

test('Clerk lock lasts as long as the tenant\'s lockout policy says; a lock that is there stays, also one without an end', async () => {
  const tenant = `policy-${Date.now()}`;
  const token = await newKey('operator', tenant);
  await sql(`SELECT userlock.register_user(id, '${tenant}') FROM unnest('{a,b,c,d}'::text[]) AS id`);
  const seconds = async (id, expected) => {
    const { json: user } = await send('lock', id, { token });
    assert.equal(user.locked, true);
    assert.equal(user.lockout_expires_in_seconds, expected);
    assert.equal(await sql(`SELECT locked_until = (SELECT until FROM userlock_private.event AS e WHERE e.user_id = a.user_id AND e.tenant = a.tenant AND kind = 'locked')
      OR locked_until IS NULL FROM userlock_private.account AS a WHERE tenant = '${tenant}' AND user_id = '${id}'`), 't');
  };
  await seconds('a', 1800);
  await sql(`SELECT userlock.set_lockout_policy('nist', '${tenant}', duration => '90 seconds')`);
  await seconds('b', 90);
  await sql(`SELECT userlock.set_lockout_policy('pci', '${tenant}', duration => '2 days')`);
  await seconds('c', 172_800);
  assert.ok((await send('lock', 'b', { token })).json.lockout_expires_in_seconds <= 90);
  await sql(`SELECT userlock.lock_user('d', tenant => '${tenant}')`);
  await seconds('d', null);
  // Another tenant's policy is another's.
  assert.equal((await send('lock', await newUser())).json.lockout_expires_in_seconds, 1800);
});

test('Clerk: a lock that has ended is over', async () => {
  const tenant = `brief-${Date.now()}`;
  const token = await newKey('operator', tenant);
  await sql(`SELECT userlock.register_user('a', '${tenant}'), userlock.set_lockout_policy('pci', '${tenant}', duration => '0.1 seconds')`);
  assert.equal((await send('lock', 'a', { token })).status, 200);
  await new Promise((resolve) => setTimeout(resolve, 150));
  const { json: user } = await getUser('a', { token });
  assert.deepEqual([user.locked, user.lockout_expires_in_seconds], [false, null]);
});

test('Clerk: what a body of lock, unlock, ban or unban says is ignored, whatever its type', async () => {
  for (const options of [{}, { body: '' }, { body: '{' }, { body: { user_ids: [] } }, { body: 'x', headers: { 'Content-Type': 'text/plain' } }, { headers: { Accept: 'text/html' } }]) {
    const id = await newUser('lock_user');
    assert.equal((await send('unlock', id, options)).json.locked, false, JSON.stringify(options));
  }
});

test('Clerk: the User of a SCIM document', async () => {
  const document = {
    schemas: ['urn:ietf:params:scim:schemas:core:2.0:User'], userName: `Jo"hn-${Date.now()}`, externalId: 'crm-7', locale: 'pl-PL', timezone: 'Europe/Warsaw',
    NAME: { givenName: 'Łukasz', familyName: 'O\'Neil' }, photos: [{ value: 'https://example.com/a.png' }, { value: 'https://example.com/b.png', primary: true }],
    emails: [{ value: 'work@example.com', type: 'work', verified: true }, { value: 'home@example.com', primary: true, verified: 'yes' }, { value: '' }],
    phoneNumbers: [{ value: 'tel:+44-151-496.0453', verified: true }, { value: 'ask the desk' }],
  };
  const id = await newUser(undefined, undefined, { ...document, 'urn:userlock:clerk': { ...own, banned: true, locked: true, id: 'x', email_addresses: [{}], unknown: 1 } });
  const { json: user, text } = await getUser(id);
  const { created_at, updated_at } = await times(id);
  const verified = { object: 'verification_admin', status: 'verified', strategy: 'admin', attempts: null, expire_at: null };
  const email = (address, verification, its) => ({ id: its.id, object: 'email_address', email_address: address, reserved: false, verification,
    linked_to: [], matches_sso_connection: false, created_at, updated_at });
  const phone = (number, verification, its) => ({ id: its.id, object: 'phone_number', phone_number: number, reserved_for_second_factor: false,
    default_second_factor: false, reserved: false, verification, linked_to: [], backup_codes: [], created_at, updated_at });
  assert.deepEqual(user, {
    ...nobody, ...own, id, username: document.userName, external_id: 'crm-7', locale: 'pl-PL', timezone: 'Europe/Warsaw', first_name: 'Łukasz', last_name: 'O\'Neil',
    image_url: 'https://example.com/b.png', has_image: true, created_at, updated_at,
    primary_email_address_id: user.email_addresses[1].id, primary_phone_number_id: user.phone_numbers[0].id,
    email_addresses: [email('work@example.com', verified, user.email_addresses[0]), email('home@example.com', null, user.email_addresses[1])],
    phone_numbers: [phone('+441514960453', verified, user.phone_numbers[0]), phone('ask the desk', null, user.phone_numbers[1])],
  });
  assert.deepEqual(Object.keys(user), Object.keys(nobody));
  assert.equal(text, JSON.stringify(user));

  // The ids are the same each time, whatever else changes; others for another user.
  const ids = (one) => [...one.email_addresses, ...one.phone_numbers].map((address) => address.id);
  assert.equal(new Set(ids(user)).size, 4);
  for (const one of ids(user)) assert.match(one, /^idn_[0-9a-f]{27}$/);
  await rpc('set_profile', { user_id: id, profile: { emails: [document.emails[1]] } });
  const changed = (await send('ban', id)).json;
  assert.equal(changed.email_addresses[0].id, ids(user)[1]);
  assert.equal(changed.primary_email_address_id, ids(user)[1]);
  const other = await newUser(undefined, undefined, { emails: document.emails });
  assert.deepEqual(ids((await getUser(other)).json).filter((one) => ids(user).includes(one)), []);
});

test('Clerk: what the profile has of wrong types is as good as not there', async () => {
  const wrong = Object.fromEntries(Object.entries(own).map(([name, value]) => [name, typeof value === 'string' || value === null ? 5 : 'x']));
  for (const document of [
    { 'urn:userlock:clerk': wrong }, { 'urn:userlock:clerk': 'x' }, { 'urn:userlock:clerk': [own] }, { 'urn:userlock:clerk': null },
    { password_enabled: true, public_metadata: { a: 1 } }, { name: 'x', photos: 'x', phoneNumbers: 5, locale: 7, timezone: [] },
    { name: { givenName: 1, familyName: {} }, photos: [5, { value: 7 }], emails: [{ display: 'x' }], phoneNumbers: [null, 'x', [{ value: 'x' }], { display: 'x' }] },
    { 'urn:userlock:clerk': { web3_wallets: [null, 5, 'x', []], passkeys: {}, external_accounts: [[{}]], public_metadata: [], private_metadata: null } },
  ]) {
    const id = await newUser(undefined, undefined, document);
    assert.deepEqual((await getUser(id)).json, { ...nobody, id, ...await times(id) }, JSON.stringify(document));
  }
});

test('Clerk: the profile is for whoever may read it, and permission is that of the core\'s function', async () => {
  const profile = { userName: `seen-${Date.now()}`, emails: [{ value: 'seen@example.com' }], 'urn:userlock:clerk': { private_metadata: { a: 1 } } };
  const calls = { lock: 'lock_user', unlock: 'unlock_user', ban: 'block_user', unban: 'unblock_user' };
  const id = await newUser(undefined, undefined, profile);
  for (const [endpoint, permission] of Object.entries(calls)) {
    await withRole([permission], async (role) => {
      const token = await newKey(role);
      const { status, json: user } = await send(endpoint, id, { token });
      assert.equal(status, 200, endpoint);
      assert.deepEqual([user.username, user.email_addresses, user.private_metadata], [null, [], {}]);
      for (const other of Object.keys(calls)) if (other !== endpoint) check(await send(other, id, { token }), forbidden, `${endpoint} ${other}`);
      for (const many of ['ban', 'unban']) {
        if (many === endpoint) assert.equal((await bulk(many, { user_ids: [id] }, { token })).json[0].username, null);
        else check(await bulk(many, { user_ids: [id] }, { token }), forbidden, `${endpoint} ${many}`);
      }
      for (const someId of [id, 'nobody', '%ff']) check(await getUser(someId, { token }), forbidden, someId);
    });
  }
  await withRole(['user_status'], async (role) => assert.equal((await getUser(id, { token: await newKey(role) })).json.username, null));
  await withRole(['user_status', 'user_profile'], async (role) => assert.equal((await getUser(id, { token: await newKey(role) })).json.username, profile.userName));
});

test('Clerk: a key that is rotated or revoked, or whose role is gone, is no good; a good one is whom history names', async () => {
  const id = await newUser();
  const name = `clerk-${Date.now()}`;
  const first = await sql(`SELECT userlock.create_api_key('${name}', 'operator', '${env.TENANT}')`);
  assert.equal((await send('lock', id, { token: first })).status, 200);
  assert.equal(await sql(`SELECT actor FROM userlock_private.event WHERE user_id = '${id}' AND kind = 'locked'`), `api_key:${name}`);
  const second = await sql(`SELECT userlock.rotate_api_key('${name}', '${env.TENANT}')`);
  const gone = await newKey('operator');
  await sql(`UPDATE userlock_private.api_key SET role = 'gone' WHERE digest = sha256('${gone}')`);
  const refused = async (token) => {
    for (const someId of [id, 'nobody']) check(await send('unlock', someId, { token }), badKey);
    check(await getUser(id, { token }), badKey);
    check(await bulk('ban', { user_ids: [id] }, { token }), badKey);
    check(await bulk('ban', '{', { token }), badKey);
  };
  await refused(first);
  await refused(gone);
  assert.equal((await send('unlock', id, { token: second })).status, 200);
  await sql(`SELECT userlock.revoke_api_key('${name}', '${env.TENANT}')`);
  await refused(second);
  assert.equal(await eventsOf(id), 'registered locked unlocked');
});

test('Clerk: ids of any characters are found, and those that nobody has are told in ASCII', async () => {
  for (const id of ['ban', 'lock', 'j\u00fcrgen', 'a b/c?d#e%f+g', '"\\\'', '\u{1f600}', '\u0001\u007f\n\r\t', '..', 'x'.repeat(200), '\u{1f600}'.repeat(200)]) {
    const there = `${[...id].slice(0, 187).join('')}${Date.now()}`;
    await newUser(undefined, there);
    const { status, json: user, text } = await getUser(encodeURIComponent(there));
    assert.equal(status, 200, text);
    assert.equal(user.id, there);
    const absent = `${[...id].slice(0, 195).join('')}-none`;
    for (const answer of [await getUser(encodeURIComponent(absent)), await send('ban', encodeURIComponent(absent))]) {
      assert.equal(answer.status, 404, answer.text);
      assert.equal(answer.headers.get('content-type'), json);
      assert.match(answer.text, /^[ -~]+$/);
      assert.equal(answer.json.errors[0].long_message, `No user was found with id ${absent}`);
      assert.equal(answer.json.errors[0].code, 'resource_not_found');
    }
  }
  // One whose id is the name of a call.
  await newUser(undefined, 'ban');
  assert.equal((await get('/v1/users/ban', { token: env.OPERATOR_TOKEN })).json.id, 'ban');
  assert.equal((await send('ban', 'ban')).json.banned, true);
});

vectors('Clerk', [
  ['an id that nobody can have', () => getUser('x'.repeat(3000)), notFound('x'.repeat(200))],
  ['one of 200 characters that take much', () => getUser(encodeURIComponent('\u{1f600}'.repeat(201))), { status: 404, type: json, body: /\\ud83d\\ude00","code"/ }],
  ['one that is not UTF-8', () => send('lock', '%ff%22'), notFound('%ff%22')],
  ['no key', () => send('lock', 'x', { token: null }), noKey],
  ['no key, and a body', () => bulk('ban', '{', { token: null }), noKey],
  ['a key that is not one', () => send('lock', 'x', { token: 'sk_test_x' }), badKey],
  ['an unknown key', () => send('lock', 'x', { token: `ulk_${'0'.repeat(64)}` }), badKey],
  ['a key of another form', () => send('lock', 'x', { token: `ulk_${'0'.repeat(63)}` }), badKey],
  ...['Basic b3BlcmF0b3I6eA==', 'Bearer', 'Bearer a b', 'sk_test_x', 'Bearer \xfc']
    .map((value) => [`Authorization: ${value}`, () => send('lock', 'x', { token: null, headers: { Authorization: value } }), badForm]),
  ['Authorization, empty', () => send('lock', 'x', { token: null, headers: { Authorization: '' } }), noKey],
  ['bearer in lower case', () => send('lock', 'x', { token: null, headers: { Authorization: `bearer ${env.OPERATOR_TOKEN}` } }), notFound('x')],
  ['all users', () => get('/v1/users', { token: env.OPERATOR_TOKEN }), notFoundPath],
  ['what is below a user', () => getUser('x/metadata'), notFoundPath],
  ['what begins alike', () => get('/v1/userships', { token: env.OPERATOR_TOKEN }), notFoundPath],
  ['a user who is to be deleted', () => request('DELETE', '/v1/users/x', { token: env.OPERATOR_TOKEN }), { ...methodNotAllowed, headers: { allow: 'GET, HEAD' } }],
]);

test('Clerk: every trace id is another', async () => {
  const ids = await Promise.all(['x', 'x', 'x/y', '', 'a%zz'].map(async (id) => (await raw(
    `GET /v1/users/${id} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer ${env.OPERATOR_TOKEN}\r\n\r\n`)).text.match(/"clerk_trace_id":"([0-9a-f]{32})"\}$/)[1]));
  assert.equal(new Set(ids).size, 5);
});

for (const [endpoint, restriction, state] of [['ban', undefined, 'blocked'], ['unban', 'block_user', 'active']]) {
  test(`Clerk bulk ${endpoint}: 200 with the Users there are, in the order of their ids; others stop nothing`, async () => {
    const ids = [];
    for (let i = 0; i < 3; i++) ids.push(await newUser(restriction, undefined, { userName: `${endpoint}-${i}-${Date.now()}` }));
    const other = `other-${Date.now()}`;
    await sql(`SELECT userlock.register_user('${other}', 'other')`);
    const user_ids = ['', ids[2], ids[0], 'nobody', 'x'.repeat(201), other, ids[1], ids[0], '\u0001'];
    for (const again of [1, 2]) {
      const { status, headers, json: users, text } = await bulk(endpoint, { user_ids, more: again });
      assert.equal(status, 200, text);
      assert.equal(headers.get('content-type'), json);
      assert.equal(text, JSON.stringify(users));
      for (const [i, user] of users.entries()) assert.deepEqual(user, (await getUser(ids[i])).json);
      assert.deepEqual(users.map(({ id, banned }) => [id, banned]), ids.map((id) => [id, endpoint === 'ban']));
    }
    for (const id of ids) {
      assert.equal(await stateOf(id), state);
      assert.equal((await eventsOf(id)).split(' ').length, endpoint === 'ban' ? 2 : 3);
    }
    assert.equal(await sql(`SELECT state FROM userlock_private.account WHERE tenant = 'other' AND user_id = '${other}'`), 'active');
    assert.deepEqual((await bulk(endpoint, { user_ids: ['nobody'] })).json, []);
  });

  vectors(`Clerk bulk ${endpoint}`, [
    ['no body', () => bulk(endpoint, ''), invalid('missing', 'is missing', 'user_ids must be included.')],
    ['no ids', () => bulk(endpoint, {}), invalid('missing', 'is missing', 'user_ids must be included.')],
    ['null', () => bulk(endpoint, { user_ids: null }), invalid('missing', 'is missing', 'user_ids must be included.')],
    ['an empty list', () => bulk(endpoint, { user_ids: [] }), invalid('value_invalid', 'is invalid', 'user_ids is invalid')],
    ...['x', 5, {}, true, [5], ['x', null], [['x']], [{}]].map((user_ids) =>
      [JSON.stringify(user_ids), () => bulk(endpoint, { user_ids }), invalid('type_invalid', 'is invalid', '`user_ids` must be a `list of strings`.')]),
    ['50 ids', () => bulk(endpoint, { user_ids: Array(50).fill('nobody') }), { status: 200, type: json, body: '[]' }],
    ['51 ids', () => bulk(endpoint, { user_ids: Array(51).fill('nobody') }), invalid('array_size_exceeded', 'exceeds maximum size', 'user_ids should not exceed 50 items.')],
    ['nearly 1 MiB of ids', () => bulk(endpoint, { user_ids: Array(260_000).fill('') }), invalid('array_size_exceeded', 'exceeds maximum size', 'user_ids should not exceed 50 items.')],
    ['one id of nearly 1 MiB', () => bulk(endpoint, { user_ids: ['x'.repeat(1_000_000)] }), { status: 200, type: json, body: '[]' }],
    ['more than 1 MiB', () => bulk(endpoint, { user_ids: ['x'.repeat(1_100_000)] }), tooLarge],
    ...['{', '[]', '["x"]', 'null', '{"user_ids":["\\u0000"]}', '{"user_ids":["\\ud800"]}', `{"user_ids":${'['.repeat(100_000)}`, '{"user_ids":["x"]}{', Buffer.from([0x7b, 0xff])]
      .map((body) => [`a body that is no object: ${String(body).slice(0, 30)}`, () => bulk(endpoint, body, { headers: { 'Content-Type': json } }), invalidBody]),
    ['another type', () => bulk(endpoint, '{"user_ids":["x"]}', { headers: { 'Content-Type': 'text/plain' } }), foreignBody],
    ['a body that is encoded', () => bulk(endpoint, '{"user_ids":["x"]}', { headers: { 'Content-Encoding': 'gzip' } }), foreignBody],
    ['a charset', () => bulk(endpoint, { user_ids: ['x'] }, { headers: { 'Content-Type': 'application/json; charset=utf-8' } }), { status: 200, type: json, body: '[]' }],
    ['a slash', () => bulk(`${endpoint}/`, { user_ids: ['x'] }), notFoundPath],
    ['another verb', () => request('PUT', `/v1/users/${endpoint}`, { token: env.OPERATOR_TOKEN, body: {} }), { ...methodNotAllowed, headers: { allow: 'GET, HEAD, POST' } }],
    ['an id that is encoded is no name of a call', () => bulk(`%62${endpoint.slice(1)}`, { user_ids: ['x'] }), { ...methodNotAllowed, headers: { allow: 'GET, HEAD' } }],
  ]);

  test(`Clerk bulk ${endpoint}: no permission, the same for every body; nor with a bad token, nor in another tenant`, async () => {
    const id = await newUser(restriction);
    const before = await eventCount();
    for (const body of [{ user_ids: [id] }, { user_ids: ['nobody'] }, {}, '{', { user_ids: Array(51).fill(id) }]) {
      check(await bulk(endpoint, body, { token: env.STRANGER_TOKEN, headers: { 'Content-Type': json } }), forbidden);
      for (const make of Object.values(badTokens)) check(await bulk(endpoint, body, { token: await make(), headers: { 'Content-Type': json } }), badKey);
    }
    assert.deepEqual((await bulk(endpoint, { user_ids: [id] }, { token: env.OTHER_TENANT_TOKEN })).json, []);
    assert.equal(await eventCount(), before);
  });
}

test('Clerk: those who ban the same many users at once in any order do not wait for each other in vain', async () => {
  const ids = await Promise.all(Array.from({ length: 20 }, () => newUser()));
  const answers = await Promise.all(Array.from({ length: 8 }, (_, i) => bulk(i % 4 < 2 ? 'ban' : 'unban', { user_ids: i % 2 ? ids : [...ids].reverse() })));
  for (const { status, text, json: users } of answers) {
    assert.equal(status, 200, text);
    assert.equal(users.length, 20);
  }
});

test('Clerk: a token whose claims name no tenant acts in that of the database', async () => {
  const id = `default-${Date.now()}`;
  await sql(`SELECT userlock.register_user('${id}')`);
  assert.equal((await send('lock', id, { token: await sign({ role: 'operator' }) })).json.lockout_expires_in_seconds, 1800);
});

const contract = {
  credential: bearer,
  // Which of the two, the vectors above tell.
  badToken: { status: 401, type: json, body: /^\{"errors":\[\{.*,"code":"(clerk_key|authorization_header_format)_invalid"\}\],"clerk_trace_id":"[0-9a-f]{32}"\}$/ },
  withoutRequest: (text) => text.replace(/"clerk_trace_id":"[0-9a-f]{32}"/, '').replace(/with id [^"]*"/, ''),
  newId: () => undefined,
  unknownId: () => 'nobody',
  malformedIds: ['x'.repeat(201), '%ff', '%22'],
  forbidden: () => forbidden,
  notFound: () => notFound('anyone'),
  notFoundPath,
  tooLarge,
  unreadable,
  malformedId: notFound('%'),
};

commonErrors({
  ...contract,
  name: 'Clerk',
  verb: 'POST',
  path,
  endpoints: ['lock', 'unlock', 'ban', 'unban'],
  restriction: (endpoint) => ({ unlock: 'lock_user', unban: 'block_user' })[endpoint],
  methodNotAllowed: { ...methodNotAllowed, headers: { allow: 'POST' } },
});

commonErrors({
  ...contract,
  name: 'Clerk get',
  verb: 'GET',
  verbs: ['GET', 'HEAD'],
  path: (endpoint, id) => `/v1/users/${id}`,
  endpoints: ['get'],
  restriction: () => 'lock_user',
  methodNotAllowed: { ...methodNotAllowed, headers: { allow: 'GET, HEAD' } },
});
