//! `managr logs`: what containers wrote, and with `--timeline` all that happened around it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws::{CallError, Client};
use deploy::logs::{Line, Reader, Source, source};
use deploy::timeline;
use deploy_core::desired::Desired;
use deploy_core::manifest::LOCAL;
use regex::Regex;
use serde_json::Value;

use super::ago;
use crate::context::{Context, Project};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::ui::lines::Lines;

/// Show what containers wrote
///
/// With --timeline also what happened around it: deployments, service events and the states of
/// tasks, merged with the lines by time.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  managr logs\n  managr logs staging managr-app -f\n  managr logs prod --since 10m --grep 'ERROR|Traceback'\n  managr logs prod --since 2h --timeline"
)]
pub(crate) struct LogsArgs {
    /// Stage, or a container of the local stage [default: local]
    #[arg(value_name = "STAGE")]
    stage: Option<String>,
    /// Containers to show [default: all]
    #[arg(value_name = "CONTAINER")]
    containers: Vec<String>,
    /// Go on as more is written, until Ctrl-C
    #[arg(short, long)]
    follow: bool,
    /// Start this long ago (30s, 10m, 2h, 1d) or at a time (2026-01-31T08:00:00Z) [default: the beginning]
    #[arg(long, value_name = "TIME", value_parser = parse_since)]
    since: Option<Since>,
    /// Only lines that match a regular expression
    #[arg(long, value_name = "REGEX", value_parser = |text: &str| Regex::new(text))]
    grep: Option<Regex>,
    /// Only the last lines
    #[arg(short = 'n', long, value_name = "NUMBER")]
    lines: Option<usize>,
    /// Only the task whose id begins like this
    #[arg(long, value_name = "ID")]
    task: Option<String>,
    /// Say when each line was written, in UTC
    #[arg(long)]
    timestamps: bool,
    /// Merge deployments, service events and the states of tasks in
    #[arg(long)]
    timeline: bool,
    /// Print JSON, a line each
    #[arg(long)]
    json: bool,
    /// As the first word; what scripts of old say
    #[arg(long = "stage", hide = true, value_name = "STAGE")]
    stage_by_name: Option<String>,
}

/// Where to start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Since {
    /// Milliseconds ago.
    Ago(i64),
    /// Milliseconds since the epoch.
    At(i64),
}

impl Since {
    fn millis(self, now: i64) -> i64 {
        match self {
            Self::Ago(ago) => now.saturating_sub(ago),
            Self::At(at) => at,
        }
    }
}

fn parse_since(text: &str) -> Result<Since, String> {
    let at = || text.parse::<jiff::Timestamp>().ok().map(|at| Since::At(at.as_millisecond()));
    let ago = ago::parse(text).map(Since::Ago);
    ago.or_else(|error| at().ok_or_else(|| format!("{error}, or a time such as 2026-01-31T08:00:00Z")))
}

pub(crate) async fn run(cx: &Context, args: LogsArgs) -> Result<Exit, Failure> {
    if args.timeline && args.follow {
        return Err(Failure::new("a timeline is put in order once all of it is there: it cannot be followed")
            .hint("leave out --timeline or -f")
            .exit(Exit::Usage));
    }
    let project = cx.project()?;
    let (stage, containers) = places(&project, &args)?;
    let desired = project.names(&stage)?;
    let sources = chosen(&desired, &containers)?;
    let client = cx.client_of(&stage, &desired.region)?;
    let since = args.since.map(|since| since.millis(now()));
    let filter = Filter { grep: args.grep.clone(), task: args.task.clone() };
    let mut printer = Printer::new(cx, &desired, &sources, &args);
    if args.timeline {
        let moments = timeline::moments(&client, &desired).await?;
        let lines = Reader::new(sources, since.unwrap_or(0)).next(&client).await?;
        let mut all = timeline::merged(moments, lines);
        all.retain(|moment| moment.at >= since.unwrap_or(0) && filter.takes(moment.task.as_deref(), &moment.message));
        printer.moments(last(&all, args.lines));
        return Ok(Exit::Done);
    }
    let (mut reader, lines) = begin(&client, sources, since, &filter, args.lines).await?;
    printer.print(last(&lines, args.lines));
    if !args.follow {
        return Ok(Exit::Done);
    }
    let interrupted = tokio::signal::ctrl_c();
    // Following only reads: nothing is lost when Ctrl-C drops it.
    tokio::select! {
        ended = go_on(cx, &client, &mut reader, &filter, &mut printer) => ended.map(|()| Exit::Done),
        _ = interrupted => Ok(Exit::Interrupted),
    }
}

