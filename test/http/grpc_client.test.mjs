// gRPC's own client for Node, which takes no status from where it does not belong.
import assert from 'node:assert/strict';
import test, { after } from 'node:test';
import grpc from '@grpc/grpc-js';
import { env, newUser, stateOf } from './lib/client.mjs';
import { badTokens } from './lib/contract.mjs';
import { bytes } from './lib/rpc.mjs';

// Messages are the tests' own bytes.
const same = (message) => message;
const method = (path) => ({ path, requestStream: false, responseStream: false, requestSerialize: same, responseDeserialize: same });
const Client = grpc.makeGenericClientConstructor({
  unlockUser: method('/zitadel.user.v2.UserService/UnlockUser'),
  unlockUserV1: method('/zitadel.management.v1.ManagementService/UnlockUser'),
  listPasskeys: method('/zitadel.user.v2.UserService/ListPasskeys'),
  getUser: method('/zitadel.user.v2.UserService/GetUserByID'),
  listUsers: method('/zitadel.user.v2.UserService/ListUsers'),
}, 'Zitadel');
const client = new Client(new URL(env.GRPC_URL).host, grpc.credentials.createInsecure());
after(() => client.close());

function call(name, message, token = env.OPERATOR_TOKEN, options = {}) {
  const metadata = new grpc.Metadata();
  if (token) metadata.set('authorization', `Bearer ${token}`);
  return new Promise((resolve) => client[name](message, metadata, options, (error, response) => resolve(error ?? response)));
}

async function fails(promise, code, details, hasStatusDetails) {
  const error = await promise;
  assert.equal(error.code, code, error.message);
  if (details) assert.equal(error.details, details);
  assert.equal(error.metadata.get('grpc-status-details-bin').length, hasStatusDetails ? 1 : 0);
}

test('grpc-js unlocks a user, and is refused the second time', async () => {
  for (const [name, id] of [['unlockUser', 'COMMAND-olb9vb0oca'], ['unlockUserV1', 'COMMAND-4M0ds']]) {
    const user = await newUser('lock_user');
    assert.ok((await call(name, bytes(1, user))).includes(env.TENANT));
    assert.equal(await stateOf(user), 'active');
    await fails(call(name, bytes(1, user)), 9, `User is not locked (${id})`, true);
  }
});

test('grpc-js gets a user, and lists users', async () => {
  const user = await newUser('lock_user');
  for (const message of [await call('getUser', bytes(1, user)), await call('listUsers', bytes(3, bytes(10, bytes(1, user))))]) assert.ok(message.includes(bytes(1, user)), message);
  await fails(call('getUser', bytes(1, 'nobody')), 5, 'User could not be found (QUERY-Dfbg2)', true);
  await fails(call('listUsers', bytes(3, '')), 3, 'List.Query.Invalid (GRPC-vR9nC)', true);
});

test('grpc-js reads every error', async () => {
  const user = await newUser('lock_user');
  const message = bytes(1, user);
  await fails(call('unlockUser', bytes(1, 'nobody')), 5, 'User could not be found (COMMAND-x377t913pw)', true);
  await fails(call('unlockUser', Buffer.from([0xff])), 3, 'invalid request body');
  await fails(call('unlockUser', Buffer.alloc(0)), 3, 'invalid UnlockUserRequest.UserId: value length must be between 1 and 200 runes, inclusive');
  await fails(call('unlockUser', message, env.STRANGER_TOKEN), 7, 'No matching permissions found (AUTH-AWfge)', true);
  await fails(call('unlockUser', message, null), 16, 'auth header missing');
  for (const make of Object.values(badTokens)) await fails(call('unlockUser', message, await make()), 16, 'Errors.Token.Invalid (AUTH-7fs1e)', true);
  await fails(call('listPasskeys', message), 12);
  for (const size of [4_000_000, 8_000_000]) {
    await fails(call('unlockUser', bytes(1, 'x'.repeat(size))), 8, 'Request Entity Too Large');
    await fails(call('unlockUser', bytes(1, 'x'.repeat(size)), env.EXPIRED_TOKEN), 16, 'Errors.Token.Invalid (AUTH-7fs1e)', true);
    await fails(call('listPasskeys', bytes(1, 'x'.repeat(size))), 12);
  }
  assert.equal(await stateOf(user), 'locked');
});

test('grpc-js is told that what it compresses is not supported', async () => {
  const compressing = new Client(new URL(env.GRPC_URL).host, grpc.credentials.createInsecure(), { 'grpc.default_compression_algorithm': grpc.compressionAlgorithms.gzip });
  const metadata = new grpc.Metadata();
  metadata.set('authorization', `Bearer ${env.OPERATOR_TOKEN}`);
  const error = await new Promise((resolve) => compressing.unlockUser(bytes(1, 'nobody'), metadata, resolve));
  compressing.close();
  assert.equal(error.code, 12);
  assert.equal(error.details, 'compression is not supported');
});
