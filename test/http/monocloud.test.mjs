// MonoCloud.
import assert from 'node:assert/strict';
import test from 'node:test';
import { env, eventsOf, newUser, request, rpc, sql, stateOf } from './lib/client.mjs';
import { check, commonErrors, vectors } from './lib/contract.mjs';

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

// The top-level keys, in the order that they are sent.
const keys = ['user_id', 'disabled', 'has_password', 'creation_time', 'last_updated', 'password_updated_at', 'username', 'emails',
  'phone_numbers', 'passkeys', 'idps', 'claims', 'public_data', 'private_data'];

const profile = {
  user_id: 'somebody else', disabled: true, creation_time: 1, last_updated: 2,
  has_password: true, password_updated_at: 1640975400,
  username: { id: '9082b772-dbf6-4610-a71e-05fb93c0ab73', username: 'a "quoted" name, with: spaces', idps: ['monocloud', 'google'], authenticators: ['password'] },
  emails: [{ id: '6cec8047-6149-4d9b-8d99-91c83c22a9dc', email: 'user@example.com', primary: false, verified: true, idps: ['google'], authenticators: ['email'] }],
  phone_numbers: [], passkeys: [{ name: 'Käse \\ Brot' }],
  idps: [{ authenticator: 'google', provider_user_id: '79a500f9', claims: { name: 'John Doe' } }],
  claims: { name: 'John Doe' }, public_data: { send_emails: true, days_to_retain: 1 }, private_data: { plan: null },
  unknown: 'never sent',
};

test('MonoCloud unblock: 200 with the User, whom it unlocks', async () => {
  const id = await newUser('lock_user', undefined, profile);
  const { status, headers, text, json } = await send('unblock', id);
  assert.equal(status, 200);
  assert.equal(headers.get('content-type'), 'application/json');
  assert.equal(await stateOf(id), 'active');
  assert.equal(await sql(`SELECT actor LIKE 'api_key:stack %' FROM userlock_private.event WHERE user_id = '${id}' AND kind = 'unlocked'`), 't');
  const [created, changed] = (await sql(
    `SELECT floor(extract(epoch FROM created_at)), floor(extract(epoch FROM changed_at)) FROM userlock_private.account WHERE user_id = '${id}'`)).split('|');
  assert.deepEqual(Object.keys(json), keys);
  const { unknown, ...sent } = profile;
  assert.deepEqual(json, { ...sent, user_id: id, disabled: false, creation_time: Number(created), last_updated: Number(changed) });
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
  assert.deepEqual(first.json, {
    user_id: id, disabled: false, has_password: false, creation_time: first.json.creation_time, last_updated: first.json.creation_time,
    password_updated_at: null, username: null, emails: [], phone_numbers: [], passkeys: [], idps: [], claims: {}, public_data: {}, private_data: {},
  });
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

test('MonoCloud: a profile of wrong types is as good as none', async () => {
  const id = await newUser(undefined, undefined, { emails: 'x', username: 'x', claims: [], has_password: 'yes', password_updated_at: 'now', idps: null });
  const { json } = await send('unblock', id);
  assert.deepEqual([json.emails, json.username, json.claims, json.has_password, json.password_updated_at, json.idps], [[], null, {}, false, null, []]);
});

test('MonoCloud: without EXECUTE on user_profile the profile stays where it is', async () => {
  const role = `regress_userlock_${process.pid}`;
  await sql(`CREATE ROLE ${role}; GRANT ${role} TO authenticator;
    GRANT USAGE ON SCHEMA userlock_http, userlock_monocloud TO ${role};
    GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA userlock_http, userlock_monocloud TO ${role};
    GRANT EXECUTE ON FUNCTION userlock.try_transition, userlock.unlock_user TO ${role}`);
  try {
    const id = await newUser('lock_user', undefined, profile);
    const key = await newKey(role, env.TENANT);
    const { status, json } = await send('unblock', id, { key });
    assert.equal(status, 200);
    assert.equal(json.has_password, false);
    assert.deepEqual(json.emails, []);
    // It may unlock, and nothing else.
    check(await send('disable', id, { key }), answer(403, 'Forbidden'));
  } finally {
    await sql(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
  }
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
