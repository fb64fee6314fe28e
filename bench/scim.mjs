// Imports users, and pages through them in the order of their ids; prints how long
// each took.  Interfaces: scim, native.
//
//   node scim.mjs INTERFACE USERS CLIENTS
import { Agent, request } from 'node:http';

const [name, users, clients] = [process.argv[2], Number(process.argv[3]), Number(process.argv[4])];
const pageSize = 200;
const { hostname, port } = new URL(process.env.HTTP_URL);
const agent = new Agent({ keepAlive: true, maxSockets: clients });

function send(method, path, body) {
  const headers = { Authorization: `Bearer ${process.env.OPERATOR_TOKEN}` };
  const data = body && JSON.stringify(body);
  if (data) Object.assign(headers, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(data) });
  return new Promise((resolve, reject) => {
    const sent = request({ agent, hostname, port, method, path, headers }, async (answer) => {
      const text = Buffer.concat(await answer.toArray()).toString();
      if (answer.statusCode >= 300) reject(new Error(`${method} ${path}: ${answer.statusCode} ${text}`));
      else resolve(JSON.parse(text));
    });
    sent.on('error', reject).end(data);
  });
}

const userOf = (n) => ({
  schemas: ['urn:ietf:params:scim:schemas:core:2.0:User'], userName: `${name}-${n}@example.com`, externalId: `${name}-${n}`,
  name: { givenName: 'Ada', familyName: `Lovelace ${n}` }, emails: [{ value: `${name}-${n}@example.com`, type: 'work', primary: true }],
});
const interfaces = {
  native: {
    create: (user) => send('POST', '/rpc/register_user', { user_id: user.userName, profile: user }),
    page: async (skip) => ({
      ids: (await send('POST', '/rpc/find_users', { page_size: pageSize, skip })).map((user) => user.user_id),
      total: await send('POST', '/rpc/count_users', {}),
    }),
  },
  scim: {
    create: (user) => send('POST', '/scim/v2/Users', { ...user, active: true }),
    page: async (skip) => {
      const list = await send('GET', `/scim/v2/Users?startIndex=${skip + 1}&count=${pageSize}`);
      return { ids: list.Resources.map((user) => user.id), total: list.totalResults };
    },
  },
};
const { create, page } = interfaces[name];
const seconds = (since) => ((performance.now() - since) / 1000).toFixed(1);

let next = 0;
let begin = performance.now();
await Promise.all(Array.from({ length: clients }, async () => {
  while (next < users) await create(userOf(next++));
}));
console.log(`${name}: ${users} users imported in ${seconds(begin)} s`);

begin = performance.now();
const seen = new Set();
for (let total = 1, skip = 0; skip < total; skip += pageSize) {
  const answer = await page(skip);
  total = answer.total;
  for (const id of answer.ids) seen.add(id);
}
console.log(`${name}: ${seen.size} users seen on pages of ${pageSize} in ${seconds(begin)} s`);
agent.destroy();
