// What fires, what fired, and who has muted it.
import { useState } from 'preact/hooks';
import { send } from '../api/client';
import type { Alert, Alerts } from '../api/engines';
import { Await, Card, Choice, Dialog, Empty, Problem, State, Time } from '../components/basics';
import { Table, type Column } from '../components/table';
import { span, t, word } from '../i18n/text';
import { kinds, useLoad } from '../state/load';
import { href, route, setParams } from '../state/route';
import { session } from '../state/session';
import { useStore } from '../state/store';

const EXAMPLE = `alerts:
  lost: {notify: [ops]}
notifiers:
  ops: {webhook: "https://alerts.example.com/hook"}`;
const MUTES = ['-1h', '-8h', '-24h', '-7d'] as const;
const MUTE_MS: Readonly<Record<string, number>> = { '-1h': 3_600_000, '-8h': 28_800_000, '-24h': 86_400_000, '-7d': 604_800_000 };

const isMuted = (alert: Alert): boolean => (alert.muted_until ?? 0) > Date.now();

export function AlertsPage() {
  const { params } = useStore(route);
  const has = useStore(session)?.parts.includes('alerts') ?? false;
  const list = useLoad<Alerts>(has ? 'api/v1/alerts' : null, { state: params.state, next: params.next }, kinds('alerts', 'findings'));
  const columns: Column<Alert>[] = [
    { key: 'state', title: t('state'), value: (row) => row.state, show: (row) => <><State name={row.state} text={stateWord(row.state)} />{isMuted(row) && <> <State name="muted" /></>}</> },
    { key: 'severity', title: t('severity'), value: (row) => word(row.severity) },
    { key: 'rule', title: t('rule'), value: (row) => row.rule },
    { key: 'summary', title: t('summary'), value: (row) => row.summary || labels(row) },
    { key: 'since', title: t('since'), value: (row) => row.since, show: (row) => <Time ms={row.since} /> },
    { key: 'muted_until', title: t('muted'), value: (row) => row.muted_until, show: (row) => (isMuted(row) ? <Time ms={row.muted_until} /> : '–') },
  ];
  return (
    <>
      <h1>{t('alerts')}</h1>
      <Card title={t('alerts')} aside={<Choice label={t('state')} value={params.state ?? ''} onChange={(state) => setParams({ state, next: '' })}
        options={[['', t('all')], ...['firing', 'pending', 'resolved'].map((state) => [state, stateWord(state)] as const)]} />}>
        {!has ? <Empty title={t('not_here')}><p>{t('not_here_text', { path: '/api/v1/alerts' })}</p></Empty> : <Await from={list}>{({ alerts, next, rules }) => (<>{alerts.length === 0
          ? <Empty title={t('no_active')}><p>{t('no_active_text')}</p><p>{t('no_alerts_text')}</p><pre tabIndex={0}>{EXAMPLE}</pre></Empty>
          : <Table name={t('alerts')} columns={columns} rows={alerts} rowKey={(row) => row.id} open={params.open} onOpen={(open) => setParams({ open })}
            detail={(row) => <Detail alert={row} onDone={list.reload} />} />}
          {next !== null && <p><a href={href(['alerts'], { state: params.state, next })}>{t('older_alerts')}</a></p>}
          <Rules rules={rules} /></>)}</Await>}
      </Card>
    </>
  );
}

/** What is looked at, and who is told. */
function Rules({ rules }: { rules: Alerts['rules'] }) {
  return (
    <details><summary>{t('rules_configured', { n: rules.length })}</summary>
      <ul class="notes">{rules.map((rule) => <li key={rule.name}>{rule.name} · {word(rule.severity)} → {rule.notify.join(', ') || t('page_only')}</li>)}</ul>
    </details>
  );
}

interface Range { partition: number; first_offset: number; last_offset: number; reason?: string }

/** Offsets one below the other; whatever else the rule counted as it is. */
function Evidence({ evidence }: { evidence: Alert['evidence'] }) {
  if (evidence === null) return null;
  const { ranges, samples, ...rest } = evidence as { ranges?: Range[]; samples?: { text: string; topic: string; partition: number; offset: number }[] };
  return (
    <>
      {ranges && <ul class="notes">{ranges.map((range) => (
        <li key={`${range.partition}:${range.first_offset}`}>{t('partition')} {range.partition}: {range.first_offset}–{range.last_offset} {range.reason && word(range.reason)}</li>
      ))}</ul>}
      {samples?.map((sample) => <pre key={`${sample.partition}:${sample.offset}`} class="sample" tabIndex={0}>{`${sample.topic}[${sample.partition}]@${sample.offset}\n${sample.text}`}</pre>)}
      <pre class="sample" tabIndex={0}>{JSON.stringify(rest, null, 2)}</pre>
    </>
  );
}

