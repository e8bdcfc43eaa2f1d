//! Which rule of a listener takes a request, and which of its groups? Never allocates.

use std::net::IpAddr;

use super::{Action, Cidr, Condition, glob, glob_ignoring_case};

/// What conditions may look at, borrowed from one request.
#[derive(Debug, Clone, Copy)]
pub struct RequestFacts<'a, H> {
    /// Host without its port.
    pub host: &'a str,
    /// Path as it came, percent-escapes included.
    pub path: &'a str,
    /// Method.
    pub method: &'a str,
    /// Query without the `?`; empty when there is none.
    pub query: &'a str,
    /// Answers whether any value of a header (by name, any case) satisfies a test.
    pub header: H,
    /// The peer.
    pub source_ip: IpAddr,
}

/// Returns the first rule, in the order given, whose conditions all hold.
///
/// `rules` are pairs of conditions and what the caller wants back, in priority order with
/// the default rule (no conditions) last.
pub fn choose<'r, T, H>(rules: impl IntoIterator<Item = (&'r [Condition], T)>, facts: &RequestFacts<'_, H>) -> Option<T>
where
    H: Fn(&str, &dyn Fn(&str) -> bool) -> bool,
{
    rules.into_iter().find(|(conditions, _)| conditions.iter().all(|c| holds(c, facts))).map(|(_, answer)| answer)
}

fn holds<H: Fn(&str, &dyn Fn(&str) -> bool) -> bool>(condition: &Condition, facts: &RequestFacts<'_, H>) -> bool {
    match condition {
        Condition::HostHeader(patterns) => patterns.iter().any(|p| glob_ignoring_case(p, facts.host)),
        Condition::PathPattern(patterns) => patterns.iter().any(|p| glob(p, facts.path)),
        Condition::Method(methods) => methods.iter().any(|m| m == facts.method),
        Condition::HttpHeader(name, patterns) => {
            (facts.header)(name, &|value| patterns.iter().any(|p| glob_ignoring_case(p, value)))
        }
        Condition::QueryString(pairs) => pairs.iter().any(|(key, value)| {
            facts.query.split('&').filter(|part| !part.is_empty()).any(|part| {
                let (k, v) = part.split_once('=').unwrap_or((part, ""));
                key.as_ref().is_none_or(|key| glob_ignoring_case(key, k)) && glob_ignoring_case(value, v)
            })
        }),
        Condition::SourceIp(blocks) => {
            blocks.iter().any(|block| Cidr::parse(block).is_some_and(|block| block.contains(facts.source_ip)))
        }
    }
}

/// Returns the group that a drawn number falls on, each weighing its weight.
///
/// None when every weight is zero: ELB answers 503 then.
pub fn choose_group(groups: &[(String, u32)], drawn: u64) -> Option<usize> {
    let total: u64 = groups.iter().map(|(_, weight)| u64::from(*weight)).sum();
    if total == 0 {
        return None;
    }
    let mut left = drawn % total;
    groups.iter().position(|(_, weight)| {
        let weight = u64::from(*weight);
        let here = left < weight;
        left = left.saturating_sub(weight);
        here
    })
}

/// Orders rules as ELB tries them: by priority, the default rule last.
pub(crate) fn rank(priority: Option<u32>) -> u32 {
    priority.unwrap_or(u32::MAX)
}

impl Action {
    /// Returns the groups that the action may forward to.
    pub fn groups(&self) -> &[(String, u32)] {
        match self {
            Self::Forward(groups) => groups,
            _ => &[],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A request reads `METHOD host path?query ip`, `header: value` after a comma.
    fn check(condition: Condition, request: &str) -> bool {
        let (line, header) = request.split_once(", ").unwrap_or((request, ":"));
        let parts: Vec<&str> = line.split(' ').collect();
        let (path, query) = parts[2].split_once('?').unwrap_or((parts[2], ""));
        let (name, value) = header.split_once(':').unwrap();
        let facts = RequestFacts {
            host: parts[1],
            path,
            method: parts[0],
            query,
            header: |wanted: &str, test: &dyn Fn(&str) -> bool| wanted.eq_ignore_ascii_case(name) && test(value.trim()),
            source_ip: parts[3].parse().unwrap(),
        };
        choose([(&[condition][..], true), (&[][..], false)], &facts).unwrap()
    }
    fn list(values: &[&str]) -> Vec<String> {
        values.iter().map(|v| (*v).to_owned()).collect()
    }

    #[test]
    fn each_condition_looks_at_its_part_of_the_request() {
        let request = "GET App.example.com /img/x.png?v=1&dark 10.1.2.3, X-Team: Blue";
        assert!(check(Condition::HostHeader(list(&["nope", "*.example.com"])), request));
        assert!(!check(Condition::HostHeader(list(&["example.com"])), request));
        assert!(check(Condition::PathPattern(list(&["/img/*"])), request));
        assert!(!check(Condition::PathPattern(list(&["/IMG/*"])), request), "paths keep their case");
        assert!(check(Condition::Method(list(&["GET", "HEAD"])), request));
        assert!(!check(Condition::Method(list(&["POST"])), request));
        assert!(check(Condition::HttpHeader("x-team".into(), list(&["b*"])), request));
        assert!(!check(Condition::HttpHeader("x-other".into(), list(&["*"])), request));
        assert!(check(Condition::QueryString(vec![(Some("V".into()), "1".into())]), request));
        assert!(check(Condition::QueryString(vec![(None, "1".into())]), request));
        assert!(!check(Condition::QueryString(vec![(Some("v".into()), "2".into())]), request));
        assert!(check(Condition::SourceIp(list(&["192.168.0.0/16", "10.0.0.0/8"])), request));
        assert!(!check(Condition::SourceIp(list(&["192.168.0.0/16"])), request));
    }

    #[test]
    fn no_group_is_chosen_when_every_weight_is_zero() {
        assert_eq!(choose_group(&[("a".into(), 0), ("b".into(), 0)], 7), None);
        assert_eq!(choose_group(&[("a".into(), 0), ("b".into(), 1)], 7), Some(1));
    }

    proptest! {
        #[test]
        fn every_group_gets_exactly_its_weight(weights in proptest::collection::vec(0u32..6, 1..5)) {
            let groups: Vec<_> = weights.iter().map(|w| (String::new(), *w)).collect();
            let total: u32 = weights.iter().sum();
            let mut seen = vec![0u32; weights.len()];
            for drawn in 0..u64::from(total) {
                seen[choose_group(&groups, drawn).unwrap()] += 1;
            }
            prop_assert_eq!(seen, weights);
        }
    }
}
