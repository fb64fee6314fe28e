// Zitadel's own client, unmodified, finds users over each of its transports.
import assert from 'node:assert/strict';
import test from 'node:test';
import { createConnectTransport, createGrpcWebTransport } from '@connectrpc/connect-node';
import { NewAuthorizationBearerInterceptor } from '@zitadel/client';
import { createServerTransport } from '@zitadel/client/node';
import { createManagementServiceClient } from '@zitadel/client/v1';
import { createUserServiceClient } from '@zitadel/client/v2';
import { createClientTransport } from '@zitadel/client/web';
import { ErrorDetailSchema } from '@zitadel/proto/zitadel/message_pb.js';
import { TextQueryMethod } from '@zitadel/proto/zitadel/object/v2/object_pb.js';
import { UserFieldName } from '@zitadel/proto/zitadel/user/v2/query_pb.js';
import { Gender, UserState } from '@zitadel/proto/zitadel/user/v2/user_pb.js';
import { env, sql } from './lib/client.mjs';
import { newTenant } from './lib/zitadel.mjs';

const bearer = (token) => [NewAuthorizationBearerInterceptor(token)];
const connect = (httpVersion, baseUrl, useBinaryFormat) => (token) =>
  createConnectTransport({ baseUrl, httpVersion, useBinaryFormat, interceptors: bearer(token) });
const transports = {
  gRPC: (token) => createServerTransport(token, { baseUrl: env.GRPC_URL }),
  'gRPC-Web': (token) => createClientTransport(token, { baseUrl: env.HTTP_URL }),
  'gRPC-Web over HTTP/2': (token) => createGrpcWebTransport({ baseUrl: env.GRPC_URL, httpVersion: '2', interceptors: bearer(token) }),
  'Connect in JSON': connect('1.1', env.HTTP_URL, false),
  'Connect in protobuf': connect('1.1', env.HTTP_URL, true),
  'Connect in protobuf over HTTP/2': connect('2', env.GRPC_URL, true),
};

async function fails(promise, code, text, id) {
  const error = await promise.then(() => assert.fail('did not fail'), (caught) => caught);
  assert.equal(error.code, code, error.message);
  assert.equal(error.rawMessage, `${text} (${id})`);
  assert.deepEqual(error.findDetails(ErrorDetailSchema).map((detail) => [detail.id, detail.message]), [[id, text]]);
}

// A query as the client has it.
const query = (name, value) => ({ query: { case: `${name}Query`, value } });
const all = (...queries) => query('and', { queries });
const any = (...queries) => query('or', { queries });
const not = (inner) => query('not', { query: inner });

