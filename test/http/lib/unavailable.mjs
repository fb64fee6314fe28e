// What every contract answers when the service cannot be had just now: a call of
// each, and what must come of it.
import assert from 'node:assert/strict';
import { env, request } from './client.mjs';
import { check } from './contract.mjs';
import { call, protocols, services } from './rpc.mjs';

const json = 'application/json';
const uuid = '6b0c4ba2-1d2f-4a2e-9a3b-0d6c7a5c2f11';
const answer = (type, body) => ({ status: 503, type, body, headers: { 'retry-after': '1' } });

// Rows of [name, call]; the key is MonoCloud's.  Calls that read are among them, unless
// told otherwise.
export function unavailable({ token = env.OPERATOR_TOKEN, key = env.MONOCLOUD_API_KEY, reads = true } = {}) {
  const zitadel = answer(json, '{"code":14,"message":"service unavailable"}');
  const clerk = answer(json,
    /^\{"errors":\[\{"message":"System under maintenance","long_message":"[^"]*","code":"maintenance_mode"\}\],"clerk_trace_id":"[0-9a-f]{32}"\}$/);
  const scim = answer('application/scim+json',
    /^\{"schemas":\["urn:ietf:params:scim:api:messages:2\.0:Error"\],"status":"503","detail":"[^"]+"\}$/);
  const deactivate = { Operations: [{ op: 'replace', path: 'active', value: false }] };
  const rows = [
    ['SCIM', () => request('PATCH', '/scim/v2/Users/x', { token, body: deactivate }), scim],
    ['SCIM, with a key', () => request('DELETE', '/scim/v2/Users/x', { token: key }), scim],
    ['Zitadel v2', () => request('POST', '/v2/users/x/unlock', { token }), zitadel],
    ['Zitadel v1', () => request('POST', '/management/v1/users/x/_unlock', { token }), zitadel],
    ['Guardhouse', () => request('PATCH', '/api/v1/users/1/unblock', { token }), answer(json, '{"error":"temporarily_unavailable"}')],
    ['MonoCloud', () => request('POST', '/api/users/x/unblock', { headers: { 'X-API-KEY': key } }), answer('application/problem+json',
      /^\{"type":"https:\/\/httpstatuses\.io\/503","title":"Service Unavailable","status":503,"traceId":"00-[0-9a-f]{32}-[0-9a-f]{16}-01"\}$/)],
    ['Clerk', () => request('POST', '/v1/users/x/lock', { token }), clerk],
    ['Clerk, with a key', () => request('POST', '/v1/users/x/lock', { token: key }), clerk],
    ...(reads ? [
      ['Clerk, a user', () => request('GET', '/v1/users/x', { token }), clerk],
      ['SCIM, a user', () => request('GET', '/scim/v2/Users/x', { token }), scim],
      ['SCIM, a list', () => request('GET', '/scim/v2/Users', { token: key }), scim],
      ['SCIM, its configuration', () => request('GET', '/scim/v2/ServiceProviderConfig'), scim],
      ['Zitadel v2, a user', () => request('GET', '/v2/users/x', { token }), zitadel],
      ['Zitadel v2, a list', () => request('POST', '/v2/users', { token, body: {} }), zitadel],
      ['Zitadel v1, a user', () => request('GET', '/management/v1/users/x', { token }), zitadel],
      ['Zitadel v1, a list', () => request('POST', '/management/v1/users/_search', { token, body: {} }), zitadel],
    ] : []),
    ['Xekout', () => request('POST', `/v1/admin/tenant/user/revoke/${uuid}`, { token }), answer(json,
      '{"status":"error","code":503001,"message":"service unavailable"}')],
    ['Okta', () => request('POST', '/api/v1/users/x/lifecycle/unlock', { headers: { Authorization: `SSWS ${token}` } }), answer(json,
      /^\{"errorCode":"E0000010","errorSummary":"Service is in read only mode","errorLink":"E0000010","errorId":"oae[0-9a-f]{32}","errorCauses":\[\]\}$/)],
  ].map(([name, send, expected]) => [name, async () => check(await send(), expected, name)]);
  for (const { path } of Object.values(services)) {
    for (const [name, protocol] of Object.entries(protocols)) {
      if (protocol.isConnect && path.includes('.v1.')) continue;
      for (const method of ['UnlockUser', ...(reads ? ['GetUserByID', 'ListUsers'] : [])]) rows.push([`${path}${method} over ${name}`, async () => {
        const received = await call(protocol, path + method, protocol.request('x'), { token, headers: { origin: 'http://x' } });
        assert.equal(received.headers['access-control-allow-origin'], '*');
        if (name !== 'gRPC-Web') {
          protocol.check(received, { code: 14, text: 'service unavailable' }, protocol.type);
          return;
        }
        // The one answer that gRPC-Web has in its headers.
        assert.equal(received.status, 200);
        assert.equal(received.headers['content-type'], protocol.type);
        assert.equal(received.headers['grpc-status'], '14');
        assert.equal(received.headers['grpc-message'], 'service unavailable');
        assert.equal(received.body.length, 0);
      }]);
    }
  }
  return rows;
}
