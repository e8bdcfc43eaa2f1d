//! Where containers write their output, and what they wrote.

use std::collections::BTreeSet;
use std::time::Duration;

use aws::{CallError, Client, LOGS, items};
use aws_model::{Document, Millis};
use serde::Serialize;
use serde_json::{Value, json};

use crate::observe::{object, text};

/// Where one container's output goes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Source {
    /// Container.
    pub container: String,
    /// Log group.
    pub group: String,
    /// `awslogs-stream-prefix`.
    pub prefix: String,
}

/// One line of output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    /// When, in milliseconds since the epoch.
    pub at: Millis,
    /// Container.
    pub container: String,
    /// Task id.
    pub task: String,
    /// What it wrote.
    pub message: String,
}

/// Returns where a container definition's output goes, if that is CloudWatch Logs.
pub fn source(container: &Document) -> Option<Source> {
    let configuration = container.get("logConfiguration")?.as_object()?;
    let options = configuration.get("options")?.as_object()?;
    let source = Source {
        container: text(container, "name").to_owned(),
        group: text(options, "awslogs-group").to_owned(),
        prefix: text(options, "awslogs-stream-prefix").to_owned(),
    };
    (text(configuration, "logDriver") == "awslogs" && !source.group.is_empty()).then_some(source)
}

/// Returns the last lines of one container of one task, oldest first.
///
/// # Errors
/// See [`CallError`].
pub async fn tail(client: &Client, source: &Source, task: &str, lines: usize) -> Result<Vec<String>, CallError> {
    let input = object(json!({
        "logGroupName": source.group,
        "logStreamName": format!("{}/{}/{task}", source.prefix, source.container),
        "limit": lines,
        "startFromHead": false,
    }));
    let answer = client.call(&LOGS, "GetLogEvents", input).await?;
    let events = items(&answer, "events").iter().filter_map(Value::as_object);
    Ok(events.map(|event| text(event, "message").trim_end().to_owned()).collect())
}

/// Pages of streams that are looked at for the newest of a container.
const PAGES: usize = 4;

/// Returns the task of which a container wrote last, and when; none if it is not among the newest streams of its group.
///
/// # Errors
/// See [`CallError`].
pub async fn newest(client: &Client, source: &Source) -> Result<Option<(String, Millis)>, CallError> {
    // A prefix and an order by time exclude each other (API reference, DescribeLogStreams).
    let mut input = object(json!({
        "logGroupName": source.group, "orderBy": "LastEventTime", "descending": true, "limit": 50,
    }));
    let own = format!("{}/{}/", source.prefix, source.container);
    for _ in 0..PAGES {
        let answer = match client.call(&LOGS, "DescribeLogStreams", input.clone()).await {
            Err(error) if error.is("ResourceNotFoundException") => return Ok(None),
            answer => answer?,
        };
        let streams = items(&answer, "logStreams").iter().filter_map(Value::as_object);
        let found = streams.filter_map(|stream| {
            let task = text(stream, "logStreamName").strip_prefix(&own)?;
            Some((task.to_owned(), stream.get("lastEventTimestamp")?.as_i64()?))
        });
        if let Some(newest) = found.max_by_key(|(_, at)| *at) {
            return Ok(Some(newest));
        }
        if !aws::go_on(&mut input, &answer) {
            break;
        }
    }
    Ok(None)
}

/// The output of one container of one task, read from its first line to its last.
#[derive(Debug)]
pub struct Stream {
    group: String,
    name: String,
    token: Option<Value>,
}

impl Stream {
    /// Returns the stream of a container of a task.
    pub fn of(source: &Source, task: &str) -> Self {
        let name = format!("{}/{}/{task}", source.prefix, source.container);
        Self { group: source.group.clone(), name, token: None }
    }

