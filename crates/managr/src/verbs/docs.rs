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

/// Service as the AWS CLI names it, and what it is called.
const SERVICES: [(&str, &str); 7] = [
    ("ecs", "ECS"),
    ("ecr", "ECR"),
    ("elbv2", "Elastic Load Balancing v2"),
    ("secretsmanager", "Secrets Manager"),
    ("ssm", "Systems Manager"),
    ("logs", "CloudWatch Logs"),
    ("sts", "STS"),
];

fn compatibility() -> String {
    let operations = platform::compatibility();
    let mut page = String::from(HEAD);
    for (service, name) in SERVICES {
        let of_service = || operations.iter().filter(|(s, _, _)| *s == service);
        let supported: Vec<&str> =
            of_service().filter(|(_, _, support)| *support == Support::Supported).map(|(_, name, _)| *name).collect();
        page.push_str(&format!("\n## {name}\n\n{} of {} operations.\n\n", supported.len(), of_service().count()));
        page.push_str("| operation | |\n|---|---|\n");
        for (_, operation, support) in of_service() {
            let word = if *support == Support::Supported { "supported" } else { "refused" };
            page.push_str(&format!("| {operation} | {word} |\n"));
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
    sessions' WebSockets, and `/_managr/` has `health`, `status`, `version` (GET) and `reset` (POST).\n";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_service_that_is_served_has_its_table() {
        let served: std::collections::BTreeSet<&str> = platform::compatibility().iter().map(|(s, _, _)| *s).collect();
        assert_eq!(served, SERVICES.iter().map(|(s, _)| *s).collect());
        let page = compatibility();
        assert!(page.contains("| RegisterTaskDefinition | supported |"), "{page}");
        assert!(page.contains("| CreateTaskSet | refused |"), "{page}");
    }
}
