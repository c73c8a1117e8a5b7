// The flow picture: producers, topics, groups, and lines between them. Boxes are links with a shape, a word and a figure.
import { duration, num } from '../i18n/format';
import { t, word } from '../i18n/text';
import type { Group, OverviewTopic, Reporter } from '../api/types';
import { href } from '../state/route';
import { Shape, toneOf, type Tone } from './basics';

interface Box {
  id: string;
  title: string;
  lines: string[];
  tone: Tone;
  href: string;
}
interface Line {
  from: string;
  to: string;
  tone: Tone;
}
interface Flow {
  columns: readonly [Box[], Box[], Box[]];
  lines: Line[];
}

/** The state of a hop in one word, the worst first. */
export function stateOfGroup(topic: { complete: boolean }, group: Group): string {
  if (group.lost > 0) return 'lost';
  if (group.suspected > 0) return 'suspected';
  if (group.unconfirmed > 0) return 'unconfirmed';
  if (!topic.complete) return 'incomplete';
  return 'ok';
}

export function stateOfTopic(topic: OverviewTopic): string {
  const states = topic.groups.map((group) => stateOfGroup(topic, group));
  for (const state of ['lost', 'suspected', 'unconfirmed', 'incomplete']) if (states.includes(state)) return state;
  if (!topic.complete) return 'incomplete';
  return topic.unaudited > 0 ? 'unaudited' : 'ok';
}

const groupId = (topic: OverviewTopic, group: Group): string => `g ${topic.cluster} ${topic.name} ${group.name}`;
const topicId = (topic: OverviewTopic): string => `t ${topic.cluster} ${topic.name}`;

function groupBox(topic: OverviewTopic, group: Group): Box {
  const state = stateOfGroup(topic, group);
  const known: Record<string, number> = { lost: group.lost, suspected: group.suspected, unconfirmed: group.unconfirmed };
  const amount = known[state];
  const lag = group.lag_messages === null ? '' : ` · ${t('lag')} ${num(group.lag_messages)}${group.lag_seconds === null ? '' : ` / ${duration(group.lag_seconds)}`}`;
  return {
    id: groupId(topic, group),
    title: group.name === '(none)' ? t('no_group') : group.name,
    lines: [`${amount === undefined ? word(state) : `${num(amount)} ${word(state)}`}`, `${num(group.consumed)} ${t('consumed')}${lag}`],
    tone: toneOf(state),
    href: state === 'ok' || state === 'incomplete' ? href(['topics', topic.name], { cluster: topic.cluster })
      : href(['findings'], { topic: topic.name, cluster: topic.cluster, group: group.name, state, when: 'any' }),
  };
}

/** Processes of one service are one producer; a process without a service goes by its host. */
function producersOf(reporters: readonly Reporter[], topics: readonly OverviewTopic[]): { boxes: Box[]; lines: Line[] } {
  const boxes = new Map<string, Box>();
  const lines = new Map<string, Line>();
  const found = new Set<string>();
  const counts = new Map<string, number>();
  for (const reporter of reporters) {
    if (!reporter.tiers.includes('produced')) continue;
    const name = reporter.service || reporter.host;
    const id = `p ${reporter.cluster} ${name}`;
    const mine = topics.filter((topic) => topic.cluster === reporter.cluster && reporter.topics.includes(topic.name) && topic.produced > 0);
    if (mine.length === 0) continue;
    counts.set(id, (counts.get(id) ?? 0) + 1);
    const silent = reporter.vanished || boxes.get(id)?.tone === 'bad';
    boxes.set(id, { id, title: name, lines: [silent ? t('silent') : t('counting')], tone: silent ? 'bad' : 'good', href: href(['reporters'], { q: name }) });
    for (const topic of mine) {
      found.add(topicId(topic));
      lines.set(`${id}>${topicId(topic)}`, { from: id, to: topicId(topic), tone: silent ? 'bad' : 'good' });
    }
  }
  for (const [id, n] of counts) {
    const box = boxes.get(id);
    if (box && n > 1) box.lines = [`${box.lines[0]} · ${num(n)}×`];
  }
  for (const topic of topics) {
    if (found.has(topicId(topic))) continue;
    const id = `p ${topic.cluster} ?`;
    boxes.set(id, { id, title: t('unaudited_producers'), lines: [t('unknown')], tone: 'warn', href: href(['reporters']) });
    lines.set(`${id}>${topicId(topic)}`, { from: id, to: topicId(topic), tone: 'warn' });
  }
  return { boxes: [...boxes.values()], lines: [...lines.values()] };
}

