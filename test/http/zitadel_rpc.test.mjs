// Zitadel over gRPC, gRPC-Web and Connect, byte by byte.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import test from 'node:test';
import { env, eventsOf, newUser, raw, rpc, sign, sql, stateOf } from './client.mjs';
import { badTokens } from './contract.mjs';
import { bytes, call, frame, http2, number, protocols, services } from './rpc.mjs';

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

const missingToken = { code: 16, text: 'auth header missing' };
const badToken = { code: 16, text: 'Errors.Token.Invalid', id: 'AUTH-7fs1e' };
const noOrganisation = { code: 7, text: "Organisation doesn't exist", id: 'AUTH-Bs7Ds' };
const invalidBody = { code: 3, text: 'invalid request body' };
const compressed = { code: 12, text: 'compression is not supported' };
const tooLarge = { code: 8, text: 'Request Entity Too Large' };

// A user's details as a response has them, asked of the database.
async function detailsOf(id) {
  const [sequence, changed, created, changeDate, creationDate] = (await sql(
    `SELECT sequence, (extract(epoch FROM changed_at) * 1000000)::bigint, (extract(epoch FROM created_at) * 1000000)::bigint,
      userlock_http.timestamp(changed_at), userlock_http.timestamp(created_at) FROM userlock.account WHERE user_id = '${id}'`)).split('|');
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
      const both = await sign({ role: 'operator', sub: 'x', tenant: 'elsewhere', tenants: [env.TENANT] });
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

const { gRPC, 'gRPC-Web': web, 'Connect in JSON': json } = protocols;
const v2 = services['v2 UserService'].path;
const v1 = services['v1 ManagementService'].path;

test('the media type of a request is that of the answer', async () => {
  for (const [protocol, types] of [[gRPC, ['application/grpc', 'application/grpc+proto']], [web, ['application/grpc-web', 'application/grpc-web+proto']]]) {
    for (const type of types) {
      protocol.check(await call(protocol, `${v2}UnlockUser`, protocol.request(''), { type }),
        { code: 3, text: 'invalid UnlockUserRequest.UserId: value length must be between 1 and 200 runes, inclusive' }, type);
    }
  }
});

test('every protocol but gRPC speaks HTTP/2 as well', async () => {
  for (const [name, protocol] of Object.entries(protocols)) {
    const id = await newUser('lock_user');
    protocol.check(await call(protocol, `${v2}UnlockUser`, protocol.request(id), { token: env.EXPIRED_TOKEN, transport: http2 }), badToken, protocol.type);
    assert.equal((await call(protocol, `${v2}UnlockUser`, protocol.request(id), { transport: http2 })).status, 200, name);
    assert.equal(await stateOf(id), 'active');
  }
});

test('a success and an error over gRPC are a header block, at most one frame, and trailers', async () => {
  const id = await newUser('lock_user');
  const success = await call(gRPC, `${v2}UnlockUser`, gRPC.request(id));
  assert.equal(success.headers['grpc-status'], undefined);
  const error = await call(gRPC, `${v2}UnlockUser`, gRPC.request(id));
  assert.equal(error.headers['grpc-status'], undefined);
  assert.equal(error.trailers['grpc-status'], '9');
  assert.deepEqual(error.chunks, [], 'no DATA frame, not even an empty one');
});

// What curl prints of a call over HTTP/2, headers, body and trailers.
const curl = (path, body, headers, type = 'application/grpc') => execFileSync('curl', ['--silent', '--show-error', '--include', '--http2-prior-knowledge', '--data-binary', '@-',
  ...[`content-type: ${type}`, 'te: trailers', ...headers].flatMap((header) => ['--header', header]), env.GRPC_URL + path], { input: body, encoding: 'latin1' });

test('curl prints trailers of a success and of every error', async () => {
  const id = await newUser('lock_user');
  const operator = [`authorization: Bearer ${env.OPERATOR_TOKEN}`];
  const success = curl(`${v2}UnlockUser`, gRPC.request(id), operator);
  assert.match(success, /^HTTP\/2 200 \r\n(.+\r\n)*content-type: application\/grpc\r\n\r\n\0\0\0\0.[^]*grpc-status: 0\r\n$/);
  for (const [code, message, body, headers] of [
    [9, 'User is not locked (COMMAND-olb9vb0oca)', gRPC.request(id), operator],
    [5, 'User could not be found (COMMAND-x377t913pw)', gRPC.request('nobody'), operator],
    [3, 'invalid request body', Buffer.from('x'), operator],
    [3, 'invalid UnlockUserRequest.UserId: value length must be between 1 and 200 runes, inclusive', Buffer.alloc(5), operator],
    [12, 'compression is not supported', frame(bytes(1, id), 1), operator],
    [8, 'Request Entity Too Large', gRPC.request('x'.repeat(4_000_000)), operator],
    [16, 'auth header missing', gRPC.request(id), []],
    [16, 'Errors.Token.Invalid (AUTH-7fs1e)', gRPC.request(id), [`authorization: Bearer ${env.EXPIRED_TOKEN}`]],
    [7, 'No matching permissions found (AUTH-AWfge)', gRPC.request(id), [`authorization: Bearer ${env.STRANGER_TOKEN}`]],
  ]) {
    const [head, trailers, ...more] = curl(`${v2}UnlockUser`, body, headers).split('\r\n\r\n');
    assert.match(head, /^HTTP\/2 200 \r\n/);
    assert.deepEqual(trailers.split('\r\n').filter((line) => !line.startsWith('grpc-status-details-bin: ')), [`grpc-status: ${code}`, `grpc-message: ${message}`, '']);
    assert.deepEqual(more, []);
  }
  for (let i = 0; i < 5; i++) {
    assert.match(curl(`${v2}Nothing`, gRPC.request(id), operator), /^HTTP\/2 404 [^]*content-length: 0/);
    assert.match(curl(`${v2}UnlockUser`, gRPC.request(id), operator, 'text/plain'), /^HTTP\/2 415 [^]*content-length: 0/);
  }
});

test('what Connect compresses is refused, to whoever may unlock', async () => {
  for (const protocol of [json, protocols['Connect in protobuf']]) {
    const gzip = (token) => call(protocol, `${v2}UnlockUser`, Buffer.from([0x1f, 0x8b]), { token, headers: { 'content-encoding': 'gzip' } });
    protocol.check(await gzip(), compressed);
    protocol.check(await gzip(null), missingToken);
    protocol.check(await gzip(env.EXPIRED_TOKEN), badToken);
    protocol.check(await gzip(env.STRANGER_TOKEN), { code: 7, text: 'No matching permissions found', id: 'AUTH-AWfge' });
  }
});

test('what gRPC does not know of a request it ignores', async () => {
  for (const protocol of [gRPC, web]) {
    const id = await newUser('lock_user');
    await call(protocol, `${v2}UnlockUser`, protocol.request(id), { headers: { 'content-encoding': 'gzip' } });
    assert.equal(await stateOf(id), 'active');
  }
});

test('a body that breaks off is told in the order of everything else', async () => {
  const send = (type, authorization) => raw(`POST ${v2}UnlockUser HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: ${type}\r\n` +
    `${authorization ? `Authorization: ${authorization}\r\n` : ''}Transfer-Encoding: chunked\r\n\r\nzz\r\n`);
  for (const [authorization, code, grpcCode] of [
    [`Bearer ${env.OPERATOR_TOKEN}`, 'invalid_argument', 3], [`Bearer ${env.STRANGER_TOKEN}`, 'permission_denied', 7],
    [`Bearer ${env.EXPIRED_TOKEN}`, 'unauthenticated', 16], [undefined, 'unauthenticated', 16], ['Basic x', 'unauthenticated', 16],
  ]) {
    assert.equal(JSON.parse((await send('application/json', authorization)).text.replace(/^[0-9a-f]+\r\n|\r\n0\r\n$/g, '')).code, code);
    assert.match((await send('application/grpc-web', authorization)).text, new RegExp(`grpc-status: ${grpcCode}\r\n`));
  }
});

test('a frame that says it is compressed is refused, to whoever may unlock', async () => {
  for (const protocol of [gRPC, web]) {
    const id = await newUser('lock_user');
    const body = frame(bytes(1, id), 1);
    protocol.check(await call(protocol, `${v2}UnlockUser`, body), compressed, protocol.type);
    protocol.check(await call(protocol, `${v2}UnlockUser`, body, { token: env.STRANGER_TOKEN }),
      { code: 7, text: 'No matching permissions found', id: 'AUTH-AWfge' }, protocol.type);
    assert.equal(await stateOf(id), 'locked');
  }
});

// Neither body nor media type: clients read the status of HTTP.
const bare = (answer, status, description) => {
  assert.equal(answer.status, status, description);
  assert.equal(answer.body.length, 0);
  assert.equal(answer.headers['content-type'], undefined);
  assert.equal(answer.headers['grpc-status'], undefined);
  assert.equal(answer.trailers['grpc-status'], undefined);
};

test('unknown methods and services are a bare 404', async () => {
  for (const protocol of Object.values(protocols)) {
    for (const path of [`${v2}GetUserByID`, `${v2}unlockuser`, `${v2}UnlockUser/`, v2, `${v1}UnlockUsers`, '/zitadel.session.v2.SessionService/GetSession', '/grpc.health.v1.Health/Check']) {
      bare(await call(protocol, path, protocol.request('x')), 404);
      bare(await call(protocol, path, protocol.request('x'), { token: null, transport: http2 }), 404);
    }
  }
});

test('unknown methods are a bare 404 whatever the verb and the body', async () => {
  for (const method of ['GET', 'HEAD', 'PUT', 'DELETE', 'PATCH', 'MKCOL', 'POST']) {
    bare(await http2(`${v2}Nothing`, { method, headers: { 'content-type': 'application/grpc' } }), 404, method);
  }
  for (const size of [100_000, 2_000_000, 8_000_000]) {
    bare(await call(gRPC, `${v2}Nothing`, Buffer.alloc(size)), 404, size);
    bare(await call(web, `${v2}Nothing`, Buffer.alloc(size)), 404, size);
    bare(await call(web, `${v2}UnlockUser`, Buffer.alloc(size), { type: 'text/plain' }), 415, size);
  }
  for (const [path, type, status] of [[`${v2}Nothing`, 'application/grpc-web', 404], [`${v2}UnlockUser`, 'text/plain', 415]]) {
    const answer = await raw(`POST ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: ${type}\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n`);
    assert.equal(answer.status, status);
    assert.equal(answer.text, '');
  }
});

test('a path is what it says: no encoding, no second slash, no fragment', async () => {
  for (const path of ['/zitadel.user.v2.UserService%2fUnlockUser', '//zitadel.user.v2.UserService/UnlockUser', `${v2}/UnlockUser`, `${v2}%55nlockUser`, `${v2}UnlockUser#f`]) {
    const id = await newUser('lock_user');
    const answer = await http2(path, { headers: { 'content-type': 'application/grpc', authorization: `Bearer ${env.OPERATOR_TOKEN}` }, body: gRPC.request(id) });
    assert.ok([400, 404].includes(answer.status), path);
    assert.equal(await stateOf(id), 'locked');
  }
  for (const path of ['/a.b/..#', `${v2}..#x`, '/v2/users/x/..#']) assert.equal((await http2(path, { method: 'GET' })).status, 400, path);
});

test('a path that is malformed is refused without a page of HTML', async () => {
  for (const path of [`${v2}%zz`, `${v2}%00`]) {
    for (const status of [(await http2(path, { body: Buffer.from('x') })), await raw(`POST ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`)]) {
      assert.equal(status.status, 400);
      assert.ok(!String(status.body ?? status.text).includes('<'));
    }
  }
});

test('other media types are a bare 415', async () => {
  for (const type of ['text/plain', 'application/grpc-web-text', 'application/grpc-web-text+proto', 'application/grpc+json', 'application/grpc-web+json',
    'application/connect+proto', 'application/x-protobuf', 'application/jsonx', '']) {
    bare(await call(gRPC, `${v2}UnlockUser`, Buffer.from('x'), { type }), 415);
  }
  bare(await call(json, `${v1}UnlockUser`, json.request('x')), 415);
  bare(await call(protocols['Connect in protobuf'], `${v1}UnlockUser`, Buffer.alloc(0)), 415);
});

test('other verbs than POST are refused', async () => {
  for (const method of ['GET', 'PUT', 'DELETE', 'HEAD']) {
    const answer = await http2(`${v2}UnlockUser?connect=v1&encoding=json&message=%7B%7D`, { method });
    assert.equal(answer.status, 405, method);
    assert.equal(answer.headers.allow, 'POST');
  }
  assert.equal((await fetch(`${env.HTTP_URL}${v2}UnlockUser`, { method: 'PUT', body: Buffer.alloc(6_000_000) })).status, 405);
});

test('the management API has no Connect, not even for what is too large', async () => {
  for (const type of ['application/json', 'application/proto']) bare(await call(json, `${v1}UnlockUser`, Buffer.alloc(6_000_000), { type }), 415);
});

test('a page of another origin may ask, call, and read the answer', async () => {
  const origin = { origin: 'https://app.example.com' };
  const preflight = await fetch(`${env.HTTP_URL}${v2}UnlockUser`, {
    method: 'OPTIONS',
    headers: { ...origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization,content-type,x-grpc-web' },
  });
  assert.equal(preflight.status, 204);
  assert.equal(preflight.headers.get('access-control-allow-origin'), '*');
  assert.equal(preflight.headers.get('access-control-allow-methods'), 'POST');
  for (const header of ['authorization', 'content-type', 'x-grpc-web', 'x-user-agent', 'grpc-timeout', 'connect-protocol-version', 'connect-timeout-ms', 'x-zitadel-orgid']) {
    assert.ok(preflight.headers.get('access-control-allow-headers').split(', ').includes(header), header);
  }
  const id = await newUser('lock_user');
  for (const [protocol, options] of [
    [web, {}], [web, {}], [web, { token: null }], [web, { token: env.EXPIRED_TOKEN }],
    [json, {}], [json, { token: null }], [json, { token: env.EXPIRED_TOKEN }], [json, { token: env.STRANGER_TOKEN }], [json, { type: 'text/plain' }],
  ]) {
    const answer = await call(protocol, `${v2}UnlockUser`, protocol.request(id), { ...options, headers: origin });
    assert.equal(answer.headers['access-control-allow-origin'], '*');
    assert.equal(answer.headers['access-control-expose-headers'], 'grpc-status, grpc-message, grpc-status-details-bin');
  }
  const unknown = await call(web, `${v2}Nothing`, web.request(id), { headers: origin });
  assert.equal(unknown.headers['access-control-allow-origin'], '*');
});

test('the contracts in JSON are not for other origins', async () => {
  const answer = await fetch(`${env.HTTP_URL}/v2/users/x/unlock`, { method: 'POST', headers: { origin: 'https://app.example.com' } });
  assert.equal(answer.headers.get('access-control-allow-origin'), null);
  assert.equal(answer.headers.get('access-control-expose-headers'), null);
});

test('internal locations are not to be had from outside', async () => {
  for (const path of ['/nowhere', '/refused', '/malformed/', '/malformed/zitadel.x']) {
    for (const method of ['GET', 'POST']) {
      const answer = await fetch(env.HTTP_URL + path, { method, body: method === 'POST' ? 'x' : undefined });
      assert.equal(answer.status, 404);
      assert.equal(await answer.text(), '');
    }
  }
});
