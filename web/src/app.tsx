// The frame around every page: navigation, range of time, live state, language, theme, who is looking.
import type { ComponentType } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { needsToken } from './api/client';
import { Empty } from './components/basics';
import { RangePicker } from './components/range_picker';
import { t, type Key } from './i18n/text';
import { AlertsPage } from './pages/alerts';
import { FindingsPage } from './pages/findings';
import { KpiPage } from './pages/kpi';
import { LedgerPage } from './pages/ledger';
import { Login } from './pages/login';
import { OverviewPage } from './pages/overview';
import { ReportersPage } from './pages/reporters';
import { TopicPage } from './pages/topic';
import { WatchesPage } from './pages/watches';
import { liveState, paused } from './state/live';
import { language, theme, type Theme } from './state/prefs';
import { href, route } from './state/route';
import { logout, session } from './state/session';
import { useStore } from './state/store';

const PAGES: readonly { path: string; title: Key; page: ComponentType }[] = [
  { path: '', title: 'overview', page: OverviewPage },
  { path: 'topics', title: 'topics', page: TopicPage },
  { path: 'findings', title: 'findings', page: FindingsPage },
  { path: 'reporters', title: 'reporters', page: ReportersPage },
  { path: 'ledgers', title: 'ledger', page: LedgerPage },
  { path: 'watches', title: 'watches', page: WatchesPage },
  { path: 'kpis', title: 'kpi', page: KpiPage },
  { path: 'alerts', title: 'alerts', page: AlertsPage },
];

export function App() {
  const here = useStore(route);
  const locked = useStore(needsToken);
  useStore(language);
  const current = PAGES.find((page) => page.path === (here.path[0] ?? ''));
  const main = useRef<HTMLElement>(null);
  const name = here.path.join('/');
  const before = useRef(name);
  useEffect(() => {
    document.title = `${current ? t(current.title) : t('page_missing')}${here.path[1] ? `: ${here.path[1]}` : ''} – Waybill`;
    if (before.current !== name) main.current?.focus(); // a reader that listens is taken to the new page
    before.current = name;
  });
  const Page = current?.page ?? Missing;
  return (
    <>
      <a class="skip" href="#main" onClick={(event) => { event.preventDefault(); main.current?.focus(); }}>{t('skip')}</a>
      <Header />
      <main id="main" ref={main} tabIndex={-1}>{locked ? <Login /> : <Page key={name} />}</main>
    </>
  );
}

function Missing() {
  return <Empty title={t('page_missing')}><a class="button" href="#/">{t('to_overview')}</a></Empty>;
}

function Header() {
  const here = useStore(route);
  const who = useStore(session);
  const pages = useRef<HTMLElement>(null);
  useEffect(() => { // on a narrow screen the page's own name may be out of sight
    const bar = pages.current;
    const own = bar?.querySelector<HTMLElement>('[aria-current]');
    if (bar && own) bar.scrollLeft = own.offsetLeft - bar.offsetLeft - (bar.clientWidth - own.offsetWidth) / 2;
  }, [here.path[0]]);
  return (
    <header class="top">
      <div class="bar">
        <a class="brand" href={href([])}><Mark />Waybill</a>
        <div class="tools">
          <Live />
          <RangePicker />
          <Preferences />
          {who?.auth && who.role !== 'none' && (
            <button type="button" onClick={() => void logout()}>{t('logout')} ({t(who.role === 'operator' ? 'role_operator' : 'role_viewer')})</button>
          )}
        </div>
      </div>
      <nav aria-label={t('pages')} ref={pages}>
        {PAGES.map(({ path, title }) => (
          <a key={path} href={href(path ? [path] : [])} aria-current={(here.path[0] ?? '') === path ? 'page' : undefined}>{t(title)}</a>
        ))}
      </nav>
    </header>
  );
}

function Mark() {
  return (
    <svg viewBox="0 0 32 32" width="26" height="26" aria-hidden="true">
      <rect width="32" height="32" rx="7" fill="var(--accent)" />
      <path d="M7 9l4.5 14L16 12l4.5 11L25 9" fill="none" stroke="var(--on-accent)" stroke-width="3" stroke-linecap="round" stroke-linejoin="round" />
    </svg>
  );
}

function Live() {
  const state = useStore(liveState);
  const stopped = useStore(paused);
  const text = stopped ? t('paused') : state === 'live' ? t('live') : state === 'connecting' ? t('connecting') : t('not_live');
  const tone = stopped ? 'quiet' : state === 'live' ? 'good' : state === 'connecting' ? 'quiet' : 'bad';
  return (
    <div class="live">
      <span class={`state ${tone}`} role="status"><span class={`dot ${tone}`} aria-hidden="true" />{text}</span>
      <button type="button" aria-pressed={stopped} onClick={() => paused.set(!stopped)}>{stopped ? t('resume') : t('pause')}</button>
    </div>
  );
}

function Preferences() {
  const chosen = useStore(theme);
  const words = useStore(language);
  const [next] = useState<Record<Theme, Theme>>({ auto: 'light', light: 'dark', dark: 'auto' });
  const names: Record<Theme, Key> = { auto: 'theme_auto', light: 'theme_light', dark: 'theme_dark' };
  return (
    <>
      <button type="button" title={t('theme')} onClick={() => theme.set(next[chosen])}>
        <span class="hidden">{t('theme')}: </span>{t(names[chosen])}
      </button>
      <button type="button" lang={words === 'en' ? 'zh-CN' : 'en'} onClick={() => language.set(words === 'en' ? 'zh' : 'en')}>
        {words === 'en' ? '中文' : 'English'}
      </button>
    </>
  );
}
