// What was found: ranges of messages with a state. Each opens to its evidence and to what can be done.
import { Await, Card, Choice, Copyable, Empty, Search, State, Time } from '../components/basics';
import { FindingActions } from '../components/finding_actions';
import { Pager } from '../components/pager';
import { Table, type Column } from '../components/table';
import { num } from '../i18n/format';
import { t, word, type Key } from '../i18n/text';
import { STATES, type AllFindings, type Decision, type Decisions, type FoundFinding } from '../api/types';
import { kinds, useLoad } from '../state/load';
import { currentRange, rangeParams } from '../state/range';
import { route, setParams } from '../state/route';
import { useStore } from '../state/store';

const PAGE = 100;

const keyOf = (row: FoundFinding): string => `${row.topic}/${row.partition}/${row.first_offset}/${row.group}/${row.state}`;

export function FindingsPage() {
  const { params } = useStore(route);
  const always = params.when === 'any';
  const found = useLoad<AllFindings>('api/v1/findings', {
    ...(always ? {} : rangeParams(currentRange())), topic: params.topic, cluster: params.cluster, group: params.group, state: params.state, next: params.next, limit: PAGE,
  }, kinds('findings'));
  const columns: Column<FoundFinding>[] = [
    { key: 'state', title: t('state'), value: (row) => row.state, show: (row) => <State name={row.state} /> },
    { key: 'reason', title: t('reason'), value: (row) => row.reason || '–', show: (row) => word(row.reason || '–') },
    { key: 'topic', title: t('topic'), value: (row) => row.topic },
    { key: 'group', title: t('group'), value: (row) => row.group },
    { key: 'partition', title: t('partition'), numeric: true, value: (row) => row.partition },
    { key: 'first_offset', title: t('first_offset'), numeric: true, value: (row) => row.first_offset },
    { key: 'last_offset', title: t('last_offset'), numeric: true, value: (row) => row.last_offset },
    { key: 'count', title: t('count'), numeric: true, value: (row) => row.count, show: (row) => num(row.count) },
    { key: 'bucket_start', title: t('message_time'), value: (row) => (row.bucket_start === null ? null : new Date(row.bucket_start).toISOString()), show: (row) => <Time ms={row.bucket_start} /> },
    { key: 'cluster', title: t('cluster'), value: (row) => row.cluster },
  ];
  return (
    <>
      <h1>{t('findings')}</h1>
      <Card title={t('filters')} aside={<Filters />}>
        <Await from={found}>{(data) => (data.findings.length === 0
          ? (
            <Empty title={t('no_findings')}><p>{t('no_findings_text')}</p>
              {!always && <button type="button" onClick={() => setParams({ when: 'any', next: '' })}>{t('all_time')}</button>}
              {(params.state || params.topic || params.group) && <button type="button" onClick={() => setParams({ state: '', topic: '', group: '', cluster: '', next: '' })}>{t('clear')}</button>}
            </Empty>
          ) : (
            <>
              <Table name={t('findings')} columns={columns} rows={data.findings} sortable={false} rowKey={keyOf}
                open={params.open} onOpen={(open) => setParams({ open })} detail={(row) => <Detail finding={row} />} />
              <Pager next={data.next} />
            </>
          ))}</Await>
      </Card>
    </>
  );
}

function Filters() {
  const { params } = useStore(route);
  return (
    <div class="filters">
      <Choice label={t('state')} value={params.state ?? ''} onChange={(state) => setParams({ state, next: '', open: '' })}
        options={[['', t('all')], ...STATES.map((state) => [state, word(state)] as const)]} />
      <Search label={t('topic')} value={params.topic ?? ''} onChange={(topic) => setParams({ topic, next: '', open: '' })} />
      <Search label={t('group')} value={params.group ?? ''} onChange={(group) => setParams({ group, next: '', open: '' })} />
      <Choice label={t('time')} value={params.when === 'any' ? 'any' : ''} onChange={(when_) => setParams({ when: when_, next: '' })}
        options={[['', t('in_range')], ['any', t('any_time')]]} />
    </div>
  );
}

