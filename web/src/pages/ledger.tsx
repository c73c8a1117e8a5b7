// The ledger: six curves and figures, two lists, per group of producers.
import { useCallback } from 'preact/hooks';
import type { Ledger, LedgerBucket, LedgerBuckets, LedgerConsumer, LedgerException, LedgerExceptions, LedgerProducer, Ledgers } from '../api/engines';
import { Await, Card, Choice, Completeness, Empty, Figure, State, Time } from '../components/basics';
import { Chart, shownRange, timeAxes, type Palette } from '../components/chart';
import type { ChartOption } from '../components/echarts';
import { Pager } from '../components/pager';
import { Table, type Column } from '../components/table';
import { millis, num, when } from '../i18n/format';
import { t } from '../i18n/text';
import { kinds, useLoad } from '../state/load';
import { currentRange, rangeParams, resolve } from '../state/range';
import { route, setParams } from '../state/route';
import { useStore } from '../state/store';

const EXAMPLE = `ledgers:
  orders:
    source: {cluster: main, topics: [app-log]}
    producers:
      - name: c8d6939a9d39078b43bd05ff6fdda214
        desc: web shop
        consumers: {order_queue: order service}`;
const LISTED = 100;
const DAY_MS = 86_400_000;

export function LedgerPage() {
  const { params } = useStore(route);
  const list = useLoad<Ledgers>('api/v1/ledgers', rangeParams(currentRange()), kinds('ledgers'));
  return (
    <>
      <h1>{t('ledger')}</h1>
      <Await from={list}>{({ ledgers }) => {
        const chosen = ledgers.find((ledger) => ledger.group === params.ledger) ?? ledgers[0];
        if (!chosen) return <Empty title={t('no_ledgers')}><p>{t('no_ledgers_text')}</p><pre tabIndex={0}>{EXAMPLE}</pre></Empty>;
        return (
          <>
            <div class="title">
              <Choice label={t('ledger')} value={chosen.group} options={ledgers.map((ledger) => [ledger.group, ledger.group] as const)} onChange={(ledger) => setParams({ ledger, next: '' })} />
              <Completeness complete={chosen.overflow === 0} reasons={['overflow']} />
              <span class="soft">{[chosen.cluster, ...chosen.topics].filter((part) => part !== '').join(' / ')}</span>
            </div>
            <OneLedger key={chosen.group} ledger={chosen} />
          </>
        );
      }}</Await>
    </>
  );
}

interface Pair { producer: LedgerProducer; consumer: LedgerConsumer | undefined }

const sum = (ledger: Ledger, of: (consumer: LedgerConsumer) => number): number => ledger.producers.flatMap((producer) => producer.consumers).reduce((all, consumer) => all + of(consumer), 0);

/** What people call them: the descriptions of the configuration, where there are any. */
interface Called { producer: (name: string) => string; consumer: (producer: string, name: string) => string }

function calledIn(ledger: Ledger): Called {
  const producers = new Map(ledger.producers.map((producer) => [producer.name, producer.desc]));
  const consumers = new Map(ledger.producers.flatMap((producer) => producer.consumers.map((consumer) => [`${producer.name}/${consumer.name}`, consumer.desc] as const)));
  return { producer: (name) => producers.get(name) || name, consumer: (producer, name) => consumers.get(`${producer}/${name}`) || name };
}

