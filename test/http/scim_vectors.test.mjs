// SCIM: what Okta and Microsoft test of a server before they provision to it.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import test from 'node:test';
import { env, request } from './lib/client.mjs';
import { core, enterprise, listResponse, newKey, newName, patchOp, pathOf, type, users } from './lib/scim.mjs';

const schemas = ['urn:ietf:params:scim:api:messages:2.0:Error'];
const filled = Symbol('not empty');

// Has an answer what is expected of it, whatever else it has?
function has(value, expected, where = 'the answer') {
  if (expected === filled) assert.ok(![undefined, null, ''].includes(value) && !(Array.isArray(value) && value.length === 0), `${where} is empty`);
  else if (expected === Number) assert.equal(typeof value, 'number', where);
  else if (Array.isArray(expected) && expected.length === 0) assert.deepEqual(value, [], where);
  else if (typeof expected === 'object') for (const [name, one] of Object.entries(expected)) has(value?.[name], one, `${where}.${name}`);
  else assert.equal(value, expected, where);
}

// Rows of [description, method, path, body, status, what the answer has, headers]: each works
// with what those before it have left.
function steps(name, headers, rows) {
  test(name, async (t) => {
    for (const [description, method, path, body, status, expected, more] of rows) {
      await t.test(description, async () => {
        const answer = await request(method, path, { body, headers: { ...headers, ...more } });
        assert.equal(answer.status, status, answer.text);
        if (status === 204) return;
        assert.equal(answer.headers.get('content-type'), type);
        has(answer.json, expected);
      });
    }
  });
}

const byName = (userName) => `${users}?filter=userName eq "${userName}"`;
const list = (...Resources) => ({ schemas: [listResponse], totalResults: Resources.length, Resources });

// Okta: its specification test

const givenName = 'Dale', familyName = `Mohr-${Date.now()}`;
const [first, second] = [newName('a-first'), newName('b-second')];
const person = (userName) => ({
  schemas: [core], userName, name: { givenName, familyName }, emails: [{ primary: true, value: userName, type: 'work' }], displayName: `${givenName} ${familyName}`, active: true,
});
const user = { id: filled, name: { familyName: filled, givenName: filled }, userName: filled, active: true, emails: [{ value: filled }] };
const key = await newKey('operator', `okta-${randomUUID()}`);
assert.equal((await request('POST', users, { token: key, body: person(first) })).status, 201);
const posted = { 'Content-Type': 'application/json', Accept: 'application/scim+json; charset=utf-8' };
steps('Okta\'s specification test', {
  'Accept-Charset': 'utf-8', 'Content-Type': 'application/scim+json; charset=utf-8', Accept: 'application/scim+json', Authorization: `Bearer ${key}`, 'User-Agent': 'OKTA SCIM Integration',
}, [
  ['the users', 'GET', `${users}?count=1&startIndex=1`, undefined, 200,
    { schemas: [listResponse], Resources: [user], itemsPerPage: Number, startIndex: Number, totalResults: Number }],
  ['one of them', 'GET', pathOf(first), undefined, 200, { ...user, id: first }],
  ['a user name that nobody has', 'GET', byName('abcdefgh@atko.com'), undefined, 200, list()],
  ['an id that nobody has', 'GET', `${users}/010101001010101011001010101011`, undefined, 404, { schemas, detail: filled }],
  ['a random address', 'GET', byName(`${randomUUID()}@atko.com`), undefined, 200, list()],
  ['a user is created', 'POST', users, person(second), 201,
    { schemas: [core], active: true, id: filled, name: { familyName, givenName }, userName: second, emails: [{ value: second }] }, posted],
  ['and is there', 'GET', pathOf(second), undefined, 200, { userName: second, name: { familyName, givenName } }],
  ['created again', 'POST', users, person(second), 409, { schemas, scimType: 'uniqueness' }, posted],
  ['the user name in capitals', 'GET', byName(second.toUpperCase()), undefined, 200, list({ id: second })],
  ['groups', 'GET', '/scim/v2/Groups', undefined, 200, list()],
  ['no token', 'GET', byName(second.toUpperCase()), undefined, 401, { schemas, detail: filled, status: '401' }, { Authorization: 'non-token' }],
  ['an id of digits', 'GET', `${users}/00919288221112222`, undefined, 404, { schemas, detail: filled, status: '404' }],
]);

