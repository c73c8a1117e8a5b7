// Rules over streams: how often each matched, when, and samples with the match marked.
import { useCallback } from 'preact/hooks';
import type { Watch, Watches, WatchSample, WatchSamples, WatchWindow, WatchWindows } from '../api/engines';
import { Await, Card, Completeness, Empty, Time } from '../components/basics';
import { Chart, shownRange, timeAxes, type Palette } from '../components/chart';
import type { ChartOption } from '../components/echarts';
import { Table, type Column } from '../components/table';
import { num, when } from '../i18n/format';
import { t } from '../i18n/text';
import { kinds, useLoad } from '../state/load';
import { currentRange, rangeParams, resolve } from '../state/range';
import { href, route } from '../state/route';
import { useStore } from '../state/store';

const EXAMPLE = `watches:
  http-5xx:
    sources: [{cluster: main, topics: [access-log], start: end}]
    where: {status: '5\\d{2}'}
    threshold: 10
    notify: [ops]`;

export function WatchesPage() {
  const { path } = useStore(route);
  const name = path[1];
  return name === undefined ? <WatchList /> : <OneWatch name={name} />;
}

function WatchList() {
  const list = useLoad<Watches>('api/v1/watches', rangeParams(currentRange()), kinds('watches'));
  const columns: Column<Watch>[] = [
    { key: 'name', title: t('rule'), value: (row) => row.name, show: (row) => <a href={href(['watches', row.name])}>{row.name}</a> },
    { key: 'matched', title: t('matches'), numeric: true, value: (row) => row.matched, show: (row) => num(row.matched) },
    { key: 'severity', title: t('severity'), value: (row) => row.severity },
    { key: 'last', title: t('last_seen'), value: (row) => row.last, show: (row) => <Time ms={row.last} /> },
    { key: 'reads', title: t('what_is_read'), value: (row) => row.reads.join(', ') },
    { key: 'complete', title: t('state'), value: (row) => row.complete, show: (row) => <Completeness complete={row.complete} reasons={row.why} /> },
  ];
  return (
    <>
      <h1>{t('watches')}</h1>
      <Card title={t('rules')}>
        <Await from={list}>{({ watches }) => (watches.length === 0
          ? <Empty title={t('no_watches')}><p>{t('no_watches_text')}</p><pre tabIndex={0}>{EXAMPLE}</pre></Empty>
          : <Table name={t('watches')} columns={columns} rows={watches} rowKey={(row) => row.name} />)}</Await>
      </Card>
    </>
  );
}

function OneWatch({ name }: { name: string }) {
  const range = rangeParams(currentRange());
  const base = `api/v1/watches/${encodeURIComponent(name)}`;
  const windows = useLoad<WatchWindows>(`${base}/windows`, range, kinds('watches'));
  const samples = useLoad<WatchSamples>(`${base}/samples`, range, kinds('watches'));
  return (
    <>
      <h1>{name}</h1>
      <Card><Await from={windows}>{(data) => <Counts windows={data.windows} />}</Await></Card>
      <Card title={t('samples')}>
        <Await from={samples}>{(data) => (data.samples.length === 0 ? <Empty title={t('no_samples')} /> : <Samples rows={data.samples} />)}</Await>
      </Card>
    </>
  );
}

const byText = (window: WatchWindow): string => Object.values(window.by).join(' / ');

function Counts({ windows }: { windows: readonly WatchWindow[] }) {
  const names = [...new Set(windows.map(byText))].slice(0, 20);
  const range = resolve(currentRange());
  const option = useCallback((palette: Palette): ChartOption => ({
    ...timeAxes(palette, shownRange(range, windows.map((window) => window.start)), { y: t('matches') }),
    series: names.map((name) => ({
      type: 'bar' as const, stack: 'all', name: name || t('matches'), barMaxWidth: 18,
      data: windows.filter((window) => byText(window) === name).map((window) => [window.start, window.count]),
    })),
  }), [windows]);
  const columns: Column<WatchWindow>[] = [
    { key: 'start', title: t('time'), value: (row) => new Date(row.start).toISOString(), show: (row) => when(row.start) },
    { key: 'by', title: t('group_by'), value: byText },
    { key: 'count', title: t('matches'), numeric: true, value: (row) => row.count, show: (row) => num(row.count) },
  ];
  return <Chart title={t('over_time')} option={option} table={{ columns, rows: windows }} />;
}

/** The text with what matched marked; all of it as text nodes. */
export function Marked({ sample }: { sample: WatchSample }) {
  const parts: preact.JSX.Element[] = [];
  let at = 0;
  for (const [from = 0, to = 0] of sample.matches) {
    if (from < at || to <= from) continue;
    parts.push(<>{sample.text.slice(at, from)}<mark>{sample.text.slice(from, to)}</mark></>);
    at = to;
  }
  return <pre class="sample">{parts}{sample.text.slice(at)}</pre>;
}

function Samples({ rows }: { rows: readonly WatchSample[] }) {
  const columns: Column<WatchSample>[] = [
    { key: 'time', title: t('time'), value: (row) => row.time, show: (row) => <Time ms={row.time} /> },
    { key: 'place', title: t('partition'), value: (row) => `${row.topic}/${row.partition}:${row.offset}` },
    { key: 'text', title: t('samples'), value: (row) => row.text, show: (row) => <Marked sample={row} /> },
  ];
  return <Table name={t('samples')} columns={columns} rows={rows} rowKey={(row, index) => `${row.topic}/${row.partition}/${row.offset}/${index}`} />;
}
