//! Which run of a schedule goes on when several are there, and what is said of those that do not?
//!
//! ECS, EventBridge and Scheduler have no word for it. A schedule's task therefore begins with a container of ours, the
//! gate: it looks at the schedule's other tasks and asks [`turn`]. This module decides and never asks ECS anything.

use serde_json::{Value, json};

use crate::manifest::{Overlap, Seconds};

/// Name of the container that lets a schedule's containers start.
pub const GATE: &str = "managr-gate";

/// Name of the container that ends a schedule's task when its time is over.
pub const WATCH: &str = "managr-watch";

/// Label of both. The embedded platform gives a container with it what the gate needs and on AWS the task's role
/// gives: ECS's API, for tasks of its own family (`platform/src/native/metadata/calls.rs`).
pub const LABEL: &str = "managr.gate";

/// What the gate's image is called among the images of a stage. No image of a manifest can be called so.
pub const IMAGE: &str = "gate of schedules";

/// What the gate calls of ECS, with the credentials of the task's role.
pub const ACTIONS: [&str; 3] = ["ecs:ListTasks", "ecs:DescribeTasks", "ecs:StopTask"];

/// Beginnings of the reasons that tasks are stopped with.
const SKIPPED: &str = "skipped (overlap): ";
const REPLACED: &str = "replaced (overlap): ";
const TIMED_OUT: &str = "timeout of ";

/// A task of the schedule that has not ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Its ARN.
    pub arn: String,
    /// When ECS created it, in milliseconds since the epoch.
    pub created: i64,
    /// Whether ECS wants it stopped.
    pub stops: bool,
}

impl Run {
    /// ECS gives seconds with three decimals, so two may be of one age: the ARN decides then, for every run alike.
    fn age(&self) -> (i64, &str) {
        (self.created, &self.arn)
    }
}

/// What a run does next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Turn {
    /// It goes on.
    Go,
    /// It looks again: others have been told to stop and have not ended yet.
    Wait,
    /// It stops itself, for this reason.
    Yield(String),
    /// It stops these, for this reason, and looks again.
    Stop(Vec<String>, String),
}

/// Returns what a run does next, given the schedule's other runs that have not ended.
///
/// Of runs that see each other exactly one goes on: the oldest that is not being stopped if they are skipped, the
/// youngest if they are replaced. A run waits for every other that has not ended, even for one that is being stopped.
pub fn turn(overlap: Overlap, own: &Run, others: &[Run]) -> Turn {
    let older = |other: &&Run| other.age() < own.age();
    let live = |other: &&Run| !other.stops;
    match overlap {
        Overlap::Allow => Turn::Go,
        // Nothing starts in a task that is being stopped: its end is under way.
        _ if own.stops => Turn::Wait,
        Overlap::Skip => match others.iter().filter(older).filter(live).min_by_key(|other| other.age()) {
            Some(first) => Turn::Yield(format!("{SKIPPED}task {} still runs", id(&first.arn))),
            // A younger one that stops has never begun: this one was there.
            None if others.iter().any(|other| older(&other)) => Turn::Wait,
            None => Turn::Go,
        },
        Overlap::Replace => {
            let last = others.iter().filter(|other| !older(other)).filter(live).max_by_key(|other| other.age());
            if let Some(last) = last {
                return Turn::Yield(replaced_by(last));
            }
            let stopped: Vec<String> = others.iter().filter(live).map(|other| other.arn.clone()).collect();
            match (stopped.is_empty(), others.is_empty()) {
                (false, _) => Turn::Stop(stopped, replaced_by(own)),
                (true, false) => Turn::Wait,
                (true, true) => Turn::Go,
            }
        }
    }
}

fn replaced_by(run: &Run) -> String {
    format!("{REPLACED}task {} has begun", id(&run.arn))
}

/// Returns the reason that a task is stopped with when its time is over.
pub fn timed_out(timeout: Seconds) -> String {
    format!("{TIMED_OUT}{}", spelt(timeout))
}

fn id(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}

/// Why a gate or a watch stopped a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stopped {
    /// Another run went on, and this one never began.
    Skipped,
    /// A newer run took its place.
    Replaced,
    /// Its time was over.
    TimedOut,
}

impl Stopped {
    /// Reads it in a task's `stoppedReason`; none if a gate did not stop it.
    pub fn read(reason: &str) -> Option<Self> {
        let all = [(SKIPPED, Self::Skipped), (REPLACED, Self::Replaced), (TIMED_OUT, Self::TimedOut)];
        all.into_iter().find(|(words, _)| reason.starts_with(words)).map(|(_, stopped)| stopped)
    }
}

