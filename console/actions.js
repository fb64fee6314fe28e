// What may be done with users: which buttons there are, and the dialog that asks for
// the rest and does it.
import { change, Refusal, Unanswered } from './api.js';
import { el, said } from './dom.js';
import { momentText } from './format.js';
import { may, sees } from './session.js';
import { texts } from './texts.js';
import { badge, eventsOf, isBlocked, isLocked, nameOf, user as readUser } from './users.js';

const actions = {
  unlock: { function: 'unlock_user', applies: isLocked },
  unblock: { function: 'unblock_user', applies: isBlocked },
  lock: { function: 'lock_user', applies: (state) => !isLocked(state), takesEnd: true },
  block: { function: 'block_user', applies: (state) => !isBlocked(state), takesEnd: true },
  revoke: { function: 'revoke_access', applies: () => true },
};

// How many calls are under way at once.
const atOnce = 6;

const permitted = () => Object.keys(actions).filter((name) => may(actions[name].function));

// Buttons for what may be done with one user now; "only" leaves out others.
export const buttonsFor = (user, done, only = Object.keys(actions)) => permitted()
  .filter((name) => only.includes(name) && actions[name].applies(user.state))
  .map((name) => el('button', {
    type: 'button', class: `action ${name}`, 'aria-label': texts.actionOf(texts.actions[name].name, nameOf(user)), onclick: () => act(name, [user], done),
  }, texts.actions[name].name));

// And for what may be done with all that are selected.
export const buttonsForMany = (selected, done) => permitted()
  .map((name) => el('button', { type: 'button', class: `action ${name}`, onclick: () => act(name, selected(), done) }, texts.actions[name].name));

export const mayChange = () => permitted().length > 0;

// How an error is put into words: the server's, and what to do.
export const inWords = (error) => el('div', { class: 'problem' },
  el('p', {}, said(error.message)), error.details && el('p', {}, said(error.details)), error.hint && el('p', {}, said(error.hint)));

let number = 0;

// A form control under its label.
export function labelled(label, control, help) {
  control.id = `field-${++number}`;
  const note = help && el('small', { id: `${control.id}-help` }, help);
  if (note) control.setAttribute('aria-describedby', note.id);
  return el('div', { class: 'field' }, el('label', { for: control.id }, label), control, note);
}

// A moment of this machine's zone, as a control for date and time takes it.
const localMoment = (date) => new Date(date - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);

function endFields() {
  const preset = el('select', {}, texts.presets.map(([value, text]) => el('option', { value }, text)));
  const date = el('input', { type: 'datetime-local', min: localMoment(new Date()), value: localMoment(new Date(Date.now() + 86_400_000)) });
  const dateField = labelled(texts.endDate, date);
  dateField.hidden = true;
  preset.addEventListener('change', () => {
    dateField.hidden = preset.value !== 'date';
    date.required = preset.value === 'date';
  });
  const end = () => {
    if (preset.value === 'date') return new Date(date.value).toISOString();
    return preset.value ? new Date(Date.now() + preset.value * 60_000).toISOString() : null;
  };
  return { fields: [labelled(texts.ends, preset), dateField], end };
}

