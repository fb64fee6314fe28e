// Clerk's own client for Node.
import assert from 'node:assert/strict';
import test from 'node:test';
import { createClerkClient } from '@clerk/backend';
import { ClerkAPIResponseError } from '@clerk/backend/errors';
import { env, newUser, sql, stateOf } from './lib/client.mjs';
import { badTokens } from './lib/contract.mjs';

const newKey = (role, tenant = env.TENANT) => sql(`SELECT userlock.create_api_key('test ' || gen_random_uuid(), '${role}', '${tenant}')`);
const usersAs = (secretKey) => createClerkClient({ secretKey, apiUrl: env.HTTP_URL }).users;
const users = usersAs(await newKey('operator'));
// Calls that the client has no methods for, the way it sends and reads all others.
const many = (endpoint, userIds, as = users) => as.request({ method: 'POST', path: `/users/${endpoint}`, bodyParams: { userIds } });
const changes = ['lockUser', 'unlockUser', 'banUser', 'unbanUser'];

const refused = (promise, status, code, longMessage) => assert.rejects(promise, (error) => {
  assert.ok(error instanceof ClerkAPIResponseError, error);
  assert.deepEqual([error.status, error.errors.length, error.errors[0].code], [status, 1, code]);
  if (longMessage) assert.equal(error.errors[0].longMessage, longMessage);
  assert.match(error.clerkTraceId, /^[0-9a-f]{32}$/);
  return true;
});

test('@clerk/backend locks, unlocks, bans, unbans and gets a user, with a key and with a token', async () => {
  for (const as of [users, usersAs(env.OPERATOR_TOKEN)]) {
    const id = await newUser();
    for (const [method, state, locked, banned] of [
      ['lockUser', 'locked', true, false], ['lockUser', 'locked', true, false], ['banUser', 'locked+blocked', true, true],
      ['unlockUser', 'blocked', false, true], ['unlockUser', 'blocked', false, true], ['unbanUser', 'active', false, false],
    ]) {
      const user = await as[method](id);
      assert.equal(user.constructor.name, '_User');
      assert.deepEqual([user.id, user.locked, user.banned], [id, locked, banned], method);
      assert.equal(await stateOf(id), state);
      assert.equal(user.raw.lockout_expires_in_seconds > 1790, locked);
      assert.deepEqual({ ...await as.getUser(id), _raw: null }, { ...user, _raw: null });
    }
  }
});

test('@clerk/backend reads who a user is', async () => {
  const id = await newUser(undefined, undefined, {
    userName: `clerk-${Date.now()}`, name: { givenName: 'Grace', familyName: 'Hopper' }, externalId: 'crm-1', locale: 'en-US',
    photos: [{ value: 'https://example.com/grace.png' }], phoneNumbers: [{ value: '+1 (202) 555-0100' }],
    emails: [{ value: 'grace@example.com', verified: true }, { value: 'hopper@example.com', primary: true }],
    'urn:userlock:clerk': { public_metadata: { plan: 'pro' }, private_metadata: { crm: 7 }, password_enabled: true, last_sign_in_at: 1640975401000,
      external_accounts: [{ id: 'eac_1', provider: 'oauth_google', verification: { status: 'verified' } }] },
  });
  const user = await users.getUser(id);
  assert.deepEqual(
    [user.fullName, user.externalId, user.locale, user.imageUrl, user.hasImage, user.publicMetadata, user.privateMetadata, user.passwordEnabled, user.lastSignInAt],
    ['Grace Hopper', 'crm-1', 'en-US', 'https://example.com/grace.png', true, { plan: 'pro' }, { crm: 7 }, true, 1640975401000]);
  assert.equal(user.primaryEmailAddress.emailAddress, 'hopper@example.com');
  assert.deepEqual(user.emailAddresses.map(({ verification }) => verification?.status), ['verified', undefined]);
  assert.equal(user.primaryPhoneNumber.phoneNumber, '+12025550100');
  assert.equal(user.externalAccounts[0].provider, 'oauth_google');
  assert.ok(Math.abs(Date.now() - user.createdAt) < 60_000, 'milliseconds');
});

