//! Which files of a context a build sees: `.dockerignore` as Docker reads it.
//!
//! Rules: Go's `filepath.Match` plus `**`; the last rule that matches decides; a rule that
//! matches a directory holds for everything below it; `!` takes back.

use regex::Regex;

/// The rules of one `.dockerignore`.
#[derive(Debug, Default)]
pub struct Ignore {
    rules: Vec<Rule>,
}

#[derive(Debug)]
struct Rule {
    pattern: Regex,
    ignored: bool,
}

impl Ignore {
    /// Reads the rules; a line that is no pattern is left out, so that a file too many is
    /// looked at rather than one too few.
    pub fn parse(text: &str) -> Self {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let rules = lines.filter_map(|line| {
            let (ignored, glob) = match line.strip_prefix('!') {
                Some(glob) => (false, glob.trim()),
                None => (true, line),
            };
            let pattern = Regex::new(&to_regex(glob.trim_matches('/').trim_start_matches("./"))).ok()?;
            Some(Rule { pattern, ignored })
        });
        Self { rules: rules.collect() }
    }

    /// Returns whether a path (relative to the context, `/` between its parts) is left out.
    pub fn ignores(&self, path: &str) -> bool {
        self.rules.iter().rev().find(|rule| rule.pattern.is_match(path)).is_some_and(|rule| rule.ignored)
    }

    /// Returns whether nothing below an ignored directory can come back.
    pub fn can_skip_directories(&self) -> bool {
        self.rules.iter().all(|rule| rule.ignored)
    }
}

/// Returns a pattern that matches the path itself and everything below it.
fn to_regex(glob: &str) -> String {
    let mut out = String::from("^");
    let mut rest = glob.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '*' if rest.peek() == Some(&'*') => {
                rest.next();
                // `**/x` also matches `x`.
                if rest.peek() == Some(&'/') {
                    rest.next();
                    out.push_str("(?:.*/)?");
                } else {
                    out.push_str(".*");
                }
            }
            '*' => out.push_str("[^/]*"),
            '?' => out.push_str("[^/]"),
            '[' | ']' | '-' => out.push(c),
            '\\' => out.push_str(&regex::escape(&rest.next().unwrap_or('\\').to_string())),
            other => out.push_str(&regex::escape(&other.to_string())),
        }
    }
    out.push_str("(?:/.*)?$");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(rules: &str, path: &str, ignored: bool) {
        assert_eq!(Ignore::parse(rules).ignores(path), ignored, "{rules:?} {path}");
    }

    #[test]
    fn patterns_match_as_docker_says() {
        check("node_modules", "node_modules", true);
        check("node_modules", "node_modules/a/b.js", true);
        check("node_modules", "client/node_modules/a.js", false);
        check("**/node_modules", "client/node_modules/a.js", true);
        check("**/node_modules", "node_modules/a.js", true);
        check("/build/", "build/out", true);
        check("*.md", "README.md", true);
        check("*.md", "docs/README.md", false);
        check("docs/*.md", "docs/a.md", true);
        check("temp?", "temps", true);
        check("temp?", "temp", false);
        check("a+b", "a+b", true);
        check("# comment\n\n", "# comment", false);
        check("**", "anything/at/all", true);
    }

    #[test]
    fn the_last_rule_that_matches_decides() {
        check("*\n!src", "src/main.rs", false);
        check("*\n!src", "other", true);
        check("*.md\n!README.md\nREADME*", "README.md", true);
    }

    #[test]
    fn directories_are_skipped_only_when_nothing_comes_back() {
        assert!(Ignore::parse("target").can_skip_directories());
        assert!(!Ignore::parse("target\n!target/keep").can_skip_directories());
    }
}
