// The charts of a topic.
import type { ComponentChildren } from 'preact';
import { useCallback } from 'preact/hooks';
import type { Bucket, Rates } from '../api/types';
import { clock, duration, millis, num, when } from '../i18n/format';
import { t } from '../i18n/text';
import { Card, State } from './basics';
import { Chart, shownRange, timeAxes, tip, type Palette } from './chart';
import type { ChartOption } from './echarts';
import type { Column } from './table';

interface Ends {
  from: number;
  to: number;
}

export interface BucketChartProps {
  buckets: readonly Bucket[];
  groups: readonly string[];
  group: string | undefined;
  range: Ends;
  choose?: ComponentChildren;
}

const start = (): Column<Bucket> => ({ key: 'start', title: t('time'), value: (row) => new Date(row.start).toISOString(), show: (row) => when(row.start) });

export function BucketCharts(props: BucketChartProps) {
  return (
    <>
      <Card><Counts {...props} /></Card>
      {props.group !== undefined && (
        <div class="two">
          <Card aside={props.choose} title={<>{t('latency')}</>}><Latencies {...props} group={props.group} /></Card>
          <Card title={t('heatmap')}><Heatmap {...props} group={props.group} /></Card>
        </div>
      )}
    </>
  );
}

/** Bars for what was produced, a line per group; what is not settled yet is hollow. */
function Counts({ buckets, groups, range }: BucketChartProps) {
  const option = useCallback((palette: Palette): ChartOption => ({
    ...timeAxes(palette, shownRange(range, buckets.map((bucket) => bucket.start)), { y: t('count') }),
    series: [
      {
        type: 'bar', name: t('produced_line'), barMaxWidth: 18, color: palette.series[0],
        data: buckets.map((bucket) => ({
          value: [bucket.start, bucket.produced.count],
          itemStyle: bucket.complete
            ? bucket.settled ? undefined : { color: 'transparent', borderColor: palette.series[0], borderWidth: 1.5 }
            : { color: palette.warn },
        })),
      },
      ...groups.map((group, index) => ({
        type: 'line' as const, name: group, showSymbol: buckets.length < 40, symbol: SYMBOLS[index % SYMBOLS.length], symbolSize: 7,
        color: palette.series[(index + 1) % palette.series.length], lineStyle: { width: 2, type: DASHES[index % DASHES.length] },
        data: buckets.map((bucket) => [bucket.start, bucket.groups[group]?.consumed ?? 0]),
      })),
    ],
  }), [buckets, groups.join('\n'), range]);
  const columns: Column<Bucket>[] = [
    start(),
    { key: 'produced', title: t('produced'), numeric: true, value: (row) => row.produced.count },
    { key: 'failed', title: t('failed'), numeric: true, value: (row) => row.produced.failed },
    ...groups.flatMap((group): Column<Bucket>[] => [
      { key: group, title: `${group} ${t('consumed')}`, numeric: true, value: (row) => row.groups[group]?.consumed ?? 0 },
      { key: `${group}_lost`, title: `${group} ${t('lost')}`, numeric: true, value: (row) => row.groups[group]?.lost ?? 0 },
    ]),
    { key: 'settled', title: t('state'), value: (row) => `${row.settled ? t('settled') : t('unsettled')}, ${row.complete ? t('complete') : t('incomplete')}` },
  ];
  const widths = [...new Set(buckets.map((bucket) => bucket.interval_ms))].sort((a, b) => a - b); // of hours where minutes are gone
  return <Chart title={`${t('per_bucket')} (${widths.map((ms) => duration(ms / 1000)).join(' / ')})`} option={option} table={{ columns, rows: buckets }} />;
}

const SYMBOLS = ['circle', 'rect', 'triangle', 'diamond', 'pin'] as const;
const DASHES = ['solid', 'dashed', 'dotted'] as const;
const QUANTILES = ['p50', 'p95', 'p99', 'max'] as const;

function Latencies({ buckets, group, range }: BucketChartProps & { group: string }) {
  const negative = buckets.reduce((sum, bucket) => sum + (bucket.groups[group]?.latency_ms.negative ?? 0), 0);
  const option = useCallback((palette: Palette): ChartOption => ({
    ...timeAxes(palette, shownRange(range, buckets.map((bucket) => bucket.start)), { y: t('milliseconds') }),
    series: QUANTILES.map((quantile, index) => ({
      type: 'line' as const, name: quantile, showSymbol: buckets.length < 40, symbol: SYMBOLS[index], symbolSize: 6,
      lineStyle: { width: 2, type: DASHES[index % DASHES.length] },
      data: buckets.map((bucket) => [bucket.start, bucket.groups[group]?.latency_ms[quantile] ?? null]),
    })),
  }), [buckets, group, range]);
  const columns: Column<Bucket>[] = [
    start(),
    ...(['mean', ...QUANTILES] as const).map((name): Column<Bucket> => ({
      key: name, title: name, numeric: true, value: (row) => row.groups[group]?.latency_ms[name] ?? null,
      show: (row) => millis(row.groups[group]?.latency_ms[name]),
    })),
  ];
  return (
    <>
      <Chart title={group} raw option={option} table={{ columns, rows: buckets }} />
      {negative > 0 && <p><State name="unconfirmed" text={t('negative', { n: num(negative) })} /></p>}
    </>
  );
}

