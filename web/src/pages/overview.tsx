// Is any message missing, and where: all hops as a flow, totals, alerts that fire.
import { Await, Card, Choice, Empty, Figure, Problem, Search, State, Time } from '../components/basics';
import { FlowList, flowOf, FlowPicture, stateOfGroup, stateOfTopic } from '../components/flow';
import { Pager } from '../components/pager';
import { Table, type Column } from '../components/table';
import { num } from '../i18n/format';
import { t, word } from '../i18n/text';
import type { Overview, OverviewTopic, Reporters, Sources } from '../api/types';
import { FiringAlerts } from './alerts';
import { kinds, useLoad } from '../state/load';
import { useMedia } from '../state/media';
import { currentRange, rangeParams } from '../state/range';
import { href, route, setParams } from '../state/route';
import { useStore } from '../state/store';

const PAGE = 25;

export function OverviewPage() {
  const { params } = useStore(route);
  const range = rangeParams(currentRange());
  const overview = useLoad<Overview>('api/v1/overview', { ...range, q: params.q, state: params.state, next: params.next, limit: PAGE }, kinds('topics', 'findings'));
  const reporters = useLoad<Reporters>('api/v1/reporters', { from: '-24h' }, kinds('reporters'));
  const wide = useMedia('(min-width: 760px)');
  return (
    <>
      <h1>{t('overview')}</h1>
      <Await from={overview}>{(data) => (
        data.topics_total === 0 ? <NothingYet /> : (
          <>
            <Verdict data={data} />
            <FiringAlerts />
            <Card title={t('flow')} aside={<Filters />}>
              {data.topics.length === 0
                ? <Empty title={t('no_match')}><p>{t('no_match_text')}</p><button type="button" onClick={() => setParams({ q: '', state: '', next: '' })}>{t('clear')}</button></Empty>
                : (() => {
                  const flow = flowOf(data.topics, reporters.data?.reporters ?? []);
                  return wide ? <FlowPicture flow={flow} /> : <FlowList flow={flow} />;
                })()}
              <Pager next={data.next} note={t('shown_of', { n: num(data.topics.length), all: num(data.matching) })} />
            </Card>
            <Card title={`${t('totals')} ${t('totals_range')}`}><RangeTable topics={data.topics} /></Card>
          </>
        )
      )}</Await>
    </>
  );
}

/** The first line that anyone reads. */
function Verdict({ data }: { data: Overview }) {
  const { totals } = data;
  const bad = totals.lost > 0;
  const warn = totals.suspected + totals.unconfirmed > 0 || totals.incomplete_topics > 0;
  return (
    <section class={`verdict ${bad ? 'bad' : warn ? 'warn' : 'good'}`} aria-label={t('totals')}>
      <p class="headline">
        {bad
          ? <><State name="lost" text={t('lost_total', { n: num(totals.lost) })} /> <a href={href(['findings'], { state: 'lost', when: 'any' })}>{t('show_losses')}</a></>
          : warn ? <State name="incomplete" text={totals.suspected > 0 ? `${num(totals.suspected)} ${t('suspected')}` : totals.unconfirmed > 0 ? `${num(totals.unconfirmed)} ${t('unconfirmed')}` : t('incomplete')} />
            : <State name="ok" text={t('healthy')} />}
      </p>
      <dl class="figures">
        <Figure label={t('topic_count')} value={num(data.topics_total)} />
        <Figure label={t('produced')} value={num(totals.produced)} />
        <Figure label={t('consumed')} value={num(totals.consumed)} />
        <Figure label={t('lost')} value={num(totals.lost)} tone={totals.lost > 0 ? 'bad' : undefined} />
        <Figure label={t('suspected')} value={num(totals.suspected)} tone={totals.suspected > 0 ? 'warn' : undefined} />
        <Figure label={t('unconfirmed')} value={num(totals.unconfirmed)} tone={totals.unconfirmed > 0 ? 'warn' : undefined} />
        <Figure label={t('redelivered')} value={num(totals.redelivered)} />
        <Figure label={t('pending')} value={num(totals.pending)} />
        <Figure label={t('incomplete')} value={num(totals.incomplete_topics)} tone={totals.incomplete_topics > 0 ? 'warn' : undefined} note={t('topics')} />
      </dl>
      <p class="soft">{t('since_start')} · {t('as_of', { time: '' })} <Time ms={data.as_of} /></p>
    </section>
  );
}