// Asks what is to be known, does it, and shows what came of it.  "done" is called when
// something has been tried, and the dialog is gone.
function act(name, users, done) {
  if (users.length === 0) return;
  const { function: called, takesEnd } = actions[name];
  const words = texts.actions[name];
  const single = users.length === 1;
  const opener = document.activeElement;
  const stop = new AbortController();
  const reason = el('input', { type: 'text', maxlength: 1000, autocomplete: 'off', dir: 'auto' });
  const { fields, end } = takesEnd ? endFields() : { fields: [], end: () => undefined };
  const report = el('div', { role: 'status', class: 'report' });
  const submit = el('button', { type: 'submit', class: `action ${name}` }, words.name);
  const cancel = el('button', { type: 'button' }, texts.cancel);
  const title = el('h2', { id: 'dialog-title' }, single ? words.title(said(nameOf(users[0]))) : [words.name, ': ', texts.users(users.length)]);
  const form = el('form', {}, title, single && el('p', {}, badge(users[0].state)), labelled(texts.reason, reason), fields, report, el('div', { class: 'buttons' }, submit, cancel));
  const dialog = el('dialog', { 'aria-labelledby': 'dialog-title' }, form);
  let tried = false;

  const close = () => dialog.close();
  cancel.addEventListener('click', close);
  dialog.addEventListener('close', () => {
    stop.abort();
    dialog.remove();
    if (opener?.isConnected) opener.focus();
    if (tried) done();
  });

  const callFor = (user, until) => change(called, {
    user_id: user.user_id, tenant: user.tenant, reason: reason.value.trim() || null, expected_sequence: user.sequence, ...(takesEnd ? { until } : {}),
  });

  async function one() {
    const [user] = users;
    submit.disabled = true;
    report.replaceChildren();
    try {
      await callFor(user, end());
      tried = true;
      close();
      announce(...words.done(said(nameOf(user))));
    } catch (error) {
      submit.disabled = false;
      if (error instanceof Refusal && error.endsSession) { close(); throw error; }
      if (!(error instanceof Refusal || error instanceof Unanswered)) throw error;
      tried = true;
      if (error.status === 412) await showConflict(user);
      else report.replaceChildren(inWords(error));
    }
  }

  // Somebody else was faster: what did they do, and is it to be done all the same?
  async function showConflict(user) {
    const [current, events] = await Promise.all([
      readUser(user.tenant, user.user_id, stop.signal),
      sees('user_history') ? eventsOf(user.tenant, user.user_id, { sequence: `gt.${user.sequence}`, order: 'sequence', limit: 20 }, stop.signal) : [],
    ]);
    report.replaceChildren(el('div', { class: 'problem' }, el('p', {}, events.length ? texts.conflict : texts.conflictGone),
      events.length > 0 && el('ul', {}, events.map((event) => el('li', {}, texts.kinds[event.kind] ?? event.kind, ', ', momentText(event.at),
        event.actor && [', ', said(event.actor)], event.reason && [': ', said(event.reason)]))),
      current && el('p', {}, texts.nowState, ' ', badge(current.state))));
    if (current && actions[name].applies(current.state)) {
      Object.assign(user, current);
      submit.textContent = texts.anyway(words.name);
      submit.focus();
    } else {
      submit.hidden = true;
      cancel.textContent = texts.close;
      cancel.focus();
    }
  }

  async function many() {
    const until = end();
    const outcomes = el('ul', { class: 'outcomes', 'aria-label': texts.outcomes, tabindex: 0 });
    const progress = el('progress', { max: users.length, value: 0, 'aria-label': words.name });
    const text = el('p', { role: 'status' });
    const waiting = [...users];
    const counts = { changed: 0, refused: 0, untried: 0 };
    let stopped = false;
    tried = true;
    for (const field of form.querySelectorAll('.field')) field.hidden = true;
    submit.hidden = true;
    report.removeAttribute('role');
    report.replaceChildren(progress, text, outcomes);
    cancel.textContent = texts.stop;
    cancel.removeEventListener('click', close);
    const halt = () => { stopped = true; };
    cancel.addEventListener('click', halt);
    stop.signal.addEventListener('abort', halt);
    cancel.focus();
    let ended = null;
    async function work() {
      for (let user = waiting.shift(); user && !ended; user = waiting.shift()) {
        let [kind, outcome] = ['untried', texts.stopped];
        if (!stopped) {
          try {
            await callFor(user, until);
            [kind, outcome] = ['changed', words.outcome];
          } catch (error) {
            if (error instanceof Refusal && error.endsSession) ended = error;
            if (!(error instanceof Refusal || error instanceof Unanswered)) throw error;
            [kind, outcome] = ['refused', error.message];
          }
        }
        counts[kind]++;
        outcomes.append(el('li', { class: kind }, said(nameOf(user)), ': ', said(outcome)));
        progress.value++;
        if (progress.value < users.length && progress.value % 10 === 0) text.textContent = texts.progress(progress.value, users.length);
      }
    }
    await Promise.all(Array.from({ length: atOnce }, work));
    if (ended) { close(); throw ended; }
    text.textContent = texts.finished(counts);
    cancel.textContent = texts.close;
    cancel.removeEventListener('click', halt);
    cancel.addEventListener('click', close);
  }

  form.addEventListener('submit', (event) => {
    event.preventDefault();
    (single ? one : many)().catch((error) => { if (error.name !== 'AbortError') document.dispatchEvent(new CustomEvent('problem', { detail: error })); });
  });
  document.body.append(dialog);
  dialog.showModal();
  reason.focus();
}

// Says something to everybody, also to those who do not see it.
export function announce(...words) {
  const place = document.getElementById('announcement');
  place.replaceChildren(el('p', {}, ...words));
}
