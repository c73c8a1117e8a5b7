// The shapes of /api/v1/ledgers and /api/v1/alerts (generated) and /api/v1/watches (members that a server may leave out are optional).
import type { components } from './schema';

type Schemas = components['schemas'];
export type LedgerConsumer = Schemas['LedgerConsumer'];
export type Ledgers = Schemas['Ledgers'];
export type Ledger = Ledgers['ledgers'][number];
export type LedgerProducer = Ledger['producers'][number];
export type LedgerBuckets = Schemas['LedgerBuckets'];
export type LedgerBucket = LedgerBuckets['buckets'][number];
export type LedgerExceptions = Schemas['LedgerExceptions'];
export type LedgerException = LedgerExceptions['exceptions'][number];

export interface Watch {
  name: string;
  severity?: string;
  source?: string;
  window_ms?: number;
  threshold?: number;
  matched: number;
  first?: number | null;
  last?: number | null;
  complete?: boolean;
  why?: readonly string[];
}
export interface Watches {
  watches: readonly Watch[];
}
export interface WatchWindow {
  start: number;
  by?: string | Readonly<Record<string, string>>;
  count: number;
}
export interface WatchWindows {
  windows: readonly WatchWindow[];
}
export interface WatchSample {
  time: number | null;
  cluster?: string;
  topic?: string;
  partition?: number;
  offset?: number;
  text: string;
  matches?: readonly (readonly [number, number])[]; // [from, to) in UTF-16 code units of `text`
}
export interface WatchSamples {
  samples: readonly WatchSample[];
}

export type Alerts = Schemas['Alerts'];
export type Alert = Schemas['Alert'];
