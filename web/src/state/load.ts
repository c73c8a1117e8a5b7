// Data of the API for a component: loaded, kept while it is loaded again, and told when it is not current.
import { useEffect, useRef, useState } from 'preact/hooks';
import { get, needsToken, type Query } from '../api/client';
import { onChange, type Change } from './live';

export interface Loaded<T> {
  data: T | undefined;
  error: Error | undefined; // of the last try; `data` is then what was read before
  loading: boolean;
  reload: () => void;
}

const AGAIN_AFTER_MS = 1000; // changes come together: at most one request a second
const RETRY_MS = 3000;

/**
 * Reads `path` now, whenever an argument changes, and whenever `wants` says that a change concerns it. null = nothing to read yet.
 */
export function useLoad<T>(path: string | null, query: Query = {}, wants: (change: Change) => boolean = () => true): Loaded<T> {
  const key = path === null ? null : `${path}?${JSON.stringify(query)}`;
  const [state, setState] = useState<{ key: string | null; data?: T; error?: Error; loading: boolean }>({ key: null, loading: true });
  const [round, setRound] = useState(0);
  const wanted = useRef(wants);
  wanted.current = wants;

  useEffect(() => {
    if (path === null) return undefined;
    const stop = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    let busy = false;
    let dirty = false;
    const later = (ms: number) => {
      clearTimeout(timer);
      timer = setTimeout(read, ms);
    };
    const done = (next: { data?: T; error?: Error }) => {
      busy = false;
      if (stop.signal.aborted) return;
      setState((old) => ({ key, data: next.data ?? (old.key === key ? old.data : undefined), error: next.error, loading: false }));
      if (next.error) later(RETRY_MS);
      else if (dirty) later(AGAIN_AFTER_MS);
      dirty = false;
    };
    const read = () => {
      if (busy) {
        dirty = true;
        return;
      }
      busy = true;
      get<T>(path, query, stop.signal).then(
        (data) => done({ data }),
        (error: Error) => done({ error }),
      );
    };
    setState((old) => ({ key, data: old.key === key ? old.data : undefined, error: old.error, loading: true }));
    read();
    let last = Date.now();
    const unfollow = onChange((change) => {
      if (!change.all && !wanted.current(change)) return;
      const wait = Math.max(0, last + AGAIN_AFTER_MS - Date.now());
      last = Date.now() + wait;
      if (wait === 0) read();
      else later(wait);
    });
    const unneed = needsToken.follow(() => {
      if (!needsToken.get()) read();
    });
    return () => {
      stop.abort();
      clearTimeout(timer);
      unfollow();
      unneed();
    };
  }, [key, round]);

  return {
    data: state.key === key ? state.data : undefined,
    error: state.error,
    loading: state.loading,
    reload: () => setRound((n) => n + 1),
  };
}

/** Changes of one of these kinds. */
export const kinds = (...names: string[]) => (change: Change): boolean => names.some((name) => change.kinds.has(name));

/** Changes of one topic. */
export const ofTopic = (cluster: string | undefined, name: string) => (change: Change): boolean =>
  [...change.topics].some((topic) => (cluster ? topic === `${cluster}/${name}` : topic.endsWith(`/${name}`)));
