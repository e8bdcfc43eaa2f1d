-- CloudWatch (crate `metrics`). A series is a metric in one unit; it goes together with its points.
CREATE TABLE metric_series (
    id INTEGER PRIMARY KEY,
    region TEXT NOT NULL,
    namespace TEXT NOT NULL,
    name TEXT NOT NULL,
    dimensions TEXT NOT NULL,
    unit TEXT NOT NULL,
    UNIQUE (region, namespace, name, dimensions, unit)
);
-- What came in lately, a row for each instant; `resolution` and `at` are seconds.
CREATE TABLE metric_points (
    resolution INTEGER NOT NULL,
    series INTEGER NOT NULL,
    at INTEGER NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (resolution, series, at)
) WITHOUT ROWID;
-- What is older: many instants in one row, compressed.
CREATE TABLE metric_chunks (
    resolution INTEGER NOT NULL,
    series INTEGER NOT NULL,
    start INTEGER NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (resolution, series, start)
);
CREATE INDEX metric_chunks_by_age ON metric_chunks (start);
-- What happened to alarms, which outlives them.
CREATE TABLE alarm_history (
    id INTEGER PRIMARY KEY,
    region TEXT NOT NULL,
    alarm TEXT NOT NULL,
    composite INTEGER NOT NULL,
    at INTEGER NOT NULL,
    kind TEXT NOT NULL,
    summary TEXT NOT NULL,
    data TEXT NOT NULL
);
CREATE INDEX alarm_history_of_alarm ON alarm_history (region, alarm, at);
CREATE INDEX alarm_history_by_age ON alarm_history (region, at);