test('@clerk/backend reads a user whatever their profile holds', async () => {
  const lists = ['web3_wallets', 'passkeys', 'external_accounts', 'saml_accounts', 'enterprise_accounts', 'email_addresses', 'phone_numbers'];
  const elements = [null, 5, 'x', [], {}, { verification: 'x' }, { verification: [] }, { linked_to: 5 }, { enterprise_connection: 'x' },
    { verification: { external_verification_redirect_url: 'no URL' } }];
  for (const document of [
    { 'urn:userlock:clerk': Object.fromEntries(lists.map((name) => [name, elements])) },
    { 'urn:userlock:clerk': Object.fromEntries(lists.map((name) => [name, { object: 'user', deleted: true }])) },
    { 'urn:userlock:clerk': { object: 'email', deleted: true, data: [], m2m_tokens: [], public_metadata: 'x' }, deleted: true, data: [] },
    { emails: [{ value: '"<x>@\\', linked_to: 5, verified: true }, { value: 'x', verified: {} }], phoneNumbers: [{ value: '+' }], photos: [{ value: 'no URL' }] },
  ]) {
    const id = await newUser(undefined, undefined, document);
    const user = await users.getUser(id);
    assert.deepEqual([user.constructor.name, user.id], ['_User', id], JSON.stringify(document));
  }
});

test('@clerk/backend bans and unbans many users', async () => {
  const ids = await Promise.all([1, 2, 3].map(() => newUser()));
  for (const [endpoint, banned] of [['ban', true], ['unban', false]]) {
    const changed = await many(endpoint, [...ids, 'nobody']);
    assert.deepEqual(changed.map((user) => [user.constructor.name, user.id, user.banned]), [...ids].sort().map((id) => ['_User', id, banned]));
  }
  await refused(many('ban', []), 422, 'form_param_value_invalid', 'user_ids is invalid');
  await refused(many('ban', 'x'), 422, 'form_param_type_invalid');
  await refused(many('ban', Array(51).fill('x')), 422, 'form_param_array_size_exceeded');
  await refused(many('ban'), 422, 'form_param_missing', 'user_ids must be included.');
  await assert.rejects(many('ban'), (error) => error.errors[0].meta.paramName === 'user_ids');
  await refused(many('ban', ids, usersAs(env.STRANGER_TOKEN)), 403, 'authorization_invalid');
  await refused(many('ban', ids, usersAs('sk_test_x')), 401, 'clerk_key_invalid');
});

test('@clerk/backend reads every refusal', async () => {
  const id = await newUser();
  const stranger = usersAs(await newKey('stranger'));
  const other = usersAs(await newKey('operator', 'other'));
  for (const method of [...changes, 'getUser']) {
    for (const [plain, as] of [['nobody', users], [id, other], ['j\u00fcrgen "\\\u0001\u{1f600}', users]]) {
      await refused(as[method](encodeURIComponent(plain)), 404, 'resource_not_found', `No user was found with id ${plain}`);
    }
    for (const some of [id, 'nobody']) await refused(stranger[method](some), 403, 'authorization_invalid', 'You are not authorized to perform this request');
    await refused(usersAs('two words')[method](id), 401, 'authorization_header_format_invalid');
    await refused(usersAs(`ulk_${'0'.repeat(64)}`)[method](id), 401, 'clerk_key_invalid');
    await refused(users[method](`${id}/x`), 404, 'resource_not_found', 'The URL was not found');
    await refused(users[method]('%zz'), 400, 'bad_request');
  }
  for (const make of Object.values(badTokens)) await refused(usersAs(await make()).lockUser(id), 401, 'clerk_key_invalid');
  for (const [method, ...given] of [['getUserList'], ['createUser', { username: 'x' }]]) await refused(users[method](...given), 404, 'resource_not_found');
  await refused(users.deleteUser(id), 405, 'method_not_allowed');
  assert.equal(await stateOf(id), 'active');
});
