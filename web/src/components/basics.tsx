// Small pieces: times, states, notices, copying.
import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { num, utc, when } from '../i18n/format';
import { t, word, type Key } from '../i18n/text';
import { liveState } from '../state/live';
import type { Loaded } from '../state/load';
import { useStore } from '../state/store';

/** A moment in the viewer's zone; UTC on hover and for screen readers that ask for the title. */
export function Time({ ms, zone }: { ms: number | null | undefined; zone?: string }) {
  if (ms === null || ms === undefined || ms <= 0) return <span>–</span>;
  return <time dateTime={new Date(ms).toISOString()} title={utc(ms)}>{when(ms, zone)}</time>;
}

export type Tone = 'good' | 'warn' | 'bad' | 'info' | 'quiet';

const TONES: Readonly<Record<string, Tone>> = {
  lost: 'bad', suspected: 'warn', unconfirmed: 'warn', late: 'info', redelivered: 'info', pending: 'quiet', excused: 'quiet', accepted: 'good', replayed: 'good',
  ok: 'good', complete: 'good', incomplete: 'warn', unaudited: 'warn', idle: 'quiet', firing: 'bad', resolved: 'good', muted: 'quiet', unconsumed: 'bad', unrecorded: 'warn',
  silent: 'bad', counting: 'good', closed: 'quiet', running: 'good', waiting: 'warn', stopped: 'bad', degraded: 'warn', failed: 'bad',
};

export function toneOf(state: string): Tone {
  return TONES[state] ?? 'quiet';
}

/** Each tone has its own shape, so that colour is never alone. */
export function Shape({ tone }: { tone: Tone }) {
  const paths: Record<Tone, preact.JSX.Element> = {
    good: <path d="M2.5 6.5 5 9l4.5-6" fill="none" stroke="currentColor" stroke-width="2" />,
    warn: <path d="M6 1 11.5 11H.5zM6 4.5v3M6 8.6v1" fill="none" stroke="currentColor" stroke-width="1.5" />,
    bad: <path d="M2 2l8 8M10 2l-8 8" fill="none" stroke="currentColor" stroke-width="2.4" />,
    info: <circle cx="6" cy="6" r="4" fill="none" stroke="currentColor" stroke-width="2" />,
    quiet: <path d="M2 6h8" fill="none" stroke="currentColor" stroke-width="2" />,
  };
  return <svg class="shape" viewBox="0 0 12 12" width="12" height="12" aria-hidden="true">{paths[tone]}</svg>;
}

export function State({ name, text }: { name: string; text?: string }) {
  const tone = toneOf(name);
  return <span class={`state ${tone}`}><Shape tone={tone} />{text ?? word(name)}</span>;
}

/** "complete", or "incomplete" with the reasons written out. */
export function Completeness({ complete, reasons }: { complete: boolean; reasons: readonly string[] }) {
  if (complete) return <State name="complete" />;
  return <span class="incomplete"><State name="incomplete" /> <span class="why">{reasons.map(word).join('; ')}</span></span>;
}

export function Figure({ label, raw, value, tone, note }: { label: string; raw?: boolean; value: ComponentChildren; tone?: Tone; note?: ComponentChildren }) {
  return (
    <div class={`figure ${tone ?? ''}`}>
      <dt>{tone && <Shape tone={tone} />}<span class={raw ? 'name' : 'cap'}>{label}</span></dt>
      <dd>{value}{note && <small>{note}</small>}</dd>
    </div>
  );
}

export function Card({ title, raw, aside, children, id }: { title?: ComponentChildren; raw?: boolean; aside?: ComponentChildren; children: ComponentChildren; id?: string }) {
  return (
    <section class="card" id={id}>
      {title && <header><h2 class={raw ? 'name' : undefined}>{title}</h2>{aside && <div class="aside">{aside}</div>}</header>}
      {children}
    </section>
  );
}

export function Empty({ title, children }: { title: string; children?: ComponentChildren }) {
  return <div class="empty"><p class="empty-title">{title}</p>{children}</div>;
}

/** The loading, failed and outdated forms of data around its normal form. */
export function Await<T>({ from, children }: { from: Loaded<T>; children: (data: T) => ComponentChildren }) {
  const live = useStore(liveState);
  if (from.data === undefined) {
    if (!from.error) return <p class="loading" role="status"><span class="spinner" aria-hidden="true" />{t('loading')}</p>;
    if ('status' in from.error && from.error.status === 404 && /nothing at/.test(from.error.message)) {
      return <Empty title={t('not_here')}><p>{t('not_here_text', { path: from.error.message.replace(/^.* at /, '') })}</p></Empty>;
    }
    return <Problem text={t('error_first', { why: from.error.message })} retry={from.reload} />;
  }
  return (
    <>
      {from.error && <Problem text={t('error', { why: from.error.message })} retry={from.reload} />}
      <div class={from.error && live !== 'live' ? 'stale' : undefined}>{children(from.data)}</div>
    </>
  );
}

export function Problem({ text, retry }: { text: string; retry?: () => void }) {
  return (
    <div class="problem" role="alert">
      <Shape tone="warn" /><span>{text}</span>
      {retry && <button type="button" onClick={retry}>{t('retry')}</button>}
    </div>
  );
}

export function Copyable({ text }: { text: string }) {
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setCopied(true);
      setTimeout(() => setCopied(false), 2000);
    } catch {
      const selection = getSelection();
      const code = document.activeElement?.previousElementSibling;
      if (selection && code) selection.selectAllChildren(code);
    }
  };
  return (
    <div class="copyable">
      <code tabIndex={0}>{text}</code>
      <button type="button" onClick={copy}>{copied ? t('copied') : t('copy')}</button>
      <span class="hidden" role="status">{copied ? t('copied') : ''}</span>
    </div>
  );
}

export function Dialog({ title, onClose, children }: { title: string; onClose: () => void; children: ComponentChildren }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const element = dialog.current;
    if (element && !element.open) element.showModal();
    return () => element?.close();
  }, []);
  return (
    <dialog ref={dialog} aria-labelledby="dialog-title" onCancel={onClose} onClose={onClose}>
      <h2 id="dialog-title">{title}</h2>
      {children}
    </dialog>
  );
}

export function Choice<T extends string>({ label, value, options, onChange }: {
  label: string; value: T; options: readonly (readonly [T, string])[]; onChange: (value: T) => void;
}) {
  return (
    <label class="choice"><span>{label}</span>
      <select value={value} onChange={(event) => onChange(event.currentTarget.value as T)}>
        {options.map(([option, text]) => <option key={option} value={option}>{text}</option>)}
      </select>
    </label>
  );
}

export function Search({ value, onChange, label }: { value: string; onChange: (value: string) => void; label?: string }) {
  const timer = useRef<ReturnType<typeof setTimeout>>();
  return (
    <label class="choice"><span>{label ?? t('search')}</span>
      <input type="search" value={value} onInput={(event) => {
        const text = event.currentTarget.value;
        clearTimeout(timer.current);
        timer.current = setTimeout(() => onChange(text), 250);
      }} />
    </label>
  );
}

export const count = (n: number | null | undefined): string => num(n);
export const label = (key: Key): string => t(key);
