//! Which images a lifecycle policy expires, and by which rule (ECR user guide, "Lifecycle policy evaluation rules"). Pure.

use super::policy::{Keep, Policy, Select};
use crate::wildcard;

const DAY: i64 = 86_400_000;

/// An image, as a policy looks at it.
#[derive(Debug, Clone)]
pub struct Candidate<D> {
    /// Which image.
    pub digest: D,
    /// Its tags.
    pub tags: Vec<String>,
    /// Milliseconds since the epoch.
    pub pushed_at: i64,
    /// Whether an index of the repository needs it; it then stays for as long as the index does.
    pub referenced: bool,
}

/// Returns each image that expires with the priority of the rule that expires it, oldest first within a rule.
///
/// Rules are applied in their order. What a rule has seen no later rule expires, but it still counts there.
pub fn expired<'c, D>(policy: &Policy, images: &'c [Candidate<D>], now: i64) -> Vec<(&'c Candidate<D>, u32)> {
    let mut newest_first: Vec<&Candidate<D>> = images.iter().collect();
    newest_first.sort_by_key(|image| std::cmp::Reverse(image.pushed_at));
    let mut seen = vec![false; newest_first.len()];
    let mut expired = Vec::new();
    for rule in &policy.rules {
        let matching: Vec<usize> =
            (0..newest_first.len()).filter(|&n| selects(&rule.select, newest_first[n])).collect();
        let surplus = matching.iter().enumerate().filter(|(place, n)| match rule.keep {
            Keep::Latest(count) => *place >= count,
            Keep::Days(days) => now - newest_first[**n].pushed_at > i64::from(days) * DAY,
        });
        let marked = surplus.map(|(_, &n)| n).filter(|&n| !seen[n] && !newest_first[n].referenced);
        expired.extend(marked.collect::<Vec<_>>().into_iter().rev().map(|n| (newest_first[n], rule.priority)));
        matching.into_iter().for_each(|n| seen[n] = true);
    }
    expired
}

fn selects<D>(select: &Select, image: &Candidate<D>) -> bool {
    match select {
        Select::Any => true,
        Select::Untagged => image.tags.is_empty(),
        Select::Tagged(patterns) => {
            let is_met = |pattern: &String| image.tags.iter().any(|tag| wildcard::matches(pattern, tag));
            !image.tags.is_empty() && patterns.iter().all(is_met)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `A:beta-1,prod-1:10` is an image, its tags, and the days since its push. A rule is `prod>1` (keep one) or
    /// `prod~5` (keep five days) of a prefix, `-` for untagged, `*` for any; prefixes are joined by `+`. What expires is
    /// written with the rule's priority.
    fn check(images: &str, rules: &str, expires: &str) {
        let now = 100 * DAY;
        let image = |text: &str| {
            let [name, tags, days] = text.split(':').collect::<Vec<_>>()[..] else { panic!("{text}") };
            let pushed_at = now - days.trim_end_matches('!').parse::<i64>().unwrap() * DAY - 1;
            let tags = tags.split(',').filter(|tag| !tag.is_empty()).map(str::to_owned).collect();
            Candidate { digest: name.to_owned(), tags, pushed_at, referenced: days.ends_with('!') }
        };
        let rule = |(n, text): (usize, &str)| {
            let (select, count) = text.split_once(['>', '~']).unwrap();
            let kind = if text.contains('>') {
                r#""countType":"imageCountMoreThan""#
            } else {
                r#""countType":"sinceImagePushed","countUnit":"days""#
            };
            let status = match select {
                "-" => r#""tagStatus":"untagged""#.to_owned(),
                "*" => r#""tagStatus":"any""#.to_owned(),
                _ => {
                    let prefixes: Vec<&str> = select.split('+').collect();
                    let list = if select.contains('*') { "tagPatternList" } else { "tagPrefixList" };
                    format!(r#""tagStatus":"tagged","{list}":{prefixes:?}"#)
                }
            };
            format!(
                r#"{{"rulePriority":{},"selection":{{{status},{kind},"countNumber":{count}}},"action":{{"type":"expire"}}}}"#,
                n + 1
            )
        };
        let rules: Vec<String> = rules.split(' ').enumerate().map(rule).collect();
        let policy = Policy::parse(&format!(r#"{{"rules":[{}]}}"#, rules.join(","))).unwrap();
        let images: Vec<Candidate<String>> = images.split(' ').map(image).collect();
        let expired: Vec<String> =
            expired(&policy, &images, now).into_iter().map(|(image, rule)| format!("{}{rule}", image.digest)).collect();
        assert_eq!(expired.join(" "), expires);
    }

    /// User guide, "Examples of lifecycle policies in Amazon ECR", in its order.
    #[test]
    fn the_user_guide_s_examples_expire_what_it_says() {
        check("A::13 B::14 C:x:20", "-~14", "B1");
        check("A::3 B::2 C:x:9", "->1", "A1");
        check("A:prod-1:15 B:prod-2:13 C:dev:20", "prod*~14", "A1");
        let multiple = "A:beta-1,prod-1:10 B:beta-2,prod-2:9 C:beta-3:8";
        check(multiple, "prod>1 beta>1", "A1");
        check(multiple, "beta>1 prod>1", "A1 B1");
        check(
            "A:alpha-1:12 B:beta-1:11 C:alpha-2,beta-2:10 D:alpha-3:4 E:beta-3:3 F:alpha-4,beta-4:2",
            "alpha+beta~5",
            "C1",
        );
        check("A:alpha-1,beta-1,gamma-1:10 B:alpha-2,beta-2:9 C:alpha-3,beta-3,gamma-2:8", "alpha+beta>1", "A1 B1");
        check("A:alpha-1:4 B:beta-1:3 C::2 D:alpha-2:1", "*>1", "A1 B1 C1");
        check("A:alpha-1,beta-1:4 B::3 C:alpha-2:2 D:hash:1 E::0", "alpha>1 -~1 *>1", "A1 B2 D3");
    }

    #[test]
    fn an_image_of_an_index_stays_and_counts() {
        check("A::5! B::4 C::3", "->2", "");
        check("A::5 B::4! C::3", "->2", "A1");
        check("A::5! B::4 C::3", "->1", "B1");
    }
}
