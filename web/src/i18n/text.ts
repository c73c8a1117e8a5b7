// t('key', {name: value}): the text in the chosen language.
import { language } from '../state/prefs';
import { en, type Key } from './en';
import { zh } from './zh';

export type { Key };

export function t(key: Key, values: Readonly<Record<string, string | number>> = {}): string {
  const text: string = (language.get() === 'zh' ? zh : en)[key];
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => (name in values ? String(values[name]) : whole));
}

/** The word for what the server named; what it has no word for stays as it came. */
export function word(name: string): string {
  return name in en ? t(name as Key) : name;
}

/** "-1h" as "1 h". */
export function span(relative: string): string {
  const parts = /^-(\d+)([smhd])$/.exec(relative);
  if (!parts) return relative;
  const [, n = '', unit = ''] = parts;
  if (language.get() === 'zh') return `${n} ${{ s: '秒', m: '分钟', h: '小时', d: '天' }[unit] ?? unit}`;
  return `${n} ${{ s: 's', m: 'min', h: 'h', d: n === '1' ? 'day' : 'days' }[unit] ?? unit}`;
}