/// Returns the stage and the containers that the words mean: the first one is a stage, or a
/// container of the local stage.
fn places(project: &Project, args: &LogsArgs) -> Result<(String, Vec<String>), Failure> {
    let (first, rest) = (args.stage.iter(), args.containers.iter());
    let words = || first.clone().chain(rest.clone()).cloned().collect();
    if let Some(stage) = &args.stage_by_name {
        return Ok((stage.clone(), words()));
    }
    let Some(word) = &args.stage else { return Ok((LOCAL.to_owned(), Vec::new())) };
    if word == LOCAL || project.manifest.stages.contains(word) {
        return Ok((word.clone(), args.containers.clone()));
    }
    let local = sources(&project.names(LOCAL)?);
    if local.iter().any(|source| source.container == *word) {
        return Ok((LOCAL.to_owned(), words()));
    }
    let mut known: Vec<&str> = local.iter().map(|source| source.container.as_str()).collect();
    known.dedup();
    let mut stages: Vec<&str> = project.manifest.stages.names().collect();
    if !stages.contains(&LOCAL) {
        stages.insert(0, LOCAL);
    }
    Err(Failure::new(format!("there is no stage and no container `{word}`"))
        .hint(format!("there are stages {} and containers {}", stages.join(", "), known.join(", ")))
        .exit(Exit::Usage))
}

/// Reads what there is, from `since` or from as far back as the last lines are.
async fn begin(
    client: &Client,
    sources: Vec<Source>,
    since: Option<i64>,
    filter: &Filter,
    last: Option<usize>,
) -> Result<(Reader, Vec<Line>), CallError> {
    // Who wants a few lines of a large group does not wait for all of it.
    const BACK: [i64; 3] = [600_000, 7_200_000, 86_400_000];
    let back: &[i64] = if since.is_none() && last.is_some() { &BACK } else { &[] };
    for span in back {
        let (reader, lines) = read(client, sources.clone(), now() - span, filter).await?;
        if last.is_some_and(|last| lines.len() >= last) {
            return Ok((reader, lines));
        }
    }
    read(client, sources, since.unwrap_or(0), filter).await
}

async fn read(
    client: &Client,
    sources: Vec<Source>,
    since: i64,
    filter: &Filter,
) -> Result<(Reader, Vec<Line>), CallError> {
    let mut reader = Reader::new(sources, since);
    let lines = filter.lines(reader.next(client).await?);
    Ok((reader, lines))
}

/// Returns the last of them; all without a number.
fn last<T>(all: &[T], number: Option<usize>) -> &[T] {
    &all[all.len() - number.unwrap_or(all.len()).min(all.len())..]
}

/// Prints what containers write, for ever.
pub(crate) async fn follow(cx: &Context, client: &Client, desired: &Desired, since: i64) -> Result<(), Failure> {
    let sources = sources(desired);
    let mut printer = Printer::plain(cx, &sources);
    let mut reader = Reader::new(sources, since);
    go_on(cx, client, &mut reader, &Filter::default(), &mut printer).await
}

/// Prints what containers write from now on, for ever. A platform that restarts is waited for.
async fn go_on(
    cx: &Context,
    client: &Client,
    reader: &mut Reader,
    filter: &Filter,
    printer: &mut Printer<'_>,
) -> Result<(), Failure> {
    let mut waits = false;
    loop {
        let pause = match reader.next(client).await {
            Ok(lines) => {
                waits = false;
                printer.print(&filter.lines(lines));
                Reader::pause()
            }
            Err(error @ CallError::Transport { .. }) => {
                if !std::mem::replace(&mut waits, true) {
                    cx.ui.say(&format!("{error}; waiting for it"));
                }
                Duration::from_secs(1)
            }
            Err(error) => return Err(error.into()),
        };
        tokio::time::sleep(pause).await;
    }
}

/// Returns milliseconds since the epoch.
pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// Returns where every container of a stage writes.
fn sources(desired: &Desired) -> Vec<Source> {
    let tasks = desired.task_definitions.iter().map(|task| &task.document);
    let containers = tasks.flat_map(|task| aws::items(task, "containerDefinitions")).filter_map(Value::as_object);
    containers.filter_map(source).collect()
}