// Microsoft: what its validator asks of users

const fields = {
  title: 'Guide', preferredLanguage: 'en-US', userType: 'Employee', nickName: 'D', timezone: 'Europe/Berlin', locale: 'en-US', profileUrl: 'https://example.com/dale',
  name: { formatted: 'Dale Mohr', familyName: 'Mohr', givenName: 'Dale', middleName: 'K', honorificPrefix: 'Dr.', honorificSuffix: 'III' },
  addresses: [{ type: 'work', formatted: 'Main 1', streetAddress: 'Main', locality: 'Bonn', region: 'NRW', postalCode: '53111', country: 'DE', primary: true }],
  phoneNumbers: ['work', 'mobile', 'fax'].map((kind) => ({ type: kind, value: '+1 201 555 0123' })),
  [enterprise]: { employeeNumber: '7', department: 'Sales', costCenter: 'C', organization: 'O', division: 'D' },
};
const whole = (userName, more) => ({
  userName, active: true, displayName: 'Original', ...fields, emails: [{ type: 'work', value: userName, primary: true }], externalId: `x-${userName}`, schemas: [core, enterprise], ...more,
});
const patch = (userName, ...operations) => ['PATCH', pathOf(userName), { schemas: [patchOp], Operations: operations }, 200];
const read = (userName) => ['GET', pathOf(userName), undefined, 200];
const manager = `${enterprise}:manager`;

