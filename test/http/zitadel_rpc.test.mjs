// Zitadel over gRPC, gRPC-Web and Connect, byte by byte.
import assert from 'node:assert/strict';
import test from 'node:test';
import { env, eventsOf, newUser, rpc, sign, sql, stateOf } from './lib/client.mjs';
import { badTokens } from './lib/contract.mjs';
import { badToken, bytes, call, frame, invalidBody, missingToken, noOrganisation, number, protocols, services, tooLarge } from './lib/rpc.mjs';

// Of each operation: its method, its refusal, and the state after it, from each
// state; undefined: refused.
const operations = {
  unlock: { method: 'UnlockUser', refused: 'User is not locked', after: { locked: 'active' } },
  lock: { method: 'LockUser', refused: 'User is not active or initial', after: { active: 'locked' } },
  deactivate: { method: 'DeactivateUser', refused: 'User already inactive', after: { active: 'blocked', locked: 'locked+blocked' } },
  reactivate: { method: 'ReactivateUser', refused: 'User is not inactive', after: { blocked: 'active', 'locked+blocked': 'locked' } },
};
const restrictions = { active: [], locked: ['lock_user'], blocked: ['block_user'], 'locked+blocked': ['lock_user', 'block_user'] };

// Ids of errors: not found, refused.
const ids = {
  'v2 UserService': {
    field: 'UserId', denied: 'AUTH-AWfge',
    unlock: ['COMMAND-x377t913pw', 'COMMAND-olb9vb0oca'], lock: ['COMMAND-450yxuqrh1', 'COMMAND-lgws8wtsqf'],
    deactivate: ['COMMAND-5gp2p62iin', 'COMMAND-5gunjw0cd7'], reactivate: ['COMMAND-9hy5kzbuk6', 'COMMAND-s5qqcz97hf'],
  },
  'v1 ManagementService': {
    field: 'Id', denied: 'AUTH-5mWD2',
    unlock: ['COMMAND-M0dos', 'COMMAND-4M0ds'], lock: ['COMMAND-5M9fs', 'COMMAND-3NN8v'],
    deactivate: ['COMMAND-3M9ds', 'COMMAND-5M0sf'], reactivate: ['COMMAND-4M0sd', 'COMMAND-6M0sf'],
  },
};

// A user's details as a response has them, asked of the database.
async function detailsOf(id) {
  const [sequence, changed, created, changeDate, creationDate] = (await sql(
    `SELECT sequence, (extract(epoch FROM changed_at) * 1000000)::bigint, (extract(epoch FROM created_at) * 1000000)::bigint,
      userlock_http.timestamp(changed_at), userlock_http.timestamp(created_at) FROM userlock_private.account WHERE user_id = '${id}'`)).split('|');
  return {
    sequence, changed: BigInt(changed), created: BigInt(created), tenant: env.TENANT,
    json: `{"details":{"sequence":"${sequence}","changeDate":"${changeDate}","resourceOwner":"${env.TENANT}","creationDate":"${creationDate}"}}`,
  };
}