/// Returns a length of time as people write it: `1h30m`.
pub fn spelt(time: Seconds) -> String {
    let mut rest = time.0;
    let mut text = String::new();
    for (unit, length) in [("d", 86_400), ("h", 3600), ("m", 60), ("s", 1)] {
        if rest >= length {
            text.push_str(&format!("{}{unit}", rest / length));
            rest %= length;
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

/// Returns the policy that a task's role needs for a gate; `cluster` is the cluster's ARN.
///
/// `ecs:cluster` is a condition of all three (Service Authorization Reference, "Actions defined by Amazon Elastic
/// Container Service"); ListTasks knows no resource that would be narrower.
pub fn policy(cluster: &str) -> Value {
    json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Action": ACTIONS,
            "Resource": "*",
            "Condition": { "ArnEquals": { "ecs:cluster": cluster } },
        }],
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn run(number: u32, created: i64, stops: bool) -> Run {
        Run { arn: format!("arn:aws:ecs:us-east-1:1:task/c/t{number}"), created, stops }
    }

    /// Reads `1@5` (task 1 of age 5) or `1@5!` (it is being stopped).
    fn read(text: &str) -> Vec<Run> {
        let one = |word: &str| {
            let (number, created) = word.trim_end_matches('!').split_once('@').unwrap();
            run(number.parse().unwrap(), created.parse().unwrap(), word.ends_with('!'))
        };
        text.split_whitespace().map(one).collect()
    }

    fn check(overlap: Overlap, own: &str, others: &str, expected: &str) {
        let short = |arn: &String| arn.rsplit('/').next().unwrap().to_owned();
        let told = match turn(overlap, &read(own)[0], &read(others)) {
            Turn::Go => "go".to_owned(),
            Turn::Wait => "wait".to_owned(),
            Turn::Yield(reason) => reason,
            Turn::Stop(arns, reason) => {
                format!("stop {}: {reason}", arns.iter().map(short).collect::<Vec<_>>().join(" "))
            }
        };
        assert_eq!(told, expected, "{overlap:?} {own} beside {others}");
    }

    #[test]
    fn a_run_is_skipped_while_an_older_one_runs() {
        let skip = |own, others, expected| check(Overlap::Skip, own, others, expected);
        skip("1@5", "", "go");
        skip("1@5", "2@6 3@7", "go");
        skip("2@6", "1@5 3@7", "skipped (overlap): task t1 still runs");
        skip("3@7", "2@6 1@5", "skipped (overlap): task t1 still runs");
        skip("2@5", "1@5", "skipped (overlap): task t1 still runs");
        // One that ends is waited for: it costs no run, and two never run at once.
        skip("2@6", "1@5!", "wait");
        skip("3@7", "1@5! 2@6", "skipped (overlap): task t2 still runs");
        // A younger one that stops has been skipped.
        skip("1@5", "2@6!", "go");
        skip("1@5!", "", "wait");
    }

    #[test]
    fn a_run_replaces_those_before_it() {
        let replace = |own, others, expected| check(Overlap::Replace, own, others, expected);
        replace("1@5", "", "go");
        replace("3@7", "2@6 1@5", "stop t2 t1: replaced (overlap): task t3 has begun");
        replace("3@7", "2@6! 1@5", "stop t1: replaced (overlap): task t3 has begun");
        replace("3@7", "2@6! 1@5!", "wait");
        replace("2@6", "3@7 1@5", "replaced (overlap): task t3 has begun");
        replace("1@5", "2@5", "replaced (overlap): task t2 has begun");
        // A younger one that a user stopped has run, and ends.
        replace("1@5", "2@6!", "wait");
    }

    #[test]
    fn allowed_runs_do_not_look_at_each_other() {
        check(Overlap::Allow, "2@6", "1@5 3@7", "go");
    }

    #[test]
    fn a_reason_is_read_back_and_fits_ecs() {
        let reasons = [
            (turn(Overlap::Skip, &run(2, 6, false), &[run(1, 5, false)]), Stopped::Skipped),
            (turn(Overlap::Replace, &run(1, 5, false), &[run(2, 6, false)]), Stopped::Replaced),
            (Turn::Yield(timed_out(Seconds(5400))), Stopped::TimedOut),
        ];
        for (turn, expected) in reasons {
            let Turn::Yield(reason) = turn else { panic!("{turn:?}") };
            assert_eq!(Stopped::read(&reason), Some(expected), "{reason}");
            // StopTask, `reason`: 255 characters (API reference); an id is 32.
            assert!(reason.len() + 32 < 255);
        }
        assert_eq!(Stopped::read("Essential container in task exited"), None);
        assert_eq!(timed_out(Seconds(5400)), "timeout of 1h30m");
    }

    #[test]
    fn a_length_of_time_is_spelt_as_it_is_read() {
        for seconds in [0, 1, 59, 60, 90, 3600, 5400, 86_400, 90_061, u32::MAX] {
            assert_eq!(Seconds::read(&spelt(Seconds(seconds))), Ok(Seconds(seconds)));
        }
    }

    fn overlaps() -> impl Strategy<Value = Overlap> {
        prop_oneof![Just(Overlap::Skip), Just(Overlap::Replace)]
    }

    proptest! {
        /// Runs that all see each other, of whatever ages: one goes on, the right one, and the others stop.
        #[test]
        fn exactly_one_goes_on(overlap in overlaps(), ages in prop::collection::vec(0_i64..4, 1..8)) {
            let all: Vec<Run> = (0..).zip(&ages).map(|(n, age)| run(n, *age, false)).collect();
            let others = |own: &Run| all.iter().filter(|other| *other != own).cloned().collect::<Vec<_>>();
            let goes = |own: &&Run| !matches!(turn(overlap, own, &others(own)), Turn::Yield(_));
            let going: Vec<&Run> = all.iter().filter(goes).collect();
            let expected = match overlap {
                Overlap::Skip => all.iter().min_by_key(|run| (run.created, run.arn.clone())),
                _ => all.iter().max_by_key(|run| (run.created, run.arn.clone())),
            };
            prop_assert_eq!(going, expected.into_iter().collect::<Vec<_>>());
        }

        /// Runs come, look, are stopped and end in any order: two never run at once, and in the end the right one has.
        #[test]
        fn two_never_run_at_once(overlap in overlaps(), ages in prop::collection::vec(0_i64..4, 1..7), order in prop::collection::vec(any::<prop::sample::Index>(), 200)) {
            #[derive(Clone, Copy, PartialEq)]
            enum At { Unborn, Gate, Going, Ended }
            let mut all: Vec<(Run, At)> = (0..).zip(&ages).map(|(n, age)| (run(n, *age, false), At::Unborn)).collect();
            all.sort_by_key(|(run, _)| (run.created, run.arn.clone()));
            // What goes on runs until it is stopped: the hardest case.
            let mut begun = Vec::new();
            let turns = order.iter().map(|index| index.index(all.len())).chain((0..40).flat_map(|_| 0..ages.len())).collect::<Vec<_>>();
            for index in turns {
                let (own, at) = all[index].clone();
                if at == At::Unborn {
                    if all[..index].iter().all(|(_, at)| *at != At::Unborn) {
                        all[index].1 = At::Gate;
                    }
                    continue;
                }
                if at == At::Ended {
                    continue;
                }
                if own.stops {
                    all[index].1 = At::Ended;
                    continue;
                }
                if at == At::Going {
                    continue;
                }
                let others: Vec<Run> = all.iter().enumerate().filter(|(other, (_, at))| *other != index && !matches!(at, At::Unborn | At::Ended)).map(|(_, (run, _))| run.clone()).collect();
                match turn(overlap, &own, &others) {
                    Turn::Go => {
                        prop_assert!(all.iter().all(|(_, at)| *at != At::Going), "two at once");
                        all[index].1 = At::Going;
                        begun.push(own.arn.clone());
                    }
                    Turn::Wait => {}
                    Turn::Yield(_) => all[index].0.stops = true,
                    Turn::Stop(arns, _) => all.iter_mut().filter(|(run, _)| arns.contains(&run.arn)).for_each(|(run, _)| run.stops = true),
                }
            }
            let going: Vec<&Run> = all.iter().filter(|(_, at)| *at == At::Going).map(|(run, _)| run).collect();
            let expected = match overlap {
                Overlap::Skip => all.iter().min_by_key(|(run, _)| (run.created, run.arn.clone())),
                _ => all.iter().max_by_key(|(run, _)| (run.created, run.arn.clone())),
            };
            prop_assert_eq!(going, expected.iter().map(|(run, _)| run).collect::<Vec<_>>());
            prop_assert!(overlap != Overlap::Skip || begun.len() == 1);
        }
    }
}
