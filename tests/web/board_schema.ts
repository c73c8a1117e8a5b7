// Types that a dashboard of dashboards/grafana must have, from Grafana's own schema. The test adds the dashboards.
import type { Dashboard, Panel } from '@grafana/schema';
import type { Options as BarGauge } from '@grafana/schema/dist/esm/raw/composable/bargauge/panelcfg/x/BarGaugePanelCfg_types.gen';
import type { Options as Stat } from '@grafana/schema/dist/esm/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen';
import type { Options as Table } from '@grafana/schema/dist/esm/raw/composable/table/panelcfg/x/TablePanelCfg_types.gen';
import type { FieldConfig as SeriesField, Options as Series } from '@grafana/schema/dist/esm/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen';

/** As JSON has it: the text of an enumeration, not the enumeration. */
type Plain<T> = T extends string ? `${T}` : T extends number ? (number extends T ? T : `${T}` extends `${infer N extends number}` ? N : T)
  : T extends (infer Item)[] ? Plain<Item>[] : T extends object ? { [Key in keyof T]: Plain<T[Key]> } : T;

type Kind<Type extends string, Options, Field = Record<string, unknown>> = Omit<Plain<Panel<Record<string, unknown>, Field>>, 'type' | 'options'>
  & { type: Type; id: number; title: string; options: Partial<Plain<Options>> };

/** A panel's options and fields are those of its type. */
type AnyPanel = Kind<'stat', Stat> | Kind<'table', Table> | Kind<'timeseries', Series, SeriesField> | Kind<'bargauge', BarGauge>;

export type Board = Omit<Plain<Dashboard>, 'panels'> & { uid: string; panels: AnyPanel[] };
