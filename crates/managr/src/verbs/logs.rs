//! `managr logs`: what containers wrote.

use std::time::{SystemTime, UNIX_EPOCH};

use aws::Client;
use deploy::logs::{Line, Reader, Source, source};
use deploy_core::desired::Desired;
use serde_json::Value;

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::ui::Paint;

/// Show what containers wrote
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  managr logs\n  managr logs managr-app -f\n  managr logs --since 10m")]
pub(crate) struct LogsArgs {
    /// Containers to show [default: all]
    containers: Vec<String>,
    /// Go on as more is written, until Ctrl-C
    #[arg(short, long)]
    follow: bool,
    /// Start this long ago: 30s, 10m, 2h, 1d [default: the beginning]
    #[arg(long, value_name = "TIME", value_parser = super::ago::parse)]
    since: Option<i64>,
    /// Print JSON, a line each
    #[arg(long)]
    json: bool,
    /// Stage whose settings are used
    #[arg(long, default_value = deploy_core::manifest::LOCAL, value_name = "STAGE")]
    stage: String,
}

pub(crate) async fn run(cx: &Context, args: LogsArgs) -> Result<Exit, Failure> {
    let project = cx.project()?;
    let desired = project.outline(&args.stage, "")?;
    let sources = chosen(&desired, &args.containers)?;
    let client = cx.client_of(&args.stage, &desired.region)?;
    let since = args.since.map_or(0, |ago| now() - ago);
    if !args.follow {
        let mut printer = Printer::new(cx, &sources, args.json);
        printer.print(&Reader::new(sources, since).next(&client).await?);
        return Ok(Exit::Done);
    }
    let interrupted = tokio::signal::ctrl_c();
    // Following only reads: nothing is lost when Ctrl-C drops it.
    tokio::select! {
        ended = follow(cx, &client, sources, since, args.json) => ended.map(|()| Exit::Done),
        _ = interrupted => Ok(Exit::Interrupted),
    }
}

/// Prints what containers write, for ever.
pub(crate) async fn follow(
    cx: &Context,
    client: &Client,
    sources: Vec<Source>,
    since: i64,
    json: bool,
) -> Result<(), Failure> {
    let mut printer = Printer::new(cx, &sources, json);
    let mut reader = Reader::new(sources, since);
    loop {
        printer.print(&reader.next(client).await?);
        tokio::time::sleep(Reader::pause()).await;
    }
}

/// Returns milliseconds since the epoch.
pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// Returns where every container of a stage writes.
pub(crate) fn sources(desired: &Desired) -> Vec<Source> {
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

/// Writes lines, each behind its container's name when there are several.
struct Printer<'a> {
    cx: &'a Context,
    names: Vec<String>,
    width: usize,
    json: bool,
}

impl<'a> Printer<'a> {
    fn new(cx: &'a Context, sources: &[Source], json: bool) -> Self {
        let mut names: Vec<String> = sources.iter().map(|source| source.container.clone()).collect();
        names.dedup();
        let width = names.iter().map(String::len).max().unwrap_or(0);
        Self { cx, names, width, json }
    }

    fn print(&mut self, lines: &[Line]) {
        if lines.is_empty() {
            return;
        }
        let text: Vec<String> = lines.iter().map(|line| self.render(line)).collect();
        self.cx.ui.data(&text.join("\n"));
    }

    fn render(&self, line: &Line) -> String {
        if self.json {
            return serde_json::to_string(line).expect("our own values have string keys");
        }
        if self.names.len() < 2 {
            return line.message.clone();
        }
        let paint = self.cx.ui.out;
        let name = format!("{:width$}", line.container, width = self.width);
        let index = self.names.iter().position(|name| *name == line.container).unwrap_or(0);
        format!("{} | {}", tinted(paint, index, &name), line.message)
    }
}

/// Neighbours in the manifest get different colours.
fn tinted(paint: Paint, index: usize, text: &str) -> String {
    match index % 4 {
        0 => paint.cyan(text),
        1 => paint.yellow(text),
        2 => paint.green(text),
        _ => paint.bold(text),
    }
}
