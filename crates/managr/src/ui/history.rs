//! Releases as people read them.

use std::fmt::Write;

use deploy_core::release::{Release, ReleaseOutcome};

use super::Paint;
use super::table::{Cell, Table};
use super::visible::word;

/// Returns the releases as a table, newest first.
pub(crate) fn table(releases: &[Release], paint: Paint) -> String {
    let headings = ["RELEASE", "WHEN", "TOOK", "OUTCOME", "COMMIT", "WHAT", "WHO"];
    let mut table = Table::new(headings, |text| paint.dim(text));
    for release in releases.iter().rev() {
        let outcome = release.outcome;
        table.row([
            release.number.to_string().into(),
            when(release.started_at).into(),
            took(release).into(),
            Cell::painted(outcome.word(), |word| painted(outcome, word, paint)),
            commit(release).into(),
            what(release).into(),
            who(release).into(),
        ]);
    }
    let mut out = table.render();
    for release in releases.iter().rev() {
        if let Some(cause) = &release.cause {
            let _ = writeln!(out, "{} {}", paint.dim(&format!("{}:", release.number)), word(cause));
        }
        if let Some(url) = &release.by.pipeline {
            let _ = writeln!(out, "{} {}", paint.dim(&format!("{}:", release.number)), word(url));
        }
    }
    out
}

fn painted(outcome: ReleaseOutcome, word: &str, paint: Paint) -> String {
    match outcome {
        ReleaseOutcome::Succeeded => paint.green(word),
        ReleaseOutcome::InProgress | ReleaseOutcome::Unwatched | ReleaseOutcome::Interrupted => paint.yellow(word),
        ReleaseOutcome::Failed | ReleaseOutcome::RolledBack | ReleaseOutcome::TimedOut => paint.red(word),
    }
}

/// Returns a time as people read it, in UTC: colleagues sit elsewhere.
pub(crate) fn when(at: i64) -> String {
    jiff::Timestamp::from_millisecond(at).map(|at| at.strftime("%Y-%m-%d %H:%M:%SZ").to_string()).unwrap_or_default()
}

fn took(release: &Release) -> String {
    let seconds = release.finished_at.map(|end| (end - release.started_at).max(0) / 1000);
    seconds.map_or(String::new(), |s| if s < 120 { format!("{s} s") } else { format!("{} min {} s", s / 60, s % 60) })
}

fn commit(release: &Release) -> String {
    let commit = release.git.commit.as_deref().map(|commit| commit.get(..8).unwrap_or(commit)).unwrap_or_default();
    if release.git.dirty { format!("{commit}+changes") } else { commit.to_owned() }
}

fn what(release: &Release) -> String {
    let revisions = release.services.values().map(|arn| arn.rsplit('/').next().unwrap_or(arn));
    let revisions = revisions.collect::<Vec<_>>().join(" ");
    match (release.restored, &release.tag) {
        (Some(number), _) => format!("rollback to {number}: {revisions}"),
        (None, Some(tag)) => format!("{tag}: {revisions}"),
        (None, None) => revisions,
    }
}

fn who(release: &Release) -> String {
    match release.by.host.as_str() {
        "" => release.by.user.clone(),
        host => format!("{}@{host}", release.by.user.split('@').next().unwrap_or_default()),
    }
}
