// The page: who has signed in, which view is shown, and what went wrong.
import { announce, inWords } from './actions.js';
import { onConnection, Refusal } from './api.js';
import { el, said } from './dom.js';
import { startCountdowns } from './format.js';
import { link, route } from './router.js';
import { hasToken, loadConfig, me, sees, signIn, signOut, takeToken } from './session.js';
import { texts } from './texts.js';
import { mayFind } from './users.js';
import { showFind } from './views/find.js';
import { showNumbers } from './views/numbers.js';
import { showOut } from './views/out.js';
import { showPerson } from './views/person.js';
import { showSignIn } from './views/sign_in.js';

const views = {
  out: { show: showOut, isOffered: () => sees('restricted_users') },
  find: { show: showFind, isOffered: mayFind },
  numbers: { show: showNumbers, isOffered: () => sees('statistics') || sees('events_by_hour') },
  users: { show: showPerson, isOffered: () => true },
};

const connection = el('div', { id: 'connection', role: 'alert' });
const announcement = el('div', { id: 'announcement', role: 'status' });
const header = el('header');
const main = el('main', { id: 'content', tabindex: -1 });

let leave = new AbortController();

function showHeader() {
  const { view } = route();
  header.replaceChildren(
    el('a', { class: 'skip', href: '#content', onclick: (event) => { event.preventDefault(); main.focus(); } }, texts.skip),
    el('strong', {}, texts.product),
    me && el('nav', { 'aria-label': texts.nav }, el('ul', {}, Object.keys(texts.views).filter((name) => views[name].isOffered())
      .map((name) => el('li', {}, el('a', { href: link(name), 'aria-current': name === view && 'page' }, texts.views[name]))))),
    me && el('div', { class: 'me' }, el('span', {}, texts.signedInAs, ' ', said(me.user_id ?? me.role)),
      el('button', { type: 'button', onclick: () => end(texts.signedOut) }, texts.signOut)));
}

// Ends the session, and says why.
function end(...why) {
  signOut();
  for (const dialog of document.querySelectorAll('dialog')) dialog.remove();
  show(why);
}

function problem(error) {
  if (error.name === 'AbortError') return;
  if (error instanceof Refusal && error.endsSession) end(texts.sessionEnded, ' ', inWords(error));
  else if (error instanceof Refusal) main.append(inWords(error));
  else { main.append(inWords(error)); throw error; }
}

// Shows the view that the address names; "why" is what to say where one signs in.
async function show(why = []) {
  leave.abort();
  leave = new AbortController();
  const { signal } = leave;
  const place = el('div', { class: 'view' });
  showHeader();
  main.replaceChildren(place);
  try {
    if (!me) {
      document.title = `${texts.signInTitle} – ${texts.product}`;
      showSignIn(place, why, start);
      return;
    }
    const { view, rest, search } = route();
    if (!views[view]) {
      const first = Object.keys(texts.views).find((name) => views[name].isOffered());
      if (first) location.replace(link(first));
      else place.append(el('h1', {}, texts.product), el('p', {}, texts.nothingYours));
      return;
    }
    // A user's id, isolated as bdi does where there is markup.
    document.title = `${texts.views[view] ?? `\u2068${rest[1]}\u2069`} – ${texts.product}`;
    await views[view].show(place, { rest, search, signal, problem: (error) => { if (!signal.aborted) problem(error); } });
  } catch (error) {
    if (!signal.aborted) problem(error);
  }
}

// Signs in and shows what is theirs.
async function start(token) {
  if (!token) main.replaceChildren(el('p', {}, texts.loading));
  try {
    await signIn(token);
    await show();
  } catch (error) {
    end(inWords(error));
  }
}

document.body.replaceChildren(connection, header, announcement, main);
onConnection((isUp) => {
  const wasUp = connection.childElementCount === 0;
  if (isUp === wasUp) return;
  connection.replaceChildren(...(isUp ? [] : [el('p', {}, texts.connectionLost)]));
  if (isUp) announce(texts.connectionBack);
});
document.addEventListener('problem', ({ detail }) => problem(detail));
addEventListener('hashchange', async () => {
  announcement.replaceChildren();
  if (location.hash.startsWith('#token=')) {
    takeToken();
    await start();
    return;
  }
  // A view may have a better place for it.
  main.focus();
  await show();
});

takeToken();
startCountdowns();
const isConfigured = await loadConfig();
if (hasToken()) await start(); else await show(isConfigured ? [] : [texts.noConfig]);
