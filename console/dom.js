// Makes elements without markup: whatever the database says becomes text.

const svgTags = new Set(['svg', 'g', 'path', 'rect', 'text', 'title', 'line', 'defs', 'marker']);

// el('a', { href: '#/', class: 'x', onclick: f }, 'text', element, null): children that
// are null or false are left out, and so are attributes.
export function el(tag, attributes = {}, ...children) {
  const element = svgTags.has(tag) ? document.createElementNS('http://www.w3.org/2000/svg', tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? '' : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

// What people or other systems have written: in a direction of its own, so that it
// turns around nothing beside it.
export const said = (text, attributes = {}) => el('bdi', attributes, text);

// Once the page has been still for so long.
export function debounce(milliseconds, action) {
  let timer;
  return (...values) => {
    clearTimeout(timer);
    timer = setTimeout(action, milliseconds, ...values);
  };
}

// Calls action every so many seconds while somebody looks, until the signal.
export function repeat(seconds, signal, action) {
  const timer = setInterval(() => {
    if (document.visibilityState === 'visible' && !document.querySelector('dialog[open]')) action();
  }, seconds * 1000);
  signal.addEventListener('abort', () => clearInterval(timer));
}
