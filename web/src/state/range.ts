// The range of time that figures are of. Relative ("-1h" to now) or absolute (milliseconds); part of the address.
import { route, setParams } from './route';

export interface Range {
  from: string; // "-1h" or milliseconds
  to: string; // "" = now, or milliseconds
}

export const RELATIVE = ['-15m', '-1h', '-6h', '-24h', '-7d', '-30d'] as const;
const UNIT_MS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const MISSING = '-1h';

export function currentRange(): Range {
  const { from, to } = route.get().params;
  return { from: valid(from) ? from : MISSING, to: to !== undefined && /^\d{1,15}$/.test(to) ? to : '' };
}

function valid(from: string | undefined): from is string {
  return from !== undefined && /^(-\d{1,5}[smhd]|\d{1,15})$/.test(from);
}

export function setRange(range: Range): void {
  setParams({ from: range.from, to: range.to });
}

export function isRelative(range: Range): boolean {
  return range.from.startsWith('-');
}

/** The range in milliseconds, for the ends of charts. */
export function resolve(range: Range, now = Date.now()): { from: number; to: number } {
  const to = range.to === '' ? now : Number(range.to);
  const relative = /^-(\d+)([smhd])$/.exec(range.from);
  const from = relative ? now - Number(relative[1]) * (UNIT_MS[relative[2] ?? 's'] ?? 1000) : Number(range.from);
  return { from, to };
}

/** As parameters of the API. */
export function rangeParams(range: Range): Record<string, string | undefined> {
  return { from: range.from, to: range.to || undefined };
}
