// Any KPI from its YAML: figures, windows over time against earlier ones, steps, groups, provinces.
import { Await, Card, Choice, Completeness, Empty, Figure, Shape } from '../components/basics';
import { Funnel, ProvinceMap, shifts, WindowCharts, type Earlier } from '../components/kpi_charts';
import { figureOf, flat, groupLines, shownFigure, unitOf, yuan, type GroupLine } from '../components/kpi_units';
import { areProvinces } from '../components/provinces';
import { Table, type Column } from '../components/table';
import { num, percent } from '../i18n/format';
import { span, t } from '../i18n/text';
import type { Kpi, KpiProblem, Kpis, KpiWindows, Values } from '../api/kpi';
import { kinds, useLoad } from '../state/load';
import { currentRange, resolve, setRange } from '../state/range';
import { route, setParams } from '../state/route';
import { useStore } from '../state/store';

const EXAMPLE = `kpis:
  defaults:
    source: {cluster: main, topic: orders}
    time: {field: time, format: yyyyMMddHHmmssSSS, zone: Asia/Shanghai}
    window: 1m
  orders:
    values:
      total: count
      amount: {sum: price}`;

export function KpiPage() {
  const { params } = useStore(route);
  const list = useLoad<Kpis>('api/v1/kpis', {}, kinds('kpis'));
  return (
    <>
      <h1>{t('kpi')}</h1>
      <Await from={list}>{({ kpis }) => {
        const chosen = kpis.find((kpi) => kpi.name === params.kpi) ?? kpis[0];
        if (!chosen) return <Empty title={t('no_kpis')}><p>{t('no_kpis_text')}</p><pre tabIndex={0}>{EXAMPLE}</pre></Empty>;
        return (
          <>
            <div class="title">
              <Choice label={t('kpi')} value={chosen.name} options={kpis.map((kpi) => [kpi.name, kpi.name] as const)} onChange={(kpi) => setParams({ kpi, group: '', by: '' })} />
              <Completeness complete={chosen.complete} reasons={chosen.why ?? []} />
              <span class="soft">{t('zone', { zone: chosen.zone })} · {span(windowText(chosen.window_ms))}</span>
            </div>
            <OneKpi key={chosen.name} kpi={chosen} />
          </>
        );
      }}</Await>
    </>
  );
}

function windowText(ms: number): string {
  for (const [unit, size] of [['d', 86_400_000], ['h', 3_600_000], ['m', 60_000]] as const) if (ms % size === 0) return `-${ms / size}${unit}`;
  return `-${ms / 1000}s`;
}

/** Windows that begin in the range; a longer window than the range is asked for from its own begin. */
function asked(kpi: Kpi, shift_ms = 0): { from: number; to: number } {
  const ends = resolve(currentRange());
  const grain = Math.min(kpi.window_ms, 60_000); // so that a request stays the same for a while
  const from = Math.min(ends.from, ends.to - kpi.window_ms);
  return { from: Math.floor((from - shift_ms) / grain) * grain, to: Math.ceil((ends.to - shift_ms) / grain) * grain };
}

function OneKpi({ kpi }: { kpi: Kpi }) {
  const { params } = useStore(route);
  const path = `api/v1/kpis/${encodeURIComponent(kpi.name)}/windows`;
  const dimension = kpi.by.find((name) => name === params.by) ?? kpi.by[0];
  const changed = kinds('kpis');
  const [yesterday, lastWeek] = shifts();
  const now = useLoad<KpiWindows>(path, { ...asked(kpi), by: dimension }, changed);
  const day = useLoad<KpiWindows>(path, { ...asked(kpi, yesterday?.shift_ms), by: dimension }, changed);
  const week = useLoad<KpiWindows>(path, { ...asked(kpi, lastWeek?.shift_ms), by: dimension }, changed);
  return (
    <Await from={now}>{(data) => {
      if (data.windows.length === 0) {
        return <Card><Empty title={t('no_windows')}><p>{kpi.newest === null ? t('kpi_no_lines') : `${t('newest')}: ${kpi.newest}`}</p>
          {kpi.newest !== null && <button type="button" onClick={() => setRange(around(kpi))}>{t('show_newest')}</button>}</Empty></Card>;
      }
      return <Shown kpi={kpi} data={data} dimension={dimension} earlier={shifts().map((shift, index) => ({ ...shift, windows: (index === 0 ? day : week).data?.windows ?? [] }))}
        totals={[{ label: t('yesterday'), values: day.data?.totals }, { label: t('last_week'), values: week.data?.totals }]} />;
    }}</Await>
  );
}

/** A range that ends with the newest figures. */
function around(kpi: Kpi): { from: string; to: string } {
  const end = new Date(kpi.newest ?? 0).getTime() + kpi.window_ms;
  return { from: String(end - Math.max(60 * kpi.window_ms, 3_600_000)), to: String(end) };
}

interface ShownProps {
  kpi: Kpi;
  data: KpiWindows;
  dimension: string | undefined;
  earlier: readonly Earlier[];
  totals: readonly { label: string; values: Values | undefined }[];
}

