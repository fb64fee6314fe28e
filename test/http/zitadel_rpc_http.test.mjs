// Zitadel over gRPC, gRPC-Web and Connect: what HTTP has around the calls. Paths,
// verbs, media types, compression, broken bodies, other origins, curl.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import test from 'node:test';
import { env, newUser, raw, stateOf } from './lib/client.mjs';
import { badToken, bytes, call, compressed, denied, frame, http2, missingToken, protocols, services } from './lib/rpc.mjs';

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
    protocol.check(await gzip(env.STRANGER_TOKEN), denied);
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
      denied, protocol.type);
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
    for (const path of [`${v2}GetUserById`, `${v2}ListPasskeys`, `${v2}unlockuser`, `${v2}UnlockUser/`, v2, `${v1}UnlockUsers`, '/zitadel.session.v2.SessionService/GetSession', '/grpc.health.v1.Health/Check']) {
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
  for (const path of ['/a.b/..#', `${v2}..#x`, '/v2/users/x/..#']) assert.equal((await http2(path, { method: 'GET' })).status, 404, path);
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

test('gRPC over HTTP/1.1 is told so, and changes nothing', async () => {
  const id = await newUser('lock_user');
  const answer = await fetch(`${env.HTTP_URL}${v2}UnlockUser`, {
    method: 'POST', headers: { authorization: `Bearer ${env.OPERATOR_TOKEN}`, 'content-type': 'application/grpc' }, body: gRPC.request(id),
  });
  assert.equal(answer.status, 505);
  assert.equal(answer.headers.get('grpc-status'), '12');
  assert.equal(answer.headers.get('grpc-message'), 'gRPC takes HTTP/2');
  assert.equal(await stateOf(id), 'locked');
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
  for (const path of ['/nowhere', '/refusal', '/refused/400/', '/refused/400/v2/users/x/unlock']) {
    for (const method of ['GET', 'POST']) {
      const answer = await fetch(env.HTTP_URL + path, { method, body: method === 'POST' ? 'x' : undefined });
      assert.equal(answer.status, 404);
      assert.equal((await answer.json()).code, 'PT404');
    }
  }
});
