/** Tables of the projection. Another version of them is rebuilt from the log. */
export const schemaVersion = 2

export const createTables = `
create table meta (
  id integer primary key check (id = 1),
  created_at text not null,
  sequence integer not null
) strict;

create table jobs (
  job_id text primary key,
  -- Sequence of the last event applied; of the first event; of the latest queued event.
  sequence integer not null,
  first_sequence integer not null,
  queued_sequence integer not null,
  state text not null,
  pool text not null,
  model text not null,
  client text not null,
  priority integer not null,
  request_hash text,
  actual_time_s real,
  record text not null
) strict, without rowid;

create index jobs_by_client on jobs (client, first_sequence);
create index jobs_by_client_and_state on jobs (client, state, first_sequence);
create index jobs_by_age on jobs (first_sequence);
create index jobs_by_state on jobs (state, first_sequence);
create index jobs_ended on jobs (sequence) where state in ('completed', 'failed', 'cancelled');
create index jobs_completed on jobs (pool, sequence) where state = 'completed';
create index jobs_unfinished on jobs (pool, priority, queued_sequence) where state in ('queued', 'processing');
create index jobs_unfinished_of_client on jobs (client, priority) where state in ('queued', 'processing');
create index jobs_unfinished_like on jobs (client, request_hash, first_sequence) where state in ('queued', 'processing');

create table counts (
  pool text not null,
  client text not null,
  state text not null,
  jobs integer not null,
  primary key (pool, client, state)
) strict, without rowid;
`

const unfinished = "state in ('queued', 'processing')"

/** Asked for every submission, so answered from the unfinished jobs alone, however long the history is. */
export const perSubmission = {
  unfinishedOf: `select count(*) as n from jobs where client = ? and priority = ? and ${unfinished}`,
  unfinishedLike:
    `select sequence, first_sequence, queued_sequence, record from jobs where client = ? and request_hash = ? and ${unfinished} order by first_sequence limit 1`,
  ahead:
    `select count(*) as n from jobs where pool = ? and ${unfinished} and +state = 'queued' and (priority, queued_sequence) < (?, ?)`
} as const