    /// Returns what was written since the last read, oldest first. A stream that is not there yet
    /// has no lines.
    ///
    /// # Errors
    /// See [`CallError`]; nothing is lost: the next read begins where this one did.
    pub async fn next(&mut self, client: &Client) -> Result<Vec<String>, CallError> {
        let (mut lines, mut token) = (Vec::new(), self.token.clone());
        loop {
            let mut input = object(json!({
                "logGroupName": self.group, "logStreamName": self.name, "startFromHead": true,
            }));
            input.extend(token.clone().map(|token| ("nextToken".to_owned(), token)));
            let answer = match client.call(&LOGS, "GetLogEvents", input).await {
                Ok(answer) => answer,
                Err(error) if error.is("ResourceNotFoundException") => return Ok(Vec::new()),
                Err(error) => return Err(error),
            };
            let events = items(&answer, "events").iter().filter_map(Value::as_object);
            lines.extend(events.map(|event| text(event, "message").trim_end_matches(['\n', '\r']).to_owned()));
            // The end of a stream is a token that comes back (GetLogEvents, nextForwardToken). A page
            // may be empty before that.
            let next = answer.get("nextForwardToken").filter(|token| !token.is_null()).cloned();
            let is_end = next.is_none() || next == token;
            token = next.or(token);
            if is_end {
                self.token = token;
                return Ok(lines);
            }
        }
    }
}

/// Reads the output of several containers, oldest first, as it grows.
#[derive(Debug)]
pub struct Reader {
    sources: Vec<Source>,
    since: Millis,
    until: Option<Millis>,
    /// Ids of events told already that a next read may meet again.
    told: BTreeSet<(Millis, String)>,
}

/// Events may arrive a little after younger ones of other streams.
const LATENESS: Millis = 10_000;

impl Reader {
    /// Returns a reader of what these containers wrote since a time.
    pub fn new(sources: Vec<Source>, since: Millis) -> Self {
        Self { sources, since, until: None, told: BTreeSet::new() }
    }

    /// Lets the reader end with what was written at a time.
    #[must_use]
    pub fn until(mut self, until: Option<Millis>) -> Self {
        self.until = until;
        self
    }

    /// Returns what was written and not told yet, oldest first; what was written in the same millisecond, in the
    /// order in which it came.
    ///
    /// # Errors
    /// See [`CallError`]; nothing is lost: a next read tells it. A group that is not there yet has no lines.
    pub async fn next(&mut self, client: &Client) -> Result<Vec<Line>, CallError> {
        let groups: BTreeSet<&str> = self.sources.iter().map(|source| source.group.as_str()).collect();
        let mut found = Vec::new();
        for group in groups {
            let events = events(client, group, self.since, self.until).await?;
            // The prefix tells stages apart that write into one group.
            let is_wanted = |prefix: &str, line: &Line| {
                let is_its = |s: &Source| s.group == group && s.container == line.container && s.prefix == prefix;
                self.sources.iter().any(is_its)
            };
            let wanted = events.into_iter().filter(|event| is_wanted(&event.prefix, &event.line));
            found.extend(wanted.map(|event| (event.id, event.line)));
        }
        Ok(self.fresh(found))
    }

    /// Returns which of the events are new, and remembers them.
    fn fresh(&mut self, found: Vec<(String, Line)>) -> Vec<Line> {
        let mut fresh: Vec<(String, Line)> =
            found.into_iter().filter(|(id, line)| self.told.insert((line.at, id.clone()))).collect();
        fresh.sort_by_key(|(_, line)| line.at);
        if let Some((newest, _)) = self.told.last() {
            self.since = self.since.max(newest - LATENESS);
        }
        let since = self.since;
        self.told.retain(|(at, _)| *at >= since);
        fresh.into_iter().map(|(_, line)| line).collect()
    }

    /// Returns how long to wait before the next read while following. FilterLogEvents is served five times a second for
    /// a whole account (CloudWatch Logs quotas); on this machine no other caller is throttled.
    pub fn pause(client: &Client) -> Duration {
        let is_local = aws::endpoint::is_loopback(&client.endpoint(&LOGS));
        Duration::from_millis(if is_local { 300 } else { 1_000 })
    }
}

