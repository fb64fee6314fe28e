// Zitadel's users over gRPC, gRPC-Web and Connect, byte by byte: what Zitadel's own
// definitions make of the JSON is what each protocol answers.
import assert from 'node:assert/strict';
import test from 'node:test';
import { fromJson, toBinary } from '@bufbuild/protobuf';
import * as v1 from '@zitadel/proto/zitadel/management_pb.js';
import * as v2 from '@zitadel/proto/zitadel/user/v2/user_service_pb.js';
import { env, sign } from './lib/client.mjs';
import { badTokens, withRole } from './lib/contract.mjs';
import { badToken, bytes, call, compressed, denied, frame, invalidBody, missingToken, noOrganisation, number, protocols, services, tooLarge } from './lib/rpc.mjs';
import { detailsOf, detailsOfAll, nested, newTenant, profiles, shown } from './lib/zitadel.mjs';

const schemas = { 'v2 UserService': v2, 'v1 ManagementService': v1 };
const notFound = { code: 5, text: 'User could not be found', id: 'QUERY-Dfbg2' };
const invalidQuery = { code: 3, text: 'List.Query.Invalid', id: 'GRPC-vR9nC' };
const tooDeep = { code: 3, text: 'Errors.Query.TooManyNestingLevels', id: 'USER-zsQ97' };

test('a human of whom nothing is known has four fields all the same, in v2', () => {
  const { human } = profiles['no profile'].v2;
  const user = fromJson(v2.GetUserByIDResponseSchema, { user: { human } });
  assert.equal(Buffer.from(toBinary(v2.GetUserByIDResponseSchema, user)).toString('hex'), '12133211320b1a0022002a03756e6430003a004200');
});

