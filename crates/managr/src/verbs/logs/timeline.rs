//! `managr logs --timeline`: what containers wrote, between all else that happened.

use aws::Client;
use deploy::logs::Line;
use deploy::timeline::{self, TimelineEntry, TimelineSubject};
use deploy_core::Desired;

use crate::context::Context;
use crate::failure::Failure;
use crate::ui;

/// How far back a timeline goes by default: ECS forgets stopped tasks after about as long.
pub(super) const SPAN: i64 = 3_600_000;

/// What a timeline is to show.
pub(super) struct Wanted<'a> {
    /// Service of the manifest; none for all.
    pub(super) service: Option<&'a str>,
    /// Beginning of a task's id; none for all.
    pub(super) task: Option<&'a str>,
    /// Milliseconds since the epoch.
    pub(super) span: (i64, Option<i64>),
    /// How many entries, counted from the end.
    pub(super) last: Option<usize>,
    /// Whether each is a JSON object.
    pub(super) json: bool,
}

/// Prints lines (those that were chosen) between all else that happened.
pub(super) async fn show(
    cx: &Context,
    client: &Client,
    desired: &Desired,
    wanted: &Wanted<'_>,
    lines: Vec<Line>,
) -> Result<(), Failure> {
    let facts = timeline::gather(client, desired, wanted.service, lines, wanted.span).await?;
    let mut entries = timeline::merge(facts);
    if let Some(id) = wanted.task {
        // What is about no task tells why things happened to this one.
        entries.retain(|entry: &TimelineEntry| entry.kind != TimelineSubject::Task || entry.task.starts_with(id));
    }
    entries.drain(..entries.len().saturating_sub(wanted.last.unwrap_or(usize::MAX)));
    if wanted.json {
        entries.iter().for_each(|entry| cx.ui.json_line(&ui::timeline::json(entry)));
    } else if entries.is_empty() {
        cx.ui.say("nothing happened");
    } else {
        cx.ui.data(&ui::timeline::text(&entries, cx.ui.out));
    }
    Ok(())
}
