// A person by how id, user name or e-mail address begin, as one types.
import { buttonsFor, labelled } from '../actions.js';
import { debounce, el } from '../dom.js';
import { personLink, remember } from '../router.js';
import { me } from '../session.js';
import { texts } from '../texts.js';
import { badge, find, named } from '../users.js';
import { tenantField } from './out.js';

const limit = 20;

export async function showFind(place, { search, signal, problem }) {
  const choice = { text: search.get('text') ?? '', tenant: search.get('tenant') ?? me.tenant };
  const text = el('input', {
    type: 'search', value: choice.text, autocomplete: 'off', spellcheck: 'false', dir: 'auto', maxlength: 320,
    oninput: debounce(150, () => look()),
  });
  const summary = el('p', { role: 'status', class: 'summary' });
  const list = el('ul', { class: 'found' });
  let found = [];
  let loaded = Promise.resolve();

  const choose = (changes) => {
    Object.assign(choice, changes);
    loaded = load().catch(problem);
  };
  // Once for a text: who types and presses Enter at once must not be looked for again,
  // which would end the search that Enter waits for.
  const look = () => { if (choice.text !== text.value) choose({ text: text.value }); };

  place.append(el('h1', {}, texts.views.find),
    el('form', {
      class: 'filters', role: 'search',
      // Enter opens the only one, or the first.
      onsubmit: async (event) => {
        event.preventDefault();
        look();
        await loaded;
        if (found.length) location.hash = personLink(found[0]);
      },
    }, labelled(texts.search, text, texts.searchHelp), tenantField(choice.tenant, (event) => choose({ tenant: event.target.value }), false)),
    summary, list);

  let loading = new AbortController();
  async function load() {
    loading.abort();
    loading = new AbortController();
    const one = loading;
    signal.addEventListener('abort', () => one.abort());
    remember({ text: choice.text || undefined, tenant: choice.tenant === me.tenant ? undefined : choice.tenant });
    const asked = choice.text.trim();
    const all = asked ? await find(asked, choice.tenant, limit + 1, one.signal) : [];
    if (one.signal.aborted) return;
    found = all.slice(0, limit);
    summary.textContent = !asked ? '' : found.length === 0 ? texts.nobodyFound : all.length > limit ? texts.firstFound(limit) : texts.users(found.length);
    list.replaceChildren(...found.map((user) => el('li', {}, named(user), badge(user.state),
      el('span', { class: 'buttons' }, buttonsFor(user, () => load().catch(problem), ['unlock', 'unblock'])))));
  }

  if (choice.text) await load();
  // After what gives the focus to the view.
  setTimeout(() => { if (!signal.aborted) text.focus(); });
}
