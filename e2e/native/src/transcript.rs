//! What the program said, without what differs from run to run. Pure.
//!
//! Names, codes, reasons and words stay: a wrong cause must not pass. What goes are ids, times,
//! addresses, and the lines of progress, whose number and order depend on timing.

use regex::Regex;

use crate::app::Run;

/// What is replaced, in this order.
const REPLACED: [(&str, &str); 12] = [
    // A container, a target or a rollout got somewhere.
    (r"(?m)^  (\S+ \([0-9a-f]{8}\): |target \S+: |\S+: \S+ \d+ of \d+ healthy, ).*\n", ""),
    (r"sha256:[0-9a-f]{64}", "DIGEST"),
    (r"\b[0-9a-f]{32}\b", "TASK"),
    // How many tasks failed before managr or ECS noticed is asserted where it matters.
    (r"\((\d+) tasks?: [0-9a-f, .]+\)", "(TASKS)"),
    (r"\b10\.\d+\.\d+\.\d+\b", "ADDRESS"),
    (r"(127\.0\.0\.1|localhost):\d+/hello", "REGISTRY/hello"),
    (r"(127\.0\.0\.1|localhost):\d+", "HOST"),
    (r"ecs-svc/\d+", "ecs-svc/N"),
    (r"targetgroup/([a-z-]+)/[0-9a-f]{16}", "targetgroup/$1/ID"),
    (r"\b\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d)?(Z| UTC)?", "WHEN"),
    (r"\b\d+\.\d s\b", "TIME"),
    (r"listener (\S+):\d+", "listener $1:PORT"),
];

/// Returns a run as one text, for snapshots.
pub fn transcript(run: &Run) -> String {
    let code = run.code.map_or("none".to_owned(), |code| code.to_string());
    settled(&format!("exit {code}\n{}{}", run.out, run.err))
}

/// Returns what was said after the plan of a release whose tasks stop again and again: three are enough
/// for ECS's circuit breaker and for managr, and either may notice first.
pub fn whoever_noticed(run: &Run) -> String {
    let noticed = Regex::new(
        r"(?m)^! \S+: its tasks stop again and again for the same cause; .*\n|^  (managr stopped it, because its tasks stop again and again for the same cause\.|Service deployment rolled back because the circuit breaker threshold was exceeded\.|No rollback candidate was found to run the rollback\.)\n",
    );
    noticed.expect("the pattern is right").replace_all(&after_the_plan(run), "").into_owned()
}

/// Returns what was said after the plan had been shown.
pub fn after_the_plan(run: &Run) -> String {
    let whole = transcript(run);
    let (code, said) = whole.split_once('\n').unwrap_or_default();
    let is_summary = |line: &&str| line.contains(" · test in account ");
    let after = said.lines().skip_while(|line| !is_summary(line)).skip(1).collect::<Vec<_>>();
    assert!(!after.is_empty(), "there is no plan: {whole}");
    format!("{code}\n{}\n", after.join("\n"))
}

fn settled(text: &str) -> String {
    REPLACED.iter().fold(text.to_owned(), |text, (from, to)| {
        let from = Regex::new(from).expect("the patterns are right");
        from.replace_all(&text, *to).into_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_goes_and_the_cause_stays() {
        let said = "  hello (0123abcd): running\n  target 10.131.0.3:8000: initial (Target registration is in progress)\n  \
            hello-web-test: hello-web-task-test:2 0 of 1 healthy, 1 running, 1 old (in progress)\n! hello-web-test:\n  \
            x container hello exited with code 3 (3 tasks: 0123abcd, 1123abcd, 2123abcd)\n    \
            EssentialContainerExited: Essential container in task exited\n  \
            target 10.131.0.3:8000 is unhealthy: Health checks failed with these codes: [503]\n  hint: managr status test\n";
        assert_eq!(
            settled(said),
            "! hello-web-test:\n  x container hello exited with code 3 (TASKS)\n    \
             EssentialContainerExited: Essential container in task exited\n  \
             target ADDRESS:8000 is unhealthy: Health checks failed with these codes: [503]\n  hint: managr status test\n"
        );
    }
}
