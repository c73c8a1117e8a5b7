// The shapes of /api/v1/ledgers, /api/v1/alerts and /api/v1/watches.
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

export type Watches = Schemas['Watches'];
export type Watch = Watches['watches'][number];
export type WatchWindows = Schemas['WatchWindows'];
export type WatchWindow = WatchWindows['windows'][number];
export type WatchSamples = Schemas['WatchSamples'];
export type WatchSample = WatchSamples['samples'][number];

export type Alerts = Schemas['Alerts'];
export type Alert = Schemas['Alert'];
