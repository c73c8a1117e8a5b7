// Who counts, who went silent, and what is therefore unknown.
import { Await, Card, Empty, Problem, Search, State, Time } from '../components/basics';
import { Table, type Column } from '../components/table';
import { num, when } from '../i18n/format';
import { t, word } from '../i18n/text';
import type { Reporter, Reporters, Source, Sources } from '../api/types';
import { kinds, useLoad } from '../state/load';
import { currentRange, rangeParams, setRange } from '../state/range';
import { route, setParams } from '../state/route';
import { useStore } from '../state/store';

const stateOf = (reporter: Reporter): string => (reporter.closed ? 'closed' : reporter.vanished ? 'silent' : 'counting');
const nameOf = (reporter: Reporter): string => (reporter.service ? `${reporter.service} @ ${reporter.host}` : reporter.host);

export function ReportersPage() {
  const { params } = useStore(route);
  const reporters = useLoad<Reporters>('api/v1/reporters', rangeParams(currentRange()), kinds('reporters'));
  const sources = useLoad<Sources>('api/v1/sources', {}, kinds('sources', 'topics'));
  const q = (params.q ?? '').toLowerCase();
  const fits = (reporter: Reporter) => [reporter.host, reporter.ip, reporter.service, reporter.reporter, ...reporter.clients.map((client) => client.client_id), ...reporter.topics]
    .some((text) => text.toLowerCase().includes(q));
  return (
    <>
      <h1>{t('reporters')}</h1>
      <Await from={reporters}>{(data) => (
        <>
          <Card title={t('unknown_because')}><Unknown reporters={data.reporters} /></Card>
          <Card title={t('who_counts')} aside={<div class="filters"><Search value={params.q ?? ''} onChange={(text) => setParams({ q: text })} /></div>}>
            {data.reporters.length === 0
              ? <Empty title={t('no_reporters')}><p>{t('empty_overview_text')}</p><pre tabIndex={0}>plugin.library.paths=libwaybill_rdkafka</pre>
                <button type="button" onClick={() => setRange({ from: '-24h', to: '' })}>{t('widen')}</button></Empty>
              : <ReporterTable reporters={data.reporters.filter(fits)} />}
          </Card>
        </>
      )}</Await>
      <Card title={t('what_is_read')}><Await from={sources}>{(data) => <SourceTable sources={data.sources} />}</Await></Card>
    </>
  );
}

function Unknown({ reporters }: { reporters: readonly Reporter[] }) {
  const lines = reporters.flatMap((reporter): string[] => {
    const topics = reporter.topics.join(', ') || '–';
    const who = nameOf(reporter);
    return [
      ...(reporter.vanished && !reporter.closed ? [t('vanished_text', { who, time: when(reporter.last_seen), topics })] : []),
      ...(reporter.missing_reports > 0 ? [t('missing_text', { who, n: num(reporter.missing_reports), topics })] : []),
      ...(reporter.dropped > 0 ? [t('dropped_text', { who, n: num(reporter.dropped), topics })] : []),
    ];
  });
  if (lines.length === 0) return <p><State name="complete" text={t('nothing_unknown')} /></p>;
  return <ul class="notes">{lines.map((line) => <li key={line}><State name="incomplete" text={line} /></li>)}</ul>;
}

function ReporterTable({ reporters }: { reporters: readonly Reporter[] }) {
  const columns: Column<Reporter>[] = [
    { key: 'service', title: t('service'), value: (row) => row.service || '–' },
    { key: 'host', title: t('host'), value: (row) => row.host, show: (row) => <span title={`${row.ip} pid ${row.pid}`}>{row.host}</span> },
    { key: 'state', title: t('state'), value: stateOf, show: (row) => <State name={stateOf(row)} /> },
    { key: 'clients', title: t('clients'), value: (row) => row.clients.map((client) => client.client_id).join(' '), show: (row) => <Clients reporter={row} /> },
    { key: 'topics', title: t('topics'), value: (row) => row.topics.join(' '), show: (row) => row.topics.join(', ') },
    { key: 'last_seen', title: t('last_seen'), value: (row) => row.last_seen, show: (row) => <Time ms={row.last_seen} /> },
    { key: 'complete_up_to', title: t('complete_up_to'), value: (row) => row.complete_up_to, show: (row) => <Time ms={row.complete_up_to} /> },
    { key: 'reports', title: t('reports'), numeric: true, value: (row) => row.reports, show: (row) => num(row.reports) },
    { key: 'missing_reports', title: t('missing_reports'), numeric: true, value: (row) => row.missing_reports, show: (row) => (row.missing_reports > 0 ? <State name="incomplete" text={num(row.missing_reports)} /> : '0') },
    { key: 'dropped', title: t('dropped'), numeric: true, value: (row) => row.dropped, show: (row) => num(row.dropped) },
    { key: 'cluster', title: t('cluster'), value: (row) => row.cluster },
    ...(reporters.some((row) => row.data_center) ? [{ key: 'data_center', title: t('data_center'), value: (row: Reporter) => row.data_center || '–' }] : []),
  ];
  return <Table name={t('reporters')} columns={columns} rows={reporters} rowKey={(row) => `${row.cluster}/${row.reporter}`} />;
}

function Clients({ reporter }: { reporter: Reporter }) {
  return (
    <ul class="plain">
      {reporter.clients.map((client) => (
        <li key={`${client.client_id} ${client.tier} ${client.group}`} title={client.library}>{client.client_id} <span class="soft">{word(client.tier)}{client.group ? `: ${client.group}` : ''}</span></li>
      ))}
    </ul>
  );
}

function SourceTable({ sources }: { sources: readonly Source[] }) {
  const columns: Column<Source>[] = [
    { key: 'engine', title: t('engine'), value: (row) => row.engine },
    { key: 'cluster', title: t('cluster'), value: (row) => row.cluster },
    { key: 'state', title: t('state'), value: (row) => (row.degraded ? 'degraded' : row.state), show: (row) => <State name={row.degraded ? 'degraded' : row.state} /> },
    { key: 'lag_messages', title: t('lag_messages'), numeric: true, value: (row) => row.lag_messages, show: (row) => num(row.lag_messages) },
    { key: 'member', title: t('member'), value: (row) => row.member },
    { key: 'last_commit', title: t('committed'), value: (row) => row.last_commit, show: (row) => <Time ms={row.last_commit} /> },
    { key: 'detail', title: t('detail'), value: (row) => row.detail, show: (row) => (row.detail ? <Problem text={row.detail} /> : '–') },
  ];
  return <Table name={t('what_is_read')} columns={columns} rows={sources} rowKey={(row) => `${row.engine}/${row.cluster}`} />;
}
