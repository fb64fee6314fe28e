// Who is out, since and until when, why and by whom; and several of them at once.
import { buttonsFor, buttonsForMany, labelled, mayChange } from '../actions.js';
import { debounce, el, repeat, said } from '../dom.js';
import { remember } from '../router.js';
import { config, me } from '../session.js';
import { texts } from '../texts.js';
import { badge, endOf, named, nameOf, orders, reasonText, restrictionsOf, sinceOf, usersOut } from '../users.js';

const limit = 50;

// Whose users are shown, where there is a choice.
export const tenantField = (chosen, onchange, withAll) => me.tenants.length > 1 && labelled(texts.tenant, el('select', { onchange },
  // No tenant is called so.
  withAll && el('option', { value: '', selected: chosen === '' }, texts.allTenants),
  me.tenants.map((tenant) => el('option', { value: tenant, selected: tenant === chosen, dir: 'auto' }, tenant))));

export async function showOut(place, { search, signal, problem }) {
  const selected = new Map();
  const key = (user) => JSON.stringify([user.tenant, user.user_id]);
  const choice = {
    tenant: search.get('tenant') ?? me.tenant, state: search.get('state') ?? '', reason: search.get('reason') ?? '',
    sort: Object.hasOwn(orders, search.get('sort')) ? search.get('sort') : 'since', descending: search.get('order') !== 'ascending',
    page: Math.max(0, Number.parseInt(search.get('page') ?? 0, 10) || 0),
  };
  const selectable = mayChange();

  // What is chosen anew begins with the first page.
  const choose = (changes) => {
    Object.assign(choice, { page: 0 }, changes);
    selected.clear();
    load().catch(problem);
  };

  const state = el('select', { onchange: () => choose({ state: state.value }) },
    Object.entries(texts.stateFilter).map(([value, text]) => el('option', { value, selected: value === choice.state }, text)));
  const reason = el('input', { type: 'search', value: choice.reason, dir: 'auto', oninput: debounce(250, () => choose({ reason: reason.value.trim() })) });
  const summary = el('p', { role: 'status', class: 'summary' });
  const bar = el('div', { class: 'selection', role: 'group', 'aria-label': texts.actionsColumn, hidden: true });
  const chosen = el('span', {});
  bar.append(chosen, ...buttonsForMany(() => [...selected.values()], () => { selected.clear(); load().catch(problem); }));
  const list = el('div', {});
  const pages = el('nav', { class: 'pages', 'aria-label': texts.pages });

  place.append(el('h1', {}, texts.views.out),
    el('div', { class: 'filters', role: 'search' }, labelled(texts.state, state), labelled(texts.reasonContains, reason),
      tenantField(choice.tenant, (event) => choose({ tenant: event.target.value }), true)),
    summary, bar, list, pages);

  function showSelection() {
    bar.hidden = selected.size === 0;
    chosen.textContent = texts.selected(selected.size);
  }

  const sorted = (name) => (choice.sort === name ? (choice.descending ? 'descending' : 'ascending') : 'none');
  const header = (name, text, columnKey = name) => el('th', { role: 'columnheader', scope: 'col', 'aria-sort': orders[columnKey] && sorted(columnKey) },
    orders[columnKey]
      ? el('button', { type: 'button', class: 'sort', onclick: () => choose({ sort: columnKey, descending: choice.sort === columnKey ? !choice.descending : columnKey === 'since' }) }, text)
      : text);

  function row(user, boxes) {
    const parts = restrictionsOf(user);
    const cell = (label, content) => el('td', { role: 'cell', 'data-label': label }, content);
    // Both at once have a line each.
    const lines = (of) => parts.map((part) => el('div', {}, parts.length > 1 && el('small', {}, part.kind === 'lock' ? texts.lockOf : texts.blockOf), parts.length > 1 && ' ', of(part)));
    const box = selectable && el('input', {
      type: 'checkbox', 'aria-label': texts.select(nameOf(user)),
      onchange: () => { if (box.checked) selected.set(key(user), user); else selected.delete(key(user)); showSelection(); boxes.update(); },
    });
    if (box) { box.checked = selected.has(key(user)); boxes.all.push([box, user]); }
    return el('tr', { role: 'row' },
      selectable && el('td', { role: 'cell', class: 'box' }, box),
      el('th', { role: 'rowheader', scope: 'row' }, named(user), choice.tenant === '' && [' ', said(user.tenant, { class: 'tenant' })]),
      cell(texts.state, badge(user.state)),
      cell(texts.since, lines((part) => sinceOf(part.since))),
      cell(texts.until, lines((part) => endOf(part.until))),
      cell(texts.why, lines((part) => reasonText(part.reason))),
      cell(texts.by, lines((part) => (part.actor ? said(part.actor) : ''))),
      selectable && el('td', { role: 'cell' }, el('div', { class: 'buttons' }, buttonsFor(user, () => load().catch(problem), ['unlock', 'unblock']))));
  }

  let loading = new AbortController();
  async function load() {
    loading.abort();
    loading = new AbortController();
    const one = loading;
    signal.addEventListener('abort', () => one.abort());
    remember({
      tenant: choice.tenant === me.tenant ? undefined : choice.tenant, state: choice.state || undefined, reason: choice.reason || undefined,
      sort: choice.sort === 'since' ? undefined : choice.sort, order: choice.descending ? undefined : 'ascending', page: choice.page || undefined,
    });
    const { rows, count } = await usersOut({ ...choice, limit, offset: choice.page * limit }, one.signal);
    if (one.signal.aborted) return;
    const last = Math.max(0, Math.ceil(count / limit) - 1);
    if (choice.page > last) { choice.page = last; await load(); return; }

    // What is selected is as it is shown, so that it is changed as it was seen.
    for (const user of rows) if (selected.has(key(user))) selected.set(key(user), user);
    summary.textContent = texts.usersOut(count);
    const boxes = {
      all: [],
      update() {
        const n = this.all.filter(([box]) => box.checked).length;
        if (this.head) [this.head.checked, this.head.indeterminate] = [n > 0 && n === this.all.length, n > 0 && n < this.all.length];
      },
    };
    const focused = list.contains(document.activeElement) && document.activeElement.getAttribute('aria-label');
    const lines = rows.map((user) => row(user, boxes));
    boxes.head = selectable && el('input', {
      type: 'checkbox', 'aria-label': texts.selectAll,
      onchange: () => {
        for (const [box, user] of boxes.all) { box.checked = boxes.head.checked; if (box.checked) selected.set(key(user), user); else selected.delete(key(user)); }
        showSelection();
      },
    });
    list.replaceChildren(rows.length === 0 ? el('p', { class: 'empty' }, choice.state || choice.reason ? texts.nobodyMatches : texts.nobodyOut)
      : el('table', { role: 'table', class: 'cards', 'aria-label': texts.views.out },
        el('thead', { role: 'rowgroup' }, el('tr', { role: 'row' }, selectable && el('td', { role: 'cell', class: 'box' }, boxes.head),
          header('user', texts.user), header('state', texts.state), header('since', texts.since), header('until', texts.until),
          header('why', texts.why), header('by', texts.by), selectable && el('td', { role: 'cell' }))),
        el('tbody', { role: 'rowgroup' }, lines)));
    boxes.update();
    showSelection();
    if (focused) [...list.querySelectorAll('[aria-label]')].find((element) => element.getAttribute('aria-label') === focused)?.focus();

    const go = (page) => () => { choice.page = page; load().then(() => place.querySelector('h1').scrollIntoView()).catch(problem); };
    pages.hidden = count <= limit;
    pages.replaceChildren(
      el('button', { type: 'button', disabled: choice.page === 0, onclick: go(choice.page - 1) }, texts.previous),
      el('span', {}, texts.shown(choice.page * limit + 1, choice.page * limit + rows.length, count)),
      el('button', { type: 'button', disabled: choice.page >= last, onclick: go(choice.page + 1) }, texts.next));
  }

  // Nothing moves under the hand of whoever selects or reads through the table.
  const refresh = () => { if (selected.size === 0 && !list.contains(document.activeElement)) load().catch(problem); };
  repeat(config.refresh, signal, refresh);
  document.addEventListener('countdown-ended', debounce(500, refresh), { signal });
  await load();
}
