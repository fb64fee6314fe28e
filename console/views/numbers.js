// How many are in each state, what happens, and what was refused.
import { rows } from '../api.js';
import { el, repeat } from '../dom.js';
import { moment, momentText, now, number } from '../format.js';
import { remember } from '../router.js';
import { config, me, sees } from '../session.js';
import { texts } from '../texts.js';
import { tenantField } from './out.js';

const series = {
  out: ['locked', 'blocked', 'access_revoked'],
  back: ['unlocked', 'unblocked', 'lock_expired', 'block_expired'],
};
const seriesOf = (kind) => Object.keys(series).find((name) => series[name].includes(kind)) ?? 'other';
const hour = 3_600_000;
const hours = 168;

// Sums of what rows have, by what they say that it is.
function sums(rows, name, value) {
  const found = new Map();
  for (const row of rows) found.set(row[name], (found.get(row[name]) ?? 0) + row[value]);
  return found;
}

function chart(events) {
  const last = Math.floor(now() / hour) * hour;
  const bars = Array.from({ length: hours }, (_, i) => ({ at: last - (hours - 1 - i) * hour, out: 0, back: 0, other: 0 }));
  for (const event of events) {
    const bar = bars[hours - 1 - Math.round((last - new Date(event.hour)) / hour)];
    if (bar) bar[seriesOf(event.kind)] += event.events;
  }
  const total = (bar) => bar.out + bar.back + bar.other;
  const most = Math.max(1, ...bars.map(total));
  const all = bars.reduce((sum, bar) => sum + total(bar), 0);
  const [width, height] = [hours * 4, 140];
  const names = ['out', 'back', 'other'];
  const rectangles = bars.flatMap((bar, i) => {
    let y = height;
    return names.filter((name) => bar[name]).map((name) => {
      const size = Math.max(1, (bar[name] / most) * (height - 12));
      y -= size;
      return el('rect', { class: name, x: i * 4, y, width: 3, height: size });
    });
  });
  const busy = bars.filter(total).reverse();
  return [
    el('svg', { class: 'chart', viewBox: `0 0 ${width} ${height + 18}`, role: 'img', 'aria-label': texts.chart(all) },
      el('line', { x1: 0, y1: height, x2: width, y2: height }), rectangles,
      el('text', { x: 0, y: 10 }, number(most)),
      el('text', { x: 0, y: height + 14 }, momentText(bars[0].at)), el('text', { x: width, y: height + 14, 'text-anchor': 'end' }, momentText(last))),
    el('ul', { class: 'legend' }, names.map((name) => el('li', { class: name }, texts.series[name]))),
    busy.length === 0 ? el('p', { class: 'empty' }, texts.noEvents) : el('details', {}, el('summary', {}, texts.asTable),
      el('div', { class: 'scroll', tabindex: 0, role: 'group', 'aria-label': texts.asTable },
        el('table', {}, el('thead', {}, el('tr', {}, el('th', { scope: 'col' }, texts.hour), names.map((name) => el('th', { scope: 'col' }, texts.series[name])))),
          el('tbody', {}, busy.map((bar) => el('tr', {}, el('th', { scope: 'row' }, moment(new Date(bar.at).toISOString())), names.map((name) => el('td', {}, number(bar[name]))))))))),
  ];
}

const figures = (entries) => el('dl', { class: 'figures' }, entries.map(([label, value, kind]) => el('div', { class: kind }, el('dt', {}, label), el('dd', {}, number(value)))));

export async function showNumbers(place, { search, signal, problem }) {
  let tenant = search.get('tenant') ?? me.tenant;
  const body = el('div', {});
  const asOf = el('span', {});
  const again = () => load().catch(problem);
  place.append(el('h1', {}, texts.views.numbers),
    el('div', { class: 'filters' }, tenantField(tenant, (event) => { tenant = event.target.value; remember({ tenant: tenant === me.tenant ? undefined : tenant }); again(); }, true),
      el('p', {}, asOf, ' ', el('button', { type: 'button', onclick: again }, texts.refresh))),
    body);

  async function load() {
    const of = { tenant: tenant ? `eq.${tenant}` : undefined };
    const [statistics, events] = await Promise.all([
      sees('statistics') ? rows('statistics', of, signal) : null,
      sees('events_by_hour') ? rows('events_by_hour', { ...of, select: 'hour,kind,events' }, signal) : null,
    ]);
    signal.throwIfAborted();
    const isOpen = body.querySelector('details')?.open;
    asOf.replaceChildren(texts.asOf, ' ', moment(new Date(now()).toISOString()));
    const section = (title, ...content) => el('section', {}, el('h2', {}, title), content);
    const metric = (name) => statistics.filter((row) => row.metric === name);
    const users = statistics && sums(metric('users'), 'label', 'value');
    const failed = statistics && sums(metric('failed_logins'), 'label', 'value');
    // Not counted this very moment, but when numbers were refreshed.
    const countedAt = statistics && metric('counted_at')[0]?.value;
    const kinds = events && sums(events, 'kind', 'events');
    body.replaceChildren(...[
      users && section(texts.usersByState, figures(Object.entries(texts.states).map(([state, text]) => [text, users.get(state) ?? 0, state.replace('+', ' ')]))),
      events && section(texts.eventsHour, chart(events)),
      kinds?.size && section(texts.eventsByKind, figures([...kinds].map(([kind, value]) => [texts.kinds[kind] ?? kind, value]))),
      failed && section(texts.refusals, countedAt && el('p', {}, texts.asOf, ' ', moment(new Date(countedAt * 1000).toISOString())),
        figures(['counted', 'refused'].map((label) => [texts[label], failed.get(label) ?? 0]))),
    ].filter(Boolean));
    if (isOpen && body.querySelector('details')) body.querySelector('details').open = true;
  }

  repeat(config.refresh, signal, again);
  await load();
}