for (const [name, transport] of Object.entries(transports)) {
  test(`the client over ${name}: a user with a profile and one without`, async () => {
    const { tenant, token, register, call } = await newTenant();
    await register({
      minnie: {
        userName: 'minnie@example.com', name: { givenName: 'Minnie', familyName: 'Mouse' }, displayName: 'Minnie Mouse',
        emails: [{ value: 'minnie@example.com', primary: true, verified: true }], 'urn:userlock:zitadel': { gender: 'GENDER_FEMALE' },
      },
      mickey: undefined,
    });
    await call('lock_user', { user_id: 'mickey' });
    const users = createUserServiceClient(transport(token));

    const { user, details } = await users.getUserByID({ userId: 'minnie' });
    assert.deepEqual([user.userId, user.state, user.username, user.loginNames, user.preferredLoginName],
      ['minnie', UserState.ACTIVE, 'minnie@example.com', ['minnie@example.com'], 'minnie@example.com']);
    assert.equal(user.type.case, 'human');
    const { profile, email, phone } = user.type.value;
    assert.deepEqual([profile.givenName, profile.familyName, profile.displayName, profile.nickName, profile.preferredLanguage, profile.gender],
      ['Minnie', 'Mouse', 'Minnie Mouse', '', 'und', Gender.FEMALE]);
    assert.deepEqual([email.email, email.isVerified, phone.phone, phone.isVerified], ['minnie@example.com', true, '', false]);
    assert.equal(details.sequence, 1n);
    assert.equal(details.resourceOwner, tenant);
    assert.deepEqual(user.details, details);

    const without = (await users.getUserByID({ userId: 'mickey' })).user;
    assert.deepEqual([without.state, without.username, without.type.value.profile.nickName, without.type.value.profile.gender], [UserState.LOCKED, 'mickey', '', Gender.UNSPECIFIED]);
    await fails(users.getUserByID({ userId: 'nobody' }), 5, 'User could not be found', 'QUERY-Dfbg2');
    await fails(createUserServiceClient(transport(env.STRANGER_TOKEN)).getUserByID({ userId: 'minnie' }), 7, 'No matching permissions found', 'AUTH-AWfge');

    if (name.startsWith('Connect')) return;
    const management = createManagementServiceClient(transport(token));
    const old = (await management.getUserByID({ id: 'minnie' })).user;
    assert.deepEqual([old.id, old.state, old.userName, old.preferredLoginName, old.type.case], ['minnie', 1, 'minnie@example.com', 'minnie@example.com', 'human']);
    assert.deepEqual([old.type.value.profile.firstName, old.type.value.profile.gender, old.type.value.email.isEmailVerified], ['Minnie', 1, true]);
    assert.equal(old.details.sequence, 1n);
    const { result } = await management.listUsers({ query: { asc: true }, queries: [query('state', { state: 4 })] });
    assert.deepEqual(result.map((one) => one.id), ['mickey']);
    await fails(management.getUserByID({ id: 'nobody' }), 5, 'User could not be found', 'QUERY-Dfbg2');
    await fails(management.listUsers({ queries: [{}] }), 3, 'List.Query.Invalid', 'GRPC-vR9nC');
    await fails(createManagementServiceClient(transport(env.STRANGER_TOKEN)).listUsers({}), 7, 'No matching permissions found', 'AUTH-5mWD2');
  });

  test(`the client over ${name}: lists by state, by name, by and, or and not, in an order, page by page`, async () => {
    const { token, register, call } = await newTenant();
    await register(Object.fromEntries(Array.from({ length: 25 }, (_, i) => [`user-${String(i).padStart(2, '0')}`, i % 2 ? { userName: `Name-${25 - i}`, emails: [{ value: `${i}@example.com` }] } : undefined])));
    for (const id of ['user-03', 'user-04', 'user-07']) await call('lock_user', { user_id: id });
    await call('block_user', { user_id: 'user-07' });
    const users = createUserServiceClient(transport(token));
    const list = async (request) => (await users.listUsers(request)).result.map((user) => user.userId);

    const locked = query('state', { state: UserState.LOCKED });
    const page = { query: { asc: true } };
    assert.deepEqual(await list({ ...page, queries: [locked] }), ['user-03', 'user-04']);
    assert.deepEqual(await list({ queries: [locked] }), ['user-04', 'user-03']);
    assert.deepEqual(await list({ ...page, queries: [query('state', { state: UserState.INACTIVE })] }), ['user-07']);
    assert.deepEqual(await list({ ...page, queries: [query('userName', { userName: 'NAME-2', method: TextQueryMethod.CONTAINS_IGNORE_CASE })] }), ['user-01', 'user-03', 'user-05', 'user-23']);
    assert.deepEqual(await list({ ...page, queries: [query('userName', { userName: 'user-1', method: TextQueryMethod.STARTS_WITH })] }), ['user-10', 'user-12', 'user-14', 'user-16', 'user-18']);
    assert.deepEqual(await list({ ...page, queries: [any(locked, query('email', { emailAddress: '5@example.com' }))] }), ['user-03', 'user-04', 'user-05']);
    assert.deepEqual(await list({ ...page, queries: [all(locked, not(query('inUserIds', { userIds: ['user-03'] })))] }), ['user-04']);
    assert.deepEqual(await list({ ...page, queries: [not(any(query('userName', { userName: 'user-', method: TextQueryMethod.STARTS_WITH }), query('loginName', { loginName: 'Name-', method: TextQueryMethod.STARTS_WITH })))] }), []);
    assert.deepEqual(await list({ query: { asc: true, limit: 3 }, sortingColumn: UserFieldName.EMAIL }), ['user-11', 'user-13', 'user-15']);
    assert.deepEqual(await list({ query: { limit: 2 }, sortingColumn: UserFieldName.USER_NAME }), ['user-24', 'user-22']);
    assert.deepEqual(await list({ query: { asc: true, limit: 2, offset: 1n }, sortingColumn: UserFieldName.CREATION_DATE }), ['user-01', 'user-02']);

    const seen = [];
    for (let offset = 0n; ; offset += 10n) {
      const { details, result } = await users.listUsers({ query: { asc: true, limit: 10, offset } });
      assert.equal(details.totalResult, 25n);
      assert.ok(Math.abs(Number(details.timestamp.seconds) - Date.now() / 1000) < 60);
      if (result.length === 0) break;
      seen.push(...result.map((user) => user.userId));
    }
    assert.deepEqual(seen, Array.from({ length: 25 }, (_, i) => `user-${String(i).padStart(2, '0')}`));

    await fails(users.listUsers({ queries: [query('firstName', { firstName: 'a' })] }), 3, 'List.Query.Invalid', 'GRPC-vR9nC');
    await fails(createUserServiceClient(transport(env.STRANGER_TOKEN)).listUsers({}), 7, 'No matching permissions found', 'AUTH-AWfge');
    assert.equal((await createUserServiceClient(transport(env.OTHER_TENANT_TOKEN)).listUsers({ queries: [query('inUserIds', { userIds: ['user-03'] })] })).result.length, 0);
  });
}

