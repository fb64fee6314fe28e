// SCIM: many at once, on few users.
import assert from 'node:assert/strict';
import { Agent, request } from 'node:http';
import test from 'node:test';
import { env, sql } from './lib/client.mjs';
import { core, newKey, newTenant, patchOp, users } from './lib/scim.mjs';

const clients = 32;
const people = 200;
const seconds = 5;
const agent = new Agent({ keepAlive: true, maxSockets: clients });

// Sends a request and returns the status.
function send(method, path, key, body) {
  const text = body === undefined ? '' : JSON.stringify(body);
  return new Promise((resolve, reject) => {
    request(env.HTTP_URL + path, {
      method, agent, headers: { Authorization: `Bearer ${key}`, ...(body && { 'Content-Type': 'application/scim+json', 'Content-Length': Buffer.byteLength(text) }) },
    }, (response) => {
      response.resume();
      response.on('end', () => resolve(response.statusCode));
    }).on('error', reject).end(text);
  });
}

test(`${clients} clients create, change, read and delete ${people} users: nothing fails, and history adds up`, async () => {
  const { tenant } = await newTenant();
  const key = await newKey('operator', tenant);
  const random = (n) => Math.floor(Math.random() * n);
  const patch = (...operations) => ({ schemas: [patchOp], Operations: operations });
  const calls = {
    create: [(id) => ['POST', users, { schemas: [core], userName: id, active: random(2) === 1, emails: [{ value: `e${random(people)}@example.com` }] }], [201, 409]],
    deactivate: [(id) => ['PATCH', `${users}/${id}`, patch({ op: 'Replace', path: 'active', value: 'False' })], [200, 404]],
    activate: [(id) => ['PATCH', `${users}/${id}`, patch({ op: 'replace', value: { active: true } })], [200, 404]],
    patch: [(id) => ['PATCH', `${users}/${id}`, patch({ op: 'add', path: 'title', value: `t${random(5)}` }, { op: 'Replace', path: 'emails[type eq "work"].value', value: `e${random(9)}@example.com` })], [200, 404]],
    // To a name that somebody else may have.
    rename: [(id) => ['PATCH', `${users}/${id}`, patch({ op: 'replace', path: 'userName', value: `name-${random(people)}` })], [200, 404, 409]],
    put: [(id) => ['PUT', `${users}/${id}`, { schemas: [core], displayName: `d${random(5)}`, active: random(2) === 1 }], [200, 404]],
    read: [(id) => ['GET', `${users}/${id}`], [200, 404]],
    find: [(id) => ['GET', `${users}?filter=userName+eq+"${id}"+and+active+eq+true`], [200]],
    list: [() => ['GET', `${users}?startIndex=${1 + random(people)}&count=${random(20)}`], [200]],
    delete: [(id) => ['DELETE', `${users}/${id}`], [204, 404]],
  };
  const seen = Object.fromEntries(Object.keys(calls).map((name) => [name, {}]));
  const until = Date.now() + seconds * 1000;
  await Promise.all(Array.from({ length: clients }, async () => {
    while (Date.now() < until) {
      const name = Object.keys(calls)[random(Object.keys(calls).length)];
      const [method, path, body] = calls[name][0](`u${1 + random(people)}`);
      const status = await send(method, path, key, body);
      seen[name][status] = (seen[name][status] ?? 0) + 1;
    }
  }));
  agent.destroy();
  for (const [name, [, allowed]] of Object.entries(calls)) {
    for (const status of Object.keys(seen[name]).map(Number)) assert.ok(allowed.includes(status), `${name} ${status}: ${JSON.stringify(seen)}`);
    assert.ok(seen[name][allowed[0]] > 0, `${name} never succeeded: ${JSON.stringify(seen)}`);
  }
  const count = async (kind) => Number(await sql(`SELECT count(*) FROM userlock_private.event WHERE tenant = '${tenant}' AND user_id <> 'provisioning' AND kind = '${kind}'`));
  assert.equal(await count('registered'), seen.create[201]);
  assert.equal(await count('deleted'), seen.delete[204]);
  assert.equal(await sql('SELECT count(*) FROM userlock.verify()'), '0');
});