async fn events(client: &Client, group: &str, since: Millis, until: Option<Millis>) -> Result<Vec<Written>, CallError> {
    // CloudWatch refuses a time before the epoch.
    let mut input = object(json!({ "logGroupName": group, "startTime": since.max(0) }));
    input.extend(until.map(|until| ("endTime".to_owned(), json!(until.max(0)))));
    let mut found = Vec::new();
    loop {
        let answer = match client.call(&LOGS, "FilterLogEvents", input.clone()).await {
            Ok(answer) => answer,
            Err(error) if error.is("ResourceNotFoundException") => return Ok(found),
            Err(error) => return Err(error),
        };
        found.extend(items(&answer, "events").iter().filter_map(Value::as_object).filter_map(line));
        if !aws::go_on(&mut input, &answer) {
            return Ok(found);
        }
    }
}

/// A line, and what tells it from others.
struct Written {
    id: String,
    prefix: String,
    line: Line,
}

/// Reads an event of FilterLogEvents; its stream is `prefix/container/task`.
fn line(event: &Document) -> Option<Written> {
    let mut parts = text(event, "logStreamName").rsplitn(3, '/');
    let (task, container) = (parts.next()?, parts.next()?);
    let prefix = parts.next().unwrap_or_default().to_owned();
    let at = event.get("timestamp")?.as_i64()?;
    let message = text(event, "message").trim_end_matches(['\n', '\r']).to_owned();
    let line = Line { at, container: container.to_owned(), task: task.to_owned(), message };
    Some(Written { id: text(event, "eventId").to_owned(), prefix, line })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_read_from_the_container_definition() {
        let container = |driver: &str| {
            object(json!({"name": "web", "logConfiguration": {"logDriver": driver, "options": {
                "awslogs-group": "/app/local", "awslogs-stream-prefix": "app"}}}))
        };
        let found = source(&container("awslogs")).unwrap();
        assert_eq!((found.group.as_str(), found.prefix.as_str()), ("/app/local", "app"));
        assert_eq!(source(&container("json-file")), None);
        assert_eq!(source(&object(json!({"name": "web"}))), None);
    }

    #[test]
    fn a_line_knows_its_container_and_task() {
        let event = object(json!({"logStreamName": "a/b/web/abc", "timestamp": 5, "message": "hi\n", "eventId": "1"}));
        let Written { id, prefix, line: found } = line(&event).unwrap();
        assert_eq!((id.as_str(), prefix.as_str()), ("1", "a/b"));
        assert_eq!((found.container.as_str(), found.task.as_str(), found.message.as_str()), ("web", "abc", "hi"));
        assert!(line(&object(json!({"logStreamName": "plain", "timestamp": 5}))).is_none());
    }

    fn event(id: &str, at: Millis) -> (String, Line) {
        (id.to_owned(), Line { at, container: "web".into(), task: "t".into(), message: id.to_owned() })
    }

    #[test]
    fn what_comes_late_is_told_once_and_in_the_order_it_came() {
        let mut reader = Reader::new(Vec::new(), 0);
        let mut told = |events: &[(&str, Millis)]| -> String {
            let lines = reader.fresh(events.iter().map(|(id, at)| event(id, *at)).collect());
            lines.iter().map(|line| line.message.as_str()).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(told(&[("c", 20_000), ("b", 20_000), ("a", 19_000)]), "a c b");
        assert_eq!(told(&[("late", 15_000), ("a", 19_000), ("b", 20_000), ("d", 20_000)]), "late d");
        assert_eq!(told(&[("late", 15_000), ("a", 19_000), ("c", 20_000), ("b", 20_000), ("d", 20_000)]), "");
        assert_eq!(told(&[("e", 40_000)]), "e");
        assert_eq!((reader.since, reader.told.len()), (30_000, 1));
    }
}