export function flowOf(topics: readonly OverviewTopic[], reporters: readonly Reporter[]): Flow {
  const producers = producersOf(reporters, topics);
  const manyClusters = new Set(topics.map((topic) => topic.cluster)).size > 1;
  const topicBoxes = topics.map((topic): Box => {
    const state = stateOfTopic(topic);
    return {
      id: topicId(topic), title: manyClusters ? `${topic.cluster}/${topic.name}` : topic.name,
      lines: [word(state), `${num(topic.produced)} ${t('produced')}`], tone: toneOf(state), href: href(['topics', topic.name], { cluster: topic.cluster }),
    };
  });
  const groups = topics.flatMap((topic) => topic.groups.map((group) => groupBox(topic, group)));
  const lines = topics.flatMap((topic) => topic.groups.map((group): Line => (
    { from: topicId(topic), to: groupId(topic, group), tone: toneOf(stateOfGroup(topic, group)) })));
  return { columns: [producers.boxes, topicBoxes, groups], lines: [...producers.lines, ...lines] };
}

const WIDTH = 960;
const BOX = { width: 250, gap: 14, line: 18, pad: 10 };
const COLUMN_X = [0, (WIDTH - BOX.width) / 2, WIDTH - BOX.width] as const;

const heightOf = (box: Box): number => BOX.pad * 2 + BOX.line * (1 + box.lines.length);

export function FlowPicture({ flow }: { flow: Flow }) {
  const totals = flow.columns.map((boxes) => boxes.reduce((sum, box) => sum + heightOf(box) + BOX.gap, -BOX.gap));
  const height = Math.max(...totals, 40) + 28;
  const placed = new Map<string, { x: number; y: number; box: Box }>();
  flow.columns.forEach((boxes, column) => {
    let y = 28 + (height - 28 - (totals[column] ?? 0)) / 2;
    for (const box of boxes) {
      placed.set(box.id, { x: COLUMN_X[column] ?? 0, y, box });
      y += heightOf(box) + BOX.gap;
    }
  });
  const titles = [t('producers'), t('topics'), t('groups')];
  return (
    <div class="flow scroll" tabIndex={0} role="region" aria-label={t('flow')}>
      <div class="flow-inner" style={{ height: `${height}px` }}>
        <svg viewBox={`0 0 ${WIDTH} ${height}`} width={WIDTH} height={height} aria-hidden="true">
          {flow.lines.map((line) => {
            const from = placed.get(line.from);
            const to = placed.get(line.to);
            return from && to ? <path key={`${line.from}>${line.to}`} class={`edge ${line.tone}`} d={curve(from, to)} /> : null;
          })}
        </svg>
        {titles.map((title, column) => <h3 key={title} style={{ left: `${COLUMN_X[column]}px` }}>{title}</h3>)}
        {[...placed.values()].map(({ x, y, box }) => (
          <a key={box.id} class={`node ${box.tone}`} href={box.href} style={{ left: `${x}px`, top: `${y}px`, width: `${BOX.width}px`, height: `${heightOf(box)}px` }}>
            <BoxText box={box} />
          </a>
        ))}
      </div>
    </div>
  );
}

function BoxText({ box }: { box: Box }) {
  return (
    <>
      <strong title={box.title}>{box.title}</strong>
      {box.lines.map((line, index) => <span key={line} class={index === 0 ? `state ${box.tone}` : 'soft'}>{index === 0 && <Shape tone={box.tone} />}{line}</span>)}
    </>
  );
}

function curve(from: { x: number; y: number; box: Box }, to: { x: number; y: number; box: Box }): string {
  const x1 = from.x + BOX.width;
  const y1 = from.y + heightOf(from.box) / 2;
  const x2 = to.x;
  const y2 = to.y + heightOf(to.box) / 2;
  const middle = (x1 + x2) / 2;
  return `M${x1} ${y1}C${middle} ${y1} ${middle} ${y2} ${x2} ${y2}`;
}

/** The same for narrow screens: one list per topic. */
export function FlowList({ flow }: { flow: Flow }) {
  const all = new Map(flow.columns.flat().map((box) => [box.id, box]));
  return (
    <ul class="flow-list">
      {flow.columns[1].map((topic) => (
        <li key={topic.id}>
          {flow.lines.filter((line) => line.to === topic.id).map((line) => all.get(line.from)).map((box) => box && (
            <a key={box.id} class={`node ${box.tone}`} href={box.href}><BoxText box={box} /></a>))}
          <span class="arrow" aria-hidden="true">↓</span>
          <a class={`node ${topic.tone}`} href={topic.href}><BoxText box={topic} /></a>
          <span class="arrow" aria-hidden="true">↓</span>
          {flow.lines.filter((line) => line.from === topic.id).map((line) => all.get(line.to)).map((box) => box && (
            <a key={box.id} class={`node ${box.tone}`} href={box.href}><BoxText box={box} /></a>))}
        </li>
      ))}
    </ul>
  );
}
