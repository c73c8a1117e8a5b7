// The page: asks the API every two seconds and shows what it answers. Text nodes only, so nothing from messages is ever markup.
'use strict';

const POLL_MS = 2000;
const FINDINGS_SHOWN = 500;
const byId = (id) => document.getElementById(id);
const page = { selected: null, paused: false, token: sessionStorage.getItem('waybill-token') || '' };

async function get(path) {
  const headers = page.token ? { Authorization: `Bearer ${page.token}` } : {};
  const answer = await fetch(path, { headers, cache: 'no-store' });
  if (answer.status === 401 || answer.status === 403) byId('token-box').hidden = false;
  const body = await answer.json();
  if (!answer.ok) throw new Error(body.detail || body.title || `HTTP ${answer.status}`);
  return body;
}

function cell(row, content, className) {
  const td = document.createElement('td');
  if (className) td.className = className;
  if (content instanceof Node) td.append(content);
  else td.textContent = content === null || content === undefined ? '\u2013' : String(content);
  row.append(td);
}

const number = (n) => (n === null || n === undefined ? null : n.toLocaleString('en'));
const time = (ms) => (ms ? new Date(ms).toLocaleString() : null);

function fill(name, rows) {
  byId(name).hidden = rows.length === 0;
  byId(`${name}-empty`).hidden = rows.length !== 0;
  byId(name).tBodies[0].replaceChildren(...rows);
}

function row(...cells) {
  const tr = document.createElement('tr');
  for (const [content, className] of cells) cell(tr, content, className);
  return tr;
}

function topicButton(topic) {
  const button = document.createElement('button');
  button.type = 'button';
  button.className = 'link';
  button.textContent = topic.name;
  button.title = `Findings of ${topic.name} in ${topic.cluster}`;
  button.addEventListener('click', () => {
    page.selected = { cluster: topic.cluster, name: topic.name };
    refresh();
  });
  return button;
}

// Words first; colour only repeats them.
function stateOf(topic, group) {
  if (group && group.lost > 0) return [`lost ${number(group.lost)}`, 'bad'];
  if (!topic.complete) return [`incomplete: ${topic.incomplete_reasons.join(', ')}`, 'warn'];
  if (group && group.suspected > 0) return ['suspected', 'warn'];
  return ['complete', 'good'];
}

function topicRows(topics) {
  return topics.flatMap((topic) => {
    const groups = topic.groups.length ? topic.groups : [null];
    return groups.map((g) => row(
      [topicButton(topic)], [g ? g.name || '(no group)' : null], stateOf(topic, g), [number(topic.produced), 'n'],
      [number(g?.consumed), 'n'], [number(g?.pending), 'n'], [number(g?.suspected), 'n'], [number(g?.lost), 'n'],
      [number(g?.redelivered), 'n'], [number(topic.unaudited), 'n'], [number(g?.lag_messages), 'n'],
      [g?.lag_seconds === null || g?.lag_seconds === undefined ? null : g.lag_seconds.toFixed(1), 'n']));
  });
}

function findingRows(findings) {
  return findings.map((f) => row(
    [f.group], [f.state, f.state === 'lost' ? 'bad' : f.state === 'suspected' ? 'warn' : ''], [f.reason || null],
    [f.partition, 'n'], [number(f.first_offset), 'n'], [number(f.last_offset), 'n'], [number(f.count), 'n'], [time(f.bucket_start)]));
}

function reporterRows(reporters) {
  return reporters.map((r) => {
    const state = r.closed ? ['closed', ''] : r.vanished ? ['vanished', 'bad'] : ['counting', 'good'];
    return row([r.host], [r.service || null], [(r.clients || []).map((c) => c.client_id).join(', ')], state,
               [number(r.missing_reports), r.missing_reports ? 'n bad' : 'n'], [time(r.last_seen)], [time(r.complete_up_to)]);
  });
}

async function refresh() {
  try {
    const { topics } = await get('api/v1/topics');
    fill('topics', topicRows(topics));
    if (!page.selected && topics.length) page.selected = { cluster: topics[0].cluster, name: topics[0].name };
    if (page.selected) {
      const { name, cluster } = page.selected;
      const query = new URLSearchParams({ cluster, limit: FINDINGS_SHOWN });
      const found = await get(`api/v1/topics/${encodeURIComponent(name)}/findings?${query}`);
      byId('findings-of').textContent = `of ${name}${found.next ? `, first ${FINDINGS_SHOWN}` : ''}`;
      fill('findings', findingRows(found.findings));
    }
    fill('reporters', reporterRows((await get('api/v1/reporters')).reporters));
    byId('status').textContent = `as of ${new Date().toLocaleTimeString()}`;
    byId('status').className = '';
  } catch (error) {
    byId('status').textContent = `not current: ${error.message}`;
    byId('status').className = 'bad';
  }
}

byId('pause').addEventListener('click', () => {
  page.paused = !page.paused;
  byId('pause').textContent = page.paused ? 'Go on' : 'Pause';
  byId('pause').setAttribute('aria-pressed', String(page.paused));
});
byId('token').addEventListener('change', (event) => {
  page.token = event.target.value;
  sessionStorage.setItem('waybill-token', page.token);
  refresh();
});
refresh();
setInterval(() => { if (!page.paused && !document.hidden) refresh(); }, POLL_MS);
