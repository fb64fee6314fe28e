// Who has signed in, and what is theirs.  The token is kept for this tab alone.
import { read, Refusal, useToken } from './api.js';
import { texts } from './texts.js';

const key = 'userlock.token';

// What whoami() has said; null: nobody has signed in.
export let me = null;
export let config = { refresh: 15, login: null };

export const may = (name) => me.functions.includes(name);
export const sees = (view) => me.views.includes(view);

// Takes a token out of the address (#token=…), so that it is in no history.
export function takeToken() {
  const found = new URLSearchParams(location.hash.slice(1)).get('token');
  if (found === null) return;
  history.replaceState(null, '', location.pathname + location.search);
  sessionStorage.setItem(key, found);
}

export const hasToken = () => sessionStorage.getItem(key) !== null;

// Asks the server who they are.  Raises a Refusal, and then nobody is signed in.
export async function signIn(token = sessionStorage.getItem(key)) {
  useToken(token);
  try {
    me = await read('whoami', {});
    me.tenants ??= [me.tenant];
    sessionStorage.setItem(key, token);
  } catch (error) {
    signOut();
    throw error;
  }
}

export function signOut() {
  me = null;
  useToken(null);
  sessionStorage.removeItem(key);
}

// Resolves to whether config.json could be read: without it one pastes a token.
export async function loadConfig() {
  try {
    const response = await fetch('config.json', { cache: 'no-cache', credentials: 'omit' });
    config = { ...config, ...await response.json() };
    return response.ok;
  } catch {
    return false;
  }
}

// Calls the deployment's own login function; resolves to the token that it gives: in a
// header, or in what it returns.
export async function logIn(user, password) {
  const { url, user: userField = 'id', password: passwordField = 'password', header = 'Authorization', token = 'token' } = config.login;
  const response = await fetch(new URL(url, document.baseURI), {
    method: 'POST', credentials: 'omit', headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ [userField]: user, [passwordField]: password }),
  });
  const body = await response.json().catch(() => null);
  const found = response.headers.get(header)?.replace(/^Bearer +/i, '') || body?.[token];
  if (!response.ok || !found) throw new Refusal(response.status, { message: response.status === 401 ? texts.wrongPassword : body?.message ?? texts.noToken });
  return found;
}