function Shown({ kpi, data, dimension, earlier, totals }: ShownProps) {
  const { params } = useStore(route);
  const range = resolve(currentRange());
  const hasSteps = flat(data.totals).some((figure) => figure.name.startsWith('reached_'));
  const figures = flat(data.totals).filter((figure) => !/^(reached|stuck)_/.test(figure.name));
  const lines = dimension === undefined ? [] : groupLines(data.windows, dimension);
  const chosen = lines.find((line) => line.key === params.group);
  const shownWindows = dimension === undefined ? data.windows : chosen ? data.windows.filter((window) => window.by[dimension] === chosen.key) : undefined;
  const additiveNames = [...new Set(lines.flatMap((line) => Object.keys(line.sums)))];
  const figure = additiveNames.find((name) => name === params.figure) ?? additiveNames.find((name) => /fail/.test(name)) ?? additiveNames[0];
  return (
    <>
      {!data.complete && <p class="soft">{t('incomplete_why', { why: (data.why ?? []).join('; ') })}</p>}
      {figures.length > 0 && (
        <Card title={`${t('totals')} ${t('totals_range')}`}>
          <dl class="figures big">
            {figures.map((one) => (
              <Figure key={one.name} label={one.name} raw value={one.value !== null && unitOf(one.name) === 'cents' ? yuan(one.value) : shownFigure(one.name, one.value)}
                note={<>{one.value !== null && unitOf(one.name) === 'cents' ? `${num(one.value)} ${t('cents')} ` : ''}
                  {totals.map((before) => <Change key={before.label} label={before.label} now={one.value} before={before.values ? figureOf(before.values, one.name) : null} />)}</>} />
            ))}
          </dl>
        </Card>
      )}
      {hasSteps && <Card title={t('funnel')}><Funnel totals={data.totals} stuck={data.stuck ?? []} /></Card>}
      {shownWindows && <WindowCharts windows={shownWindows} zone={kpi.zone} range={range} earlier={chosen ? [] : earlier} />}
      {dimension !== undefined && figure !== undefined && (
        <div class="two">
          {areProvinces(lines.map((line) => line.name)) && <Card><ProvinceMap lines={lines} figure={figure} onChoose={(group) => setParams({ group })} /></Card>}
          <Card title={dimension} raw aside={<div class="filters">
            {kpi.by.length > 1 && <Choice label={t('group_by')} value={dimension} options={kpi.by.map((name) => [name, name] as const)} onChange={(by) => setParams({ by, group: '' })} />}
            {additiveNames.length > 1 && <Choice label={t('figure')} value={figure} options={additiveNames.map((name) => [name, name] as const)} onChange={(name) => setParams({ figure: name })} />}
            {chosen && <button type="button" onClick={() => setParams({ group: '' })}>{chosen.name} ×</button>}
          </div>}>
            <GroupTable lines={lines} names={additiveNames} dimension={dimension} sortBy={figure} chosen={chosen?.key} />
          </Card>
        </div>
      )}
      {kpi.problems.length > 0 && <Card title={t('problems')}><Problems rows={kpi.problems} /></Card>}
    </>
  );
}

function Change({ label, now, before }: { label: string; now: number | null; before: number | null }) {
  if (now === null || before === null || before === 0) return null;
  const change = now / before - 1;
  return <span class="change">{change === 0 ? '=' : change > 0 ? '↑' : '↓'} {percent(Math.abs(change))} {label} </span>;
}

function GroupTable({ lines, names, dimension, sortBy, chosen }: { lines: readonly GroupLine[]; names: readonly string[]; dimension: string; sortBy: string; chosen: string | undefined }) {
  const sorted = [...lines].sort((a, b) => (b.sums[sortBy] ?? 0) - (a.sums[sortBy] ?? 0));
  const columns: Column<GroupLine>[] = [
    { key: dimension, title: dimension, raw: true, value: (row) => row.key, show: (row) => <button type="button" class="link" onClick={() => setParams({ group: row.key })}>{row.key === chosen && <Shape tone="good" />}{row.name || '–'}{row.name !== row.key && <span class="soft"> {row.key}</span>}</button> },
    ...names.map((name): Column<GroupLine> => ({ key: name, title: name, raw: true, numeric: true, value: (row) => row.sums[name] ?? 0, show: (row) => shownFigure(name, row.sums[name] ?? 0) })),
  ];
  return <Table name={dimension} columns={columns} rows={sorted} rowKey={(row) => row.key} />;
}

function Problems({ rows }: { rows: readonly KpiProblem[] }) {
  const columns: Column<KpiProblem>[] = [
    { key: 'reason', title: t('reason'), value: (row) => row.reason },
    { key: 'field', title: t('field'), value: (row) => row.field },
    { key: 'detail', title: t('detail'), value: (row) => row.detail },
    { key: 'count', title: t('count_unit'), numeric: true, value: (row) => row.count },
    { key: 'first_offset', title: t('first_offset'), numeric: true, value: (row) => row.first_offset },
    { key: 'sample', title: t('samples'), value: (row) => row.sample, show: (row) => <code class="sample">{row.sample}</code> },
  ];
  return <Table name={t('problems')} columns={columns} rows={rows} rowKey={(row) => `${row.reason}/${row.field}/${row.detail}`} />;
}
