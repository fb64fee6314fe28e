// Many clients at once, through nginx, on few users.
import assert from 'node:assert/strict';
import { Agent, request } from 'node:http';
import test from 'node:test';
import { env, sql } from './lib/client.mjs';

const clients = 32;
const users = 1000;
const seconds = 10;
const agent = new Agent({ keepAlive: true, maxSockets: clients });

// Sends a request and returns the status.
function send(path) {
  return new Promise((resolve, reject) => {
    request(env.HTTP_URL + path, {
      method: 'POST', agent, headers: { Authorization: `Bearer ${env.OPERATOR_TOKEN}`, 'Content-Type': 'application/json', 'Content-Length': 2 },
    }, (response) => {
      response.resume();
      response.on('end', () => resolve(response.statusCode));
    }).on('error', reject).end('{}');
  });
}

test(`${clients} clients lock and unlock ${users} users: every success is one event, and nothing fails`, async () => {
  const prefix = `load-${Date.now()}-`;
  await sql(`SELECT count(userlock.register_user('${prefix}' || n, '${env.TENANT}')) FROM generate_series(1, ${users}) AS n`);
  const count = { lock: {}, unlock: {} };
  const until = Date.now() + seconds * 1000;
  await Promise.all(Array.from({ length: clients }, async () => {
    while (Date.now() < until) {
      const id = prefix + (1 + Math.floor(Math.random() * users));
      const verb = Math.random() < 0.5 ? 'lock' : 'unlock';
      const status = await send(Math.random() < 0.5 ? `/v2/users/${id}/${verb}` : `/management/v1/users/${id}/_${verb}`);
      count[verb][status] = (count[verb][status] ?? 0) + 1;
    }
  }));
  agent.destroy();
  for (const verb of ['lock', 'unlock']) {
    assert.deepEqual(Object.keys(count[verb]), ['200', '400'], JSON.stringify(count));
    assert.equal(
      await sql(`SELECT count(*) FROM userlock_private.event WHERE user_id LIKE '${prefix}%' AND kind = '${verb}ed'`), String(count[verb][200]));
  }
  assert.equal(await sql('SELECT count(*) FROM userlock.verify()'), '0');
});
