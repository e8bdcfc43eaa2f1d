//! Which health check of ECS is a `healthcheck` of Compose?

use deploy_core::manifest::{CommandLine, ContainerHealth, Seconds};

use super::limits::whole_seconds;
use super::source::Source;
use super::yaml::Node;

/// Compose's own timeout; ECS's is 5 s.
const TIMEOUT: u32 = 30;

/// Returns the check, and the secrets that its shell reads.
pub(super) fn check(source: &mut Source<'_>, node: &Node, here: &str) -> (Option<ContainerHealth>, Vec<String>) {
    let mut needs = Vec::new();
    let mut health = ContainerHealth {
        command: CommandLine::Words(Vec::new()),
        interval: None,
        timeout: Some(Seconds(TIMEOUT)),
        retries: None,
        start_period: None,
    };
    let mut has_test = false;
    for entry in node.entries() {
        let (node, line) = (&entry.node, entry.line);
        let here = format!("{here}.{}", entry.key);
        if matches!(entry.key.as_str(), "interval" | "timeout" | "start_period" | "retries") {
            source.carry(node, &format!("health-check.{}", entry.key.replace('_', "-")));
        }
        match entry.key.as_str() {
            "test" => {
                source.carry(node, "health-check.command");
                match command(source, node, &here, &mut needs) {
                    Some(command) => (health.command, has_test) = (command, true),
                    None => return (None, Vec::new()),
                }
            }
            "interval" => health.interval = seconds(source, node, &here, 5, 300).or(health.interval),
            "timeout" => health.timeout = seconds(source, node, &here, 2, 60).or(health.timeout),
            "start_period" => {
                health.start_period = seconds(source, node, &here, 0, 300).filter(|seconds| seconds.0 > 0);
            }
            "retries" => match node.text().and_then(|text| text.parse::<u32>().ok()) {
                Some(retries) if (1..=10).contains(&retries) => health.retries = Some(retries),
                Some(retries) => {
                    let nearest = retries.clamp(1, 10);
                    health.retries = Some(nearest);
                    source.leave(here, line, format!("ECS takes 1 to 10; it is {nearest} now"));
                }
                None => source.leave(here, line, "it is not a number"),
            },
            // ECS does not run the health check of an image, so there is nothing to turn off.
            "disable" => {
                source.is_default(node, "ECS runs no health check of an image");
                if node.is_true() {
                    return (None, Vec::new());
                }
            }
            "start_interval" => source.leave(here, line, "ECS has one interval"),
            key if key.starts_with("x-") => {}
            _ => source.leave(here, line, "the compose specification has no such key"),
        }
    }
    let is_empty = match &health.command {
        CommandLine::Shell(line) => line.trim().is_empty(),
        CommandLine::Words(words) => words.is_empty(),
    };
    if !has_test || is_empty {
        source.leave(here, node.line, "it has no `test`, and ECS does not see that of the image: write it out");
        return (None, Vec::new());
    }
    (Some(health), needs)
}

fn command(source: &mut Source<'_>, node: &Node, here: &str, needs: &mut Vec<String>) -> Option<CommandLine> {
    let mut shown = |node: &Node| match &node.filled {
        // The shell in the container fills it in.
        Some(filled) if node.is_secret() => {
            needs.extend(filled.secrets.clone());
            Some(filled.shell.clone())
        }
        _ => node.text(),
    };
    if let Some(line) = shown(node) {
        return Some(CommandLine::Shell(line));
    }
    let is_hidden = node.items().iter().any(Node::is_secret);
    let mut words = node.items().iter().filter_map(shown);
    match (words.next().as_deref(), is_hidden) {
        (Some("NONE"), _) => None,
        (Some("CMD-SHELL"), _) => Some(CommandLine::Shell(words.next()?)),
        (Some("CMD"), false) => Some(CommandLine::Words(words.collect())),
        (Some("CMD"), true) => {
            let why = "it holds the value of a secret: write it as CMD-SHELL, and the shell fills it in";
            source.leave(here, node.line, why);
            None
        }
        _ => {
            source.leave(here, node.line, "a list begins with CMD, CMD-SHELL or NONE");
            None
        }
    }
}

fn seconds(source: &mut Source<'_>, node: &Node, here: &str, least: u32, most: u32) -> Option<Seconds> {
    let Some(seconds) = node.text().as_deref().and_then(whole_seconds) else {
        source.leave(here, node.line, "it is not a duration");
        return None;
    };
    let nearest = seconds.clamp(least, most);
    if nearest != seconds {
        source.leave(here, node.line, format!("ECS takes {least} s to {most} s; it is {nearest} s now"));
    }
    Some(Seconds(nearest))
}
