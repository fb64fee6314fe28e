// Zitadel's own client, unmodified, over each of its transports.
import assert from 'node:assert/strict';
import test from 'node:test';
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from '@connectrpc/connect-node';
import { NewAuthorizationBearerInterceptor } from '@zitadel/client';
import { createServerTransport } from '@zitadel/client/node';
import { createManagementServiceClient } from '@zitadel/client/v1';
import { createUserServiceClient } from '@zitadel/client/v2';
import { createClientTransport } from '@zitadel/client/web';
import { ErrorDetailSchema } from '@zitadel/proto/zitadel/message_pb.js';
import { badTokens } from './lib/contract.mjs';
import { env, newUser, stateOf } from './lib/client.mjs';

const bearer = (token) => (token ? [NewAuthorizationBearerInterceptor(token)] : []);
const connect = (httpVersion, baseUrl, useBinaryFormat) => (token) =>
  createConnectTransport({ baseUrl, httpVersion, useBinaryFormat, interceptors: bearer(token) });
const transports = {
  gRPC: (token) => (token ? createServerTransport(token, { baseUrl: env.GRPC_URL }) : createGrpcTransport({ baseUrl: env.GRPC_URL })),
  'gRPC-Web': (token) => (token ? createClientTransport(token, { baseUrl: env.HTTP_URL }) : createGrpcWebTransport({ baseUrl: env.HTTP_URL, httpVersion: '1.1' })),
  'gRPC-Web over HTTP/2': (token) => createGrpcWebTransport({ baseUrl: env.GRPC_URL, httpVersion: '2', interceptors: bearer(token) }),
  'Connect in JSON': connect('1.1', env.HTTP_URL, false),
  'Connect in protobuf': connect('1.1', env.HTTP_URL, true),
  'Connect in protobuf over HTTP/2': connect('2', env.GRPC_URL, true),
};


// An error with this code, text and id.
async function fails(promise, code, text, id) {
  const error = await promise.then(() => assert.fail('did not fail'), (caught) => caught);
  assert.equal(error.code, code, error.message);
  assert.equal(error.rawMessage, id ? `${text} (${id})` : text);
  assert.deepEqual(error.findDetails(ErrorDetailSchema).map((detail) => [detail.id, detail.message]), id ? [[id, text]] : []);
}

test('one connection serves thousands of calls at 32 a time, and refuses none', async () => {
  const users = createUserServiceClient(transports.gRPC(env.OPERATOR_TOKEN));
  let left = 3000;
  await Promise.all(Array.from({ length: 32 }, async () => {
    while (left-- > 0) await assert.rejects(users.listPasskeys({ userId: 'x' }), { rawMessage: 'HTTP 404' });
  }));
});

for (const [name, transport] of Object.entries(transports)) {
  const operator = transport(env.OPERATOR_TOKEN);
  const users = createUserServiceClient(operator);

  test(`user service over ${name}: lock, unlock, and a second unlock that is refused`, async () => {
    const userId = await newUser();
    const locked = await users.lockUser({ userId });
    assert.equal(locked.details.sequence, 2n);
    assert.equal(await stateOf(userId), 'locked');
    const { details } = await users.unlockUser({ userId });
    assert.equal(details.sequence, 3n);
    assert.equal(details.resourceOwner, env.TENANT);
    assert.ok(Math.abs(Number(details.changeDate.seconds) - Date.now() / 1000) < 60);
    assert.ok(Number(details.creationDate.seconds) <= Number(details.changeDate.seconds));
    assert.equal(await stateOf(userId), 'active');
    await fails(users.unlockUser({ userId }), 9, 'User is not locked', 'COMMAND-olb9vb0oca');
    await users.deactivateUser({ userId });
    await fails(users.deactivateUser({ userId }), 9, 'User already inactive', 'COMMAND-5gunjw0cd7');
    await fails(users.lockUser({ userId }), 9, 'User is not active or initial', 'COMMAND-lgws8wtsqf');
    assert.equal((await users.reactivateUser({ userId })).details.sequence, 5n);
    await fails(users.reactivateUser({ userId }), 9, 'User is not inactive', 'COMMAND-s5qqcz97hf');
  });

  test(`user service over ${name}: each error`, async () => {
    const userId = await newUser('lock_user');
    const as = (token) => createUserServiceClient(transport(token)).unlockUser({ userId });
    await fails(users.unlockUser({ userId: 'nobody' }), 5, 'User could not be found', 'COMMAND-x377t913pw');
    await fails(users.unlockUser({}), 3, 'invalid UnlockUserRequest.UserId: value length must be between 1 and 200 runes, inclusive');
    await fails(users.unlockUser({ userId: 'x'.repeat(4_000_000) }), 8, 'Request Entity Too Large');
    await fails(as(env.OTHER_TENANT_TOKEN), 5, 'User could not be found', 'COMMAND-x377t913pw');
    await fails(as(env.STRANGER_TOKEN), 7, 'No matching permissions found', 'AUTH-AWfge');
    await fails(users.unlockUser({ userId }, { headers: { 'x-zitadel-orgid': 'nope' } }), 7, "Organisation doesn't exist", 'AUTH-Bs7Ds');
    await fails(as(), 16, 'auth header missing');
    for (const token of await Promise.all(Object.values(badTokens).map((make) => make()))) {
      await fails(as(token), 16, 'Errors.Token.Invalid', 'AUTH-7fs1e');
    }
    await assert.rejects(users.listPasskeys({ userId }), { code: 12 });
    assert.equal(await stateOf(userId), 'locked');
  });

  if (name.startsWith('Connect')) {
    test(`management service over ${name}: there is none`, () =>
      assert.rejects(createManagementServiceClient(operator).unlockUser({ id: 'x' }), (error) => error.rawMessage === 'HTTP 415'));
    continue;
  }

  test(`management service over ${name}: lock, unlock, and a second unlock that is refused`, async () => {
    const id = await newUser();
    const management = createManagementServiceClient(operator);
    const organisation = { headers: { 'x-zitadel-orgid': env.TENANT } };
    await management.lockUser({ id }, organisation);
    const { details } = await management.unlockUser({ id }, organisation);
    assert.equal(details.sequence, 3n);
    assert.equal(details.resourceOwner, env.TENANT);
    assert.ok(Number(details.creationDate.seconds) <= Number(details.changeDate.seconds));
    await fails(management.unlockUser({ id }), 9, 'User is not locked', 'COMMAND-4M0ds');
    await management.deactivateUser({ id });
    await management.reactivateUser({ id });
    await fails(management.reactivateUser({ id }), 9, 'User is not inactive', 'COMMAND-6M0sf');
    await fails(management.unlockUser({ id: 'nobody' }), 5, 'User could not be found', 'COMMAND-M0dos');
    await fails(createManagementServiceClient(transport(env.STRANGER_TOKEN)).unlockUser({ id }), 7, 'No matching permissions found', 'AUTH-5mWD2');
  });
}
