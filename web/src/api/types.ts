// Names for the shapes of the API; the shapes themselves are generated from src/http/openapi.yaml (`npm run types`).
import type { components } from './schema';

type Schemas = components['schemas'];
export type Topic = Schemas['Topic'];
export type Group = Schemas['Group'];
export type Overview = Schemas['Overview'];
export type OverviewTopic = Schemas['OverviewTopic'];
export type Buckets = Schemas['Buckets'];
export type Bucket = Schemas['Bucket'];
export type BucketGroup = Schemas['BucketGroup'];
export type Rates = Schemas['Rates'];
export type Finding = Schemas['Finding'];
export type FoundFinding = Schemas['FoundFinding'];
export type AllFindings = Schemas['AllFindings'];
export type Reporter = Schemas['Reporter'];
export type Reporters = Schemas['Reporters'];
export type Partitions = Schemas['Partitions'];
export type PartitionRow = Schemas['PartitionRow'];
export type Source = Schemas['Source'];
export type Sources = Schemas['Sources'];
export type Accepted = Schemas['Accepted'];
export type Replay = Schemas['Replay'];
export type Decision = Schemas['Decision'];
export type Decisions = Schemas['Decisions'];
export type Session = Schemas['Session'];

/** The states of a finding, the worst first. */
export const STATES = ['lost', 'suspected', 'unconfirmed', 'late', 'redelivered', 'pending', 'excused', 'accepted', 'replayed'] as const;
export type StateName = (typeof STATES)[number];
