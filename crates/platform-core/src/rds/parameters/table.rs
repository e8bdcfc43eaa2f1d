//! PostgreSQL's parameters, as RDS lets them be set: which there are in a version, and what they can be.

use std::sync::OnceLock;

/// A parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Parameter {
    pub(crate) name: &'static str,
    /// `boolean`, `integer`, `float`, `string`.
    pub(crate) kind: &'static str,
    /// Whether it takes a restart.
    pub(crate) is_static: bool,
    pub(crate) is_modifiable: bool,
    /// `0,1`, `1-100`, a list of words; empty: anything.
    pub(crate) allowed: &'static str,
    since: u32,
    until: u32,
    /// What an integer counts.
    pub(crate) unit: &'static str,
}

fn all() -> &'static [Parameter] {
    static ALL: OnceLock<Vec<Parameter>> = OnceLock::new();
    ALL.get_or_init(|| include_str!("postgres.txt").lines().filter_map(read).collect())
}

fn read(line: &'static str) -> Option<Parameter> {
    if line.starts_with('#') {
        return None;
    }
    let mut parts = line.split('|');
    let mut next = || parts.next();
    let (name, kind, apply, modifiable, allowed) = (next()?, next()?, next()?, next()?, next()?);
    let (since, until, unit) = (next()?, next()?, next()?);
    Some(Parameter {
        name,
        kind,
        is_static: apply == "static",
        is_modifiable: modifiable == "yes",
        allowed,
        since: since.parse().unwrap_or(0),
        until: until.parse().unwrap_or(u32::MAX),
        unit,
    })
}

/// Returns the parameters of a major version, by name.
pub(crate) fn of(major: u32) -> impl Iterator<Item = &'static Parameter> {
    all().iter().filter(move |parameter| (parameter.since..=parameter.until).contains(&major))
}

/// Returns a parameter of a major version.
pub(crate) fn find(major: u32, name: &str) -> Option<&'static Parameter> {
    of(major).find(|parameter| parameter.name.eq_ignore_ascii_case(name))
}

impl Parameter {
    /// Whether a value may be set. A formula (`{DBInstanceClassMemory/32768}`) is taken for numbers.
    pub(crate) fn takes(&self, value: &str) -> bool {
        let is_number = matches!(self.kind, "integer" | "float");
        if is_number && (value.starts_with('{') || value.starts_with("GREATEST(") || value.starts_with("LEAST(")) {
            return super::formula::value(value, 1 << 30, 20).is_some();
        }
        match self.kind {
            "integer" | "float" => {
                let Some((least, most)) = self.range() else { return false };
                let number = if self.kind == "integer" {
                    value.parse::<i64>().ok().map(|number| number as f64)
                } else {
                    value.parse::<f64>().ok()
                };
                number.is_some_and(|number| (least..=most).contains(&number))
            }
            _ if self.allowed.is_empty() => true,
            // Several words of a list may be given where PostgreSQL takes a list; those have no words here.
            _ => self.allowed.split(',').any(|word| word.eq_ignore_ascii_case(value)),
        }
    }

    fn range(&self) -> Option<(f64, f64)> {
        // The first may be negative.
        let at = self.allowed.get(1..)?.find('-')? + 1;
        let (least, most) = (&self.allowed[..at], &self.allowed[at + 1..]);
        Some((least.parse().ok()?, most.parse().ok()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_a_parameter_and_every_range_can_be_read() {
        let lines = include_str!("postgres.txt").lines().filter(|line| !line.starts_with('#')).count();
        assert_eq!(lines, all().len());
        assert!(all().is_sorted_by_key(|parameter| parameter.name));
        for parameter in all() {
            match parameter.kind {
                "integer" | "float" => assert!(parameter.range().is_some(), "{}", parameter.name),
                "boolean" => assert_eq!(parameter.allowed, "0,1"),
                kind => assert_eq!(kind, "string"),
            }
        }
    }

    #[test]
    fn a_value_is_taken_within_its_range_and_from_its_words() {
        let takes = |name: &str, value: &str| find(16, name).is_some_and(|parameter| parameter.takes(value));
        assert!(takes("work_mem", "64") && !takes("work_mem", "63") && !takes("work_mem", "4MB"));
        assert!(takes("log_min_duration_statement", "-1") && !takes("log_min_duration_statement", "-2"));
        assert!(takes("rds.force_ssl", "1") && !takes("rds.force_ssl", "on"));
        assert!(takes("log_statement", "ddl") && !takes("log_statement", "some"));
        assert!(takes("shared_buffers", "{DBInstanceClassMemory/32768}") && !takes("shared_buffers", "{Nothing/2}"));
        assert!(takes("timezone", "Europe/Berlin"));
    }

    #[test]
    fn what_a_version_does_not_have_is_not_in_its_family() {
        assert!(find(16, "io_method").is_none() && find(18, "io_method").is_some());
        assert!(find(15, "vacuum_defer_cleanup_age").is_some() && find(16, "vacuum_defer_cleanup_age").is_none());
        assert!(find(17, "io_combine_limit").is_some_and(|p| p.takes("32")));
        for major in 13..=18 {
            assert!(of(major).count() > 300, "{major}");
        }
    }
}