// A user of their own, and what is done with them.
const withUser = (rows, attributes = whole) => {
  const userName = newName('Case');
  return [['POST', users, attributes(userName), 201, { schemas: [core], id: userName, userName, active: true, meta: { resourceType: 'User', location: env.HTTP_URL + pathOf(userName) } }], ...rows(userName)];
};
const validator = {
  'a user': withUser((userName) => [
    [...read(userName), { ...fields, externalId: `x-${userName}`, displayName: 'Original', schemas: [core, enterprise] }],
    ['POST', users, whole(userName), 409, { schemas, status: '409', scimType: 'uniqueness' }],
    ['DELETE', pathOf(userName), undefined, 204],
    ['GET', pathOf(userName), undefined, 404, { schemas, status: '404' }],
    ['DELETE', pathOf(userName), undefined, 404, { schemas, status: '404' }],
    ['DELETE', `${users}/00000000-0000-0000-0000-000000000000`, undefined, 404, { schemas, status: '404' }],
  ]),
  'a filter': withUser((userName) => [
    ['GET', byName(userName), undefined, 200, list({ schemas: [core, enterprise], userName, id: userName, meta: { resourceType: 'User' } })],
    ['GET', byName(userName.toUpperCase()), undefined, 200, list({ userName, id: userName })],
    ['GET', byName(randomUUID()), undefined, 200, list()],
    ['GET', `${users}?filter=externalId eq "x-${userName}"`, undefined, 200, list({ userName })],
    ['GET', `${users}?filter=externalId eq "X-${userName.toUpperCase()}"`, undefined, 200, list()],
    ['POST', users, whole(newName(), { externalId: `X-${userName.toUpperCase()}` }), 201, {}],
  ]),
  'attributes replaced': withUser((userName) => [
    [...patch(userName,
      { op: 'replace', path: 'displayName', value: 'N' }, { op: 'replace', path: 'title', value: 'T' }, { op: 'replace', path: 'emails[type eq "work"].value', value: 'n@example.com' },
      { op: 'replace', path: 'emails[type eq "work"].primary', value: true }, { op: 'replace', path: 'addresses[type eq "work"].formatted', value: 'Side 2' },
      { op: 'replace', path: 'phoneNumbers[type eq "mobile"].value', value: '+49 1' }, { op: 'replace', path: `${enterprise}:employeeNumber`, value: '8' },
      { op: 'replace', path: 'name.givenName', value: 'G' }, { op: 'replace', path: 'active', value: false }), {
      displayName: 'N', title: 'T', emails: [{ type: 'work', value: 'n@example.com', primary: true }], addresses: [{ ...fields.addresses[0], formatted: 'Side 2' }],
      phoneNumbers: fields.phoneNumbers.map((one) => (one.type === 'mobile' ? { ...one, value: '+49 1' } : one)), name: { ...fields.name, givenName: 'G' },
      [enterprise]: { ...fields[enterprise], employeeNumber: '8' }, active: false,
    }],
    [...patch(userName, { op: 'replace', value: {
      displayName: 'A', 'name.familyName': 'F', [`${enterprise}:department`]: 'Law', 'emails[type eq "work"].value': 'o@example.com', active: true } }), {
      displayName: 'A', name: { familyName: 'F', givenName: 'G' }, emails: [{ value: 'o@example.com', primary: true }], [enterprise]: { employeeNumber: '8', department: 'Law' }, active: true }],
    [...read(userName), { displayName: 'A', title: 'T', name: { familyName: 'F' }, active: true }],
  ]),
  'a user name replaced': withUser((userName) => [
    [...patch(userName, { op: 'replace', value: { userName: `new-${userName}` } }), { id: userName, userName: `new-${userName}` }],
    ['GET', byName(`NEW-${userName}`), undefined, 200, list({ id: userName })],
    ['GET', byName(userName), undefined, 200, list()],
  ]),
  'a user disabled': withUser((userName) => [
    [...patch(userName, { op: 'replace', path: 'active', value: false }), { active: false }],
    [...read(userName), { active: false }],
    ['GET', byName(userName), undefined, 200, list({ active: false })],
  ]),
  'attributes added': withUser((userName) => [
    [...patch(userName,
      { op: 'add', path: 'displayName', value: 'Added' }, { op: 'add', path: 'title', value: 'T' }, { op: 'add', path: 'nickName', value: 'N' },
      { op: 'add', path: 'emails[type eq "work"].value', value: userName }, { op: 'add', path: 'addresses[type eq "work"].country', value: 'FR' },
      { op: 'add', path: 'roles[primary eq "True"].value', value: 'R' }), {
      displayName: 'Added', title: 'T', nickName: 'N', emails: [{ type: 'work', value: userName }], addresses: [{ type: 'work', country: 'FR' }], roles: [{ value: 'x', primary: false }, { primary: true, value: 'R' }] }],
  ], (userName) => ({ userName, active: true, schemas: [core], roles: [{ primary: 'False', display: 'x', value: 'x', type: 'x' }] })),
  'a manager': withUser((userName) => [
    [...patch(userName, { op: 'add', path: manager, value: { value: 'm-1' } }), { [enterprise]: { manager: { value: 'm-1' }, department: 'Sales' } }],
    [...patch(userName, { op: 'replace', path: manager, value: { value: 'm-2' } }), { [enterprise]: { manager: { value: 'm-2' } } }],
    [...patch(userName, { op: 'replace', path: manager, value: 'm-3' }), { [enterprise]: { manager: { value: 'm-3' } } }],
    [...patch(userName, { op: 'replace', path: manager, value: '' }), { [enterprise]: { manager: undefined, department: 'Sales' } }],
    [...patch(userName, { op: 'add', path: manager, value: 'm-4' }), { [enterprise]: { manager: { value: 'm-4' } } }],
    [...patch(userName, { op: 'replace', path: manager, value: { value: '' } }), { [enterprise]: { manager: undefined } }],
    [...patch(userName, { op: 'add', path: manager, value: { value: 'm-5' } }, { op: 'remove', path: manager }), { [enterprise]: { manager: undefined, department: 'Sales' } }],
  ]),
  'several operations': withUser((userName) => [
    [...patch(userName, { op: 'add', path: 'displayName', value: 'N' }, { op: 'replace', path: 'title', value: 'T' }, { op: 'remove', path: 'preferredLanguage' }),
      { displayName: 'N', title: 'T', preferredLanguage: undefined }],
    [...patch(userName, { op: 'remove', path: 'displayName' }, { op: 'add', path: 'displayName', value: 'I' }, { op: 'replace', path: 'displayName', value: 'F' }), { displayName: 'F' }],
  ]),
};
const token = await newKey('operator', `entra-${randomUUID()}`);
for (const [name, rows] of Object.entries(validator)) {
  steps(`Microsoft's validator: ${name}`, { Authorization: `Bearer ${token}`, 'Content-Type': 'application/scim+json; charset=utf-8' },
    rows.map(([method, ...rest], i) => [`${i + 1} ${method}`, method, ...rest]));
}
