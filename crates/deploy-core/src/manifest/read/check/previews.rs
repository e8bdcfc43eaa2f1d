//! Can a preview be made of what `[previews]` says?

use super::meant;
use crate::manifest::read::report::Report;
use crate::manifest::read::tree::Tree;
use crate::manifest::{Fault, LOCAL, Manifest};

/// What a host name may be made of.
const PLACEHOLDERS: [&str; 3] = ["name", "pr", "service"];

pub(super) fn check(manifest: &Manifest, tree: &Tree<'_>, report: &mut Report) {
    let Some(previews) = &manifest.previews else { return };
    let stages: Vec<&str> = tree.keys(&["stages"]).into_iter().filter(|name| *name != LOCAL).collect();
    let from = ["previews", "from"];
    if tree.has(&from) && !stages.contains(&previews.from.as_str()) {
        let fault = Fault::UnknownValue { path: from.join("."), found: previews.from.clone() };
        let help = meant(&previews.from, stages.iter().copied(), "stages");
        let help =
            help.or_else(|| Some("declare the stage that previews are copies of, such as [stages.staging]".into()));
        report.add(fault, tree.value(&from), "no such stage", help);
    }
    if let Err(why) = name(previews.name()) {
        bad(&["previews", "name"], "a name of previews", why, "write it as \"pr-{pr}\"", tree, report);
    }
    match &previews.host {
        Some(host) => {
            if let Err(why) = host_template(host) {
                bad(
                    &["previews", "host"],
                    "a host of previews",
                    why,
                    "write it as \"{name}.example.com\"",
                    tree,
                    report,
                );
            }
            if !host.contains("{service}") && clashes(manifest) {
                let why = "several services with an ingress would take the same requests".to_owned();
                let help = "put {service} in it: \"{service}-{name}.example.com\"";
                bad(&["previews", "host"], "a host of previews", why, help, tree, report);
            }
        }
        None => {
            let given = manifest.stages.get(&previews.from).is_some_and(|stage| stage.listener_arn.is_some());
            if given && manifest.services.iter().any(|(_, service)| service.ingress.is_some()) {
                let fault = Fault::MissingKey { key: "host".to_owned(), table: "previews".to_owned() };
                let help =
                    "previews share the listener of the stage that they are made from: give them a host of their own";
                report.add(fault, tree.key(&["previews"]), "needs a host", Some(help.to_owned()));
            }
        }
    }
}

fn bad(path: &[&str], what: &'static str, why: String, help: &str, tree: &Tree<'_>, report: &mut Report) {
    let fault = Fault::BadText { path: path.join("."), what: what.to_owned(), why };
    report.add(fault, tree.value(path), "here", Some(help.to_owned()));
}

fn name(template: &str) -> Result<(), String> {
    if template.matches("{pr}").count() != 1 {
        return Err("it must have `{pr}` in it, once".to_owned());
    }
    let plain = template.replace("{pr}", "0");
    let good = plain.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    let starts_well = plain.starts_with(|c: char| c.is_ascii_alphanumeric());
    if good && starts_well && plain.len() <= 40 {
        return Ok(());
    }
    Err("beside `{pr}` it takes letters, digits, hyphens and underscores, 40 at most".to_owned())
}

fn host_template(host: &str) -> Result<(), String> {
    let mut plain = host.to_owned();
    for placeholder in PLACEHOLDERS {
        plain = plain.replace(&format!("{{{placeholder}}}"), "0");
    }
    if !host.contains("{name}") && !host.contains("{pr}") {
        return Err("every preview would have the same: it needs `{name}` or `{pr}`".to_owned());
    }
    match plain.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.') {
        true => Ok(()),
        false => Err("beside `{name}`, `{pr}` and `{service}` it takes letters, digits, hyphens and dots".to_owned()),
    }
}

/// Whether services that only their hosts told apart would meet on the one host of a preview.
fn clashes(manifest: &Manifest) -> bool {
    let ways: Vec<_> = manifest.services.iter().filter_map(|(_, service)| service.ingress.as_ref()).collect();
    let same =
        |a: &crate::manifest::Ingress, b: &crate::manifest::Ingress| (a.listener, &a.path) == (b.listener, &b.path);
    ways.iter().enumerate().any(|(index, way)| ways[..index].iter().any(|other| same(way, other)))
}
