// What a figure of a KPI is, by its name: x_ms is a time, x_rate or x_ratio a share, amount and x_fee money in cents.
import { millis, num, percent } from '../i18n/format';
import { t } from '../i18n/text';
import type { KpiWindow, Value, Values } from '../api/kpi';

export type Unit = 'count' | 'cents' | 'share' | 'ms';

export interface Figure {
  name: string; // "duration_ms.mean"
  value: number | null;
}

export function unitOf(name: string): Unit {
  const base = name.split('.')[0] ?? name;
  if (/_ms$/.test(base)) return 'ms';
  if (/(^|_)(rate|ratio|share)$/.test(base)) return 'share';
  if (/(^|_)(amount|fee|cents|price)$/.test(base)) return 'cents';
  return 'count';
}

export function yuan(cents: number): string {
  return `\u00a5 ${(cents / 100).toLocaleString(undefined, { minimumFractionDigits: 2, maximumFractionDigits: 2 })}`;
}

/** For a table or a tooltip. */
export function shownFigure(name: string, value: number | null): string {
  if (value === null) return '\u2013';
  switch (unitOf(name)) {
    case 'ms': return millis(Math.round(value));
    case 'share': return percent(value);
    case 'cents': return `${yuan(value)} (${num(value)} ${t('cents')})`;
    case 'count': return num(value, 2);
  }
}

export function flat(values: Values): Figure[] {
  return Object.entries(values).flatMap(([name, value]: [string, Value]): Figure[] => (
    value !== null && typeof value === 'object' ? Object.entries(value).map(([part, figure]) => ({ name: `${name}.${part}`, value: figure })) : [{ name, value }]));
}

export function figureOf(values: Values, name: string): number | null {
  return flat(values).find((figure) => figure.name === name)?.value ?? null;
}

/** Figures that can be added up over windows. */
export const additive = (name: string): boolean => unitOf(name) === 'count' || unitOf(name) === 'cents';

/** One group of a dimension: its key, the name that a lookup gave, and its figures over all windows. */
export interface GroupLine {
  key: string;
  name: string;
  sums: Record<string, number>;
}

export function groupLines(windows: readonly KpiWindow[], dimension: string): GroupLine[] {
  const lines = new Map<string, GroupLine>();
  for (const window of windows) {
    const key = window.by[dimension] ?? '';
    const label = Object.entries(window.by).find(([name]) => name !== dimension)?.[1];
    const line = lines.get(key) ?? { key, name: label ?? key, sums: {} };
    for (const figure of flat(window.values)) {
      if (additive(figure.name) && figure.value !== null) line.sums[figure.name] = (line.sums[figure.name] ?? 0) + figure.value;
    }
    lines.set(key, line);
  }
  return [...lines.values()];
}
