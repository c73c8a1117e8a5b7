// The shapes of /api/v1/kpis. The values of a KPI are what its YAML declares, so they are read by name, not by type.
export interface KpiProblem {
  reason: string;
  field: string;
  detail: string;
  count: number;
  first_offset: number;
  sample: string;
}
export interface Kpi {
  name: string;
  source: string;
  window_ms: number;
  zone: string;
  by: readonly string[];
  values: readonly string[];
  newest: string | null;
  too_late: number;
  complete: boolean;
  why?: readonly string[];
  problems: readonly KpiProblem[];
}
export interface Kpis {
  kpis: readonly Kpi[];
}

export type Value = number | null | { readonly [figure: string]: number | null };
export type Values = Readonly<Record<string, Value>>;
export interface KpiWindow {
  start: string; // RFC 3339 in the KPI's zone
  start_ms: number;
  by: Readonly<Record<string, string | null>>;
  values: Values;
  complete: boolean;
  why?: readonly string[];
}
export interface Stuck {
  id: string;
  step: string;
  since: string;
}
export interface KpiWindows {
  name: string;
  windows: readonly KpiWindow[];
  totals: Values;
  too_late: number;
  stuck?: readonly Stuck[];
  complete: boolean;
  why?: readonly string[];
}
