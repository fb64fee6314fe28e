// What PostgREST offers to whoever reaches its socket, with nginx or without, as the
// operator: what is meant to be called, and nothing else.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { join } from 'node:path';
import test from 'node:test';
import { env, sign, sql } from './lib/client.mjs';

const configuration = await readFile(join(env.PGHOST, 'http/postgrest.conf'), 'utf8');
const exposed = configuration.match(/^db-schemas = "(.*)"$/m)[1].split(', ');

function ask(schema, method, path, body = '', token = env.OPERATOR_TOKEN) {
  return new Promise((resolve, reject) => {
    const headers = {
      Authorization: `Bearer ${token}`, 'Content-Type': 'application/json',
      'Accept-Profile': schema, 'Content-Profile': schema, 'Content-Length': Buffer.byteLength(body),
    };
    httpRequest({ socketPath: join(env.PGHOST, 'postgrest.sock'), method, path, headers }, async (response) => {
      const json = JSON.parse((await response.toArray()).join('') || 'null');
      resolve({ status: response.statusCode, json });
    }).on('error', reject).end(body);
  });
}

test('the interface, what nginx asks and the contracts are exposed, and no other schema', async () => {
  const schemas = (await sql('SELECT nspname FROM pg_namespace')).split('\n');
  assert.ok(exposed.every((schema) => schemas.includes(schema)), configuration);
  for (const schema of schemas) {
    const { status, json } = await ask(schema, 'GET', '/');
    assert.equal(status, exposed.includes(schema) ? 200 : 406, schema);
    if (status === 406) assert.equal(json.code, 'PGRST106', schema);
  }
});

test('each schema of the contracts lists what it holds: calls, and nothing else', async () => {
  for (const schema of exposed.filter((name) => name !== 'userlock')) {
    const held = await sql(`SELECT pg_describe_object(classid, objid, 0) FROM pg_depend
      WHERE refclassid = 'pg_namespace'::regclass AND refobjid = '${schema}'::regnamespace ORDER BY 1`);
    const calls = held.split('\n').map((name) => `/rpc/${name.match(/^function \w+\.(\w+)\((bytea)?\)$/)?.[1]}`);
    const { json } = await ask(schema, 'GET', '/');
    assert.deepEqual(Object.keys(json.paths).filter((path) => path !== '/').sort(), calls.sort(), held);
  }
});

test('who is given all of the interface is shown all of it, which is documented, and nothing private', async () => {
  const role = `everything_${Date.now()}`;
  await sql(`CREATE ROLE ${role}; GRANT ${role} TO authenticator;
    GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA userlock TO ${role}; GRANT SELECT ON ALL TABLES IN SCHEMA userlock TO ${role}`);
  try {
    const { json } = await ask('userlock', 'GET', '/', '', await sign({ role }));
    const shown = Object.keys(json.paths);
    // Members of the extension: tests that run at the same time make others.
    const members = async (schema) => (await sql(`SELECT CASE classid WHEN 'pg_proc'::regclass
        THEN (SELECT '/rpc/' || proname FROM pg_proc WHERE oid = objid AND prorettype <> 'trigger'::regtype)
        ELSE (SELECT '/' || relname FROM pg_class WHERE oid = objid) END
      FROM pg_depend AS d JOIN pg_extension AS e ON refclassid = 'pg_extension'::regclass AND refobjid = e.oid AND deptype = 'e'
      WHERE extname = 'userlock' AND (classid = 'pg_class'::regclass AND (SELECT relkind FROM pg_class WHERE oid = objid) IN ('r', 'v')
          OR classid = 'pg_proc'::regclass)
      AND '${schema}'::regnamespace IN (SELECT relnamespace FROM pg_class WHERE oid = objid AND classid = 'pg_class'::regclass
          UNION ALL SELECT pronamespace FROM pg_proc WHERE oid = objid AND classid = 'pg_proc'::regclass)`)).split('\n').filter(Boolean);
    const ours = await members('userlock');
    assert.ok(ours.length > 30, ours.join());
    assert.deepEqual(ours.filter((path) => !shown.includes(path)), []);
    assert.deepEqual((await members('userlock_private')).filter((path) => shown.includes(path) && !ours.includes(path)), []);
    const documents = await Promise.all(['reference', 'enforcement', 'adoption', 'logins', 'monitoring', 'operating']
      .map((name) => readFile(new URL(`../../docs/${name}.md`, import.meta.url), 'utf8')));
    for (const path of ours) {
      const name = path.split('/').at(-1);
      assert.ok(documents.some((text) => text.includes(`\`${name}\``) || text.includes(`\`${name}(`)), name);
    }
    assert.equal(await sql(`SELECT has_schema_privilege('${role}', 'userlock_private', 'USAGE')`), 'f');
  } finally {
    await sql(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
  }
});

test('no helper of the contracts can be called, whichever schema is asked for it', async () => {
  const helpers = JSON.parse(await sql(`SELECT json_object_agg(proname,
    (SELECT coalesce(json_object_agg(name, NULL), '{}') FROM unnest(proargnames[:pronargs]) AS name))
    FROM pg_proc WHERE pronamespace = 'userlock_http'::regnamespace`));
  assert.ok('header' in helpers && Object.keys(helpers).length > 30, Object.keys(helpers).join());
  for (const schema of exposed) {
    for (const [name, parameters] of Object.entries(helpers)) {
      const { status, json } = await ask(schema, 'POST', `/rpc/${name}`, JSON.stringify(parameters));
      assert.equal(status, 404, `${schema}.${name}`);
      assert.equal(json.code, 'PGRST202', `${schema}.${name}`);
    }
  }
});
