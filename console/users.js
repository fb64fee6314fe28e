// Users as the server shows them to whoever has signed in, and how they are named here.
import { containing, page, quoted, read, rows } from './api.js';
import { el, said } from './dom.js';
import { countdown, moment } from './format.js';
import { personLink } from './router.js';
import { may, sees } from './session.js';
import { texts } from './texts.js';

export const isLocked = (state) => state.split('+').includes('locked');
export const isBlocked = (state) => state.split('+').includes('blocked');

export const nameOf = (user) => user.display_name || user.user_name || user.user_id;

export const badge = (state) => el('span', { class: `badge ${state.replace('+', ' ')}` }, texts.states[state]);

// Name and id, and a link to the rest.
export const named = (user) => el('span', { class: 'named' },
  el('a', { href: personLink(user) }, said(nameOf(user))),
  [user.user_id, user.email].filter((text) => text && text !== nameOf(user)).map((text) => [' ', said(text, { class: 'also' })]));

export const reasonText = (reason) => (reason ? said(reason) : el('em', {}, texts.noReason));

export const endOf = (until) => (until ? countdown(until) : texts.untilLifted);

// What holds of a user: since, until, why and by whom, of the lock and of the block.
export const restrictionsOf = (user) => [
  isLocked(user.state) && { kind: 'lock', since: user.locked_at, until: user.locked_until, reason: user.lock_reason, actor: user.locked_by },
  isBlocked(user.state) && { kind: 'block', since: user.blocked_at, until: user.blocked_until, reason: user.block_reason, actor: user.blocked_by },
].filter(Boolean);

export const sinceOf = (since) => (since ? moment(since) : '');

// Who is out: a page, and how many there are.
const restrictionStates = { locked: '(locked,"locked+blocked")', blocked: '(blocked,"locked+blocked")', both: '("locked+blocked")' };
export const orders = {
  user: 'user_id', state: 'state', since: 'locked_at,blocked_at', until: 'locked_until,blocked_until',
};
export function usersOut({ tenant, state, reason, sort, descending, limit, offset }, signal) {
  const order = orders[sort].split(',').map((column) => `${column}.${descending ? 'desc' : 'asc'}.nullslast`).concat('tenant', 'user_id');
  return page('restricted_users', {
    select: 'tenant,user_id,state,sequence,locked_at,locked_until,lock_reason,locked_by,blocked_at,blocked_until,block_reason,blocked_by,user_name,display_name,email',
    tenant: tenant ? `eq.${tenant}` : undefined,
    state: restrictionStates[state] ? `in.${restrictionStates[state]}` : undefined,
    or: reason ? `(${['lock_reason', 'block_reason'].map((column) => `${column}.ilike.${quoted(containing(reason))}`)})` : undefined,
    order: [...new Set(order)].join(), limit, offset,
  }, signal);
}

// Who is called so, by how id, user name or address begin.
export async function find(text, tenant, limit, signal) {
  if (may('find_users')) {
    const filter = { or: ['user_id', 'user_name', 'email'].map((name) => ({ [name]: { prefix: text } })) };
    return read('find_users', { filter, tenant, page_size: limit }, signal);
  }
  // The view has an index for each of these, and none for all at once.
  const last = '\u{10ffff}';
  const lower = text.toLowerCase();
  const found = await Promise.all([['user_id', text], ['user_name_lower', lower], ['email_lower', lower]].map(([column, prefix]) =>
    rows('users', { tenant: `eq.${tenant}`, and: `(${column}.gte.${quoted(prefix)},${column}.lt.${quoted(prefix + last)})`, order: column, limit }, signal)));
  return [...new Map(found.flat().map((user) => [user.user_id, user])).values()].slice(0, limit);
}

export const mayFind = () => may('find_users') || sees('users');

// A user as they are now, with all that the caller may see; null: there is none.
export async function user(tenant, userId, signal) {
  const key = { tenant: `eq.${tenant}`, user_id: `eq.${userId}` };
  const [plain, restricted] = await Promise.all([
    sees('users') ? rows('users', key, signal).then(([row]) => row)
      : may('user_status') ? read('user_status', { user_id: userId, tenant }, signal).catch((error) => { if (error.status !== 404) throw error; }) : undefined,
    sees('restricted_users') ? rows('restricted_users', key, signal).then(([row]) => row) : undefined,
  ]);
  // Read one after the other: the later event knows more.
  if (!plain || !restricted) return restricted ?? plain ?? null;
  return restricted.sequence >= plain.sequence ? restricted : plain;
}

export const eventsOf = (tenant, userId, parameters, signal) =>
  rows('user_history', { tenant: `eq.${tenant}`, user_id: `eq.${userId}`, ...parameters }, signal);

// The moment up to which tokens are void; null: there is none.
export async function floorOf(tenant, userId, signal) {
  const [event] = await eventsOf(tenant, userId, {
    select: 'kind,at,details', or: '(kind.in.(locked,blocked,access_revoked,access_floor_reset,pruned),and(kind.eq.registered,sequence.gt.1))', order: 'sequence.desc', limit: 1,
  }, signal);
  return (event?.kind === 'pruned' ? event.details.access_valid_after : event?.at) ?? null;
}