function OneLedger({ ledger }: { ledger: Ledger }) {
  const called = calledIn(ledger);
  const base = `api/v1/ledgers/${encodeURIComponent(ledger.group)}`;
  const buckets = useLoad<LedgerBuckets>(`${base}/buckets`, rangeParams(currentRange()), kinds('ledgers'));
  const largest = Math.max(0, ...ledger.producers.flatMap((producer) => producer.consumers.map((consumer) => consumer.latency_ms?.max ?? 0)));
  const produced = ledger.producers.reduce((all, producer) => all + producer.produced, 0);
  const unconsumed = sum(ledger, (consumer) => consumer.unconsumed);
  const unrecorded = sum(ledger, (consumer) => consumer.unrecorded);
  return (
    <>
      <Card title={t('totals')}>
        <dl class="figures big">
          <Figure label={t('largest_latency')} value={millis(largest)} />
          <Figure label={t('produced')} value={num(produced)} />
          <Figure label={t('consumed')} value={num(sum(ledger, (consumer) => consumer.consumed))} />
          <Figure label={t('unconsumed')} value={num(unconsumed)} tone={unconsumed > 0 ? 'bad' : undefined} />
          <Figure label={t('unrecorded')} value={num(unrecorded)} tone={unrecorded > 0 ? 'warn' : undefined} />
          <Figure label={t('duplicates')} value={num(sum(ledger, (consumer) => consumer.duplicated))} />
          <Figure label={t('failed')} value={num(ledger.failed)} />
          <Figure label={t('malformed')} value={num(ledger.malformed)} tone={ledger.malformed > 0 ? 'warn' : undefined} />
        </dl>
      </Card>
      <Card title={t('producers')}><Pairs ledger={ledger} /></Card>
      <Await from={buckets}>{(data) => <Curves buckets={data.buckets} called={called} />}</Await>
      <Exceptions base={base} kind="unconsumed" called={called} />
      <Exceptions base={base} kind="unrecorded" called={called} />
      {ledger.malformed_samples.length > 0 && (
        <Card title={t('malformed')}>
          <Table name={t('malformed')} rows={ledger.malformed_samples} rowKey={(row, index) => `${row.place}/${index}`}
            columns={[{ key: 'place', title: t('place'), value: (row) => row.place }, { key: 'reason', title: t('reason'), value: (row) => row.reason },
              { key: 'text', title: t('samples'), value: (row) => row.text, show: (row) => <code class="sample">{row.text}</code> }]} />
        </Card>
      )}
    </>
  );
}

function Pairs({ ledger }: { ledger: Ledger }) {
  const rows: Pair[] = ledger.producers.flatMap((producer): Pair[] => (producer.consumers.length === 0 ? [{ producer, consumer: undefined }] : producer.consumers.map((consumer) => ({ producer, consumer }))));
  const latency = (name: 'mean' | 'p95' | 'max'): Column<Pair> => ({ key: name, title: `${t('delay')} ${name}`, numeric: true, value: (row) => row.consumer?.latency_ms?.[name] ?? null, show: (row) => millis(row.consumer?.latency_ms?.[name]) });
  const columns: Column<Pair>[] = [
    { key: 'producer', title: t('producer'), value: (row) => row.producer.name, show: (row) => <span title={row.producer.name}>{row.producer.desc || row.producer.name}</span> },
    { key: 'consumer', title: t('consumer'), value: (row) => row.consumer?.name, show: (row) => <span title={row.consumer?.name}>{row.consumer?.desc || row.consumer?.name || '–'}</span> },
    { key: 'produced', title: t('produced'), numeric: true, value: (row) => row.producer.produced, show: (row) => num(row.producer.produced) },
    { key: 'consumed', title: t('consumed'), numeric: true, value: (row) => row.consumer?.consumed, show: (row) => num(row.consumer?.consumed) },
    { key: 'unconsumed', title: t('unconsumed'), numeric: true, value: (row) => row.consumer?.unconsumed, show: (row) => (row.consumer?.unconsumed ? <State name="unconsumed" text={num(row.consumer.unconsumed)} /> : num(row.consumer?.unconsumed)) },
    { key: 'duplicated', title: t('duplicates'), numeric: true, value: (row) => row.consumer?.duplicated, show: (row) => num(row.consumer?.duplicated) },
    { key: 'unrecorded', title: t('unrecorded'), numeric: true, value: (row) => row.consumer?.unrecorded, show: (row) => (row.consumer?.unrecorded ? <State name="unrecorded" text={num(row.consumer.unrecorded)} /> : num(row.consumer?.unrecorded)) },
    latency('mean'), latency('p95'), latency('max'),
  ];
  return <Table name={`${t('ledger')} ${ledger.group}`} columns={columns} rows={rows} rowKey={(row) => `${row.producer.name}/${row.consumer?.name ?? ''}`} />;
}

type Read = (bucket: LedgerBucket) => number | null | undefined;

function Curves({ buckets, called }: { buckets: readonly LedgerBucket[]; called: Called }) {
  return (
    <div class="two">
      <Card><Curve title={t('latency')} buckets={buckets} called={called} read={(bucket) => bucket.latency_ms?.max} how="max" unit={t('milliseconds')} /></Card>
      <Card><Curve title={t('count')} buckets={buckets} called={called} read={(bucket) => bucket.produced} how="sum" unit={t('count')} /></Card>
      <Card><Curve title={t('unconsumed')} buckets={buckets} called={called} read={(bucket) => bucket.unconsumed} how="sum" unit={t('count')} /></Card>
      <Card><Curve title={t('unrecorded')} buckets={buckets} called={called} read={(bucket) => bucket.unrecorded} how="sum" unit={t('count')} /></Card>
      <Card><Curve title={t('per_day')} buckets={buckets} called={called} read={(bucket) => bucket.produced} how="sum" unit={t('count')} width={DAY_MS} /></Card>
    </div>
  );
}