function adviceFor(finding: FoundFinding): string {
  const keys: Record<string, Key> = { expired: 'do_expired', truncated: 'do_truncated' };
  return t((finding.state === 'lost' && keys[finding.reason]) || (`do_${finding.state}` as Key));
}

/** Quoted for a POSIX shell: names come from strangers. */
export function shell(text: string): string {
  return /^[\w./:@%+=-]+$/.test(text) ? text : `'${text.replace(/'/g, `'\\''`)}'`;
}

function Detail({ finding }: { finding: FoundFinding }) {
  const decisions = useLoad<Decisions>(finding.decision === null ? null : `api/v1/topics/${encodeURIComponent(finding.topic)}/decisions`,
    { cluster: finding.cluster, group: finding.group }, kinds('findings'));
  const decision = decisions.data?.decisions.find((one) => one.decision === finding.decision);
  const who = `${shell(finding.topic)} --cluster ${shell(finding.cluster)} --group ${shell(finding.group)}`;
  const url = `--url ${shell(new URL('.', location.href.replace(/#.*/, '')).href.replace(/\/$/, ''))}`;
  return (
    <div class="finding">
      <section>
        <h3>{t('ranges')}</h3>
        <dl>
          <dt>{t('topic')}</dt><dd>{finding.topic}</dd>
          <dt>{t('partition')}</dt><dd>{finding.partition}</dd>
          <dt>{t('offsets')}</dt><dd><code>{finding.first_offset}{finding.last_offset > finding.first_offset ? ` – ${finding.last_offset}` : ''}</code> ({num(finding.count)})</dd>
          <dt>{t('group')}</dt><dd>{finding.group}</dd>
        </dl>
      </section>
      <section><h3>{t('history')}</h3><History finding={finding} decision={decision} /></section>
      <section><h3>{t('evidence')}</h3><Evidence finding={finding} /></section>
      <section><h3>{t('what_to_do')}</h3><p>{adviceFor(finding)}</p><FindingActions finding={finding} /></section>
      <section class="wide">
        <h3>{t('commands')}</h3>
        <Copyable text={`waybill lost ${who} ${url}`} />
        {finding.state === 'lost' && <Copyable text={`waybill replay ${who} --same-topic --dry-run ${url}`} />}
      </section>
    </div>
  );
}

/** When it was which, as far as it is kept, and what operators decided. */
function History({ finding, decision }: { finding: FoundFinding; decision: Decision | undefined }) {
  const steps: { ms: number; text: preact.ComponentChild }[] = [];
  if (finding.bucket_start !== null) steps.push({ ms: finding.bucket_start, text: t('message_time') });
  if (finding.found_at !== null) steps.push({ ms: finding.found_at, text: <State name="lost" /> });
  else if (finding.verified_at !== null) steps.push({ ms: finding.verified_at, text: <State name={finding.state} /> });
  if (decision) {
    steps.push({ ms: decision.decided_at, text: <>{t(decision.kind)}{decision.by ? ` (${decision.by})` : ''}{decision.reason ? `: ${decision.reason}` : ''}</> });
    if (decision.applied_at > 0) steps.push({ ms: decision.applied_at, text: <State name={finding.state} text={word(decision.state)} /> });
  }
  return (
    <ol class="history">
      {steps.map((step, index) => <li key={index}><Time ms={step.ms} /> <span>{step.text}</span></li>)}
      <li><strong>{t('now')}</strong> <State name={finding.state} /> {finding.reason && word(finding.reason)}</li>
    </ol>
  );
}

function Evidence({ finding }: { finding: FoundFinding }) {
  const to = finding.replayed_to;
  return (
    <dl>
      <dt>{t('verified')}</dt><dd>{finding.verified_at === null ? t('not_verified') : <Time ms={finding.verified_at} />}</dd>
      <dt>{t('reason')}</dt><dd>{finding.reason === '' ? '–' : word(finding.reason)}</dd>
      {to && <><dt>{t('replayed')}</dt><dd>{t('partition')} {to.partition}, <code>{to.first_offset} – {to.last_offset}</code></dd></>}
      {finding.decision && <><dt>{t('decision')}</dt><dd><code>{finding.decision}</code></dd></>}
    </dl>
  );
}