test('10,000 users are paged through without a gap or a repetition while others are registered, locked and unlocked', async () => {
  const { tenant, token, call } = await newTenant();
  const total = 10_000;
  await sql(`SELECT count(*) FROM generate_series(1, ${total}) AS i, userlock.register_user('user-' || lpad(i::text, 5, '0'), '${tenant}',
    CASE WHEN i % 3 = 0 THEN jsonb_build_object('userName', 'Name ' || i) END)`);
  let done = false;
  // Who comes later comes after all of them, by id as by the time of registration.
  const others = Promise.all(Array.from({ length: 3 }, async (_, worker) => {
    for (let i = 0; !done; i++) {
      const user_id = `user-${String(1 + ((i * 3 + worker) * 37) % total).padStart(5, '0')}`;
      await call('lock_user', { user_id, idempotent: true });
      await call('register_user', { user_id: `zz-${worker}-${String(i).padStart(5, '0')}` });
      if (i % 2) await call('unlock_user', { user_id, idempotent: true });
    }
  }));
  const wanted = Array.from({ length: total }, (_, i) => `user-${String(i + 1).padStart(5, '0')}`);
  try {
    const users = createUserServiceClient(transports.gRPC(token));
    for (const [sortingColumn, limit] of [[UserFieldName.UNSPECIFIED, 1000], [UserFieldName.CREATION_DATE, 700]]) {
      const seen = [];
      while (seen.length < total) {
        const { details, result } = await users.listUsers({ query: { asc: true, limit, offset: BigInt(seen.length) }, sortingColumn });
        assert.ok(details.totalResult >= BigInt(total));
        // The last page has whoever has come by then.
        assert.ok(result.length >= Math.min(limit, total - seen.length), `${result.length}`);
        seen.push(...result.map((user) => user.userId));
      }
      assert.deepEqual(seen.slice(0, total), wanted);
    }
    const locked = await users.listUsers({ query: { limit: 1000 }, queries: [query('state', { state: UserState.LOCKED })] });
    assert.ok(locked.result.length > 0 && locked.result.every((user) => user.state === UserState.LOCKED));
  } finally {
    done = true;
    await others;
  }
});
