// Who is looking: the role that the server gives, and whether it wants a token at all.
import { get, needsToken, send } from '../api/client';
import type { Session } from '../api/types';
import { store } from './store';

export const session = store<Session | undefined>(undefined);

export async function readSession(): Promise<void> {
  try {
    const now = await get<Session>('api/v1/session');
    session.set(now);
    needsToken.set(now.auth && now.role === 'none');
  } catch {
    // The pages say what the server answers to them.
  }
}

export async function login(token: string): Promise<void> {
  session.set(await send<Session>('POST', 'api/v1/session', { token }));
  needsToken.set(false);
}

export async function logout(): Promise<void> {
  session.set(await send<Session>('DELETE', 'api/v1/session'));
  needsToken.set(true);
}

export function isOperator(): boolean {
  return session.get()?.role === 'operator';
}
