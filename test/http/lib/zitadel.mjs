// What the tests of Zitadel's reads share: a tenant that no other test knows, and its
// users.
import assert from 'node:assert/strict';
import { rpc, sign, sql } from './client.mjs';

let count = 0;

// A tenant of its own, with an operator's token; tenants: others that are the token's.
export async function newTenant(...tenants) {
  const tenant = `zitadel-${process.pid}-${++count}`;
  const token = await sign({ role: 'operator', tenant, tenants });
  const call = async (name, body) => {
    const answer = await rpc(name, body, { token });
    assert.equal(answer.status, 200, answer.text);
    return answer.json;
  };
  return {
    tenant,
    token,
    call,
    // Users by their ids: { id: profile }, in this order.
    async register(users) {
      for (const [user_id, profile] of Object.entries(users)) await call('register_user', { user_id, profile });
    },
  };
}

// What details say of each user of a tenant, asked of the database, by the ids.
export async function detailsOfAll(tenant) {
  const rows = await sql(`SELECT user_id, sequence, userlock_http.timestamp(changed_at), userlock_http.timestamp(created_at) FROM userlock.users WHERE tenant = '${tenant}'`);
  return Object.fromEntries(rows.split('\n').map((row) => {
    const [id, sequence, changeDate, creationDate] = row.split('|');
    return [id, {
      v2: { sequence, changeDate, resourceOwner: tenant, creationDate },
      v1: { sequence, creationDate, changeDate, resourceOwner: tenant },
    }];
  }));
}
export const detailsOf = async (tenant, id) => (await detailsOfAll(tenant))[id];

// Profiles, and how each API shows them: { profile, name, v2, v1 }; v2 and v1 are what
// is human or machine.
const urn = 'urn:userlock:zitadel';
const nobody = { nickName: '', displayName: '', preferredLanguage: 'und', gender: 'GENDER_UNSPECIFIED' };
export const profiles = {
  'no profile': {
    v2: { human: { profile: nobody, email: {}, phone: {} } },
    v1: { human: { profile: {}, email: {}, phone: {} } },
  },
  'an empty profile': {
    profile: {},
    v2: { human: { profile: nobody, email: {}, phone: {} } },
    v1: { human: { profile: {}, email: {}, phone: {} } },
  },
  'a whole profile': {
    profile: {
      userName: 'Minnie@Example.com', name: { givenName: 'Minnie', familyName: 'Mouse' }, nickName: 'Min', displayName: 'Minnie "M" Mouse',
      preferredLanguage: 'de-CH', photos: [{ value: 'https://x/1.png' }, { value: 'https://x/2.png', primary: true }],
      emails: [{ value: 'first@example.com' }, { value: 'minnie@example.com', primary: true, verified: true }],
      phoneNumbers: [{ value: '+41791234567' }, { value: '+41440000000' }],
      [urn]: { gender: 'GENDER_FEMALE', isPhoneVerified: true },
    },
    name: 'Minnie@Example.com',
    v2: {
      human: {
        profile: {
          givenName: 'Minnie', familyName: 'Mouse', nickName: 'Min', displayName: 'Minnie "M" Mouse', preferredLanguage: 'de-CH',
          gender: 'GENDER_FEMALE', avatarUrl: 'https://x/2.png',
        },
        email: { email: 'minnie@example.com', isVerified: true },
        phone: { phone: '+41791234567', isVerified: true },
      },
    },
    v1: {
      human: {
        profile: {
          firstName: 'Minnie', lastName: 'Mouse', nickName: 'Min', displayName: 'Minnie "M" Mouse', preferredLanguage: 'de-CH',
          gender: 'GENDER_FEMALE', avatarUrl: 'https://x/2.png',
        },
        email: { email: 'minnie@example.com', isEmailVerified: true },
        phone: { phone: '+41791234567', isPhoneVerified: true },
      },
    },
  },
  'e-mail addresses and numbers that nobody has verified, of which none is primary': {
    profile: { emails: [{ value: 'a@example.com', verified: false }, { value: 'b@example.com' }], phoneNumbers: [{ value: '1', primary: false }], [urn]: { isPhoneVerified: false } },
    v2: { human: { profile: nobody, email: { email: 'a@example.com' }, phone: { phone: '1' } } },
    v1: { human: { profile: {}, email: { email: 'a@example.com' }, phone: { phone: '1' } } },
  },
  'nothing where it should be': {
    profile: {
      name: 'Minnie', nickName: { a: 1 }, preferredLanguage: 7, photos: 'x', phoneNumbers: [5, { value: 5 }, null], emails: [{ primary: true }],
      [urn]: { gender: 'FEMALE', machine: false, isEmailVerified: 'no' },
    },
    v2: { human: { profile: nobody, email: {}, phone: {} } },
    v1: { human: { profile: {}, email: {}, phone: {} } },
  },
  'a machine': {
    profile: { userName: 'ci', displayName: 'CI', [urn]: { machine: { name: 'Builder', description: 'builds', hasSecret: true, accessTokenType: 'ACCESS_TOKEN_TYPE_JWT' } } },
    name: 'ci',
    v2: { machine: { name: 'Builder', description: 'builds', hasSecret: true, accessTokenType: 'ACCESS_TOKEN_TYPE_JWT' } },
    v1: { machine: { name: 'Builder', description: 'builds', hasSecret: true, accessTokenType: 'ACCESS_TOKEN_TYPE_JWT' } },
  },
  'a machine of which little is known': {
    profile: { displayName: 'CI', [urn]: { machine: { hasSecret: false, accessTokenType: 'ACCESS_TOKEN_TYPE_BEARER', description: '' } } },
    v2: { machine: { name: 'CI' } },
    v1: { machine: { name: 'CI' } },
  },
  'a machine of which nothing is known': { profile: { [urn]: { machine: {} } }, v2: { machine: {} }, v1: { machine: {} } },
};

// A user as each API shows them: keys in the order in which they come.
export function shown(id, details, state, { name = id, v2, v1 }) {
  return {
    v2: { userId: id, state, username: name, loginNames: [name], preferredLoginName: name, ...v2, details: details.v2 },
    v1: { id, details: details.v1, state, userName: name, loginNames: [name], preferredLoginName: name, ...v1 },
  };
}

// The error with this code, text and id, as REST tells it.
export const error = (code, text, id) => JSON.stringify({
  code,
  message: id ? `${text} (${id})` : text,
  ...(id ? { details: [{ '@type': 'type.googleapis.com/zitadel.v1.ErrorDetail', id, message: text }] } : {}),
});

// Conditions nested so deep, around one that finds everybody.
export function nested(depth) {
  let query = { inUserIdsQuery: { userIds: ['nobody'] } };
  query = { notQuery: { query } };
  for (let i = 1; i < depth; i++) query = i % 2 ? { andQuery: { queries: [query] } } : { orQuery: { queries: [query] } };
  return query;
}
