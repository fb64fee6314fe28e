// What every contract answers while PostgREST is down: an nginx with
// nobody behind it.
import assert from 'node:assert/strict';
import test, { after, before } from 'node:test';
import { env, request } from './client.mjs';
import { startNginx } from './nginx.mjs';
import { call, protocols, services } from './rpc.mjs';

let nginx;
before(async () => {
  nginx = await startNginx();
  env.HTTP_URL = nginx.httpUrl;
  env.GRPC_URL = nginx.grpcUrl;
});
after(() => nginx.stop());

const token = env.OPERATOR_TOKEN;
for (const [name, send, type, body] of [
  ['Zitadel v2', () => request('POST', '/v2/users/x/unlock', { token }), 'application/json', '{"code":13,"message":"internal error"}'],
  ['Zitadel v1', () => request('POST', '/management/v1/users/x/_unlock', { token }), 'application/json', '{"code":13,"message":"internal error"}'],
  ['Guardhouse', () => request('PATCH', '/api/v1/users/1/unblock', { token }), 'application/json', '{"error":"server_error"}'],
  ['MonoCloud', () => request('POST', '/api/users/x/unblock', { headers: { 'X-API-KEY': 'x' } }), 'application/problem+json',
    /^\{"type":"https:\/\/httpstatuses\.io\/500","title":"Internal Server Error","status":500,"traceId":"00-[0-9a-f]{32}-[0-9a-f]{16}-01"\}$/],
  ['Xekout', () => request('POST', '/v1/admin/tenant/user/revoke/6b0c4ba2-1d2f-4a2e-9a3b-0d6c7a5c2f11', { token }), 'application/json',
    '{"status":"error","code":500001,"message":"internal error"}'],
]) {
  test(`${name} answers with an internal error`, async () => {
    const answer = await send();
    assert.equal(answer.status, 500);
    assert.equal(answer.headers.get('content-type'), type);
    if (body instanceof RegExp) assert.match(answer.text, body);
    else assert.equal(answer.text, body);
  });
}

for (const { path } of Object.values(services)) {
  for (const [name, protocol] of Object.entries(protocols)) {
    if (protocol.isConnect && path.includes('.v1.')) continue;
    for (const [kind, options] of [['a good token', {}], ['no token', { token: null }]]) {
      test(`${path} over ${name} answers with an internal error to ${kind}`, async () => {
        const answer = await call(protocol, `${path}UnlockUser`, protocol.request('x'), { ...options, headers: { origin: 'http://x' } });
        assert.equal(answer.headers['access-control-allow-origin'], '*');
        if (name !== 'gRPC-Web') {
          protocol.check(answer, { code: 13, text: 'internal error' }, protocol.type);
          return;
        }
        // The one answer that gRPC-Web has in its headers.
        assert.equal(answer.status, 200);
        assert.equal(answer.headers['content-type'], protocol.type);
        assert.equal(answer.headers['grpc-status'], '13');
        assert.equal(answer.headers['grpc-message'], 'internal error');
        assert.equal(answer.body.length, 0);
      });
    }
  }
}
