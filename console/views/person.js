// One user: the state, what holds and until when, what happened, and what may be done.
import { announce, buttonsFor } from '../actions.js';
import { read } from '../api.js';
import { el, repeat, said } from '../dom.js';
import { countdown, moment, relative } from '../format.js';
import { config, may, sees } from '../session.js';
import { texts } from '../texts.js';
import { badge, endOf, eventsOf, floorOf, nameOf, reasonText, restrictionsOf, sinceOf, user as readUser } from '../users.js';

const pageOfEvents = 50;

// The four states and what leads from one to another, the present one filled.
function diagram(state) {
  const boxes = { active: [1, 1], locked: [201, 1], blocked: [1, 101], 'locked+blocked': [201, 101] };
  const arrows = [
    ['M121 14H198', 'lock', 159, 10], ['M200 28H123', 'unlock', 159, 41], ['M121 114H198', 'lock', 159, 110], ['M200 128H123', 'unlock', 159, 141],
    ['M46 41V98', 'block', 42, 74, 'end'], ['M74 100V43', 'unblock', 78, 74, 'start'], ['M246 41V98', 'block', 242, 74, 'end'], ['M274 100V43', 'unblock', 278, 74, 'start'],
  ];
  return el('svg', { class: 'diagram', viewBox: '0 0 322 144', role: 'img', 'aria-label': texts.diagram(texts.states[state]) },
    el('defs', {}, el('marker', { id: 'head', viewBox: '0 0 8 8', refX: 7, refY: 4, markerWidth: 7, markerHeight: 7, orient: 'auto' }, el('path', { d: 'M0 0L8 4L0 8z' }))),
    arrows.map(([d, text, x, y, anchor = 'middle']) => [el('path', { d, 'marker-end': 'url(#head)' }), el('text', { x, y, 'text-anchor': anchor, class: 'arrow' }, text)]),
    Object.entries(boxes).map(([name, [x, y]]) => el('g', { class: `state ${name.replace('+', ' ')}${name === state ? ' present' : ''}` },
      el('rect', { x, y, width: 120, height: 40, rx: 8 }), el('text', { x: x + 60, y: y + 24, 'text-anchor': 'middle' }, name))));
}

const fact = (term, ...description) => [el('dt', {}, term), el('dd', {}, description)];

const eventLine = (event) => el('li', { class: event.kind },
  el('div', {}, el('strong', {}, texts.kinds[event.kind] ?? event.kind), ' ', el('span', { class: 'number' }, `#${event.sequence}`)),
  el('div', { class: 'when' }, moment(event.at), ' ', el('small', {}, relative(event.at)), event.actor && [', ', texts.by.toLowerCase(), ' ', said(event.actor)]),
  event.reason && el('div', {}, said(event.reason)),
  event.until && el('div', {}, texts.until, ' ', moment(event.until)),
  event.attributes?.length > 0 && el('div', {}, texts.changedAttributes(''), said(event.attributes.join(', '))));

export async function showPerson(place, { rest: [tenant, userId], signal, problem }) {
  let shown = null;
  const buttons = el('div', { class: 'buttons actions' });

  async function load() {
    const [user, events, floor, verdict] = await Promise.all([
      readUser(tenant, userId, signal),
      sees('user_history') ? eventsOf(tenant, userId, { order: 'sequence.desc', limit: pageOfEvents }, signal) : [],
      sees('user_history') ? floorOf(tenant, userId, signal) : null,
      may('login_verdict') ? read('login_verdict', { user_id: userId, tenant }, signal) : null,
    ]);
    signal.throwIfAborted();
    shown = user;
    show(user, events, floor, verdict);
  }
  const again = () => load().catch(problem);

  function show(user, events, floor, verdict) {
    // Whoever comes here, or has just done something, is at what can be done next.
    const focused = buttons.contains(document.activeElement) || ['BODY', 'MAIN'].includes(document.activeElement.tagName);
    const heading = el('h1', { tabindex: -1 }, said(user ? nameOf(user) : userId));
    buttons.replaceChildren(...(user ? buttonsFor(user, again) : []));
    const list = el('ol', { class: 'history', reversed: true });
    list.append(...events.map(eventLine));
    const older = el('button', { type: 'button', hidden: events.length < pageOfEvents,
      onclick: async () => {
        try {
          const more = await eventsOf(tenant, userId, { order: 'sequence.desc', sequence: `lt.${events.at(-1).sequence}`, limit: pageOfEvents }, signal);
          events.push(...more);
          list.append(...more.map(eventLine));
          older.hidden = more.length < pageOfEvents;
        } catch (error) { problem(error); }
      } }, texts.older);

    const parts = user ? restrictionsOf({ locked_at: null, ...user }) : [];
    place.replaceChildren(...[heading,
      user ? el('p', {}, badge(user.state)) : el('p', { class: 'empty' }, texts.noUser),
      user && buttons,
      user && el('div', { class: 'columns' },
        el('section', { 'aria-label': texts.restrictions }, el('h2', {}, texts.restrictions),
          parts.length === 0 ? el('p', {}, texts.notRestricted) : parts.map((part) => el('dl', { class: part.kind },
            fact(texts.state, badge(part.kind === 'lock' ? 'locked' : 'blocked')),
            part.since && fact(texts.since, sinceOf(part.since)), fact(texts.until, endOf(part.until)),
            part.since && fact(texts.why, reasonText(part.reason)), part.actor && fact(texts.by, said(part.actor)))),
          sees('user_history') && el('dl', {}, fact(texts.floor, floor ? moment(floor) : texts.noFloor))),
        el('section', { 'aria-label': texts.stateDiagram }, el('h2', {}, texts.stateDiagram), diagram(user.state)),
        el('section', { 'aria-label': texts.user }, el('h2', {}, texts.user), el('dl', {},
          fact(texts.userId, said(user.user_id)), fact(texts.tenant, said(user.tenant)),
          user.display_name && fact(texts.displayName, said(user.display_name)), user.user_name && fact(texts.userName, said(user.user_name)),
          user.email && fact(texts.email, said(user.email)), user.external_id && fact(texts.externalId, said(user.external_id)),
          fact(texts.created, moment(user.created_at)), fact(texts.changed, moment(user.changed_at)))),
        verdict && el('section', { 'aria-label': texts.logins }, el('h2', {}, texts.logins),
          el('p', {}, verdict.allowed ? texts.mayTry : texts.mayNotTry),
          verdict.allowed && verdict.remaining_attempts !== null && el('p', {}, texts.attemptsLeft(verdict.remaining_attempts)),
          verdict.until && el('p', {}, texts.until, ' ', countdown(verdict.until)))),
      events.length > 0 && el('section', { 'aria-label': texts.history }, el('h2', {}, texts.history), list, older)].filter(Boolean));
    if (focused) (buttons.querySelector('button') ?? heading).focus();
  }

  // Two people may be on one case: what the other has done is shown at once.
  repeat(config.refresh, signal, async () => {
    try {
      const current = await readUser(tenant, userId, signal);
      if (current?.sequence !== shown?.sequence || current?.state !== shown?.state) {
        await load();
        announce(texts.someoneElse);
      }
    } catch (error) { problem(error); }
  });
  document.addEventListener('countdown-ended', () => setTimeout(() => { if (!signal.aborted && !document.querySelector('dialog[open]')) again(); }, 500), { signal });
  await load();
}
