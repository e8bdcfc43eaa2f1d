//! `managr logs`: what containers wrote.

mod choice;
mod timeline;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws::{CallError, Client};
use deploy::logs::{Line, Reader, Source, source};
use deploy::schedules::Starters;
use deploy::watch::is_silence;
use deploy_core::desired::{Desired, Owner, ScheduleDoc};
use deploy_core::manifest::LOCAL;
use regex::Regex;
use serde_json::Value;

use super::moment::Moment;
use crate::context::{Context, Project};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::interrupts::Interrupts;
use crate::ui;
use crate::ui::logs::{Look, Printer};

/// Show what containers wrote
///
/// Shows lines of all tasks, including earlier revisions, in order of time.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  managr logs
  managr logs managr-app -f                    A container of the local stage
  managr logs prod managr-app --since 10m
  managr logs prod nightly                     What the schedule wrote
  managr logs prod --grep 'timeout|refused' --since 1d --timestamps
  managr logs prod --previous -n 50            The last words of the task that stopped last
  managr logs prod --timeline --since 2h       Releases, deployments, events, tasks and lines in one
  managr logs prod --json | jq -r .message")]
pub(crate) struct LogsArgs {
    /// Stage [default: local], then containers or schedules [default: all containers]
    ///
    /// A schedule of a service's task shows only the lines of what it started, as long as ECS remembers that (an hour).
    #[arg(value_name = "STAGE|CONTAINER")]
    words: Vec<String>,
    /// Follow new lines until Ctrl-C
    #[arg(short, long)]
    follow: bool,
    /// Start there: 30s, 10m, 2h, 1d ago, or 2026-11-25T09:30:00Z [default: the beginning]
    #[arg(long, value_name = "TIME", value_parser = Moment::parse)]
    since: Option<Moment>,
    /// End there
    #[arg(long, value_name = "TIME", value_parser = Moment::parse, conflicts_with = "follow")]
    until: Option<Moment>,
    /// Show only lines that match this regular expression
    #[arg(long, value_name = "REGEX")]
    grep: Option<Regex>,
    /// Show only the last lines (and, with --follow, what comes after them)
    #[arg(short = 'n', long, value_name = "NUMBER")]
    lines: Option<usize>,
    /// Show only this task; the beginning of its id is enough
    #[arg(long, value_name = "ID")]
    task: Option<String>,
    /// Show only containers of this service of the manifest
    #[arg(long, value_name = "SERVICE")]
    service: Option<String>,
    /// Show only the task that stopped last, as long as ECS remembers it (an hour)
    #[arg(short, long, conflicts_with_all = ["task", "follow"])]
    previous: bool,
    /// Merge in releases, deployments, service events and the life of tasks, for a post-mortem [default: of the last
    /// hour]
    #[arg(long, conflicts_with_all = ["follow", "previous", "timestamps"])]
    timeline: bool,
    /// Begin each line with its time
    #[arg(short, long)]
    timestamps: bool,
    /// Print JSON, one object per line
    #[arg(long)]
    json: bool,
    /// Stage, when all words are containers
    #[arg(long, value_name = "STAGE", hide = true)]
    stage: Option<String>,
}

