// When all of PostgREST's connections are in use for too long, every contract says
// that the service is unavailable.
import assert from 'node:assert/strict';
import test, { after, before } from 'node:test';
import { env, get, request, sql } from './lib/client.mjs';
import { startNginx } from './lib/nginx.mjs';
import { startPostgrest } from './lib/postgrest.mjs';
import { unavailable } from './lib/unavailable.mjs';

const slow = `slow_${process.pid}`;
let [nginx, postgrest] = [];
before(async () => {
  await sql(`CREATE FUNCTION userlock.${slow}() RETURNS void LANGUAGE sql AS 'SELECT pg_sleep(5)'`);
  postgrest = await startPostgrest([], { PGRST_DB_POOL: '1', PGRST_DB_POOL_ACQUISITION_TIMEOUT: '1' });
  nginx = await startNginx(['--socket', postgrest.socket]);
  env.HTTP_URL = nginx.httpUrl;
  env.GRPC_URL = nginx.grpcUrl;
  while ((await get('/rpc/caller_tenants')).status !== 200) await new Promise((resolve) => setTimeout(resolve, 100));
});
after(async () => {
  await nginx.stop();
  await postgrest.stop();
  await sql(`DROP FUNCTION userlock.${slow}`);
});

test('a call that waits for a connection in vain says that the service is unavailable', async () => {
  const taken = request('POST', `/rpc/${slow}`, { token: env.OPERATOR_TOKEN, body: {} }).catch(() => {});
  while (await sql(`SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%"${slow}"%' AND state = 'active' AND pid <> pg_backend_pid()`) === '0') {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const native = async () => {
    const { status, headers, json } = await get('/restricted_users', { token: env.OPERATOR_TOKEN });
    assert.equal(status, 503);
    assert.equal(headers.get('retry-after'), '1');
    assert.equal(json.code, 'PGRST003');
  };
  await Promise.all([native(), ...unavailable().map(([, answers]) => answers())]);
  await taken;
});
