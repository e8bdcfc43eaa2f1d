//! `managr docs`: the pages of `docs/` that are made from the code. For `cargo xtask docs`.

use clap::ValueEnum;
use platform::Support;

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;

/// Print a page of the documentation that is made from the code
#[derive(Debug, clap::Args)]
pub(crate) struct DocsArgs {
    /// Which page
    #[arg(value_enum)]
    page: Page,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Page {
    /// Every key of the manifest
    Manifest,
    /// Every operation of every service that the platform serves
    Compatibility,
}

pub(crate) fn run(cx: &Context, args: &DocsArgs) -> Result<Exit, Failure> {
    let page = match args.page {
        Page::Manifest => deploy_core::reference_markdown(),
        Page::Compatibility => compatibility(),
    };
    cx.ui.exact(page.trim_end());
    Ok(Exit::Done)
}

/// One section for each service of which anything is answered; EC2 alone refuses hundreds, which are named and have no
/// row each.
fn compatibility() -> String {
    let operations = platform::compatibility();
    let mut page = String::from(HEAD);
    for service in aws_model::Service::all() {
        let of_service = || operations.iter().filter(|(cli, _, _)| *cli == service.cli_name());
        let named = |wanted: Support| -> Vec<&str> {
            of_service().filter(|(_, _, support)| *support == wanted).map(|(_, name, _)| *name).collect()
        };
        let (supported, refused) = (named(Support::Supported), named(Support::Refused));
        if supported.is_empty() {
            continue;
        }
        let count = of_service().count();
        page.push_str(&format!("\n## {}\n\n{} of {count} operations.\n\n", service.words(), supported.len()));
        page.push_str(&format!("Supported: {}.\n", supported.join(", ")));
        if !refused.is_empty() {
            page.push_str(&format!("\nRefused: {}.\n", refused.join(", ")));
        }
    }
    page.push_str(&aws_model::served::reference());
    page
}

const HEAD: &str = "# What the platform answers\n\n\
    Made by `cargo xtask docs` from the dispatch tables and from the official service models; do not edit.\n\n\
    *supported*: answered as AWS does, within what the platform is (one machine, Fargate only). An operation may still\n\
    refuse a field that the platform cannot honour; the error names the field, and the last sections list them.\n\
    *refused*: known by name and answered with `NotImplementedException` (HTTP 501), never with a made-up success.\n\n\
    Beside these, `/v2/` is the OCI distribution API (push, pull, mount, range, referrers), `/v1/data-channel/` has the\n\
    sessions' WebSockets, and `/_managr/` has `health`, `status`, `version`, `schedules` (GET), `reset` (POST), and\n\
    `clock`: GET tells the platform's time, POST `{\"advance\": \"1h\"}` or `{\"to\": \"2027-01-31T06:00:00Z\"}` moves it on\n\
    where nothing really runs, and all that is due on the way happens at its time.\n";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_service_that_answers_has_its_section_and_every_operation_its_place() {
        let page = compatibility();
        for (service, operation, support) in platform::compatibility() {
            let service = aws_model::Service::all().find(|known| known.cli_name() == service).unwrap();
            let section = page.split("\n## ").find(|section| section.starts_with(&format!("{}\n", service.words())));
            let Some(section) = section else {
                assert_eq!(support, Support::Refused, "{} {operation}", service.words());
                continue;
            };
            let word = if support == Support::Supported { "Supported: " } else { "Refused: " };
            let line = section.lines().find_map(|line| line.strip_prefix(word)).unwrap_or_default();
            let is_there = line.trim_end_matches('.').split(", ").any(|name| name == operation);
            assert!(is_there, "{} {operation}: {section}", service.words());
        }
        assert!(page.contains("\n## Elastic Container Service\n") && page.contains("\n## CloudWatch\n"), "{page}");
    }
}
