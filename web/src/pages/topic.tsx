// One topic: counts and latency over time, lag, its groups side by side, its partitions.
import { useMemo } from 'preact/hooks';
import { Await, Card, Choice, Completeness, Empty, Search, State } from '../components/basics';
import { stateOfGroup, stateOfTopic } from '../components/flow';
import { Pager } from '../components/pager';
import { Table, type Column } from '../components/table';
import { BucketCharts, RateChart } from '../components/topic_charts';
import { duration, num } from '../i18n/format';
import { t, word } from '../i18n/text';
import type { Buckets, Group, Overview, OverviewTopic, PartitionRow, Partitions, Rates } from '../api/types';
import { kinds, ofTopic, useLoad } from '../state/load';
import { currentRange, rangeParams, resolve, setRange } from '../state/range';
import { href, route, setParams } from '../state/route';
import { useStore } from '../state/store';

export function TopicPage() {
  const { path, params } = useStore(route);
  const name = path[1];
  return name === undefined ? <TopicList /> : <OneTopic name={name} cluster={params.cluster} />;
}

const lostOf = (topic: OverviewTopic): number => topic.groups.reduce((sum, group) => sum + group.lost, 0);

/** The worst of its groups; beside it what is incomplete. */
function TopicState({ topic }: { topic: OverviewTopic }) {
  const worst = stateOfTopic(topic);
  const trouble = ['lost', 'suspected', 'unconfirmed'].includes(worst);
  return (
    <>
      {trouble && <State name={worst} />}{' '}
      {!(trouble && topic.complete) && <Completeness complete={topic.complete} reasons={topic.incomplete_reasons} />}
    </>
  );
}

function TopicList() {
  const { params } = useStore(route);
  const list = useLoad<Overview>('api/v1/overview', { q: params.q, state: params.state, next: params.next, limit: 100 }, kinds('topics'));
  const columns: Column<OverviewTopic>[] = [
    { key: 'topic', title: t('topic'), value: (row) => row.name, show: (row) => <a href={href(['topics', row.name], { cluster: row.cluster })}>{row.name}</a> },
    { key: 'state', title: t('state'), value: (row) => [stateOfTopic(row), ...row.incomplete_reasons].join(' '), show: (row) => <TopicState topic={row} /> },
    { key: 'cluster', title: t('cluster'), value: (row) => row.cluster },
    { key: 'lost', title: t('lost'), numeric: true, value: lostOf, show: (row) => (lostOf(row) > 0 ? <State name="lost" text={num(lostOf(row))} /> : num(0)) },
    { key: 'produced', title: t('produced'), numeric: true, value: (row) => row.produced, show: (row) => num(row.produced) },
    { key: 'groups', title: t('groups'), value: (row) => row.groups.map((group) => group.name).join(', ') },
  ];
  return (
    <>
      <h1>{t('topics')}</h1>
      <Card title={t('choose_topic')} aside={<div class="filters"><Search value={params.q ?? ''} onChange={(q) => setParams({ q, next: '' })} /></div>}>
        <Await from={list}>{(data) => (data.topics.length === 0 ? <Empty title={t('no_match')} /> : (
          <>
            <Table name={t('topics')} columns={columns} rows={data.topics} sortable={false} rowKey={(row) => `${row.cluster}/${row.name}`} />
            <Pager next={data.next} note={t('shown_of', { n: num(data.topics.length), all: num(data.matching) })} />
          </>
        ))}</Await>
      </Card>
    </>
  );
}

function OneTopic({ name, cluster }: { name: string; cluster: string | undefined }) {
  const range = currentRange();
  const mine = ofTopic(cluster, name);
  const query = { cluster, ...rangeParams(range) };
  const base = `api/v1/topics/${encodeURIComponent(name)}`;
  const overview = useLoad<Overview>('api/v1/overview', { cluster, topic: name, limit: 1, ...rangeParams(range) }, mine);
  const buckets = useLoad<Buckets>(`${base}/buckets`, { ...query, histogram: 'true' }, mine);
  const rates = useLoad<Rates>(`${base}/rates`, query, mine);
  const partitions = useLoad<Partitions>(`${base}/partitions`, { cluster }, mine);
  const topic = overview.data?.topics[0];
  const groups = topic?.groups.map((group) => group.name) ?? [];
  return (
    <>
      <div class="title">
        <h1>{name}</h1>
        {topic && <TopicState topic={topic} />}
        <a class="button" href={href(['findings'], { topic: name, cluster })}>{t('findings')}</a>
      </div>
      <Await from={overview}>{(data) => (data.topics[0] ? <Groups topic={data.topics[0]} />
        : <Empty title={t('topic_unknown')}><a class="button" href={href(['topics'])}>{t('choose_topic')}</a></Empty>)}</Await>
      <Await from={buckets}>{(data) => <BucketCards data={data} groups={groups} />}</Await>
      <Card><Await from={rates}>{(data) => <RateChart rates={data.rates} range={resolve(range)} />}</Await></Card>
      <Card title={t('partitions')}><Await from={partitions}>{(data) => <PartitionTable rows={data.partitions} />}</Await></Card>
    </>
  );
}