/** "firing" alone is the title of a list. */
const stateWord = (state: string): string => (state === 'firing' ? t('firing_state') : state === 'pending' ? t('pending_state') : word(state));

function labels(alert: Alert): string {
  return Object.entries(alert.labels).map(([name, value]) => `${name}=${value}`).join(' ');
}

function Detail({ alert, onDone }: { alert: Alert; onDone: () => void }) {
  const who = useStore(session);
  const [muting, setMuting] = useState(false);
  const [problem, setProblem] = useState('');
  const { topic, cluster, group } = alert.labels;
  const unmute = async () => {
    try {
      await send('POST', `api/v1/alerts/${encodeURIComponent(alert.id)}/mute`, { until: 0 });
      onDone();
    } catch (error) {
      setProblem(t('not_done', { why: (error as Error).message }));
    }
  };
  return (
    <div class="finding">
      <section><h3>{t('evidence')}</h3>
        {alert.description && <p>{alert.description}</p>}
        <dl>{Object.entries(alert.labels).map(([name, value]) => <><dt>{name}</dt><dd>{value}</dd></>)}</dl>
        <Evidence evidence={alert.evidence} />
        {topic && <p><a href={href(['findings'], { topic, cluster, group, when: 'any' })}>{t('findings')}</a></p>}
      </section>
      <section><h3>{t('history')}</h3>
        <ol class="history">{alert.history.map((event) => <li key={`${event.at}${event.state}`}><Time ms={event.at} /> <State name={event.state} text={stateWord(event.state)} /> {String(event.value)}</li>)}</ol>
        <p class="soft">{t('told_to', { who: alert.receivers.join(', ') || t('page_only') })} <Time ms={alert.told} /></p>
      </section>
      <section><h3>{t('mute')}</h3>
        <div class="actions"><button type="button" disabled={who?.role !== 'operator'} onClick={() => setMuting(true)}>{t('mute')}…</button>
          {isMuted(alert) && <button type="button" disabled={who?.role !== 'operator'} onClick={unmute}>{t('unmute')}</button>}
          {who?.role !== 'operator' && <span class="soft">{t('needs_operator')}</span>}</div>
        {problem && <Problem text={problem} />}
        {muting && <Mute alert={alert} onClose={() => { setMuting(false); onDone(); }} />}
      </section>
    </div>
  );
}

function Mute({ alert, onClose }: { alert: Alert; onClose: () => void }) {
  const [length, setLength] = useState<(typeof MUTES)[number]>('-1h');
  const [problem, setProblem] = useState('');
  const submit = async (event: Event) => {
    event.preventDefault();
    try {
      await send('POST', `api/v1/alerts/${encodeURIComponent(alert.id)}/mute`, { until: Date.now() + (MUTE_MS[length] ?? 0) });
      onClose();
    } catch (error) {
      setProblem(t('not_done', { why: (error as Error).message }));
    }
  };
  return (
    <Dialog title={`${t('mute')}: ${alert.rule}`} onClose={onClose}>
      <form onSubmit={submit}>
        <Choice label={t('mute_for')} value={length} options={MUTES.map((one) => [one, span(one)] as const)} onChange={setLength} />
        {problem && <Problem text={problem} />}
        <div class="actions"><button type="submit" class="primary">{t('mute')}</button><button type="button" onClick={onClose}>{t('cancel')}</button></div>
      </form>
    </Dialog>
  );
}

/** On the overview; nothing at all where the server has no alerts. */
export function FiringAlerts() {
  const has = useStore(session)?.parts.includes('alerts') ?? false;
  const list = useLoad<Alerts>(has ? 'api/v1/alerts' : null, { state: 'firing' }, kinds('alerts'));
  const firing = (list.data?.alerts ?? []).filter((alert) => alert.state === 'firing');
  if (list.data === undefined) return null;
  return (
    <Card title={t('firing')}>
      {firing.length === 0 ? <p><State name="ok" text={t('no_firing')} /></p> : (
        <ul class="notes">{firing.map((alert) => (
          <li key={alert.id}><a href={href(['alerts'], { open: alert.id })}><State name="firing" text={alert.summary || alert.rule} /></a> <Time ms={alert.since} />{isMuted(alert) && <> <State name="muted" /></>}</li>
        ))}</ul>
      )}
    </Card>
  );
}
