// An ECharts picture with its figures as a table one click away. ECharts is loaded when the first chart is shown.
import { useEffect, useRef, useState } from 'preact/hooks';
import { t } from '../i18n/text';
import { dark, language } from '../state/prefs';
import { useStore } from '../state/store';
import type { ChartOption, ChartInstance } from './echarts';
import { Table, type Column } from './table';

export interface Palette {
  ink: string; soft: string; line: string; ground: string;
  series: readonly string[];
  good: string; warn: string; bad: string;
  ramp: readonly string[]; // for heatmaps and maps, from little to much
}

const LIGHT: Palette = {
  ink: '#1d2327', soft: '#59636b', line: '#dde1de', ground: '#ffffff', series: ['#1f5f8b', '#b3541e', '#2f7d4f', '#7a4fa3', '#8a6d00', '#b0305c', '#0f7c7c', '#5a5a5a'],
  good: '#1b6e3c', warn: '#8a5300', bad: '#a81c1c', ramp: ['#eef3f7', '#bcd3e4', '#7faaca', '#3f7dab', '#174a72'],
};
const DARK: Palette = {
  ink: '#e7eaec', soft: '#a3adb4', line: '#333b41', ground: '#1b2024', series: ['#6cb4e4', '#f0995c', '#74cf98', '#bd99e6', '#e0c050', '#ef84a9', '#5cc9c9', '#b4b4b4'],
  good: '#6fd39a', warn: '#f0b455', bad: '#ff8f8f', ramp: ['#232c33', '#2c4a61', '#386f96', '#55a0d0', '#b4def8'],
};

export function usePalette(): Palette {
  return useStore(dark) ? DARK : LIGHT;
}

/** A row of figures of a chart, for its table and CSV. */
export interface ChartTable<T> {
  columns: readonly Column<T>[];
  rows: readonly T[];
}

export interface ChartProps<T> {
  title: string;
  raw?: boolean; // the title is a name from the data: shown as it is written
  height?: number;
  option: (palette: Palette) => ChartOption;
  table: ChartTable<T>;
  onClick?: (name: string) => void;
  before?: (charts: typeof import('./echarts')) => Promise<void>; // e.g. to register a map
}

export function Chart<T>({ title, raw, height = 260, option, table, onClick, before }: ChartProps<T>) {
  const [asTable, setAsTable] = useState(false);
  const series = Math.max(0, table.columns.length - 1);
  return (
    <figure class="chart">
      <figcaption>
        <span class={raw ? 'name' : undefined}>{title}</span>
        <button type="button" class="link" aria-pressed={asTable} onClick={() => setAsTable(!asTable)}>{asTable ? t('show_chart') : t('show_table')}</button>
      </figcaption>
      {asTable
        ? <Table name={title} columns={table.columns} rows={table.rows} rowKey={(_, index) => String(index)} />
        : <Canvas title={t('chart_of', { title, n: series })} height={height} option={option} onClick={onClick} before={before} />}
    </figure>
  );
}

type CanvasProps = Pick<ChartProps<never>, 'title' | 'option' | 'onClick' | 'before'> & { height: number };

function Canvas({ title, height, option, onClick, before }: CanvasProps) {
  const box = useRef<HTMLDivElement>(null);
  const chart = useRef<ChartInstance>();
  const [ready, setReady] = useState(false);
  const palette = usePalette();
  const words = useStore(language);
  const click = useRef(onClick);
  click.current = onClick;

  useEffect(() => {
    let gone = false;
    let observer: ResizeObserver | undefined;
    void import('./echarts').then(async (charts) => {
      await before?.(charts);
      const place = box.current;
      if (gone || !place) return;
      observer = new ResizeObserver(() => {
        if (place.clientWidth === 0 || place.clientHeight === 0) return; // not laid out: ECharts cannot fit a map into nothing
        if (chart.current) return chart.current.resize();
        chart.current = charts.init(place, undefined, { renderer: 'canvas' });
        chart.current.on('click', (event) => click.current?.(event.name));
        setReady(true);
      });
      observer.observe(place);
    });
    return () => {
      gone = true;
      observer?.disconnect();
      chart.current?.dispose();
    };
  }, []);
  useEffect(() => {
    if (ready) chart.current?.setOption({ ...base(palette), ...option(palette) }, { notMerge: true });
  }, [ready, option, palette, words]);

  return <div ref={box} class="canvas" style={{ height: `${height}px` }} role="img" aria-label={title} />;
}

function base(palette: Palette): ChartOption {
  return {
    animation: false,
    color: [...palette.series],
    textStyle: { fontFamily: 'inherit', color: palette.ink },
  };
}

/** The part of a range that a picture shows: all of it, unless what is known fills only its last fifth. */
export function shownRange(range: { from: number; to: number }, starts: readonly number[]): { from: number; to: number } {
  const first = starts.length > 0 ? Math.min(...starts) : range.from;
  const length = range.to - first;
  if (length > (range.to - range.from) / 5) return range;
  return { from: Math.max(range.from, range.to - Math.max(2 * length, SHOWN_MS_MIN)), to: range.to };
}
const SHOWN_MS_MIN = 600_000;

/** Axes of a chart over time; `zone` is an IANA name or the viewer's. */
export function timeAxes(palette: Palette, range: { from: number; to: number }, names: { y: string; log?: boolean }): ChartOption {
  const text = { color: palette.soft };
  return {
    grid: { left: 8, right: 16, top: 52, bottom: 8, containLabel: true },
    legend: { top: 0, left: 0, type: 'scroll', textStyle: { color: palette.ink }, pageTextStyle: text, inactiveColor: palette.soft },
    xAxis: { type: 'time', min: range.from, max: range.to, axisLabel: { ...text, hideOverlap: true }, axisLine: { lineStyle: { color: palette.soft } }, splitLine: { show: false } },
    yAxis: { type: names.log ? 'log' : 'value', name: names.y, nameTextStyle: { ...text, align: 'left' }, nameLocation: 'end', axisLabel: text, splitLine: { lineStyle: { color: palette.line } }, min: names.log ? 1 : 0 },
    tooltip: tip('axis'),
  };
}

/** A tooltip of DOM nodes: no markup from data, no inline style that the content security policy would refuse. */
export function tip(trigger: 'axis' | 'item', text?: (items: readonly TipItem[]) => readonly string[]): NonNullable<ChartOption['tooltip']> {
  return {
    trigger,
    className: 'tip',
    confine: true,
    appendTo: undefined,
    transitionDuration: 0,
    formatter: (given: unknown) => {
      const items = (Array.isArray(given) ? given : [given]) as TipItem[];
      const box = document.createElement('div');
      for (const line of text ? text(items) : lines(items)) {
        const row = document.createElement('div');
        row.textContent = line;
        box.append(row);
      }
      return box;
    },
  } as NonNullable<ChartOption['tooltip']>;
}

export interface TipItem {
  name: string;
  seriesName?: string;
  value: unknown;
  axisValueLabel?: string;
  data?: unknown;
  dataIndex: number;
}

function lines(items: readonly TipItem[]): string[] {
  const head = items[0]?.axisValueLabel ?? items[0]?.name ?? '';
  return [head, ...items.map((item) => {
    const value = Array.isArray(item.value) ? item.value[1] : item.value;
    const shown = typeof value === 'number' ? value.toLocaleString() : value === null || value === undefined ? '–' : String(value);
    return `${item.seriesName ?? item.name}: ${shown}`;
  })];
}
