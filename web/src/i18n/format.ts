// Numbers and times as the viewer writes them.
import { language } from '../state/prefs';

const locale = (): string => (language.get() === 'zh' ? 'zh-CN' : 'en-GB');

export function num(value: number | null | undefined, digits = 0): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return '–';
  return value.toLocaleString(locale(), { maximumFractionDigits: digits });
}

export function percent(value: number | null | undefined): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return '–';
  return value.toLocaleString(locale(), { style: 'percent', minimumFractionDigits: 2, maximumFractionDigits: 2 });
}

export function bytes(value: number | null | undefined): string {
  if (value === null || value === undefined) return '–';
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let left = value;
  let unit = 0;
  while (left >= 1024 && unit < units.length - 1) {
    left /= 1024;
    unit += 1;
  }
  return `${num(left, unit === 0 ? 0 : 1)} ${units[unit]}`;
}

/** Seconds as a person says them: 0.4 s, 12 s, 3 min, 2 h. */
export function duration(seconds: number | null | undefined): string {
  if (seconds === null || seconds === undefined) return '–';
  if (seconds < 90) return `${num(seconds, seconds < 10 ? 1 : 0)} s`;
  if (seconds < 5400) return `${num(seconds / 60)} min`;
  if (seconds < 172_800) return `${num(seconds / 3600, 1)} h`;
  return `${num(seconds / 86_400, 1)} d`;
}

export function millis(value: number | null | undefined): string {
  if (value === null || value === undefined) return '–';
  return value < 10_000 ? `${num(value)} ms` : duration(value / 1000);
}

/** In the viewer's zone, or in `zone` (an IANA name). */
export function when(ms: number, zone?: string): string {
  return new Date(ms).toLocaleString(locale(), {
    year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23', timeZone: zone,
  });
}

export function clock(ms: number, zone?: string): string {
  return new Date(ms).toLocaleTimeString(locale(), { hour: '2-digit', minute: '2-digit', hourCycle: 'h23', timeZone: zone });
}

export function clockSeconds(ms: number): string {
  return new Date(ms).toLocaleTimeString(locale(), { hourCycle: 'h23' });
}

export function utc(ms: number): string {
  return `${new Date(ms).toISOString().replace('T', ' ').replace(/\.\d+Z$/, '')} UTC`;
}
