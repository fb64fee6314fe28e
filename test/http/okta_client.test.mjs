// Okta's own SDK for Node.js, unmodified.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import test from 'node:test';
import { env, eventsOf, newUser, rpc, sql, stateOf } from './lib/client.mjs';
import { badTokens } from './lib/contract.mjs';

const require = createRequire(import.meta.url);
const okta = require('@okta/okta-sdk-nodejs');
// It names the class of its errors nowhere else.
const OktaApiError = require('@okta/okta-sdk-nodejs/src/api-error.js');

const api = (token, options = {}) => new okta.Client({ orgUrl: env.HTTP_URL, token, ...options }).userApi;
const operator = api(env.OPERATOR_TOKEN);
const calls = { unlock: 'unlockUser', suspend: 'suspendUser', unsuspend: 'unsuspendUser' };

// An error of the SDK's type, with this status and code.
async function fails(promise, status, errorCode, errorSummary, causes = []) {
  const error = await promise.then(() => assert.fail('did not fail'), (caught) => caught);
  assert.ok(error instanceof OktaApiError, String(error));
  assert.deepEqual([error.status, error.errorCode, error.errorSummary, error.errorLink], [status, errorCode, errorSummary, errorCode], error.message);
  assert.deepEqual(error.errorCauses, causes.map((summary) => ({ errorSummary: summary })));
  assert.match(error.errorId, /^oae[0-9a-f]{32}$/);
}

test("Okta's SDK unlocks, once", async () => {
  const userId = await newUser('lock_user');
  assert.equal(await operator.unlockUser({ userId }), undefined);
  assert.equal(await stateOf(userId), 'active');
  await fails(operator.unlockUser({ userId }), 403, 'E0000032', 'Unlock is not allowed for this user.');
});

test("Okta's SDK suspends and unsuspends, each once", async () => {
  const userId = await newUser();
  assert.equal(await operator.suspendUser({ userId }), undefined);
  assert.equal(await stateOf(userId), 'blocked');
  await fails(operator.suspendUser({ userId }), 400, 'E0000001', 'Api validation failed', ['Cannot suspend a user that is not active']);
  assert.equal(await operator.unsuspendUser({ userId }), undefined);
  assert.equal(await stateOf(userId), 'active');
  await fails(operator.unsuspendUser({ userId }), 400, 'E0000001', 'Api validation failed', ['Cannot unsuspend a user that is not suspended']);
  assert.equal(await eventsOf(userId), 'registered blocked unblocked');
});

test("Okta's SDK with an API key, until that is revoked", async () => {
  const name = `sdk ${Date.now()}`;
  const withKey = api(await sql(`SELECT userlock.create_api_key('${name}', 'operator', '${env.TENANT}')`));
  const userId = await newUser('lock_user');
  await withKey.unlockUser({ userId });
  await withKey.suspendUser({ userId });
  await sql(`SELECT userlock.revoke_api_key('${name}', '${env.TENANT}')`);
  await fails(withKey.unsuspendUser({ userId }), 401, 'E0000011', 'Invalid token provided');
  assert.equal(await stateOf(userId), 'blocked');
});

for (const [endpoint, call] of Object.entries(calls)) {
  test(`Okta's SDK, ${call}: what is refused whoever the user is`, async () => {
    const userId = await newUser({ unlock: 'lock_user', unsuspend: 'block_user' }[endpoint]);
    const before = await eventsOf(userId);
    for (const id of [userId, 'nobody']) {
      await fails(api(env.STRANGER_TOKEN)[call]({ userId: id }), 403, 'E0000006', 'You do not have permission to perform the requested action');
      await fails(api(env.OTHER_TENANT_TOKEN)[call]({ userId: id }), 404, 'E0000007', `Not found: Resource not found: ${id} (User)`);
      for (const make of Object.values(badTokens)) await fails(api(await make())[call]({ userId: id }), 401, 'E0000011', 'Invalid token provided');
    }
    assert.equal(await eventsOf(userId), before);
  });
}

test("Okta's SDK: ids as it encodes them", async () => {
  for (const id of ['nobody/../x', 'a b', 'o"hara\\', 'jürgen@example.com', '😀', '\n']) {
    const userId = `${id}${Date.now()}`;
    await fails(operator.unlockUser({ userId }), 404, 'E0000007', `Not found: Resource not found: ${userId} (User)`);
  }
  const userId = await newUser('lock_user', `a/b "${Date.now()}" \\ 😀`);
  await operator.unlockUser({ userId });
  assert.equal((await rpc('user_status', { user_id: userId })).json.state, 'active');
});

test("Okta's SDK: what is not served is a path that was not found", async () => {
  const userId = await newUser();
  for (const call of ['activateUser', 'deactivateUser', 'reactivateUser']) {
    await fails(operator[call]({ userId }), 404, 'E0000008', 'The requested path was not found');
  }
});
