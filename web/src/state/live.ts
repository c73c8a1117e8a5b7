// Server-sent events: what changed at the server, and whether it is there. With a pause, and a slow fallback without events.
import { needsToken } from '../api/client';
import { store } from './store';

/** What an event says has changed. `topics` are "cluster/name"; `all` after a gap, when anything may have. */
export interface Change {
  all: boolean;
  kinds: ReadonlySet<string>;
  topics: ReadonlySet<string>;
}
export type LiveState = 'connecting' | 'live' | 'lost';

const RETRY_MS = 2000;
const FALLBACK_MS = 10_000;
const SILENCE_MS = 45_000; // the server says something every 15 s

export const liveState = store<LiveState>('connecting');
export const paused = store(false);
const listeners = new Set<(change: Change) => void>();
const EVERYTHING: Change = { all: true, kinds: new Set(), topics: new Set() };

let source: EventSource | undefined;
let missed = false; // something changed while paused or hidden
let heard = 0;

export function onChange(listener: (change: Change) => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function tell(change: Change): void {
  if (paused.get() || document.hidden) {
    missed = true;
    return;
  }
  for (const listener of [...listeners]) listener(change);
}

function strings(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item): item is string => typeof item === 'string') : [];
}

function read(data: string): Change {
  try {
    const body = JSON.parse(data) as { all?: unknown; kinds?: unknown; topics?: unknown };
    return { all: body.all === true, kinds: new Set(strings(body.kinds)), topics: new Set(strings(body.topics)) };
  } catch {
    return EVERYTHING;
  }
}

function connect(): void {
  source?.close();
  source = new EventSource('api/v1/live');
  heard = Date.now();
  source.addEventListener('hello', () => {
    heard = Date.now();
    const back = liveState.get() === 'lost';
    liveState.set('live');
    if (back) tell(EVERYTHING); // it was away: anything may have changed
  });
  source.addEventListener('change', (event) => {
    heard = Date.now();
    tell(read((event as MessageEvent<string>).data));
  });
  source.addEventListener('beat', () => {
    heard = Date.now();
  });
  source.onerror = () => {
    liveState.set('lost');
    if (source?.readyState === EventSource.CLOSED) again();
  };
}

function again(): void {
  source?.close();
  setTimeout(() => {
    if (!needsToken.get()) connect();
  }, RETRY_MS);
}

/** Begins anew, e.g. after a token was given. */
export function reconnect(): void {
  liveState.set('connecting');
  connect();
}

export function startLive(): void {
  connect();
  needsToken.follow(() => {
    if (!needsToken.get()) reconnect();
  });
  const catchUp = () => {
    if (paused.get() || document.hidden || !missed) return;
    missed = false;
    tell(EVERYTHING);
  };
  paused.follow(catchUp);
  document.addEventListener('visibilitychange', catchUp);
  setInterval(() => {
    if (liveState.get() === 'live' && Date.now() - heard > SILENCE_MS) {
      liveState.set('lost');
      again();
    }
    if (liveState.get() !== 'live') tell(EVERYTHING);
  }, FALLBACK_MS);
}
