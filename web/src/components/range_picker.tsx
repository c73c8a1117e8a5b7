// The range of time of all figures: some relative ones, or two moments in the viewer's zone. Lives in the address.
import { useState } from 'preact/hooks';
import { when } from '../i18n/format';
import { span, t } from '../i18n/text';
import { currentRange, isRelative, RELATIVE, resolve, setRange } from '../state/range';
import { route } from '../state/route';
import { useStore } from '../state/store';

const ABSOLUTE = 'absolute';

export function RangePicker() {
  useStore(route);
  const range = currentRange();
  const [open, setOpen] = useState(false);
  const relative = isRelative(range) && range.to === '';
  const options = [...new Set<string>([...RELATIVE, ...(relative ? [range.from] : [])])];
  const choose = (value: string) => {
    if (value === ABSOLUTE) {
      setOpen(true);
    } else {
      setOpen(false);
      setRange({ from: value, to: '' });
    }
  };
  return (
    <div class="range">
      <label><span class="hidden">{t('range')}</span>
        <select value={relative && !open ? range.from : ABSOLUTE} onChange={(event) => choose(event.currentTarget.value)}>
          {options.map((option) => <option key={option} value={option}>{t('last', { what: span(option) })}</option>)}
          <option value={ABSOLUTE}>{relative ? t('absolute') : label(range)}</option>
        </select>
      </label>
      {!relative && !open && <button type="button" onClick={() => setOpen(true)}>{t('absolute')}</button>}
      {open && <Absolute onDone={() => setOpen(false)} />}
    </div>
  );
}

function label(range: { from: string; to: string }): string {
  const ends = resolve(range);
  return `${when(ends.from)} – ${range.to === '' ? t('now') : when(ends.to)}`;
}

/** For <input type="datetime-local">, in the viewer's zone. */
function local(ms: number): string {
  const date = new Date(ms);
  return new Date(ms - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

function Absolute({ onDone }: { onDone: () => void }) {
  const ends = resolve(currentRange());
  const [from, setFrom] = useState(local(ends.from));
  const [to, setTo] = useState(local(ends.to));
  const fromMs = new Date(from).getTime();
  const toMs = new Date(to).getTime();
  const valid = Number.isFinite(fromMs) && Number.isFinite(toMs) && fromMs < toMs;
  const apply = (event: Event) => {
    event.preventDefault();
    if (!valid) return;
    setRange({ from: String(fromMs), to: String(toMs) });
    onDone();
  };
  return (
    <form class="popover" onSubmit={apply}>
      <label>{t('from')} <input type="datetime-local" value={from} onInput={(event) => setFrom(event.currentTarget.value)} /></label>
      <label>{t('to')} <input type="datetime-local" value={to} onInput={(event) => setTo(event.currentTarget.value)} /></label>
      <div class="actions">
        <button type="submit" class="primary" disabled={!valid}>{t('apply')}</button>
        <button type="button" onClick={onDone}>{t('cancel')}</button>
      </div>
    </form>
  );
}