pub(crate) async fn run(cx: &Context, args: LogsArgs) -> Result<Exit, Failure> {
    let project = cx.project()?;
    let is_stage = |name: &str| deploy_core::desired::is_stage(&project.manifest, name);
    let (stage, containers) = choice::choice(&args.words, args.stage.as_deref(), is_stage);
    let desired = project.names(stage)?;
    let Chosen { sources: chosen, starters } = chosen(&project, &desired, args.service.as_deref(), containers)?;
    let client = cx.client_of(stage, &desired.region)?;
    let task = match args.previous {
        true => Some(previous(&client, &desired, args.service.as_deref()).await?),
        false => args.task.clone(),
    };
    let otherwise = if args.timeline { now() - timeline::SPAN } else { 0 };
    let since = args.since.map_or(otherwise, |moment| moment.at(now()));
    let until = args.until.map(|moment| moment.at(now()));
    let look = Look { json: args.json, timestamps: args.timestamps };
    let printer = printer(cx, look, &desired, &chosen, args.grep.clone());
    let starters = Starters::of(&desired.cluster, starters);
    let mut show = Show { cx, printer, task, grep: args.grep, last: args.lines, starters };
    let mut reader = Reader::new(chosen, since).until(until);
    if args.timeline {
        let lines = reader.next(&client).await?;
        let lines = show.wanted(&client, lines).await?;
        let wanted = timeline::Wanted {
            service: args.service.as_deref(),
            task: args.task.as_deref(),
            span: (since, until),
            last: args.lines,
            json: args.json,
        };
        timeline::show(cx, &client, &desired, &wanted, lines).await?;
        return Ok(Exit::Done);
    }
    if !args.follow {
        let lines = reader.next(&client).await?;
        show.print(&client, lines).await?;
        return Ok(Exit::Done);
    }
    let mut interrupts = Interrupts::listen()?;
    // Following only reads: nothing is lost when it is dropped.
    tokio::select! {
        ended = on(&client, reader, &mut show) => ended.map(|()| Exit::Done),
        () = interrupts.next() => Ok(Exit::Interrupted),
    }
}

/// Prints what the containers of a stage write, for ever.
pub(crate) async fn follow(cx: &Context, client: &Client, desired: &Desired, since: i64) -> Result<(), Failure> {
    let sources: Vec<Source> = sources(desired).map(|(_, source)| source).collect();
    let printer = printer(cx, Look::default(), desired, &sources, None);
    let starters = Starters::default();
    let mut show = Show { cx, printer, task: None, grep: None, last: None, starters };
    on(client, Reader::new(sources, since), &mut show).await
}

/// Reads for ever. Once it was answered, it waits for a service that does not answer any more.
async fn on(client: &Client, mut reader: Reader, show: &mut Show<'_>) -> Result<(), Failure> {
    let mut pause = Reader::pause(client);
    let (mut answered, mut waits) = (false, false);
    loop {
        match reader.next(client).await {
            Ok(lines) => {
                show.print(client, lines).await?;
                if ui::is_unread() {
                    return Ok(());
                }
                (answered, waits) = (true, false);
                pause = Reader::pause(client);
            }
            Err(error) if answered && is_silence(&error) => {
                if !waits {
                    show.cx.ui.say(&format!("{error}; waiting for it to come back"));
                }
                waits = true;
                pause = (pause * 2).min(Duration::from_secs(5));
            }
            Err(error) => return Err(error.into()),
        }
        tokio::time::sleep(pause).await;
    }
}

/// Returns milliseconds since the epoch.
pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// Returns where every container of a stage writes, and whose it is.
fn sources(desired: &Desired) -> impl Iterator<Item = (&Owner, Source)> {
    desired.task_definitions.iter().flat_map(|task| {
        let containers = aws::items(&task.document, "containerDefinitions").iter().filter_map(Value::as_object);
        containers.filter_map(source).map(|source| (&task.owner, source))
    })
}

/// What words name: where it writes, and which schedules must have started it; none if that is all the same.
struct Chosen {
    sources: Vec<Source>,
    starters: Vec<ScheduleDoc>,
}

