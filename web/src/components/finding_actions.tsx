// Accepting and replaying a finding, behind a confirmation and the role operator.
import { useState } from 'preact/hooks';
import { send } from '../api/client';
import type { Accepted, FoundFinding, Replay } from '../api/types';
import { num } from '../i18n/format';
import { t } from '../i18n/text';
import { session } from '../state/session';
import { useStore } from '../state/store';
import { Dialog, Problem, State } from './basics';

const ACCEPTABLE = ['lost'];

export function FindingActions({ finding }: { finding: FoundFinding }) {
  const who = useStore(session);
  const [asked, setAsked] = useState<'accept' | 'replay' | undefined>();
  const operator = who?.role === 'operator';
  const replayable = finding.state === 'lost' && finding.reason !== 'expired' && finding.reason !== 'truncated';
  if (!ACCEPTABLE.includes(finding.state)) return null;
  return (
    <div class="actions">
      {replayable && <button type="button" disabled={!operator} onClick={() => setAsked('replay')}>{t('replay')}…</button>}
      <button type="button" disabled={!operator} onClick={() => setAsked('accept')}>{t('accept')}…</button>
      {!operator && <span class="soft">{t('needs_operator')}</span>}
      {asked === 'accept' && <AcceptDialog finding={finding} onClose={() => setAsked(undefined)} />}
      {asked === 'replay' && <ReplayDialog finding={finding} onClose={() => setAsked(undefined)} />}
    </div>
  );
}

interface DialogProps {
  finding: FoundFinding;
  onClose: () => void;
}

function useAction<T>(act: () => Promise<T>) {
  const [busy, setBusy] = useState(false);
  const [done, setDone] = useState<T | undefined>();
  const [problem, setProblem] = useState('');
  const run = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    setProblem('');
    try {
      setDone(await act());
    } catch (error) {
      setProblem(t('not_done', { why: (error as Error).message }));
    } finally {
      setBusy(false);
    }
  };
  return { busy, done, problem, run };
}

/** The finding as the API names ranges. */
function target(finding: FoundFinding): Record<string, unknown> {
  return {
    cluster: finding.cluster, group: finding.group,
    partition: finding.partition, first_offset: finding.first_offset, last_offset: finding.last_offset,
  };
}

const path = (finding: FoundFinding, what: string): string => `api/v1/topics/${encodeURIComponent(finding.topic)}/${what}`;
const where = (finding: FoundFinding): string =>
  `${finding.topic} / ${finding.partition}: ${finding.first_offset} – ${finding.last_offset} (${num(finding.count)}), ${finding.group}`;

function AcceptDialog({ finding, onClose }: DialogProps) {
  const [reason, setReason] = useState('');
  const action = useAction(() => send<Accepted>('POST', path(finding, 'accept'), { ...target(finding), reason }));
  return (
    <Dialog title={t('accept_title')} onClose={onClose}>
      <form onSubmit={action.run}>
        <p><code>{where(finding)}</code></p>
        <p>{t('accept_text')}</p>
        <label>{t('accept_reason')}<textarea rows={2} required maxLength={500} value={reason} onInput={(event) => setReason(event.currentTarget.value)} /></label>
        {action.problem && <Problem text={action.problem} />}
        {action.done && <p role="status"><State name="accepted" text={t('accept_done')} /></p>}
        <div class="actions">
          {!action.done && <button type="submit" class="primary" disabled={action.busy || reason.trim() === ''}>{action.busy ? t('working') : t('accept')}</button>}
          <button type="button" onClick={onClose}>{action.done ? t('close') : t('cancel')}</button>
        </div>
      </form>
    </Dialog>
  );
}

/** The server delivers so many at a time; this goes on until the range is through. */
async function replayAll(finding: FoundFinding, to: Record<string, unknown>): Promise<{ moved: number; left: number; notes: string[] }> {
  let moved = 0;
  let left = 0;
  const notes: string[] = [];
  for (let next: string | null | undefined; next !== null;) {
    const answer: Replay = await send<Replay>('POST', path(finding, 'replay'), { ...target(finding), ...to, ...(next ? { next } : {}) });
    const size = (places: readonly { first_offset: number; last_offset: number }[]) => places.reduce((sum, place) => sum + place.last_offset - place.first_offset + 1, 0);
    moved += size(answer.moved);
    left += size(answer.failed) + size(answer.not_replayable);
    notes.push(...answer.warnings, ...answer.failed.map((trouble) => trouble.error ?? trouble.outcome ?? ''));
    next = answer.next;
  }
  return { moved, left, notes: [...new Set(notes.filter((note) => note !== ''))] };
}

function ReplayDialog({ finding, onClose }: DialogProps) {
  const [topic, setTopic] = useState(finding.topic);
  const [understood, setUnderstood] = useState(false);
  const same = topic === finding.topic;
  const action = useAction(() => replayAll(finding, same ? { same_topic: true, yes: true } : { to_topic: topic }));
  return (
    <Dialog title={t('replay_title')} onClose={onClose}>
      <form onSubmit={action.run}>
        <p><code>{where(finding)}</code></p>
        <p>{t('replay_text')}</p>
        <label>{t('replay_target')}<input required value={topic} onInput={(event) => setTopic(event.currentTarget.value)} /></label>
        {same && <p><State name="unconfirmed" text={t('replay_same_warning')} /></p>}
        <label class="check"><input type="checkbox" checked={understood} onChange={(event) => setUnderstood(event.currentTarget.checked)} />{t('replay_understood')}</label>
        {action.problem && <Problem text={action.problem} />}
        {action.done && <p role="status"><State name="replayed" text={t('replay_done', { n: num(action.done.moved) })} /></p>}
        {action.done && action.done.left > 0 && <Problem text={t('replay_left', { n: num(action.done.left) })} />}
        {action.done?.notes.map((note) => <p key={note}>{note}</p>)}
        <div class="actions">
          {!action.done && <button type="submit" class="primary" disabled={action.busy || !understood}>{action.busy ? t('working') : t('replay')}</button>}
          <button type="button" onClick={onClose}>{action.done ? t('close') : t('cancel')}</button>
        </div>
      </form>
    </Dialog>
  );
}
