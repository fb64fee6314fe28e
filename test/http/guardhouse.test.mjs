// Guardhouse: System API.
import assert from 'node:assert/strict';
import test from 'node:test';
import { env, eventsOf, newUser, request, rpc, sql, stateOf } from './lib/client.mjs';
import { check, commonErrors, vectors } from './lib/contract.mjs';

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