fn chosen(project: &Project, desired: &Desired, service: Option<&str>, names: &[String]) -> Result<Chosen, Failure> {
    if let Some(name) = service.filter(|name| desired.service_task(name).is_none()) {
        return Err(project.no_such_service(&desired.stage, name));
    }
    let is_of = |owner: &Owner| service.is_none_or(|name| matches!(owner, Owner::Service(known) if known == name));
    let all: Vec<Source> = sources(desired).filter(|(owner, _)| is_of(owner)).map(|(_, source)| source).collect();
    let is_container = |name: &String| all.iter().any(|source| source.container == *name);
    // A container of the same name is the schedule's own, or is what was meant before there were words for schedules.
    let (containers, others): (Vec<&String>, Vec<&String>) = names.iter().partition(|name| is_container(name));
    let of_name = |name: &&String| desired.schedules.iter().find(|one| one.name == **name && service.is_none());
    if let Some(unknown) = others.iter().find(|name| of_name(name).is_none()) {
        let known: Vec<&str> = all.iter().map(|source| source.container.as_str()).collect();
        let stages = std::iter::once(LOCAL).chain(project.manifest.stages.names().filter(|name| *name != LOCAL));
        return Err(Failure::new(format!("there is no container `{unknown}` in stage `{}`", desired.stage))
            .hint(format!("there are {}", known.join(", ")))
            .hint(format!("a stage comes first: {}", stages.collect::<Vec<_>>().join(", ")))
            .exit(Exit::Usage));
    }
    let schedules: Vec<&ScheduleDoc> = others.iter().filter_map(of_name).collect();
    let of_schedules: Vec<Source> = schedules
        .iter()
        .filter_map(|schedule| desired.schedule_task(&schedule.name))
        .flat_map(|task| sources(desired).filter(|(owner, _)| **owner == task.owner).map(|(_, source)| source))
        .collect();
    let mut sources: Vec<Source> =
        all.into_iter().filter(|source| names.is_empty() || containers.contains(&&source.container)).collect();
    // A user who names containers as well sees these, whatever started them.
    let shares = schedules.iter().any(|schedule| schedule.service.is_some()) && sources.is_empty();
    let starters = if shares { schedules.into_iter().cloned().collect() } else { Vec::new() };
    sources.extend(of_schedules.into_iter().filter(|one| !sources.contains(one)).collect::<Vec<_>>());
    Ok(Chosen { sources, starters })
}

/// Returns the id of the task that stopped last.
async fn previous(client: &Client, desired: &Desired, service: Option<&str>) -> Result<String, Failure> {
    let rows = deploy::tasks::tasks(client, desired, true).await?.into_iter();
    let ended = rows.filter(|row| row.task.is_stopped() && service.is_none_or(|name| row.owner == name));
    let last = ended.max_by_key(|row| row.times.stopped);
    last.map(|row| row.task.id).ok_or_else(|| {
        Failure::new("ECS remembers no task that stopped").hint("without --previous, older lines are shown too")
    })
}

fn printer(cx: &Context, look: Look, desired: &Desired, chosen: &[Source], grep: Option<Regex>) -> Printer {
    let mut known: Vec<String> = Vec::new();
    for (_, source) in sources(desired) {
        if !known.contains(&source.container) {
            known.push(source.container);
        }
    }
    let is_shown = |name: &&String| chosen.iter().any(|source| source.container == **name);
    let shown = known.iter().filter(is_shown).cloned().collect();
    Printer::new(cx.ui.out, look, known, shown, grep)
}

/// Which lines are shown, and how.
struct Show<'a> {
    cx: &'a Context,
    printer: Printer,
    task: Option<String>,
    grep: Option<Regex>,
    /// Lines of the first read that are shown.
    last: Option<usize>,
    starters: Starters,
}

impl Show<'_> {
    async fn wanted(&mut self, client: &Client, mut lines: Vec<Line>) -> Result<Vec<Line>, CallError> {
        self.starters.learn(client, &lines).await?;
        lines.retain(|line| {
            self.task.as_ref().is_none_or(|id| line.task.starts_with(id))
                && self.starters.started(&line.task)
                && self.grep.as_ref().is_none_or(|grep| grep.is_match(&line.message))
        });
        Ok(lines)
    }

    async fn print(&mut self, client: &Client, lines: Vec<Line>) -> Result<(), CallError> {
        let mut lines = self.wanted(client, lines).await?;
        if let Some(last) = self.last.take() {
            lines.drain(..lines.len().saturating_sub(last));
        }
        if !lines.is_empty() {
            self.cx.ui.data(&self.printer.text(&lines));
        }
        if self.starters.has_news() {
            self.cx.ui.say("older lines are not shown: ECS does not remember any more who started their tasks");
        }
        Ok(())
    }
}
