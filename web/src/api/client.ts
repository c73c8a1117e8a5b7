// Requests to the API. Paths are relative to the page, so that a path prefix of a proxy is kept.
import { store } from '../state/store';

/** An answer that is not the wanted one, or none. */
export class ApiError extends Error {
  constructor(
    readonly status: number, // 0 = no answer, or one that was cut off
    message: string,
  ) {
    super(message);
  }
}

/** Set when the server wants a token; the page then shows the form for it. */
export const needsToken = store(false);

const TIMEOUT_MS = 20_000;
export type Query = Record<string, string | number | undefined>;

export function apiUrl(path: string, query: Query = {}): string {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== undefined && value !== '') params.set(name, String(value));
  const text = params.toString();
  return `${path}${text ? `?${text}` : ''}`;
}

export async function get<T>(path: string, query: Query = {}, signal?: AbortSignal): Promise<T> {
  return request<T>(apiUrl(path, query), { cache: 'no-store' }, signal);
}

export async function send<T>(method: 'POST' | 'DELETE' | 'PUT', path: string, body?: unknown): Promise<T> {
  return request<T>(path, {
    method,
    headers: { 'Content-Type': 'application/json' },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
}

async function request<T>(url: string, init: RequestInit, signal?: AbortSignal): Promise<T> {
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(), TIMEOUT_MS);
  const stop = () => limit.abort();
  signal?.addEventListener('abort', stop);
  try {
    const answer = await fetch(url, { ...init, credentials: 'same-origin', signal: limit.signal });
    const text = await answer.text();
    if (!answer.ok) {
      if (answer.status === 401) needsToken.set(true);
      throw new ApiError(answer.status, problemOf(text) ?? `HTTP ${answer.status} ${answer.statusText}`);
    }
    if (text === '') return undefined as T;
    try {
      return JSON.parse(text) as T;
    } catch {
      throw new ApiError(0, 'the answer was cut off or is not JSON');
    }
  } catch (error) {
    if (error instanceof ApiError || signal?.aborted) throw error;
    if (limit.signal.aborted) throw new ApiError(0, `no answer within ${TIMEOUT_MS / 1000} s`);
    throw new ApiError(0, 'the server does not answer');
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', stop);
  }
}

/** The text of an RFC 9457 body. */
function problemOf(text: string): string | undefined {
  try {
    const body: unknown = JSON.parse(text);
    if (typeof body !== 'object' || body === null) return undefined;
    const { detail, title } = body as { detail?: unknown; title?: unknown };
    return typeof detail === 'string' && detail ? detail : typeof title === 'string' ? title : undefined;
  } catch {
    return undefined;
  }
}