function BucketCards({ data, groups }: { data: Buckets; groups: readonly string[] }) {
  const { params } = useStore(route);
  const ends = useMemo(() => resolve(currentRange()), [data]);
  const inBuckets = [...new Set([...groups, ...data.buckets.flatMap((bucket) => Object.keys(bucket.groups))])].sort();
  const group = params.group !== undefined && inBuckets.includes(params.group) ? params.group : inBuckets[0];
  if (data.buckets.length === 0) {
    return (
      <Card>
        <Empty title={t('no_buckets')}><p>{t('no_buckets_text')}</p>
          <button type="button" onClick={() => setRange({ from: '-24h', to: '' })}>{t('widen')}</button></Empty>
      </Card>
    );
  }
  const incomplete = data.buckets.filter((bucket) => !bucket.complete).length;
  const unsettled = data.buckets.filter((bucket) => !bucket.settled).length;
  const choose = inBuckets.length > 1 && group !== undefined
    ? <Choice label={t('group')} value={group} options={inBuckets.map((name) => [name, name] as const)} onChange={(value) => setParams({ group: value })} /> : undefined;
  return (
    <>
      {(incomplete > 0 || unsettled > 0 || data.far.produced.count > 0 || data.untimed.produced.count > 0) && (
        <ul class="notes">
          {incomplete > 0 && <li><State name="incomplete" text={`${num(incomplete)} × ${t('bucket')}: ${t('incomplete_text')}`} /></li>}
          {unsettled > 0 && <li class="soft">{num(unsettled)} × {t('unsettled')} ({t('unsettled_text')})</li>}
          {data.far.produced.count > 0 && <li class="soft">{t('far', { n: num(data.far.produced.count) })}</li>}
          {data.untimed.produced.count > 0 && <li class="soft">{t('untimed', { n: num(data.untimed.produced.count) })}</li>}
        </ul>
      )}
      <BucketCharts buckets={data.buckets} groups={inBuckets} group={group} range={ends} choose={choose} />
    </>
  );
}

function Groups({ topic }: { topic: OverviewTopic }) {
  const finding = (group: Group, state: string, n: number) => (n === 0 ? num(0)
    : <a href={href(['findings'], { topic: topic.name, cluster: topic.cluster, group: group.name, state, when: 'any' })}>{num(n)}</a>);
  const states = ['lost', 'suspected', 'unconfirmed', 'late', 'redelivered', 'pending', 'excused', 'accepted', 'replayed'] as const;
  const columns: Column<Group>[] = [
    { key: 'group', title: t('group'), value: (row) => row.name, show: (row) => (row.name === '(none)' ? t('no_group') : row.name) },
    { key: 'state', title: t('state'), value: (row) => stateOfGroup(topic, row), show: (row) => <State name={stateOfGroup(topic, row)} /> },
    { key: 'consumed', title: t('consumed'), numeric: true, value: (row) => row.consumed, show: (row) => num(row.consumed) },
    ...states.map((state): Column<Group> => ({ key: state, title: word(state), numeric: true, value: (row) => row[state], show: (row) => finding(row, state, row[state]) })),
    { key: 'lag_messages', title: t('lag_messages'), numeric: true, value: (row) => row.lag_messages, show: (row) => num(row.lag_messages) },
    { key: 'lag_seconds', title: t('lag_seconds'), numeric: true, value: (row) => row.lag_seconds, show: (row) => duration(row.lag_seconds) },
  ];
  return (
    <Card title={t('side_by_side')} aside={<span class="soft">{num(topic.produced)} {t('produced')}{topic.unaudited > 0 ? ` · ${num(topic.unaudited)} ${t('unaudited')}` : ''}</span>}>
      {topic.groups.length === 0 ? <Empty title={t('none')} /> : <Table name={`${topic.name} ${t('groups')}`} columns={columns} rows={topic.groups} rowKey={(row) => row.name} />}
    </Card>
  );
}

function PartitionTable({ rows }: { rows: readonly PartitionRow[] }) {
  if (rows.length === 0) return <Empty title={t('none')} />;
  const columns: Column<PartitionRow>[] = [
    { key: 'partition', title: t('partition'), numeric: true, value: (row) => row.partition },
    { key: 'group', title: t('group'), value: (row) => row.group ?? '', show: (row) => row.group ?? t('produced') },
    { key: 'count', title: t('count'), numeric: true, value: (row) => row.count, show: (row) => num(row.count) },
    { key: 'lost', title: t('lost'), numeric: true, value: (row) => row.lost, show: (row) => (row.lost > 0 ? <State name="lost" text={num(row.lost)} /> : num(row.lost)) },
    { key: 'pending', title: t('pending'), numeric: true, value: (row) => row.pending, show: (row) => num(row.pending) },
    { key: 'redelivered', title: t('redelivered'), numeric: true, value: (row) => row.redelivered, show: (row) => num(row.redelivered) },
    { key: 'next_offset', title: t('next'), numeric: true, value: (row) => row.next_offset },
    { key: 'committed_offset', title: t('committed'), numeric: true, value: (row) => row.committed_offset },
    { key: 'log_start', title: t('log_start'), numeric: true, value: (row) => row.log_start },
    { key: 'log_end', title: t('log_end'), numeric: true, value: (row) => row.log_end },
  ];
  return <Table name={t('partitions')} columns={columns} rows={rows} rowKey={(row) => `${row.incarnation}/${row.partition}/${row.group ?? ''}`} />;
}

