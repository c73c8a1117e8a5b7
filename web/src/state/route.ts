// The address after '#': a path and parameters. In the hash, so that no path prefix and no server needs to know the pages.
import { store } from './store';

export type Params = Readonly<Record<string, string>>;
export interface Route {
  path: readonly string[]; // decoded segments: ['topics', 'orders']
  params: Params;
}

function parse(hash: string): Route {
  const text = hash.replace(/^#\/?/, '');
  const mark = text.indexOf('?');
  const path = (mark < 0 ? text : text.slice(0, mark)).split('/').filter((segment) => segment !== '').map((segment) => {
    try {
      return decodeURIComponent(segment);
    } catch {
      return segment;
    }
  });
  return { path, params: Object.fromEntries(new URLSearchParams(mark < 0 ? '' : text.slice(mark + 1))) };
}

export const route = store<Route>(parse(location.hash));

/** Parameters that every page shares and every link keeps. */
const SHARED = ['from', 'to'];

export function href(path: readonly string[], params: Record<string, string | undefined> = {}): string {
  const all = new URLSearchParams();
  for (const name of SHARED) {
    const value = route.get().params[name];
    if (value !== undefined && !(name in params)) all.set(name, value);
  }
  for (const [name, value] of Object.entries(params)) if (value !== undefined && value !== '') all.set(name, value);
  const query = all.toString();
  return `#/${path.map(encodeURIComponent).join('/')}${query ? `?${query}` : ''}`;
}

/** Changes parameters of the current page; undefined or '' removes one. */
export function setParams(changes: Record<string, string | undefined>): void {
  const { path, params } = route.get();
  location.hash = href(path, { ...params, ...changes });
}

export function go(path: readonly string[], params: Record<string, string | undefined> = {}): void {
  location.hash = href(path, params);
}

export function startRoute(): void {
  addEventListener('hashchange', () => route.set(parse(location.hash)));
}