for (const [service, { path }] of Object.entries(services)) {
  const version = service.slice(0, 2);
  const schema = schemas[service];
  const idField = version === 'v2' ? 'userId' : 'id';
  const noPermission = { ...denied, id: version === 'v2' ? 'AUTH-AWfge' : 'AUTH-5mWD2' };
  const invalidId = {
    code: 3, text: `invalid GetUserByIDRequest.${version === 'v2' ? 'UserId' : 'Id'}: value length must be between 1 and 200 runes, inclusive`,
  };

  for (const [name, protocol] of Object.entries(protocols)) {
    if (protocol.isConnect && version === 'v1') continue;
    const title = `${service} over ${name}`;
    const encode = (body) => (protocol.encode ? protocol.encode(Buffer.from(toBinary(schema.ListUsersRequestSchema, fromJson(schema.ListUsersRequestSchema, body)))) : Buffer.from(JSON.stringify(body)));
    const getUser = (id, options) => call(protocol, `${path}GetUserByID`, protocol.request(id), options);
    const listUsers = (body, options) => call(protocol, `${path}ListUsers`, Buffer.isBuffer(body) ? body : encode(body), options);
    const answered = (type, json) => ({ response: Buffer.from(toBinary(schema[type], fromJson(schema[type], json))), json: JSON.stringify(json) });
    const check = (answer, expected, type = protocol.type) => protocol.check(answer, expected, type);
    // A list has a moment that nobody knows before.
    const checkList = (answer, total, users) => {
      const body = protocol.framed ? answer.body.subarray(5, 5 + answer.body.readUInt32BE(1)) : answer.body;
      const field = version === 'v2' ? 'timestamp' : 'viewTimestamp';
      const moment = protocol.encode ? timestampOf(body) : JSON.parse(body).details[field];
      check(answer, answered('ListUsersResponseSchema', {
        details: { ...(total ? { totalResult: String(total), processedSequence: String(Math.max(...users.map((user) => Number(user.details.sequence)))) } : {}), [field]: moment },
        ...(users.length ? { result: users } : {}),
      }));
    };

    for (const [description, profile] of Object.entries(profiles)) {
      test(`${title}: a user with ${description}, alone and in a list`, async () => {
        const { tenant, token, register, call: transition } = await newTenant();
        await register({ someone: profile.profile });
        await transition('lock_user', { user_id: 'someone' });
        const user = shown('someone', await detailsOf(tenant, 'someone'), 'USER_STATE_LOCKED', profile)[version];
        check(await getUser('someone', { token }), answered('GetUserByIDResponseSchema', version === 'v2' ? { details: user.details, user } : { user }));
        checkList(await listUsers({ queries: [{ stateQuery: { state: 'USER_STATE_LOCKED' } }] }, { token }), 1, [user]);
        checkList(await listUsers({ queries: [{ stateQuery: { state: 'USER_STATE_ACTIVE' } }] }, { token }), 0, []);
      });
    }

    test(`${title}: more users than are shown, with long names`, async () => {
      const { tenant, token, call: register } = await newTenant();
      await Promise.all(Array.from({ length: 130 }, (_, i) => register('register_user', { user_id: String(100 + i), profile: { displayName: 'x'.repeat(300) } })));
      const users = Object.entries(await detailsOfAll(tenant)).sort(([a], [b]) => Number(b) - Number(a)).map(([id, details]) => shown(id, details, 'USER_STATE_ACTIVE', {
        v2: { human: { profile: { nickName: '', displayName: 'x'.repeat(300), preferredLanguage: 'und', gender: 'GENDER_UNSPECIFIED' }, email: {}, phone: {} } },
        v1: { human: { profile: { displayName: 'x'.repeat(300) }, email: {}, phone: {} } },
      })[version]);
      checkList(await listUsers({}, { token }), 130, users.slice(0, 100));
      checkList(await listUsers({ query: { limit: 1000 } }, { token }), 130, users);
    });

    test(`${title}: an unknown user, another tenant's, one whom the caller may not see`, async () => {
      const { token, register } = await newTenant();
      await register({ someone: undefined });
      check(await getUser('nobody', { token }), notFound);
      check(await getUser('someone', { token: env.OTHER_TENANT_TOKEN }), notFound);
      for (const id of ['someone', 'nobody', '', 'x'.repeat(201)]) check(await getUser(id, { token: env.STRANGER_TOKEN }), noPermission);
      for (const id of ['', undefined, 'x'.repeat(201), 'x'.repeat(1_000_000)]) check(await getUser(id, { token }), invalidId);
      check(await getUser('x'.repeat(4_000_000), { token }), tooLarge);
      check(await getUser('😀'.repeat(200), { token }), notFound);
    });

    test(`${title}: who may not list, learns nothing, whatever is asked for`, async () => {
      for (const body of [{}, { queries: [{}] }, { queries: [nested(25)] }, Buffer.from('\x01')]) check(await listUsers(body, { token: env.STRANGER_TOKEN }), noPermission);
      for (const body of [{}, Buffer.from('\x01')]) {
        check(await listUsers(body, { token: null }), missingToken);
        for (const make of Object.values(badTokens)) check(await listUsers(body, { token: await make() }), badToken);
      }
      for (const make of Object.values(badTokens)) check(await getUser('x', { token: await make() }), badToken);
      check(await getUser('x', { token: null }), missingToken);
      for (const token of [env.OPERATOR_TOKEN, env.STRANGER_TOKEN]) {
        check(await listUsers({}, { token, headers: { 'x-zitadel-orgid': 'nope' } }), noOrganisation);
        check(await getUser('x', { token, headers: { 'x-zitadel-orgid': 'nope' } }), noOrganisation);
      }
      await withRole(['user_status', 'user_profile', 'count_users'], async (role) =>
        check(await listUsers({}, { token: await sign({ role, tenant: env.TENANT }) }), noPermission));
      await withRole(['find_users', 'count_users', 'user_profile'], async (role) =>
        check(await getUser('x', { token: await sign({ role, tenant: env.TENANT }) }), noPermission));
    });

    test(`${title}: another organisation of the caller's`, async () => {
      const one = await newTenant();
      const other = await newTenant(one.tenant);
      await one.register({ someone: undefined });
      const user = shown('someone', await detailsOf(one.tenant, 'someone'), 'USER_STATE_ACTIVE', profiles['no profile'])[version];
      const options = { token: other.token, headers: { 'x-zitadel-orgid': one.tenant } };
      check(await getUser('someone', { token: other.token }), notFound);
      check(await getUser('someone', options), answered('GetUserByIDResponseSchema', version === 'v2' ? { details: user.details, user } : { user }));
      checkList(await listUsers({}, { token: other.token }), 0, []);
      checkList(await listUsers({}, options), 1, [user]);
    });

    test(`${title}: queries that are not served, and queries too deep`, async () => {
      const { token } = await newTenant();
      for (const queries of [[{}], [{ firstNameQuery: { firstName: 'a' } }], [{ notQuery: {} }], [{ userNameQuery: { userName: 'a', method: 8 } }],
        [{ orQuery: { queries: [{ userNameQuery: { userName: 'a' } }, {}] } }]]) check(await listUsers({ queries }, { token }), invalidQuery);
      for (const depth of [21, 22, 40]) check(await listUsers({ queries: [nested(depth)] }, { token }), tooDeep);
      checkList(await listUsers({ queries: [nested(20)] }, { token }), 0, []);
    });

    test(`${title}: a request that is malformed`, async () => {
      const bodies = protocol.encode
        ? [
            ...[Buffer.from([0x1a]), Buffer.from([0x1a, 0x05, 0x0a]), number(1, 5), bytes(3, bytes(1, bytes(1, Buffer.from([0xff])))), bytes(3, bytes(1, bytes(1, 'a\0b'))),
              bytes(3, number(1, 1)), bytes(3, bytes(7, bytes(1, 'x'))), Buffer.from([0x0b, 0x0c]), bytes(1, bytes(1, 'x'))].map((message) => protocol.encode(message)),
          ]
        : ['', '{', '[]', 'null', '{"queries":5}', '{"query":{"limit":"x"}}', '{"queries":[{"userNameQuery":{"userName":"a\\u0000b"}}]}'].map((text) => Buffer.from(text));
      if (protocol.framed) bodies.push(Buffer.alloc(0), frame(Buffer.alloc(0)).subarray(0, 3), frame(Buffer.alloc(0), 0x02));
      for (const body of bodies) check(await listUsers(body), invalidBody);
      if (protocol.framed) check(await listUsers(frame(Buffer.alloc(0), 1)), compressed);
      check(await listUsers(Buffer.alloc(5_500_000)), tooLarge);
      check(await listUsers(Buffer.alloc(5_500_000), { token: env.STRANGER_TOKEN }), noPermission);
    });

    if (protocol.encode) {
      test(`${title}: of several queries in one element the last counts, and what is unknown is skipped`, async () => {
        const { tenant, token, register } = await newTenant();
        await register({ a: undefined, b: undefined });
        const user = shown('b', await detailsOf(tenant, 'b'), 'USER_STATE_ACTIVE', profiles['no profile'])[version];
        const queries = Buffer.concat([bytes(1, bytes(1, 'a')), number(99, 5), bytes(10, bytes(1, 'b'))]);
        checkList(await listUsers(protocol.encode(Buffer.concat([bytes(50, 'x'), bytes(3, queries), Buffer.from([0x7d, 1, 2, 3, 4])])), { token }), 1, [user]);
      });
    }
  }
}

// The moment of a list, details = 1 { ..., timestamp = 3 { seconds = 1, nanos = 2 } },
// read by hand: RFC 3339.
function timestampOf(list) {
  let at = 0;
  const varint = () => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = list[at++];
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  assert.equal(list[at++], 0x0a);
  varint();
  while (list[at++] !== 0x1a) varint();
  const end = Number(varint()) + at;
  const moment = { 0x08: 0n, 0x10: 0n };
  while (at < end) moment[list[at++]] = varint();
  return new Date(Number(moment[0x08]) * 1000).toISOString().replace('.000Z', `.${String(moment[0x10]).padStart(9, '0')}Z`);
}
