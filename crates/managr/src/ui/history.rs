//! Releases as people read them.

use std::fmt::Write;

use deploy::scaling::ScalingActivity;
use deploy_core::release::{Release, ReleaseOutcome};

use super::Paint;
use super::table::{Cell, Table};
use super::visible::word;

/// Returns the releases as a table, newest first, with what scaled services between them; that is newest first already.
pub(crate) fn table(releases: &[Release], scaled: &[(String, ScalingActivity)], paint: Paint) -> String {
    let headings = ["RELEASE", "WHEN", "TOOK", "OUTCOME", "COMMIT", "WHAT", "WHO"];
    let mut table = Table::new(headings, |text| paint.dim(text));
    let mut scaled = scaled.iter().peekable();
    for release in releases.iter().rev() {
        while let Some((service, activity)) = scaled.next_if(|(_, activity)| activity.at >= release.started_at) {
            table.row(scaling(service, activity, paint));
            table.note(&format!("  {}", activity.cause), |text| paint.dim(text));
        }
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
    for (service, activity) in scaled {
        table.row(scaling(service, activity, paint));
        table.note(&format!("  {}", activity.cause), |text| paint.dim(text));
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

/// Returns a row of what scaled a service.
fn scaling(service: &str, activity: &ScalingActivity, paint: Paint) -> [Cell; 7] {
    let outcome = |word: &str| match activity.status.as_str() {
        "Successful" => paint.green(word),
        "Failed" => paint.red(word),
        _ => paint.yellow(word),
    };
    let status = activity.status.to_lowercase();
    [
        "".into(),
        when(activity.at).into(),
        seconds(activity.ended_at.map(|end| end - activity.at)).into(),
        Cell::painted(&status, outcome),
        "".into(),
        format!("scaling {service}: {}", activity.what).into(),
        "".into(),
    ]
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
    seconds(release.finished_at.map(|end| end - release.started_at))
}

fn seconds(millis: Option<i64>) -> String {
    let seconds = millis.map(|millis| millis.max(0) / 1000);
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
