// Times and numbers, in the zone and the language of whoever reads them.
import { el } from './dom.js';

const languages = navigator.languages;
const momentFormat = new Intl.DateTimeFormat(languages, { dateStyle: 'medium', timeStyle: 'short' });
const exactFormat = new Intl.DateTimeFormat(languages, { dateStyle: 'full', timeStyle: 'long' });
const numberFormat = new Intl.NumberFormat(languages);
const relativeFormat = new Intl.RelativeTimeFormat(languages, { numeric: 'always' });

export const number = (value) => numberFormat.format(value);
export const momentText = (at) => momentFormat.format(new Date(at));

// By how much the server's clock is ahead of this machine's, in milliseconds.  The
// server tells whole seconds: less than two are no difference.
let ahead = 0;
export function serverTime(date) {
  const difference = Date.parse(date) - Date.now();
  ahead = Math.abs(difference) < 2000 ? 0 : difference || 0;
}
export const now = () => Date.now() + ahead;

const units = [['day', 86_400], ['hour', 3600], ['minute', 60], ['second', 1]];

// In 5 minutes, 2 days ago.
export function relative(at) {
  const seconds = Math.round((new Date(at) - now()) / 1000);
  const [unit, length] = units.find(([, size]) => Math.abs(seconds) >= size * 2) ?? units.at(-1);
  return relativeFormat.format(Math.trunc(seconds / length), unit);
}

export const moment = (at) => el('time', { datetime: at, title: exactFormat.format(new Date(at)) }, momentText(at));

// A moment and how far away it is, which goes on counting.
export const countdown = (at) => el('span', { class: 'countdown' }, moment(at), ' ', el('small', { 'data-until': at }, relative(at)));

// Once for the page: has countdowns go on, and tells of each that has ended.
export function startCountdowns() {
  setInterval(() => {
    for (const element of document.querySelectorAll('[data-until]')) {
      const at = element.getAttribute('data-until');
      element.textContent = relative(at);
      if (new Date(at) <= now()) {
        element.removeAttribute('data-until');
        document.dispatchEvent(new CustomEvent('countdown-ended'));
      }
    }
  }, 1000);
}