fn chosen(desired: &Desired, names: &[String]) -> Result<Vec<Source>, Failure> {
    let all = sources(desired);
    if let Some(unknown) = names.iter().find(|name| !all.iter().any(|s| &s.container == *name)) {
        let known: Vec<&str> = all.iter().map(|source| source.container.as_str()).collect();
        return Err(Failure::new(format!("there is no container `{unknown}`"))
            .hint(format!("there are {}", known.join(", ")))
            .exit(Exit::Usage));
    }
    Ok(all.into_iter().filter(|source| names.is_empty() || names.contains(&source.container)).collect())
}

/// Which of the lines are wanted.
#[derive(Debug, Default)]
struct Filter {
    grep: Option<Regex>,
    task: Option<String>,
}

impl Filter {
    fn takes(&self, task: Option<&str>, message: &str) -> bool {
        self.task.as_ref().is_none_or(|wanted| task.is_some_and(|task| task.starts_with(wanted.as_str())))
            && self.grep.as_ref().is_none_or(|grep| grep.is_match(message))
    }

    fn lines(&self, mut lines: Vec<Line>) -> Vec<Line> {
        lines.retain(|line| self.takes(Some(&line.task), &line.message));
        lines
    }
}

/// Writes lines.
struct Printer<'a> {
    cx: &'a Context,
    lines: Lines,
    json: bool,
}

impl<'a> Printer<'a> {
    fn new(cx: &'a Context, desired: &Desired, chosen: &[Source], args: &LogsArgs) -> Self {
        let mut shown = names(chosen);
        if args.timeline {
            shown.extend(desired.services.iter().map(|service| service.service.clone()));
        }
        let all = names(&sources(desired));
        Self { cx, lines: Lines::new(cx.ui.out, all, &shown, args.timestamps, args.grep.clone()), json: args.json }
    }

    fn plain(cx: &'a Context, sources: &[Source]) -> Self {
        let all = names(sources);
        Self { cx, lines: Lines::new(cx.ui.out, all.clone(), &all, false, None), json: false }
    }

    fn print(&mut self, lines: &[Line]) {
        let text = if self.json { json(lines) } else { self.lines.text(lines) };
        self.write(&text);
    }

    fn moments(&self, moments: &[timeline::Moment]) {
        let text = if self.json { json(moments) } else { moments.iter().map(|m| self.lines.moment(m)).collect() };
        self.write(&text);
    }

    fn write(&self, lines: &[String]) {
        if !lines.is_empty() {
            self.cx.ui.data(&format!("{}\n", lines.join("\n")));
        }
    }
}

fn json<T: serde::Serialize>(all: &[T]) -> Vec<String> {
    all.iter().map(|one| serde_json::to_string(one).expect("our own values have string keys")).collect()
}

fn names(sources: &[Source]) -> Vec<String> {
    sources.iter().map(|source| source.container.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn since_is_a_span_or_a_time() {
        assert_eq!(parse_since("10m"), Ok(Since::Ago(600_000)));
        assert_eq!(parse_since("1970-01-01T00:00:02Z"), Ok(Since::At(2_000)));
        assert_eq!(parse_since("1970-01-01T01:00:02+01:00"), Ok(Since::At(2_000)));
        assert!(parse_since("yesterday").is_err_and(|error| error.contains("30s, 10m, 2h or 1d")));
        assert_eq!(Since::Ago(5).millis(20), 15);
    }

    #[test]
    fn the_last_are_taken_and_all_when_there_are_fewer() {
        assert_eq!(last(&[1, 2, 3], Some(2)), [2, 3]);
        assert_eq!(last(&[1, 2, 3], Some(9)), [1, 2, 3]);
        assert_eq!(last(&[1, 2, 3], None), [1, 2, 3]);
        assert!(last(&[1, 2, 3], Some(0)).is_empty());
    }

    #[test]
    fn a_filter_wants_both_its_task_and_its_match() {
        let filter = Filter { grep: Some(Regex::new("err").expect("valid")), task: Some("ab".into()) };
        assert!(filter.takes(Some("abc"), "an error"));
        assert!(
            !filter.takes(Some("xbc"), "an error")
                && !filter.takes(None, "an error")
                && !filter.takes(Some("abc"), "ok")
        );
    }
}
