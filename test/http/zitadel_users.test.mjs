// Zitadel's users over REST: GetUserByID and ListUsers, user API v2 and management
// API v1.
import assert from 'node:assert/strict';
import test from 'node:test';
import { env, eventsOf, get, newUser, raw, request, sign, sql } from './lib/client.mjs';
import { badTokens, check, commonErrors, vectors, withRole } from './lib/contract.mjs';
import { detailsOf, error, nested, newTenant, profiles, shown } from './lib/zitadel.mjs';

const json = 'application/json';
const versions = {
  v2: {
    name: 'Zitadel v2', denied: 'AUTH-AWfge', idField: 'UserId',
    user: (id) => `/v2/users/${id}`, list: '/v2/users', timestamp: 'timestamp', id: 'userId',
    answer: (user) => ({ details: user.details, user }),
  },
  v1: {
    name: 'Zitadel v1', denied: 'AUTH-5mWD2', idField: 'Id',
    user: (id) => `/management/v1/users/${id}`, list: '/management/v1/users/_search', timestamp: 'viewTimestamp', id: 'id',
    answer: (user) => ({ user }),
  },
};

for (const [version, v] of Object.entries(versions)) {
  const list = (body, { token = env.OPERATOR_TOKEN, headers } = {}) => request('POST', v.list, { token, body, headers });
  // The ids of those whom queries find, in the order that was asked for.
  const find = async (token, body) => {
    const answer = await list(body, { token });
    assert.equal(answer.status, 200, answer.text);
    return (answer.json.result ?? []).map((user) => user[v.id]);
  };
  const notFound = { status: 404, type: json, body: error(5, 'User could not be found', 'QUERY-Dfbg2') };
  const forbidden = { status: 403, type: json, body: error(7, 'No matching permissions found', v.denied) };
  const noOrganisation = { status: 403, type: json, body: error(7, "Organisation doesn't exist", 'AUTH-Bs7Ds') };
  const invalidBody = { status: 400, type: json, body: '{"code":3,"message":"invalid request body"}' };
  const invalidQuery = { status: 400, type: json, body: error(3, 'List.Query.Invalid', 'GRPC-vR9nC') };
  const tooDeep = { status: 400, type: json, body: error(3, 'Errors.Query.TooManyNestingLevels', 'USER-zsQ97') };
  const invalidId = { status: 400, type: json, body: error(3, `invalid GetUserByIDRequest.${v.idField}: value length must be between 1 and 200 runes, inclusive`) };
  const missingToken = { status: 401, type: json, body: '{"code":16,"message":"auth header missing"}', headers: { 'www-authenticate': 'auth header missing' } };
  const badToken = {
    status: 401, type: json, body: error(16, 'Errors.Token.Invalid', 'AUTH-7fs1e'), headers: { 'www-authenticate': 'Errors.Token.Invalid (AUTH-7fs1e)' },
  };

  for (const [description, profile] of Object.entries(profiles)) {
    test(`${v.name}: a user with ${description}, alone and in a list`, async () => {
      const { tenant, token, register } = await newTenant();
      await register({ someone: profile.profile });
      const user = shown('someone', await detailsOf(tenant, 'someone'), 'USER_STATE_ACTIVE', profile)[version];
      check(await get(v.user('someone'), { token }), { status: 200, type: json, body: JSON.stringify(v.answer(user)) });
      const answer = await list({}, { token });
      const { [v.timestamp]: timestamp } = answer.json.details;
      assert.match(timestamp, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3}|\.\d{6})?Z$/);
      assert.ok(Math.abs(Date.parse(timestamp) - Date.now()) < 60_000);
      check(answer, {
        status: 200, type: json,
        body: JSON.stringify({ details: { totalResult: '1', processedSequence: '1', [v.timestamp]: timestamp }, result: [user] }),
      });
    });
  }

  test(`${v.name}: the state that is shown, in which inactive hides locked`, async () => {
    const { tenant, token, register, call } = await newTenant();
    const states = { active: [], locked: ['lock_user'], blocked: ['block_user'], 'locked+blocked': ['lock_user', 'block_user'] };
    const names = { active: 'USER_STATE_ACTIVE', locked: 'USER_STATE_LOCKED', blocked: 'USER_STATE_INACTIVE', 'locked+blocked': 'USER_STATE_INACTIVE' };
    for (const [id, restrictions] of Object.entries(states)) {
      await register({ [id]: undefined });
      for (const restriction of restrictions) await call(restriction, { user_id: id });
      const user = shown(id, await detailsOf(tenant, id), names[id], profiles['no profile'])[version];
      check(await get(v.user(encodeURIComponent(id)), { token }), { status: 200, type: json, body: JSON.stringify(v.answer(user)) });
    }
    for (const [state, found] of Object.entries({
      USER_STATE_ACTIVE: ['active'], USER_STATE_LOCKED: ['locked'], USER_STATE_INACTIVE: ['blocked', 'locked+blocked'],
      USER_STATE_UNSPECIFIED: [], USER_STATE_DELETED: [], USER_STATE_INITIAL: [], 1: ['active'], 2: ['blocked', 'locked+blocked'], 4: ['locked'], 5: [], 6: [], 77: [],
    })) {
      assert.deepEqual(await find(token, { query: { asc: true }, queries: [{ stateQuery: { state: /^\d+$/.test(state) ? Number(state) : state } }] }), found, state);
    }
    assert.deepEqual(await find(token, { queries: [{ stateQuery: {} }] }), []);
  });

  test(`${v.name}: a user locked just now is locked, and one whose lock has just ended is not, without anything written`, async () => {
    const { tenant, token, register, call } = await newTenant();
    await register({ a: undefined, b: undefined });
    const stateOf = async (id) => (await get(v.user(id), { token })).json.user.state;
    const locked = () => find(token, { query: { asc: true }, queries: [{ stateQuery: { state: 'USER_STATE_LOCKED' } }] });
    await call('lock_user', { user_id: 'a' });
    assert.equal(await stateOf('a'), 'USER_STATE_LOCKED');
    assert.deepEqual(await locked(), ['a']);
    await call('lock_user', { user_id: 'b', until: new Date(Date.now() + 2000).toISOString() });
    assert.deepEqual(await locked(), ['a', 'b']);
    await new Promise((resolve) => setTimeout(resolve, 2050));
    assert.equal(await stateOf('b'), 'USER_STATE_ACTIVE');
    assert.deepEqual(await locked(), ['a']);
    const { details, result } = (await list({ query: { asc: true } }, { token })).json;
    assert.deepEqual(result.map((user) => [user.state, user.details.sequence]), [['USER_STATE_LOCKED', '2'], ['USER_STATE_ACTIVE', '3']]);
    assert.equal(details.processedSequence, '3');
    assert.equal(await sql(`SELECT string_agg(kind, ' ' ORDER BY sequence) FROM userlock_private.event WHERE tenant = '${tenant}' AND user_id = 'b'`), 'registered locked');
  });

  test(`${v.name}: an empty list`, async () => {
    const { token } = await newTenant();
    const answer = await list({}, { token });
    check(answer, { status: 200, type: json, body: `{"details":{"${v.timestamp}":"${answer.json.details[v.timestamp]}"}}` });
  });

  test(`${v.name}: a page, in what order`, async () => {
    const { token, register, call } = await newTenant();
    await register({
      'c-1': { userName: 'Delta', displayName: 'alpha', emails: [{ value: 'B@example.com' }] },
      'a-2': { userName: 'alpha', displayName: 'Beta', emails: [{ value: 'a@example.com' }] },
      'b-3': undefined,
    });
    await call('lock_user', { user_id: 'a-2' });
    const page = (query, sortingColumn) => find(token, { query, sortingColumn });
    for (const [column, ascending] of Object.entries({
      USER_FIELD_NAME_UNSPECIFIED: ['a-2', 'b-3', 'c-1'],
      // Whoever has no user name is shown by the id, and is in its place.
      USER_FIELD_NAME_USER_NAME: ['a-2', 'b-3', 'c-1'],
      USER_FIELD_NAME_STATE: ['b-3', 'c-1', 'a-2'],
      USER_FIELD_NAME_CREATION_DATE: ['c-1', 'a-2', 'b-3'],
      USER_FIELD_NAME_FIRST_NAME: ['a-2', 'b-3', 'c-1'], USER_FIELD_NAME_LAST_NAME: ['a-2', 'b-3', 'c-1'],
      USER_FIELD_NAME_NICK_NAME: ['a-2', 'b-3', 'c-1'], USER_FIELD_NAME_TYPE: ['a-2', 'b-3', 'c-1'], 99: ['a-2', 'b-3', 'c-1'],
    })) {
      const sortingColumn = column === '99' ? 99 : column;
      assert.deepEqual(await page({ asc: true }, sortingColumn), ascending, column);
      // Ties are by id.
      if (column !== 'USER_FIELD_NAME_STATE') assert.deepEqual(await page({ asc: false }, sortingColumn), ascending.toReversed?.() ?? [...ascending].reverse(), column);
    }
    // Whoever has none comes last.
    assert.deepEqual(await page({ asc: true }, 'USER_FIELD_NAME_EMAIL'), ['a-2', 'c-1', 'b-3']);
    assert.deepEqual(await page({}, 'USER_FIELD_NAME_EMAIL'), ['c-1', 'a-2', 'b-3']);
    assert.deepEqual(await page({ asc: true }, 'USER_FIELD_NAME_DISPLAY_NAME'), ['c-1', 'a-2', 'b-3']);
    assert.deepEqual(await page({}, 'USER_FIELD_NAME_DISPLAY_NAME'), ['a-2', 'c-1', 'b-3']);
    assert.deepEqual(await page(undefined), ['c-1', 'b-3', 'a-2'], 'descending unless told otherwise');
    assert.deepEqual(await page({ asc: true, limit: 2 }), ['a-2', 'b-3']);
    assert.deepEqual(await page({ asc: true, limit: 2, offset: '2' }), ['c-1']);
    assert.deepEqual(await page({ asc: true, limit: 0, offset: 1 }), ['b-3', 'c-1']);
    assert.deepEqual(await page({ offset: '18446744073709551615' }), []);
    for (const [query, total] of [[{ limit: 1 }, '3'], [{ limit: 3 }, '3'], [{ limit: 4 }, '3'], [{ offset: 3 }, '3'], [{ offset: 2 }, '3'], [{ offset: '9223372036854775808' }, '3']]) {
      assert.equal((await list({ query }, { token })).json.details.totalResult, total, JSON.stringify(query));
    }
  });

  test(`${v.name}: 100 users unless told otherwise, and never more than 1000`, async () => {
    const { tenant, token } = await newTenant();
    await sql(`SELECT count(*) FROM generate_series(1, 1001) AS i, userlock.register_user('u' || i, '${tenant}')`);
    for (const [query, shownUsers] of [[undefined, 100], [{ limit: 0 }, 100], [{ limit: 1000 }, 1000], [{ limit: 4294967295 }, 1000], [{ limit: 1000, offset: 1000 }, 1]]) {
      const { details, result } = (await list({ query }, { token })).json;
      assert.deepEqual([details.totalResult, result.length], ['1001', shownUsers]);
    }
  });

  // Rows of [what, queries, ids of those found in the order of ids].
  const text = (kind, field, value, method) => ({ [`${kind}Query`]: { [field]: value, ...(method ? { method: `TEXT_QUERY_METHOD_${method}` } : {}) } });
  const named = (value, method) => text('userName', 'userName', value, method);
  const mailed = (value, method) => text('email', 'emailAddress', value, method);
  const or = (...queries) => ({ orQuery: { queries } });
  const and = (...queries) => ({ andQuery: { queries } });
  const not = (query) => ({ notQuery: { query } });
  const ids = (...userIds) => ({ inUserIdsQuery: { userIds } });
  const everybody = ['1-bob', '2-Bob', '3', '4', '5-ci'];
  const rows = [
    ['a name, in this very case', [named('Bobby')], ['3']],
    ['a name in another case', [named('bobby')], []],
    ['a name in any case', [named('BOBBY', 'EQUALS_IGNORE_CASE')], ['3']],
    ['how a name begins', [named('Bob', 'STARTS_WITH')], ['3']],
    ['how a name begins, in any case', [named('bOB', 'STARTS_WITH_IGNORE_CASE')], ['3']],
    ['what a name contains', [named('bb', 'CONTAINS')], ['3']],
    ['what a name contains, in another case', [named('BB', 'CONTAINS')], []],
    ['what a name contains, in any case', [named('BB', 'CONTAINS_IGNORE_CASE')], ['3']],
    ['how a name ends', [named('y', 'ENDS_WITH')], ['3', '4']],
    ['how a name ends, in another case', [named('Y', 'ENDS_WITH')], []],
    ['how a name ends, in any case', [named('Y', 'ENDS_WITH_IGNORE_CASE')], ['3', '4']],
    ['an id where there is no name', [named('1-bob')], ['1-bob']],
    ['an id where there is a name', [named('3')], []],
    ['an id in another case', [named('2-bob')], []],
    ['an id as it is, in whatever case', [named('2-Bob', 'EQUALS_IGNORE_CASE')], ['2-Bob']],
    ['an id in lower case, in whatever case', [named('1-BOB', 'EQUALS_IGNORE_CASE')], ['1-bob']],
    ['how an id begins', [named('2-B', 'STARTS_WITH')], ['2-Bob']],
    ['what ids and names contain', [named('ob', 'CONTAINS')], ['1-bob', '2-Bob', '3']],
    ['what ids contain, in whatever case', [named('BOB', 'CONTAINS_IGNORE_CASE')], ['1-bob', '3']],
    ['how ids and names end', [named('ob', 'ENDS_WITH')], ['1-bob', '2-Bob']],
    ['what means something elsewhere', [named('%', 'CONTAINS')], ['4']],
    ['an empty name', [named('')], []],
    ['what everybody contains', [named('', 'CONTAINS')], everybody],
    ['no name at all', [{ userNameQuery: {} }], []],
    ['a method by its number', [{ userNameQuery: { userName: 'bobby', method: 1 } }], ['3']],
    ['a login name', [text('loginName', 'loginName', 'Bobby')], ['3']],
    ['a login name that is an id', [text('loginName', 'loginName', '2-B', 'STARTS_WITH')], ['2-Bob']],
    ['an address, in this very case', [mailed('Bob@Example.com')], ['3']],
    ['an address in another case', [mailed('bob@example.com')], []],
    ['an address in any case', [mailed('bob@example.com', 'EQUALS_IGNORE_CASE')], ['3']],
    ['how an address begins', [mailed('Bob@', 'STARTS_WITH')], ['3']],
    ['how an address ends, in any case', [mailed('@EXAMPLE.com', 'ENDS_WITH_IGNORE_CASE')], ['3', '4']],
    ['what an address contains', [mailed('@Ex', 'CONTAINS')], ['3']],
    ['an address that is not the primary one', [mailed('second@example.com', 'EQUALS_IGNORE_CASE')], []],
    ['ids', [ids('3', '1-bob', 'nobody', '3')], ['1-bob', '3']],
    ['no ids', [ids()], []],
    ['humans', [{ typeQuery: { type: 'TYPE_HUMAN' } }], ['1-bob', '2-Bob', '3', '4']],
    ['machines', [{ typeQuery: { type: 'TYPE_MACHINE' } }], ['5-ci']],
    ['neither', [{ typeQuery: { type: 'TYPE_UNSPECIFIED' } }], []],
    ['no kind', [{ typeQuery: {} }], []],
    ['locked users', [{ stateQuery: { state: 'USER_STATE_LOCKED' } }], ['2-Bob', '4']],
    ['either', [or(named('Bobby'), ids('1-bob'))], ['1-bob', '3']],
    ['either, or nothing', [or()], []],
    ['both', [and(named('y', 'ENDS_WITH'), { stateQuery: { state: 'USER_STATE_LOCKED' } })], ['4']],
    ['both, of none', [and()], everybody],
    ['not', [not(ids('3', '4'))], ['1-bob', '2-Bob', '5-ci']],
    ['not a name, which they have none of', [not(mailed('Bob@Example.com'))], ['1-bob', '2-Bob', '4', '5-ci']],
    ['not a machine', [not({ typeQuery: { type: 'TYPE_MACHINE' } })], ['1-bob', '2-Bob', '3', '4']],
    ['one in another', [or(and(not(or(ids('1-bob'), ids('2-Bob'))), { stateQuery: { state: 'USER_STATE_LOCKED' } }), named('Bobby'))], ['3', '4']],
    ['two at once', [{ stateQuery: { state: 'USER_STATE_LOCKED' } }, named('ob', 'CONTAINS')], ['2-Bob']],
    ['nested 20 deep', [nested(20)], everybody],
  ];
  test(`${v.name}: who is found`, async (t) => {
    const { token, register, call } = await newTenant();
    await register({
      '1-bob': undefined,
      '2-Bob': { displayName: 'no name' },
      3: { userName: 'Bobby', emails: [{ value: 'second@example.com' }, { value: 'Bob@Example.com', primary: true }] },
      4: { userName: '100% Curly', emails: [{ value: 'curly@example.com' }] },
      '5-ci': { 'urn:userlock:zitadel': { machine: {} } },
    });
    await call('lock_user', { user_id: '2-Bob' });
    await call('lock_user', { user_id: '4' });
    for (const [description, queries, found] of rows) {
      await t.test(description, async () => {
        assert.deepEqual(await find(token, { query: { asc: true }, queries }), found);
        const { details } = (await list({ query: { limit: 1 }, queries }, { token })).json;
        assert.equal(details.totalResult ?? '0', String(found.length));
      });
    }
  });

  const orElse = (queries) => [{ orQuery: { queries } }];
  vectors(v.name, [
    ...[
      ['an element without a query', [{}]], ['an element without a query among others', [named('a'), {}]],
      ['an unknown query', [{ whateverQuery: {} }]],
      ['a query of the first name', [{ firstNameQuery: { firstName: 'a' } }]], ['of the last name', [{ lastNameQuery: { lastName: 'a' } }]],
      ['of the nick name', [{ nickNameQuery: { nickName: 'a' } }]], ['of the phone number', [{ phoneQuery: { number: '1' } }]],
      ['nothing in or', orElse([named('a'), {}])], ['nothing in not', [{ notQuery: {} }]], ['an empty query in not', [not({})]], ['nothing deep down', orElse([and(not({}))])],
      ['an unknown method', [{ userNameQuery: { userName: 'a', method: 8 } }]], ['an unknown method of an address', [{ emailQuery: { emailAddress: 'a', method: -1 } }]],
      ['more ids than a filter may have', [ids(...Array.from({ length: 20_000 }, (_, i) => `user-number-${i}`))]],
    ].map(([description, queries]) => [description, () => list({ queries }), invalidQuery]),
    ['nested more than 20 deep', () => list({ queries: [nested(21)] }), tooDeep],
    ['nested 300 deep', () => list({ queries: [nested(300)] }), tooDeep],
    ...['{', '[]', 'null', '"x"', '{"query":5}', '{"query":{"limit":-1}}', '{"query":{"limit":"x"}}', '{"query":{"limit":4294967296}}', '{"query":{"offset":1.5}}',
      '{"query":{"asc":"yes"}}', '{"sortingColumn":"EMAIL"}', '{"queries":{}}', '{"queries":[null]}', '{"queries":[5]}', '{"queries":[{"userNameQuery":{"userName":5}}]}',
      '{"queries":[{"userNameQuery":{"method":"EQUALS"}}]}', '{"queries":[{"stateQuery":{"state":"LOCKED"}}]}', '{"queries":[{"inUserIdsQuery":{"userIds":[5]}}]}',
      '{"queries":[{"userNameQuery":{"userName":"\\u0000"}}]}', '['.repeat(100_000), Buffer.from('{"a":"\xff"}', 'latin1')]
      .map((body) => [`list with ${String(body).slice(0, 60)}`, () => list(body), invalidBody]),
    ['list without a token', () => list({}, { token: null }), missingToken],
    ['list without permission', () => list({}, { token: env.STRANGER_TOKEN }), forbidden],
    ['list without permission, malformed body', () => list('{', { token: env.STRANGER_TOKEN }), forbidden],
    ['list without permission, a query that is not served', () => list({ queries: [{}] }, { token: env.STRANGER_TOKEN }), forbidden],
    ['list of an unknown organisation', () => list({}, { headers: { 'x-zitadel-orgid': 'nope' } }), noOrganisation],
    ['list of an unknown organisation comes before permission', () => list({}, { token: env.STRANGER_TOKEN, headers: { 'x-zitadel-orgid': 'nope' } }), noOrganisation],
    ['list of an organisation that is not the caller\'s', () => list({}, { token: env.OTHER_TENANT_TOKEN, headers: { 'x-zitadel-orgid': env.TENANT } }), noOrganisation],
    ['list with a wrong content type', () => list('{}', { headers: { 'Content-Type': 'text/plain' } }), { status: 415, type: json, body: '{"code":3,"message":"Unsupported Media Type"}' }],
    ['list with a body that is encoded', () => list('{}', { headers: { 'Content-Encoding': 'gzip' } }), { status: 415, type: json, body: '{"code":3,"message":"Unsupported Media Type"}' }],
    ['list with a body too large', () => list(`{"a":"${'x'.repeat(1_100_000)}"}`), { status: 413, type: json, body: '{"code":8,"message":"Request Entity Too Large"}' }],
    ['an id of 201 characters', () => get(v.user('x'.repeat(201)), { token: env.OPERATOR_TOKEN }), invalidId],
    ['an id that is not UTF-8', () => get(v.user('%ff'), { token: env.OPERATOR_TOKEN }), invalidId],
    ['an id of 200 characters of four bytes, unknown', () => get(v.user(encodeURIComponent('😀'.repeat(200))), { token: env.OPERATOR_TOKEN }), notFound],
    ['a user without a token', () => get(v.user('x')), missingToken],
    ['a user of an unknown organisation', () => get(v.user('x'), { token: env.OPERATOR_TOKEN, headers: { 'x-zitadel-orgid': 'nope' } }), noOrganisation],
    ['a user of an unknown organisation comes before permission', () => get(v.user('x'), { token: env.STRANGER_TOKEN, headers: { 'x-zitadel-orgid': 'nope' } }), noOrganisation],
  ]);

  for (const [kind, make] of Object.entries(badTokens)) {
    test(`${v.name}: a list with a bad token (${kind})`, async () => check(await list({}, { token: await make() }), badToken));
  }

  test(`${v.name}: what a request for a list may look like`, async () => {
    const { tenant, token, register } = await newTenant();
    await register({ someone: undefined });
    for (const options of [
      { body: '' }, { body: undefined, headers: { 'Content-Type': json } }, { body: '{}' }, { body: '{"unknown":[{"a":1}],"queries":null,"query":{}}' },
      { body: '{"sorting_column":"USER_FIELD_NAME_EMAIL","queries":[{"user_name_query":{"user_name":"someone"}}]}' },
      { headers: { 'Content-Type': 'application/json; charset=utf-8' }, body: '{}' }, { headers: { Accept: 'text/html' }, body: '{}' },
      { headers: { 'x-zitadel-orgid': tenant }, body: '{}' }, { headers: { 'x-zitadel-orgid': '' }, body: '{}' },
      { headers: { Prefer: 'count=exact, tx=rollback', 'Content-Profile': 'userlock', 'X-Userlock-Operation': 'v2/lock' }, body: '{}' },
    ]) {
      const answer = await request('POST', v.list, { token, ...options });
      assert.equal(answer.json.result?.[0]?.[v.id], 'someone', JSON.stringify(options) + answer.text);
    }
    assert.equal((await request('POST', `${v.list}?limit=0&select=x`, { token, body: '{}' })).json.result.length, 1);
  });

  test(`${v.name}: HEAD, a Content-Type and a body change nothing for a user`, async () => {
    const { token, register } = await newTenant();
    await register({ someone: undefined });
    const plain = await get(v.user('someone'), { token });
    check(await get(v.user('someone'), { token, headers: { 'Content-Type': 'text/plain' } }), { status: 200, type: json, body: plain.text });
    const head = await fetch(env.HTTP_URL + v.user('someone'), { method: 'HEAD', headers: { authorization: `Bearer ${token}` } });
    assert.deepEqual([head.status, head.headers.get('content-type'), await head.text()], [200, json, '']);
    const answer = await raw(`GET ${v.user('someone')} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer ${token}\r\nContent-Length: 1\r\n\r\n{`);
    assert.equal(answer.status, 200);
  });

  test(`${v.name}: other verbs for a list, and paths that are nearly right`, async () => {
    for (const verb of ['PUT', 'DELETE', 'PATCH', 'OPTIONS', ...(version === 'v2' ? ['GET', 'HEAD'] : [])]) {
      const answer = await request(verb, v.list, { token: env.OPERATOR_TOKEN, body: ['PUT', 'DELETE', 'PATCH'].includes(verb) ? '{}' : undefined });
      assert.equal(answer.status, 405, verb);
      assert.equal(answer.headers.get('allow'), 'POST');
    }
    for (const path of [`${v.list}/`, `${v.list}//`, v.user(''), v.user('x/y'), '/v2/user', '/management/v1/users', '/management/v1/users/']) {
      for (const verb of ['GET', 'POST']) {
        check(await request(verb, path, { token: env.OPERATOR_TOKEN, body: verb === 'POST' ? '{}' : undefined }),
          { status: 404, type: json, body: '{"code":5,"message":"Not Found"}' }, path);
      }
    }
  });

  test(`${v.name}: a tenant sees its own users, and those of an organisation that is the token's too`, async () => {
    const one = await newTenant();
    const other = await newTenant(one.tenant);
    await one.register({ shared: { userName: 'one' }, alone: undefined });
    await other.register({ shared: { userName: 'other' } });
    const organisation = { headers: { 'x-zitadel-orgid': one.tenant } };
    const names = async (options) => (await list({ query: { asc: true } }, options)).json.result.map((user) => user[version === 'v2' ? 'username' : 'userName']);
    assert.deepEqual(await names({ token: one.token }), ['alone', 'one']);
    assert.deepEqual(await names({ token: other.token }), ['other']);
    assert.deepEqual(await names({ token: other.token, ...organisation }), ['alone', 'one']);
    check(await get(v.user('alone'), { token: other.token }), notFound);
    assert.equal((await get(v.user('alone'), { token: other.token, ...organisation })).json.user.details.resourceOwner, one.tenant);
    check(await get(v.user('other'), { token: one.token, headers: { 'x-zitadel-orgid': other.tenant } }), noOrganisation);

    const queried = { queries: [{ organizationIdQuery: { organizationId: one.tenant } }] };
    if (version === 'v1') {
      check(await list(queried, { token: one.token }), invalidQuery);
      return;
    }
    const found = async (token, queries, options) => (await list({ query: { asc: true }, queries }, { token, ...options })).json.result?.map((user) => user.username) ?? [];
    assert.deepEqual(await found(one.token, queried.queries), ['alone', 'one']);
    assert.deepEqual(await found(other.token, queried.queries), ['alone', 'one'], 'one of the token\'s by a query');
    assert.deepEqual(await found(other.token, queried.queries, { headers: { 'x-zitadel-orgid': other.tenant } }), [], 'the header goes first');
    assert.deepEqual(await found(one.token, [{ organizationIdQuery: { organizationId: other.tenant } }]), [], 'not the token\'s');
    assert.deepEqual(await found(one.token, [not({ organizationIdQuery: { organizationId: other.tenant } })]), ['alone', 'one']);
    assert.deepEqual(await found(one.token, [{ organizationIdQuery: {} }]), []);
  });

  test(`${v.name}: the permissions are EXECUTE on find_users, count_users and user_status; a profile takes user_profile`, async () => {
    const { tenant, register } = await newTenant();
    await register({ someone: { userName: 'some', displayName: 'Someone' }, somewhat: { 'urn:userlock:zitadel': { machine: {} } } });
    const all = ['find_users', 'count_users', 'user_status', 'user_profile'];
    for (const [functions, listed, got] of [
      [[], 403, 403], [['user_status'], 403, 200], [['find_users'], 403, 403], [['count_users'], 403, 403], [['find_users', 'count_users'], 200, 403],
      [all, 200, 200], [['find_users', 'count_users', 'user_status'], 200, 200],
      [['lock_user', 'unlock_user', 'try_transition', 'user_profile'], 403, 403],
    ]) {
      await withRole(functions, async (role) => {
        const token = await sign({ role, tenant });
        const answers = [await list({ query: { asc: true } }, { token }), await get(v.user('someone'), { token }), await get(v.user('nobody'), { token })];
        assert.deepEqual(answers.map(({ status }) => status), [listed, got, got === 200 ? 404 : 403], functions.join());
        if (listed === 403) check(answers[0], forbidden);
        if (got === 403) check(answers[1], forbidden);
        if (listed !== 200) return;
        const mayProfile = functions.includes('user_profile');
        const [someone, somewhat] = answers[0].json.result;
        assert.equal(someone.preferredLoginName, mayProfile ? 'some' : 'someone');
        assert.equal(someone.human.profile.displayName ?? '', mayProfile ? 'Someone' : '');
        assert.equal('machine' in somewhat, mayProfile);
        if (got === 200) assert.deepEqual(answers[1].json.user, someone);
        assert.deepEqual(await find(token, { query: { asc: true }, queries: [{ typeQuery: { type: 'TYPE_MACHINE' } }] }), mayProfile ? ['somewhat'] : []);
        assert.deepEqual(await find(token, { query: { asc: true }, queries: [{ typeQuery: { type: 'TYPE_HUMAN' } }] }), mayProfile ? ['someone'] : ['someone', 'somewhat']);
      });
    }
  });

  test(`${v.name}: ids and names in any script`, async () => {
    const { token, register } = await newTenant();
    for (const id of ['a/b', 'a b', 'jürgen', '100%', 'a?b', '😀', "quote'\"\\", '..x', '_search']) {
      await register({ [id]: { userName: `${id}'s \\ "\u0001"` } });
      if (id !== '_search' || version === 'v2') {
        const answer = await get(v.user(encodeURIComponent(id)), { token });
        assert.equal(answer.json.user[v.id], id, answer.text);
        assert.equal(answer.json.user.preferredLoginName, `${id}'s \\ "\u0001"`);
      }
      assert.deepEqual(await find(token, { queries: [named(`${id}'s \\ "\u0001"`)] }), [id]);
      assert.deepEqual(await find(token, { queries: [ids(id)] }), [id]);
    }
  });

  commonErrors({
    name: `${v.name} get`,
    verb: 'GET',
    verbs: ['GET', 'HEAD'],
    path: (endpoint, id) => v.user(id),
    endpoints: ['get'],
    restriction: () => undefined,
    newId: () => undefined,
    unknownId: () => 'nobody',
    malformedIds: ['x'.repeat(201), '%ff'],
    credential: (token) => ({ Authorization: `Bearer ${token}` }),
    badToken,
    forbidden: () => forbidden,
    notFound: () => notFound,
    notFoundPath: { status: 404, type: json, body: '{"code":5,"message":"Not Found"}' },
    methodNotAllowed: { status: 405, type: json, body: '{"code":12,"message":"Method Not Allowed"}', headers: { allow: 'GET, HEAD' } },
    tooLarge: { status: 413, type: json, body: '{"code":8,"message":"Request Entity Too Large"}' },
    unreadable: invalidBody,
    malformedId: { status: 400, body: /^\{"code":3,"message":"invalid GetUserByIDRequest/ },
  });
}

test('a user who has been found is as they were', async () => {
  const id = await newUser('lock_user');
  const before = await eventsOf(id);
  await get(`/v2/users/${id}`, { token: env.OPERATOR_TOKEN });
  await request('POST', '/v2/users', { token: env.OPERATOR_TOKEN, body: { queries: [{ inUserIdsQuery: { userIds: [id] } }] } });
  assert.equal(await eventsOf(id), before);
});