function Filters() {
  const { params } = useStore(route);
  return (
    <div class="filters">
      <Search value={params.q ?? ''} onChange={(q) => setParams({ q, next: '' })} />
      <Choice label={t('state')} value={params.state ?? ''} onChange={(state) => setParams({ state, next: '' })}
        options={[['', t('all')], ...['lost', 'suspected', 'unconfirmed', 'incomplete', 'ok'].map((state) => [state, word(state)] as const)]} />
    </div>
  );
}

function RangeTable({ topics }: { topics: readonly OverviewTopic[] }) {
  interface Line { topic: OverviewTopic; group: string; consumed: number | null; lost: number | null; late: number | null; redelivered: number | null; pending: number | null }
  const rows: Line[] = topics.flatMap((topic): Line[] => {
    const groups = Object.entries(topic.range.groups);
    if (groups.length === 0) return [{ topic, group: '', consumed: null, lost: null, late: null, redelivered: null, pending: null }];
    return groups.map(([group, sums]) => ({ topic, group, consumed: sums.consumed, lost: sums.lost, late: sums.late, redelivered: sums.redelivered, pending: sums.pending }));
  });
  const stateOf = ({ topic, group }: Line): string => {
    const found = topic.groups.find((one) => one.name === group);
    return found ? stateOfGroup(topic, found) : stateOfTopic(topic);
  };
  const columns: Column<Line>[] = [
    { key: 'topic', title: t('topic'), value: (row) => row.topic.name, show: (row) => <a href={href(['topics', row.topic.name], { cluster: row.topic.cluster })}>{row.topic.name}</a> },
    { key: 'cluster', title: t('cluster'), value: (row) => row.topic.cluster },
    { key: 'group', title: t('group'), value: (row) => row.group || '–' },
    { key: 'state', title: t('state'), value: stateOf, show: (row) => <State name={stateOf(row)} text={row.topic.complete ? undefined : `${word(stateOf(row))}; ${t('incomplete')}: ${row.topic.incomplete_reasons.map(word).join('; ')}`} /> },
    { key: 'produced', title: t('produced'), numeric: true, value: (row) => row.topic.range.produced, show: (row) => num(row.topic.range.produced) },
    { key: 'consumed', title: t('consumed'), numeric: true, value: (row) => row.consumed, show: (row) => num(row.consumed) },
    { key: 'lost', title: t('lost'), numeric: true, value: (row) => row.lost, show: (row) => (row.lost ? <State name="lost" text={num(row.lost)} /> : num(row.lost)) },
    { key: 'late', title: t('late'), numeric: true, value: (row) => row.late, show: (row) => num(row.late) },
    { key: 'redelivered', title: t('redelivered'), numeric: true, value: (row) => row.redelivered, show: (row) => num(row.redelivered) },
    { key: 'pending', title: t('pending'), numeric: true, value: (row) => row.pending, show: (row) => num(row.pending) },
  ];
  return <Table name={`${t('overview')} ${t('totals')}`} columns={columns} rows={rows} rowKey={(row) => `${row.topic.cluster}/${row.topic.name}/${row.group}`} />;
}

function NothingYet() {
  const sources = useLoad<Sources>('api/v1/sources', {}, kinds('sources'));
  const troubled = (sources.data?.sources ?? []).filter((source) => source.degraded || source.state !== 'running');
  return (
    <Empty title={t('empty_overview')}>
      <p>{t('empty_overview_text')}</p>
      <pre tabIndex={0}>plugin.library.paths=libwaybill_rdkafka</pre>
      {troubled.map((source) => <Problem key={source.cluster} text={`${source.cluster}: ${word(source.state)} ${source.detail}`} />)}
      <p><a href={href(['reporters'])}>{t('empty_overview_docs')}</a></p>
    </Empty>
  );
}
