// Xekout.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import test from 'node:test';
import { env, eventsOf, newUser, request, rpc, stateOf } from './lib/client.mjs';
import { check, commonErrors, vectors } from './lib/contract.mjs';

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
