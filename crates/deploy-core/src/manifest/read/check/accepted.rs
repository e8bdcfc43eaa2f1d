//! Do accepted findings name a finding and a stage that there are?

use super::meant;
use crate::manifest::read::report::Report;
use crate::manifest::read::tree::Tree;
use crate::manifest::{Fault, LOCAL, Manifest};
use crate::vars::check::Rule;

pub(super) fn check(manifest: &Manifest, tree: &Tree<'_>, report: &mut Report) {
    let codes = || Rule::ALL.iter().filter(|rule| rule.can_be_accepted()).map(|rule| rule.code());
    for (index, accepted) in manifest.accepted.iter().enumerate() {
        let index = index.to_string();
        let mut unknown = |key: &str, found: &str, label: &str, help: Option<String>| {
            let fault = Fault::UnknownValue { path: format!("accepted[{index}].{key}"), found: found.to_owned() };
            report.add(fault, tree.value(&["accepted", &index, key]), label, help);
        };
        if tree.has(&["accepted", &index, "finding"]) && !codes().any(|code| code == accepted.finding) {
            let help = meant(&accepted.finding, codes().collect::<Vec<_>>(), "findings");
            unknown("finding", &accepted.finding, "no such finding", help);
        }
        if let Some(stage) = accepted.stage.as_deref().filter(|stage| *stage != LOCAL) {
            let stages = tree.keys(&["stages"]);
            if !stages.contains(&stage) {
                unknown("stage", stage, "no such stage", meant(stage, stages.iter().copied(), "stages"));
            }
        }
    }
}
