//! What keeps `overlap` and `timeout` in a schedule's task are containers of managr's own: words again in a manifest.

use aws_model::Document;
use deploy_core::gate::{GATE, LABEL, WATCH};
use deploy_core::manifest::{Overlap, Seconds};
use serde_json::Value;

use super::{Draft, objects, text, texts};

/// Returns whether a container is one of managr's own.
pub(crate) fn is_own(container: &Document) -> bool {
    matches!(text(container, "name"), GATE | WATCH)
        && container.get("dockerLabels").is_some_and(|labels| labels.get(LABEL).is_some())
}

/// Takes the words from a schedule's versions, if all of them have the containers as managr makes them, or have none.
/// Otherwise they stay containers like others.
pub(super) fn words(draft: &mut Draft) {
    let all: Option<Vec<_>> = draft.versions.iter().map(|version| kept(&version.document)).collect();
    let Some(all) = all.filter(|all| all.iter().any(|kept| *kept != (Overlap::Allow, None))) else { return };
    draft.is_gated = true;
    let said = |overlap: Overlap| (overlap != Overlap::Allow).then_some(overlap);
    let (first_overlap, first_timeout) = all[0];
    if all.iter().all(|(overlap, _)| *overlap == first_overlap) {
        draft.schedule.overlap = said(first_overlap);
    }
    if all.iter().all(|(_, timeout)| *timeout == first_timeout) {
        draft.schedule.timeout = first_timeout;
    }
    for (version, (overlap, timeout)) in draft.versions.iter().zip(all) {
        let own = said(overlap).filter(|own| draft.schedule.overlap != Some(*own));
        let time = timeout.filter(|time| draft.schedule.timeout != Some(*time));
        if own.is_some() || time.is_some() {
            let differs = draft.schedule_differs.entry(version.stage).or_default();
            (differs.overlap, differs.timeout) = (own, time);
        }
    }
}

/// Returns what a task keeps; none if it is not as managr would make it.
fn kept(document: &Document) -> Option<(Overlap, Option<Seconds>)> {
    let (own, others): (Vec<&Document>, Vec<&Document>) =
        objects(document, "containerDefinitions").partition(|container| is_own(container));
    let (mut overlap, mut timeout) = (Overlap::Allow, None);
    for container in &own {
        let command = texts(container.get("command")?)?;
        let command: Vec<&str> = command.iter().map(String::as_str).collect();
        match (text(container, "name"), command.as_slice()) {
            (GATE, ["gate", "--overlap", "skip"]) => overlap = Overlap::Skip,
            (GATE, ["gate", "--overlap", "replace"]) => overlap = Overlap::Replace,
            (WATCH, ["gate", "--timeout", time]) => timeout = Some(Seconds::read(time).ok()?),
            _ => return None,
        }
    }
    // What it logs to is what the schedule says of all its containers.
    let log = |container: &&Document| container.get("logConfiguration").cloned().unwrap_or_default();
    let is_usual = own.iter().all(|one| others.iter().all(|other| log(one) == log(other)));
    let mut expected: Vec<&str> = Vec::new();
    expected.extend((overlap != Overlap::Allow).then_some(GATE));
    expected.extend(timeout.map(|_| WATCH));
    let waits_so = |container: &&&Document| {
        let on: Vec<&str> = objects(container, "dependsOn").map(|on| text(on, "containerName")).collect();
        on == expected || (!on.is_empty() && !on.iter().any(|name| matches!(*name, GATE | WATCH)))
    };
    (is_usual && own.len() == expected.len() && others.iter().all(|other| own.is_empty() || waits_so(&other)))
        .then_some((overlap, timeout))
}

/// Returns whether a container waits for one of managr's own.
pub(super) fn is_awaited(draft: &Draft, name: &str) -> bool {
    draft.is_gated && matches!(name, GATE | WATCH)
}

/// Returns the image of the containers of managr's own.
pub(crate) fn image<'a>(containers: impl Iterator<Item = &'a Document>) -> Option<String> {
    let own = containers.filter(|container| is_own(container));
    crate::facts::most(own.filter_map(|container| container.get("image").and_then(Value::as_str)).map(str::to_owned))
}