interface CurveProps { title: string; buckets: readonly LedgerBucket[]; called: Called; read: Read; how: 'sum' | 'max'; unit: string; width?: number }
interface Point { start: number; values: Map<string, number> }

/** One line per producer and consumer. */
function Curve({ title, buckets, called, read, how, unit, width }: CurveProps) {
  const nameOf = (bucket: LedgerBucket) => (bucket.consumer ? `${bucket.producer} → ${bucket.consumer}` : bucket.producer);
  const label = new Map(buckets.map((bucket) => [nameOf(bucket), bucket.consumer ? `${called.producer(bucket.producer)} → ${called.consumer(bucket.producer, bucket.consumer)}` : called.producer(bucket.producer)]));
  const known = (bucket: LedgerBucket) => { const value = read(bucket); return value !== null && value !== undefined; };
  const names = [...new Set(buckets.filter(known).map(nameOf))].sort();
  const points = new Map<number, Point>();
  for (const bucket of buckets) {
    const value = read(bucket);
    if (value === null || value === undefined) continue;
    const start = width === undefined ? bucket.start : new Date(bucket.start).setHours(0, 0, 0, 0);
    const point = points.get(start) ?? { start, values: new Map() };
    const old = point.values.get(nameOf(bucket));
    point.values.set(nameOf(bucket), old === undefined ? value : how === 'sum' ? old + value : Math.max(old, value));
    points.set(start, point);
  }
  const rows = [...points.values()].sort((a, b) => a.start - b.start);
  const range = resolve(currentRange());
  const option = useCallback((palette: Palette): ChartOption => ({
    ...timeAxes(palette, width === undefined ? shownRange(range, rows.map((row) => row.start)) : { from: Math.min(range.from, (rows[0]?.start ?? range.from) - DAY_MS / 2), to: Math.max(range.to, (rows.at(-1)?.start ?? 0) + DAY_MS / 2) }, { y: unit }),
    series: names.map((name) => ({ type: width === undefined ? 'line' as const : 'bar' as const, name: label.get(name) ?? name, showSymbol: rows.length < 40, data: rows.map((row) => [row.start, row.values.get(name) ?? 0]) })),
  }), [buckets]);
  const columns: Column<Point>[] = [
    { key: 'start', title: t('time'), value: (row) => new Date(row.start).toISOString(), show: (row) => when(row.start) },
    ...names.map((name): Column<Point> => ({ key: name, title: label.get(name) ?? name, raw: true, numeric: true, value: (row) => row.values.get(name) ?? 0 })),
  ];
  return <Chart title={title} option={option} table={{ columns, rows }} />;
}

function Exceptions({ base, kind, called }: { base: string; kind: 'unconsumed' | 'unrecorded'; called: Called }) {
  const { params } = useStore(route);
  const next = params.list === kind ? params.next : undefined;
  const list = useLoad<LedgerExceptions>(`${base}/exceptions`, { ...rangeParams(currentRange()), kind, limit: LISTED, next }, kinds('ledgers'));
  const columns: Column<LedgerException>[] = [
    { key: 'producer', title: t('producer'), value: (row) => row.producer, show: (row) => <span title={row.producer}>{called.producer(row.producer)}</span> },
    { key: 'consumer', title: t('consumer'), value: (row) => row.consumer, show: (row) => <span title={row.consumer}>{called.consumer(row.producer, row.consumer)}</span> },
    { key: 'uid', title: 'uid', raw: true, value: (row) => row.uid },
    { key: 'produce_time', title: t('produced'), value: (row) => row.produce_time, show: (row) => <Time ms={row.produce_time} /> },
    { key: 'consume_time', title: t('consumed'), value: (row) => row.consume_time, show: (row) => <Time ms={row.consume_time} /> },
  ];
  return (
    <Card title={t(kind)}>
      <Await from={list}>{(data) => (data.exceptions.length === 0 ? <Empty title={t('none')} /> : (
        <>
          <Table name={t(kind)} columns={columns} rows={data.exceptions} rowKey={(row, index) => `${row.producer}/${row.consumer}/${row.uid}/${index}`} />
          <Pager next={data.next ?? null} />
        </>
      ))}</Await>
    </Card>
  );
}
