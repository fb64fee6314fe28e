// PostgREST's native interface, as the one whose token the session has.
import { serverTime } from './format.js';
import { texts } from './texts.js';

// The server has said no.
export class Refusal extends Error {
  constructor(status, { message, details, hint } = {}) {
    super(message || texts.status(status));
    this.status = status;
    this.details = details;
    this.hint = hint?.replace(/ *\[\w+\]$/, '');
    this.result = hint?.match(/\[(\w+)\]$/)?.[1];
  }

  // Whoever is told this will be told it of everything else, too.
  get endsSession() {
    return this.status === 401 || this.result === 'user_locked' || this.result === 'user_blocked';
  }
}

// Nobody knows what the server did, if anything.
export class Unanswered extends Error {
  constructor() { super(texts.unanswered); }
}

const events = new EventTarget();
export const onConnection = (listener) => events.addEventListener('connection', ({ detail }) => listener(detail));
const tell = (isUp) => events.dispatchEvent(new CustomEvent('connection', { detail: isUp }));

let token = null;
export const useToken = (value) => { token = value; };

// The page is at /console/, the interface where that is.
const base = new URL('..', document.baseURI);

async function send(path, options, signal) {
  let response;
  let body;
  try {
    response = await fetch(new URL(path, base), {
      ...options,
      headers: { Authorization: `Bearer ${token}`, ...options.headers },
      cache: 'no-store', credentials: 'omit', referrerPolicy: 'no-referrer', signal,
    });
    body = await response.text();
  } catch (error) {
    signal?.throwIfAborted();
    throw new Unanswered();
  }
  if ([429, 502, 503, 504].includes(response.status)) throw Object.assign(new Unanswered(), { seconds: Number(response.headers.get('Retry-After')) });
  tell(true);
  serverTime(response.headers.get('Date'));
  let json = null;
  try { json = body && JSON.parse(body); } catch { /* no JSON: the status says it */ }
  const range = response.headers.get('Content-Range');
  if (!response.ok) throw Object.assign(new Refusal(response.status, json ?? {}), { range });
  return { json, range };
}

const pause = (seconds, signal) => new Promise((resolve, reject) => {
  const timer = setTimeout(resolve, seconds * 1000);
  signal?.addEventListener('abort', () => { clearTimeout(timer); reject(signal.reason); }, { once: true });
});

// What only reads is asked again until there is an answer.
async function ask(path, options, signal) {
  for (let seconds = 1; ; seconds = Math.min(seconds * 2, 8)) {
    try {
      return await send(path, options, signal);
    } catch (error) {
      if (!(error instanceof Unanswered)) throw error;
      tell(false);
      await pause(error.seconds || seconds, signal);
    }
  }
}

const query = (parameters) => new URLSearchParams(Object.entries(parameters).filter(([, value]) => value !== undefined));
const call = (values) => ({ method: 'POST', body: JSON.stringify(values), headers: { 'Content-Type': 'application/json' } });

// Rows of a view, which PostgREST's parameters choose.
export async function rows(view, parameters, signal) {
  return (await ask(`${view}?${query(parameters)}`, {}, signal)).json;
}

// A page of them, and how many there are, exactly.
export async function page(view, parameters, signal) {
  const answer = await ask(`${view}?${query(parameters)}`, { headers: { Prefer: 'count=exact' } }, signal).catch((error) => {
    // A page behind the last one.
    if (error.status === 416) return { json: [], range: error.range };
    throw error;
  });
  return { rows: answer.json, count: Number(answer.range.split('/')[1]) };
}

// What a function that changes nothing returns.
export const read = async (name, values, signal) => (await ask(`rpc/${name}`, call(values), signal)).json;

// Has a function change something: once, and an answer that does not come is an error.
export const change = async (name, values, signal) => (await send(`rpc/${name}`, call(values), signal)).json;

// A text within PostgREST's and(…) and or(…).
export const quoted = (text) => `"${text.replace(/["\\]/g, '\\$&')}"`;

// What contains a text, as PostgREST's like and ilike take it.
export const containing = (text) => `*${text.replace(/[%_\\]/g, '\\$&')}*`;