interface Cell {
  start: number;
  upper: number;
  count: number;
}

function Heatmap({ buckets, group }: BucketChartProps & { group: string }) {
  const cells: Cell[] = buckets.flatMap((bucket) => (bucket.groups[group]?.histogram ?? []).map(([upper, count]) => ({ start: bucket.start, upper: upper ?? 0, count: count ?? 0 })));
  const starts = buckets.map((bucket) => bucket.start);
  const uppers = [...new Set(cells.map((cell) => cell.upper))].sort((a, b) => a - b);
  const most = Math.max(1, ...cells.map((cell) => cell.count));
  const option = useCallback((palette: Palette): ChartOption => ({
    grid: { left: 8, right: 16, top: 12, bottom: 40, containLabel: true },
    xAxis: { type: 'category', data: starts.map((ms) => clock(ms)), axisLabel: { color: palette.soft }, axisLine: { lineStyle: { color: palette.soft } } },
    yAxis: { type: 'category', data: uppers.map((upper) => `≤ ${millis(upper)}`), axisLabel: { color: palette.soft }, axisLine: { show: false } },
    visualMap: { min: 0, max: most, orient: 'horizontal', left: 0, bottom: 0, itemHeight: 90, itemWidth: 12, text: [num(most), '0'], textStyle: { color: palette.soft }, inRange: { color: [...palette.ramp] } },
    tooltip: tip('item', ([item]) => {
      const cell = item && cells[item.dataIndex];
      return cell ? [when(cell.start), `≤ ${millis(cell.upper)}: ${num(cell.count)}`] : [];
    }),
    series: [{ type: 'heatmap', data: cells.map((cell) => [starts.indexOf(cell.start), uppers.indexOf(cell.upper), cell.count]), itemStyle: { borderColor: palette.ground, borderWidth: 1 } }],
  }), [buckets, group]);
  const columns: Column<Cell>[] = [
    { key: 'start', title: t('time'), value: (row) => new Date(row.start).toISOString(), show: (row) => when(row.start) },
    { key: 'upper_ms', title: '≤ ms', numeric: true, value: (row) => row.upper },
    { key: 'count', title: t('count'), numeric: true, value: (row) => row.count },
  ];
  if (cells.length === 0) return <p class="soft">{t('latency_none')}</p>;
  return <Chart title={group} raw height={280} option={option} table={{ columns, rows: cells }} />;
}

interface RateLine {
  minute: number;
  values: Map<string, number>;
}

export function RateChart({ rates, range }: { rates: Rates['rates']; range: Ends }) {
  const names = [...new Set(rates.map((rate) => rate.group ?? ''))].sort();
  const minutes = new Map<number, RateLine>();
  for (const rate of rates) {
    const line = minutes.get(rate.minute) ?? { minute: rate.minute, values: new Map() };
    line.values.set(rate.group ?? '', rate.group === null ? rate.produced : rate.consumed);
    minutes.set(rate.minute, line);
  }
  const rows = [...minutes.values()].sort((a, b) => a.minute - b.minute);
  const title = (name: string) => (name === '' ? t('produced_line') : name);
  const option = useCallback((palette: Palette): ChartOption => ({
    ...timeAxes(palette, shownRange(range, rows.map((row) => row.minute)), { y: t('count') }),
    series: names.map((name, index) => ({
      type: 'line' as const, name: title(name), showSymbol: rows.length < 40, symbol: SYMBOLS[index % SYMBOLS.length], symbolSize: 6,
      lineStyle: { width: 2, type: DASHES[index % DASHES.length] }, areaStyle: name === '' ? { opacity: 0.08 } : undefined,
      data: rows.map((row) => [row.minute, row.values.get(name) ?? 0]),
    })),
  }), [rates, range]);
  const columns: Column<RateLine>[] = [
    { key: 'minute', title: t('time'), value: (row) => new Date(row.minute).toISOString(), show: (row) => when(row.minute) },
    ...names.map((name): Column<RateLine> => ({ key: name || 'produced', title: title(name), numeric: true, value: (row) => row.values.get(name) ?? 0 })),
  ];
  return <Chart title={t('lag_rates')} option={option} table={{ columns, rows }} />;
}