for (const [service, { path, response }] of Object.entries(services)) {
  for (const [name, protocol] of Object.entries(protocols)) {
    if (protocol.isConnect && service.startsWith('v1')) continue;
    const title = `${service} over ${name}`;
    const unlock = path + operations.unlock.method;
    const send = (body, options) => call(protocol, unlock, body, options);
    const check = (answer, expected, type = protocol.type) => protocol.check(answer, expected, type);
    const denied = { code: 7, text: 'No matching permissions found', id: ids[service].denied };
    const notFound = (operation) => ({ code: 5, text: 'User could not be found', id: ids[service][operation][0] });
    const refused = (operation) => ({ code: 9, text: operations[operation].refused, id: ids[service][operation][1] });
    const invalidId = (method) => ({
      code: 3, text: `invalid ${method}Request.${ids[service].field}: value length must be between 1 and 200 runes, inclusive`,
    });
    const succeeded = async (id) => {
      const details = await detailsOf(id);
      return { response: response(details), json: details.json };
    };

    for (const [operation, { method, after }] of Object.entries(operations)) {
      for (const state of Object.keys(restrictions)) {
        test(`${title}: ${operation} from ${state} ${after[state] ? `to ${after[state]}` : 'refused'}`, async () => {
          const id = await newUser();
          for (const restriction of restrictions[state]) await rpc(restriction, { user_id: id });
          const before = await eventsOf(id);
          const answer = await call(protocol, path + method, protocol.request(id));
          assert.equal(await stateOf(id), after[state] ?? state);
          if (after[state]) check(answer, await succeeded(id));
          else check(answer, refused(operation));
          assert.equal((await eventsOf(id)).split(' ').length - before.split(' ').length, after[state] ? 1 : 0);
        });
      }

      test(`${title}: ${operation} of an unknown user, of another tenant's, of one whom the caller may not touch`, async () => {
        const id = await newUser({ unlock: 'lock_user', reactivate: 'block_user' }[operation]);
        const before = await eventsOf(id);
        check(await call(protocol, path + method, protocol.request('nobody')), notFound(operation));
        check(await call(protocol, path + method, protocol.request(id), { token: env.OTHER_TENANT_TOKEN }), notFound(operation));
        for (const body of [protocol.request(id), protocol.request('nobody'), protocol.request('x'.repeat(201)), Buffer.from('\x01')]) {
          check(await call(protocol, path + method, body, { token: env.STRANGER_TOKEN }), denied);
        }
        check(await call(protocol, path + method, protocol.request('')), invalidId(method));
        assert.equal(await eventsOf(id), before);
      });
    }

    test(`${title}: ids of 0, 200, 201 and 4,000,000 bytes, and of 200 characters of four bytes`, async () => {
      check(await send(protocol.request('')), invalidId('UnlockUser'));
      check(await send(protocol.request('x'.repeat(201))), invalidId('UnlockUser'));
      check(await send(protocol.request('x'.repeat(1_000_000))), invalidId('UnlockUser'));
      check(await send(protocol.request('x'.repeat(4_000_000))), tooLarge);
      check(await send(protocol.request('😀'.repeat(200))), notFound('unlock'));
      check(await send(protocol.request('😀'.repeat(201))), invalidId('UnlockUser'));
      const id = await newUser('lock_user', `${process.pid}-${service[1]}-${name}`.padEnd(200, 'x'));
      check(await send(protocol.request(id)), await succeeded(id));
    });

    test(`${title}: a message too large for nginx is told likewise, to whoever may unlock`, async () => {
      check(await send(Buffer.alloc(5_500_000)), tooLarge);
      check(await send(Buffer.alloc(5_500_000), { token: env.STRANGER_TOKEN }), denied);
      check(await send(Buffer.alloc(5_500_000), { token: null }), missingToken);
    });

    test(`${title}: an id that is missing`, async () => check(await send(protocol.request(undefined)), invalidId('UnlockUser')));

    test(`${title}: ids in any script`, async () => {
      for (const text of ['jürgen', '😀', 'a/b c%', "'\"\\"]) {
        const id = await newUser('lock_user', `${text}-${process.pid}-${service[1]}-${name}`);
        assert.equal((await send(protocol.request(id))).status, 200);
        assert.equal((await rpc('user_status', { user_id: id })).json.state, 'active');
      }
    });

    test(`${title}: no token, and what is not a bearer token`, async () => {
      check(await send(protocol.request('nobody'), { token: null }), missingToken);
      check(await send(Buffer.from('\x01'), { token: null }), missingToken);
      for (const authorization of ['Basic b3BlcmF0b3I6eA==', 'Bearer', 'Bearer a b', env.OPERATOR_TOKEN]) {
        check(await send(protocol.request('nobody'), { token: null, headers: { authorization } }), badToken);
      }
    });

    // PostgREST refuses them before it has read the body.
    test(`${title}: a bad token is one however large the body`, async () => {
      for (const size of [9_000, 100_000, 400_000, 4_000_000]) {
        for (let i = 0; i < 5; i++) check(await send(protocol.request('x'.repeat(size)), { token: env.EXPIRED_TOKEN }), badToken);
      }
    });

    test(`${title}: bad tokens, alike for users who exist and users who do not`, async () => {
      const id = await newUser('lock_user');
      for (const make of Object.values(badTokens)) {
        const token = await make();
        check(await send(protocol.request(id), { token }), badToken);
        check(await send(protocol.request('nobody'), { token }), badToken);
      }
      assert.equal(await stateOf(id), 'locked');
    });

    test(`${title}: the organisation's header`, async () => {
      const id = await newUser('lock_user');
      const send = (organisation, token) => call(protocol, unlock, protocol.request(id), { token, headers: { 'x-zitadel-orgid': organisation } });
      check(await send('nope'), noOrganisation);
      check(await send('nope', env.STRANGER_TOKEN), noOrganisation);
      check(await send(env.TENANT, env.OTHER_TENANT_TOKEN), noOrganisation);
      const both = await sign({ role: 'operator', tenant: 'elsewhere', tenants: [env.TENANT] });
      check(await call(protocol, unlock, protocol.request(id), { token: both }), notFound('unlock'));
      check(await send(env.TENANT, both), await succeeded(id));
    });

    test(`${title}: a request that is malformed changes nothing`, async () => {
      const id = await newUser('lock_user');
      const good = protocol.request(id);
      const bodies = protocol.encode
        ? [
            ...[bytes(1, Buffer.from([0xff])), bytes(1, Buffer.from([0xed, 0xa0, 0x80])), bytes(1, 'a\0b')].map((message) => protocol.encode(message)),
            ...[Buffer.from([0x0a]), Buffer.from([0x0a, 0x05, 0x61]), bytes(1, id).subarray(0, -1), Buffer.from([0xff]), number(1, 5), Buffer.from([0x0b, 0x0c])].map((message) => protocol.encode(message)),
            Buffer.concat([protocol.encode(bytes(1, id)), Buffer.from([0])]),
          ]
        : ['', '{', '[]', 'null', `{"userId":5}`, `{"userId":"${id}"}{`, '{"userId":"a\\u0000b"}', '{"userId":"\\ud800"}', Buffer.from([0x7b, 0xff, 0x7d]), '['.repeat(100_000)];
      if (protocol.framed) {
        bodies.push(
          Buffer.alloc(0), good.subarray(0, 3), good.subarray(0, 5), good.subarray(0, -1),
          Buffer.concat([good, good]), Buffer.concat([good, frame(Buffer.alloc(0))]),
          Buffer.concat([Buffer.from([0, 0xff, 0xff, 0xff, 0xff]), good.subarray(5)]), frame(good.subarray(5), 0x02), frame(good.subarray(5), 0x80));
      }
      for (const body of bodies) check(await send(body), invalidBody);
      assert.equal(await stateOf(id), 'locked');
    });

    test(`${title}: fields that are unknown are skipped, and of two ids the last counts`, async () => {
      const id = await newUser('lock_user');
      const body = protocol.encode
        ? protocol.encode(Buffer.concat([number(9, 12345), bytes(1, 'somebody else'), bytes(1000, 'text'), bytes(1, id), Buffer.from([0x7d, 1, 2, 3, 4])]))
        : JSON.stringify({ unknown: [{ a: 1 }], user_id: id });
      check(await send(body), await succeeded(id));
    });

    test(`${title}: what else a request may look like`, async () => {
      for (const options of [
        { type: `${protocol.type}; charset=utf-8` }, { headers: { accept: 'text/html' } }, { headers: { 'accept-encoding': 'gzip' } },
        { headers: { 'grpc-timeout': '1S', 'connect-timeout-ms': '1000', 'grpc-encoding': 'gzip', 'x-custom': 'x' } },
        { headers: { 'content-encoding': 'identity' } },
        { headers: { 'x-userlock-operation': 'v2/lock', 'x-userlock-problem': 'bad_token', 'content-profile': 'userlock', 'x-grpc-status': '5' } },
      ]) {
        const id = await newUser('lock_user');
        const answer = await send(protocol.request(id), options);
        check(answer, await succeeded(id));
        for (const header of ['x-grpc-status', 'x-grpc-message', 'x-grpc-details', 'content-range', 'content-profile', 'x-userlock-body', 'x-accel-redirect']) {
          assert.equal(answer.headers[header], undefined);
        }
      }
    });
  }
}
