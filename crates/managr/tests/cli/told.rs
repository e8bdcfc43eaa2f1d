//! What a run of a deploy says, without what differs from run to run.

use crate::sandbox::Run;

/// Returns a run as one text: without the lines that a rollout writes as it goes, which depend on
/// when one looks, and with times, ids and this machine's name replaced.
pub(crate) fn settled(run: &Run) -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let lines = run.transcript();
    let kept = lines.lines().filter(|line| !is_progress(line));
    let one = |line: &str| {
        let words = line.split(' ').map(|word| if word == host.trim() { "HOST" } else { word });
        times(&words.collect::<Vec<_>>().join(" ").replace(&format!("@{}", host.trim()), "@HOST"))
    };
    kept.map(|line| one(line) + "\n").collect()
}

/// Lines such as `  web (684e8296): running` and `  target 10.0.0.2:80: healthy`.
fn is_progress(line: &str) -> bool {
    let Some(rest) = line.strip_prefix("  ") else { return false };
    let is_rollout = || rest.starts_with("demo-") && rest.contains(" healthy, ");
    rest.starts_with("target ") || rest.contains("): ") || is_rollout()
}

/// Replaces `2026-11-25 09:23:52Z`, `(0.7 s)` and `0 s`.
fn times(line: &str) -> String {
    let is_time = |word: &str| word.ends_with('Z') && word.matches(':').count() == 2;
    let is_day = |word: &str| word.len() == 10 && word.matches('-').count() == 2;
    let is_number = |word: &str| word.trim_start_matches('(').parse::<f64>().is_ok();
    let words: Vec<&str> = line.split(' ').collect();
    let one = |(index, word): (usize, &&str)| match *word {
        word if is_day(word) => "DAY".to_owned(),
        word if is_time(word.trim_end_matches(',')) => word.replace(word.trim_end_matches(','), "TIME"),
        word if is_number(word) && words.get(index + 1).is_some_and(|unit| unit.trim_end_matches(')') == "s") => {
            word.replace(word.trim_start_matches('('), "N")
        }
        word => word.to_owned(),
    };
    words.iter().enumerate().map(one).collect::<Vec<_>>().join(" ")
}
