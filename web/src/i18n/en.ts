// The words of the page. Keys are what the code asks for; {name} is filled in.
export const en = {
  overview: 'Overview', topic: 'Topic', topics: 'Topics', findings: 'Findings', reporters: 'Reporters', ledger: 'Ledger', watches: 'Watches',
  kpi: 'KPI', alerts: 'Alerts', skip: 'Skip to content', pages: 'Pages',
  // header
  live: 'Live', paused: 'Paused', pause: 'Pause', resume: 'Go on', connecting: 'Connecting', not_live: 'Server not reached',
  theme: 'Theme', theme_auto: 'System', theme_light: 'Light', theme_dark: 'Dark', language: 'Language',
  range: 'Time range', last: 'Last {what}', absolute: 'From … to …', from: 'From', to: 'To', apply: 'Apply', now: 'now',
  logout: 'Log out', role_viewer: 'viewer', role_operator: 'operator', token: 'Token', login: 'Log in',
  login_text: 'This server wants a token. It is kept in a cookie that scripts cannot read, until the browser is closed.',
  login_wrong: 'This token is not one of the server\'s.',
  // common
  loading: 'Loading', retry: 'Try again', error: 'Not current: {why}', error_first: 'Nothing could be read: {why}',
  csv: 'CSV', export_csv: 'Export as CSV', copy: 'Copy', copied: 'Copied', more: 'Next page', first_page: 'First page', none: 'none', close: 'Close', cancel: 'Cancel',
  all: 'all', search: 'Search', cluster: 'Cluster', name: 'Name', group: 'Group', groups: 'Groups', partition: 'Partition', state: 'State', reason: 'Reason', count: 'Messages',
  offsets: 'Offsets', first_offset: 'First offset', last_offset: 'Last offset', time: 'Time', bucket: 'Bucket', host: 'Host', service: 'Service', value: 'Value', detail: 'Detail',
  show_table: 'Table', show_chart: 'Chart', unknown: 'unknown', rows: '{n} rows', shown_of: '{n} shown of {all}', as_of: 'as of {time}',
  hint_utc: 'UTC', page_missing: 'There is no such page', to_overview: 'Go to the overview', not_here: 'Not on this server',
  not_here_text: 'This server does not answer {path}. It is part of a newer version, or not configured.',
  // states
  pending: 'pending', suspected: 'suspected', lost: 'lost', late: 'late', redelivered: 'redelivered', unconfirmed: 'unconfirmed', excused: 'excused',
  accepted: 'accepted', replayed: 'replayed', unaudited: 'unaudited', complete: 'complete', incomplete: 'incomplete', ok: 'complete', idle: 'no data',
  unconsumed: 'unconsumed', unrecorded: 'unrecorded', produced: 'produced', consumed: 'consumed', failed: 'failed', reordered: 'reordered',
  lag: 'Lag', lag_messages: 'Lag, messages', lag_seconds: 'Lag, seconds',
  // incomplete reasons
  report_missing: 'a report never arrived', reporter_vanished: 'a reporter fell silent', reporter_dropped: 'a client reached a memory bound',
  overflow: 'the collector reached a bound', audit_gap: 'reports were deleted before they were read', newer_version: 'a report of a newer format',
  audit_partitions: 'a reporter saw another number of audit partitions', bucket_width: 'a reporter uses another bucket width',
  incomplete_why: 'Figures may be too small: {why}',
  // overview
  flow: 'Flow', flow_text: 'Producers, topics and groups, from left to right; shape, colour and word tell the state.', producers: 'Producers', totals: 'Totals', totals_range: 'in the range',
  since_start: 'since counting began', firing: 'Firing alerts', no_firing: 'No alert is firing.', topic_count: 'Topics', healthy: 'Every counted message arrived.',
  lost_total: '{n} lost', in_topics: 'in {n} topics', with_trouble: 'with trouble first',
  empty_overview: 'Nothing has been counted yet', empty_overview_text: 'Turn counting on in any librdkafka client with one property. Figures appear within two seconds of its first message:',
  empty_overview_docs: 'Is the collector reading?', no_match: 'Nothing matches', no_match_text: 'No topic matches the search.', clear: 'Clear the search',
  unaudited_producers: 'not audited', no_group: 'no group', show_losses: 'Show what was lost',
  // topic
  choose_topic: 'Choose a topic', per_bucket: 'Produced and consumed per bucket', latency: 'Latency from message time to hand-out', heatmap: 'Latency heatmap', lag_now: 'Lag',
  side_by_side: 'Groups side by side', partitions: 'Partitions', log_start: 'Log start', log_end: 'Log end', position: 'Position', committed: 'Committed', next: 'Next',
  no_buckets: 'No messages in this range', no_buckets_text: 'Choose a longer range, or wait for the next report (once a second).', widen: 'Show the last 24 hours',
  negative: 'Messages handed out before their own time: {n} (clocks differ)', far: 'Messages with a time too far from now: {n}', untimed: 'Messages without a time: {n}',
  unsettled: 'not settled', settled: 'settled', milliseconds: 'ms', topic_unknown: 'This topic is not known', latency_none: 'No latency was measured in this range.', produced_line: 'produced',
  lag_rates: 'Produced and consumed per minute of the clock', bytes: 'Bytes', unsettled_text: 'hollow: reports are still coming in', incomplete_text: 'audit data is missing here',
  // findings
  no_findings: 'No findings', no_findings_text: 'No message of this choice is lost, late or repeated in this range.', all_time: 'Show all times', filters: 'Filters', any_time: 'Any time', in_range: 'In the time range',
  ranges: 'Ranges', history: 'History', evidence: 'Evidence', what_to_do: 'What to do', commands: 'Commands', accept: 'Accept', replay: 'Replay', verified: 'Verified at the broker',
  found: 'Found', not_verified: 'Not verified yet', times_handed: 'Handed out again', first_seen: 'First seen', open_finding: 'Open finding',
  accept_title: 'Accept this range', accept_text: 'The range is closed as accepted: it no longer counts as lost and no longer alerts. The messages stay undelivered.',
  accept_reason: 'Why (kept with the finding)', replay_title: 'Replay this range',
  replay_text: 'The messages are read from the broker and produced again, with the header waybill-replay.', replay_target: 'Topic to write to', replay_same: 'The same topic', replay_same_warning: 'Other groups of this topic get these messages again.',
  replay_understood: 'I know who else reads that topic', needs_operator: 'Needs the role operator', done: 'Done', not_done: 'Not done: {why}', replay_done: '{n} messages were put back', accept_done: 'Accepted', working: 'Working',
  message_time: 'Message time (bucket)',
  do_lost: 'Find out why the group skipped these offsets (a seek, a reset, an error that was swallowed). Then have them delivered again with replay, or accept the loss.',
  do_expired: 'The messages were deleted before the group read them, so they cannot be replayed. Raise the retention of the topic or make the group faster, then accept.',
  do_truncated: 'The broker acknowledged these messages and no longer has them. Look at the broker\'s log for an unclean leader election; use acks=all and min.insync.replicas.',
  do_suspected: 'The broker is asked next whether the messages are really there. This becomes lost, or turns out to be something harmless, within seconds.',
  do_redelivered: 'Handed out more than once. If the group is not idempotent, look at its commits around this time.',
  do_late: 'It was called lost and has arrived after all. Nothing is missing.',
  do_unconfirmed: 'Somebody whose data is missing may have read it. Look at the reporters that fell silent; adding the plugin to every member of the group prevents this.',
  do_pending: 'The group has not come there yet. Nothing to do unless the lag grows.',
  do_excused: 'Not a loss: the message was aborted, is a control record, or was compacted away.',
  do_accepted: 'Closed by an operator.', do_replayed: 'The messages were put back and have been consumed.',
  // reporters
  who_counts: 'Who counts', silent: 'silent', closed: 'closed', counting: 'counting', last_seen: 'Last seen', complete_up_to: 'Complete up to', reports: 'Reports', missing_reports: 'Missing reports',
  dropped: 'Dropped', clients: 'Clients', unknown_because: 'What is therefore unknown', nothing_unknown: 'All reports have arrived: nothing is unknown.', what_is_read: 'What this server reads', member: 'Member', engine: 'Engine',
  no_reporters: 'No reporter has been heard in this range', running: 'running', waiting: 'waiting', stopped: 'stopped', degraded: 'degraded', data_center: 'Data center', library: 'Library',
  vanished_text: '{who} fell silent at {time}: what it read or wrote after that is unknown, in {topics}.', missing_text: '{n} reports of {who} never arrived: what they said about {topics} is unknown.',
  dropped_text: '{who} could not keep {n} entries: figures of {topics} are too small.',
  // ledger
  no_ledgers: 'No ledger is configured', no_ledgers_text: 'A ledger matches logs of produced messages with logs of consumed ones. Name the pairs in the configuration:', producer: 'Producer', consumer: 'Consumer', unmatched: 'Unmatched', malformed: 'Malformed', ignored: 'Ignored', duplicates: 'Duplicates', delay: 'Delay',
  // watches
  no_watches: 'No watch is configured', no_watches_text: 'A watch counts lines that match rules. Write the rules into the configuration:', rule: 'Rule', rules: 'Rules', matches: 'Matches', samples: 'Samples', no_samples: 'No line has matched in this range.', severity: 'Severity', over_time: 'Over time',
  // kpi
  no_kpis: 'No KPI is configured', no_kpis_text: 'A KPI is declared in YAML: a source, windows, and figures. Write one into the configuration:', success_rate: 'Success rate', amount: 'Amount', per_minute: 'Per minute', funnel: 'Steps', map: 'Provinces', yesterday: 'yesterday', last_week: 'last week', corrected: 'corrected', provisional: 'provisional', zone: 'Zone {zone}', drill: 'Detail of {name}', failures: 'Failures', province: 'Province', figure: 'Figure', compare: 'Compared',
  map_source: 'Outlines: Apache ECharts', yuan: 'yuan', cents: 'cents', no_windows: 'No window in this range', kpi_no_lines: 'Not one line that this KPI counts has been read. Its source, its filter and its time field are in the configuration; `waybill kpi FILE` tries them on a file.',
  // alerts
  no_alerts: 'No alert rule is configured', no_alerts_text: 'Alert rules say who is told what and when. Write them into the configuration:', pending_state: 'pending', inactive: 'inactive', firing_state: 'firing', resolved: 'resolved', muted: 'muted', mute: 'Mute', unmute: 'Unmute', mute_for: 'Mute for', since: 'Since', summary: 'Summary', info: 'info', warning: 'warning', critical: 'critical', older_alerts: 'Older ones', rules_configured: '{n} rules', page_only: 'this page only', told_to: 'Told: {who}', no_active: 'Nothing is firing', no_active_text: 'No alert has fired in what the server remembers.',
  decision: 'Decision', replay_left: '{n} messages were not put back', applied: 'applied', begun: 'begun', delivered: 'delivered, not yet consumed', done_state: 'done', refused: 'refused', skipped: 'skipped', expired: 'expired', truncated: 'truncated', handover: 'handover', restart: 'restart', rewind: 'rewind', unaudited_member: 'a member without the plugin', aborted: 'aborted', control: 'control record', compacted: 'compacted', open_transaction: 'open transaction',
  count_unit: 'Count', stuck: 'stuck', step: 'Step', newest: 'Newest', show_newest: 'Show the newest', group_by: 'By', problems: 'Lines that were left out', field: 'Field',
  largest_latency: 'Largest latency', per_day: 'Messages per day',
  place: 'Place',
  // charts
  chart_of: '{title}: chart, {n} series. Its figures are in the table.',
} as const;

export type Key = keyof typeof en;
