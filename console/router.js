// Which view the address names: #/out?state=locked, #/users/acme/alice.

export function route() {
  const [path, search = ''] = location.hash.replace(/^#\/?/, '').split('?');
  const [view, ...rest] = path.split('/').map((part) => { try { return decodeURIComponent(part); } catch { return part; } });
  return { view, rest, search: new URLSearchParams(search) };
}

export function link(view, rest = [], search = {}) {
  const query = new URLSearchParams(Object.entries(search).filter(([, value]) => value !== undefined)).toString();
  return `#/${[view, ...rest.map(encodeURIComponent)].join('/')}${query && `?${query}`}`;
}

export const personLink = ({ tenant, user_id }) => link('users', [tenant, user_id]);

// Keeps in the address what a view shows, so that it can be come back to.
export function remember(search) {
  history.replaceState(null, '', link(route().view, route().rest, search));
}
