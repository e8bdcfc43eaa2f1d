//! What is a database asked about itself? PostgreSQL's own views, in words that 13 to 18 all understand.

/// Bytes of the whole database.
pub const SIZE: &str = "SELECT current_database()::text AS name, pg_database_size(current_database()) AS bytes";

/// The largest tables: rows are PostgreSQL's own guess, which is -1 for one that was never looked at.
pub const TABLES: &str = "\
SELECT n.nspname::text AS schema, c.relname::text AS table, pg_total_relation_size(c.oid) AS bytes, \
pg_indexes_size(c.oid) AS indexes, c.reltuples::bigint AS rows \
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
WHERE c.relkind IN ('r', 'm') AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_toast' \
ORDER BY 3 DESC, 1, 2 LIMIT 50";

/// Who waits for whom. One line for each pair, the longest wait first.
pub const LOCKS: &str = "\
SELECT w.pid AS pid, coalesce(w.usename::text, '') AS user, coalesce(w.query, '') AS query, \
coalesce(extract(epoch FROM clock_timestamp() - w.query_start), 0)::float8 AS seconds, b.pid AS by, \
coalesce(b.state, '') AS by_state, coalesce(b.query, '') AS by_query, \
coalesce(extract(epoch FROM clock_timestamp() - b.xact_start), 0)::float8 AS by_seconds \
FROM pg_stat_activity w CROSS JOIN LATERAL unnest(pg_blocking_pids(w.pid)) AS blocking(pid) \
JOIN pg_stat_activity b ON b.pid = blocking.pid ORDER BY 4 DESC LIMIT 100";

/// What took the most time since the counters were set to zero.
pub const SLOW: &str = "\
SELECT s.query AS query, s.calls AS calls, s.total_exec_time AS total, s.mean_exec_time AS mean, s.max_exec_time AS max, \
s.rows AS rows FROM pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid \
WHERE d.datname = current_database() ORDER BY s.total_exec_time DESC LIMIT 20";
