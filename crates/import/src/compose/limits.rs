//! How much may a compose service use, and how long is a duration of Compose?

use super::reasons;
use super::source::Source;
use super::yaml::{Member, Node, get};

/// Least memory of a container in MiB (ECS API reference, ContainerDefinition, `memory`).
const LEAST: u32 = 6;

/// CPU units and MiB.
#[derive(Clone, Copy, Default)]
pub(super) struct Limits {
    pub(super) cpu: Option<u32>,
    pub(super) memory: Option<u32>,
    pub(super) reservation: Option<u32>,
}

pub(super) fn limits(source: &mut Source<'_>, entries: &[Member], path: &str) -> Limits {
    let mut limits = Limits::default();
    for (key, is_memory) in [("cpus", false), ("mem_limit", true), ("mem_reservation", true)] {
        let Some(node) = get(entries, key) else { continue };
        let amount = if is_memory { mebibytes(node) } else { units(node) };
        let at = match key {
            "cpus" => &mut limits.cpu,
            "mem_limit" => &mut limits.memory,
            _ => &mut limits.reservation,
        };
        match amount {
            Some(amount) => {
                *at = Some(amount).filter(|amount| *amount > 0);
                carry(source, node, key, amount);
            }
            None => source.leave(format!("{path}.{key}"), node.line, "it is not an amount"),
        }
    }
    for entry in get(entries, "deploy").map(Node::entries).unwrap_or_default() {
        let here = format!("{path}.deploy.{}", entry.key);
        match entry.key.as_str() {
            "resources" => resources(source, &entry.node, &here, &mut limits),
            "replicas" if entry.node.text().as_deref() == Some("1") => source.is_default(&entry.node, "Compose's 1"),
            "mode" if entry.node.text().as_deref() == Some("replicated") => {
                source.is_default(&entry.node, "Compose's `replicated`");
            }
            key if key.starts_with("x-") => {}
            key => source.leave(here, entry.line, reasons::of_deploy(key)),
        }
    }
    for amount in [&mut limits.memory, &mut limits.reservation] {
        if amount.is_some_and(|mib| mib < LEAST) {
            *amount = Some(LEAST);
            let line = entries.first().map_or(0, |entry| entry.line);
            source.leave(
                format!("{path}.mem_limit"),
                line,
                format!("ECS takes {LEAST} MiB or more; it is {LEAST} MiB now"),
            );
        }
    }
    // A reservation above the limit is refused by ECS; Compose's own engine refuses it too.
    if let (Some(memory), Some(reservation)) = (limits.memory, limits.reservation) {
        limits.reservation = Some(reservation.min(memory));
    }
    limits
}

fn resources(source: &mut Source<'_>, node: &Node, here: &str, limits: &mut Limits) {
    for kind in node.entries() {
        for entry in kind.node.entries() {
            let here = format!("{here}.{}.{}", kind.key, entry.key);
            match (kind.key.as_str(), entry.key.as_str()) {
                ("limits", "cpus") => put(source, entry, &here, "cpus", &mut limits.cpu),
                ("limits", "memory") => put(source, entry, &here, "mem_limit", &mut limits.memory),
                ("reservations", "memory") => put(source, entry, &here, "mem_reservation", &mut limits.reservation),
                // ECS's `cpu` is a reservation too: the limit says more.
                ("reservations", "cpus") if limits.cpu.is_some() => {
                    source.is_default(&entry.node, "the limit says more, and ECS has one `cpu`");
                }
                ("reservations", "cpus") => put(source, entry, &here, "cpus", &mut limits.cpu),
                _ => source.leave(here, entry.line, "Fargate has no such setting"),
            }
        }
    }
}

fn put(source: &mut Source<'_>, entry: &Member, here: &str, key: &str, limit: &mut Option<u32>) {
    let amount = if key == "cpus" { units(&entry.node) } else { mebibytes(&entry.node) };
    match amount {
        Some(amount) => {
            *limit = Some(amount).filter(|amount| *amount > 0);
            carry(source, &entry.node, key, amount);
        }
        None => source.leave(here, entry.line, "it is not an amount"),
    }
}

/// 0 is no limit.
fn carry(source: &mut Source<'_>, node: &Node, key: &str, amount: u32) {
    match (amount, key) {
        (0, _) => source.is_default(node, "0 is no limit"),
        (_, "cpus") => source.carry(node, "cpu"),
        (_, "mem_limit") => source.carry(node, "memory"),
        _ => source.carry(node, "memory-reservation"),
    }
}

/// Returns CPU units: 1024 are one CPU.
fn units(node: &Node) -> Option<u32> {
    let cpus: f64 = node.text()?.trim().parse().ok()?;
    let units = (cpus * 1024.0).ceil();
    // In range, so nothing is cut off.
    (0.0..=1e6).contains(&units).then_some(units as u32)
}

/// Returns MiB, rounded up. Units are those of Compose (11-extension.md, "Specifying byte values"): 1024 each.
fn mebibytes(node: &Node) -> Option<u32> {
    bytes(&node.text()?).map(|bytes| bytes.div_ceil(1 << 20)).and_then(|mib| u32::try_from(mib).ok())
}

pub(super) fn bytes(text: &str) -> Option<u64> {
    let text = text.trim().to_ascii_lowercase();
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let number: f64 = text[..digits].parse().ok()?;
    let scale: u64 = match text[digits..].trim() {
        "" | "b" => 1,
        "k" | "kb" | "kib" => 1 << 10,
        "m" | "mb" | "mib" => 1 << 20,
        "g" | "gb" | "gib" => 1 << 30,
        _ => return None,
    };
    let bytes = (number * scale as f64).ceil();
    (0.0..1e15).contains(&bytes).then_some(bytes as u64)
}

/// Returns a duration (`1m30s`, `500ms`, `1.5s`) in whole seconds, rounded up.
pub(super) fn whole_seconds(text: &str) -> Option<u32> {
    let mut rest = text.trim();
    let mut milliseconds = 0.0;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let number: f64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let unit = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        milliseconds += number
            * match &rest[..unit] {
                "us" | "\u{b5}s" => 0.001,
                "ms" => 1.0,
                "s" => 1000.0,
                "m" => 60_000.0,
                "h" => 3_600_000.0,
                "" if number == 0.0 => 0.0,
                _ => return None,
            };
        rest = &rest[unit..];
    }
    let seconds = (milliseconds / 1000.0).ceil();
    (0.0..=4e9).contains(&seconds).then_some(seconds as u32)
}

#[cfg(test)]
mod tests {
    use super::{bytes, whole_seconds};

    #[test]
    fn byte_values_and_durations_are_compose_s() {
        for (text, expected) in [
            ("50M", Some(50 << 20)),
            ("1gb", Some(1 << 30)),
            ("1.5k", Some(1536)),
            ("7", Some(7)),
            ("x", None),
            ("1t", None),
        ] {
            assert_eq!(bytes(text), expected, "{text}");
        }
        for (text, expected) in [
            ("1m30s", Some(90)),
            ("500ms", Some(1)),
            ("1.5s", Some(2)),
            ("2h", Some(7200)),
            ("0", Some(0)),
            ("5", None),
            ("", None),
        ] {
            assert_eq!(whole_seconds(text), expected, "{text}");
        }
    }
}
