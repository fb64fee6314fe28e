// Who is there?  A login function of the deployment's, if it has one, or a token.
import { inWords, labelled } from '../actions.js';
import { el } from '../dom.js';
import { config, logIn } from '../session.js';
import { texts } from '../texts.js';

export function showSignIn(place, why, start) {
  const report = el('div', { role: 'alert' }, why);

  const form = (fields, token) => el('form', {
    class: 'card',
    onsubmit: async (event) => {
      event.preventDefault();
      const button = event.target.querySelector('button');
      button.disabled = true;
      try { await start(await token()); } catch (error) { report.replaceChildren(inWords(error)); } finally { button.disabled = false; }
    },
  }, fields, el('div', { class: 'buttons' }, el('button', { type: 'submit', class: 'primary' }, texts.signInTitle)));

  const token = el('input', { type: 'password', required: true, autocomplete: 'off', spellcheck: 'false' });
  const withToken = form([labelled(texts.token, token, texts.tokenHelp)], () => token.value.trim().replace(/^Bearer +/i, ''));

  place.append(el('h1', {}, texts.signInTitle), report);
  if (config.login) {
    const user = el('input', { type: 'text', required: true, autocomplete: 'username', dir: 'auto' });
    const password = el('input', { type: 'password', required: true, autocomplete: 'current-password' });
    place.append(form([labelled(texts.userName, user), labelled(texts.password, password)], () => logIn(user.value, password.value)),
      el('details', {}, el('summary', {}, texts.withToken), withToken));
    user.focus();
  } else {
    place.append(withToken);
    token.focus();
  }
}
