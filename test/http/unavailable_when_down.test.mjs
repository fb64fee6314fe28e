// While PostgREST is down, every contract says that the service is unavailable: an
// nginx with nobody behind it.
import assert from 'node:assert/strict';
import test, { after, before } from 'node:test';
import { env, request } from './lib/client.mjs';
import { startNginx } from './lib/nginx.mjs';
import { unavailable } from './lib/unavailable.mjs';

let nginx;
before(async () => {
  nginx = await startNginx(['--socket', '/nowhere/postgrest.sock']);
  env.HTTP_URL = nginx.httpUrl;
  env.GRPC_URL = nginx.grpcUrl;
});
after(() => nginx.stop());

for (const [name, answers] of unavailable()) test(`PostgREST is down: ${name} says that it is unavailable`, answers);
for (const [name, answers] of unavailable({ token: null }).filter(([name]) => name.includes('.'))) {
  test(`PostgREST is down: ${name} says so without a token, too`, answers);
}

test('PostgREST is down: its own interface says so in its words', async () => {
  for (const options of [{ token: env.OPERATOR_TOKEN }, {}, { token: env.OPERATOR_TOKEN, body: 'x'.repeat(100_000) }]) {
    const { status, headers, json } = await request('POST', '/rpc/caller_tenants', options);
    assert.equal(status, 503);
    assert.equal(headers.get('retry-after'), '1');
    assert.deepEqual(json, { code: 'PT503', details: null, hint: null, message: 'The service is not available' });
  }
});
