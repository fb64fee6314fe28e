// The curl commands of the vendors' own pages, with host, id and credential
// filled in: the documented status and body, and the state that psql then shows.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import test from 'node:test';
import { promisify } from 'node:util';
import { env, newUser, rpc, stateOf } from './lib/client.mjs';

// Runs a command as a shell would; the answer's status is its last line.
async function run(command) {
  const { stdout } = await promisify(execFile)('bash', ['-c', `${command.trim()} -s -w '\n%{http_code}'`]);
  const lines = stdout.split('\n');
  return { status: Number(lines.pop()), text: lines.join('\n') };
}

test('Zitadel v2', async () => {
  const id = await newUser('lock_user');
  const command = `curl -L '${env.HTTP_URL}/v2/users/${id}/unlock' \
-H 'Content-Type: application/json' \
-H 'Accept: application/json' \
-H 'Authorization: Bearer ${env.OPERATOR_TOKEN}' \
-d '{}'`;
  const { status, text } = await run(command);
  assert.equal(status, 200);
  assert.match(text, /^\{"details":\{"sequence":"3","changeDate":"[^"]+Z","resourceOwner":"acme","creationDate":"[^"]+Z"\}\}$/);
  assert.equal(await stateOf(id), 'active');
  assert.equal((await run(command)).status, 400);
});

test('Zitadel management v1', async () => {
  const id = await newUser('lock_user');
  const { status, text } = await run(`curl -L -X POST '${env.HTTP_URL}/management/v1/users/${id}/_unlock' \
-H 'Content-Type: application/json' \
-H 'Authorization: Bearer ${env.OPERATOR_TOKEN}' \
-d '{}'`);
  assert.equal(status, 200);
  assert.match(text, /^\{"details":\{"sequence":"3","creationDate":"[^"]+Z","changeDate":"[^"]+Z","resourceOwner":"acme"\}\}$/);
  assert.equal(await stateOf(id), 'active');
});

test('Guardhouse', async () => {
  const id = await newUser('block_user', String(Date.now() % 1_000_000_000));
  const { status, text } = await run(`curl -X PATCH "${env.HTTP_URL}/api/v1/users/${id}/unblock" \
-H "Authorization: Bearer ${env.OPERATOR_TOKEN}" \
-H "Content-Type: application/json" \
-d '{
"triggerWebhook": false,
"notifyUserViaEmail": false,
"unblockedByUserId": 9001
}'`);
  assert.deepEqual([status, text], [204, '']);
  assert.equal(await stateOf(id), 'active');
});

test('MonoCloud', async () => {
  const id = await newUser('lock_user');
  await rpc('block_user', { user_id: id });
  const { status, text } = await run(`curl -X POST "${env.HTTP_URL}/api/users/${id}/unblock" \
-H "X-API-KEY: ${env.MONOCLOUD_API_KEY}" \
-H "Accept: application/json"`);
  assert.equal(status, 200);
  assert.equal(JSON.parse(text).user_id, id);
  assert.equal(JSON.parse(text).disabled, true);
  assert.equal(await stateOf(id), 'blocked');
});

test('Xekout', async () => {
  const id = await newUser('block_user', randomUUID());
  const { status, text } = await run(`curl -X POST "${env.HTTP_URL}/v1/admin/tenant/user/revoke/${id}" \
-H "Authentication: Bearer ${env.OPERATOR_TOKEN}"`);
  assert.deepEqual([status, text], [204, '']);
  assert.equal(await stateOf(id), 'active');
});

test('Okta', async () => {
  const id = await newUser('lock_user');
  const command = `curl -i -X POST \
'${env.HTTP_URL}/api/v1/users/${id}/lifecycle/unlock' \
-H 'Authorization: SSWS ${env.OPERATOR_TOKEN}'`;
  assert.equal((await run(command)).status, 200);
  assert.equal(await stateOf(id), 'active');
  assert.equal((await run(command)).status, 403);
});

test('as they stand on the pages, without credentials: 401', async () => {
  for (const command of [
    `curl -L '${env.HTTP_URL}/v2/users/:userId/unlock' -H 'Content-Type: application/json' -H 'Accept: application/json' -H 'Authorization: Bearer <TOKEN>' -d '{}'`,
    `curl -X PATCH "${env.HTTP_URL}/api/v1/users/101/unblock" -H "Authorization: Bearer YOUR_ACCESS_TOKEN" -H "Content-Type: application/json" -d '{}'`,
    `curl -X POST "${env.HTTP_URL}/api/users/{user_id}/unblock" -H "X-API-KEY: <your-api-key>" -H "Accept: application/json"`,
    `curl -i -X POST '${env.HTTP_URL}/api/v1/users/{id}/lifecycle/unlock' -H 'Authorization: YOUR_API_KEY_HERE'`,
  ]) assert.equal((await run(command)).status, 401, command);
});
