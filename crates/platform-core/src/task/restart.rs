//! Whether a container that ended is started again in its task, and what it is then.
//!
//! API reference, ContainerRestartPolicy, and ECS's own agent (aws/amazon-ecs-agent, `restart_tracker.go` and
//! `task_manager.go`): an exit code that is not ignored, and a run of at least `restartAttemptPeriod` since the
//! container was started or restarted last. It is the same container that is started: its files, its environment and
//! its place in the logs stay, and for ECS it has been RUNNING all the time. An essential container that is restarted
//! has not ended, so its task goes on; one that is not restarted ends it, policy or not.

use aws_model::Millis;
use aws_model::task_definition::RestartPolicy;

use crate::world::{ContainerPhase, ContainerState, Health};

/// Seconds that a container must have run where its policy does not say (API reference).
const ATTEMPT_PERIOD: i64 = 300;

/// Whether a container that has ended is to be started again; its task is wanted to run.
///
/// Looks at nothing that changes by itself, so that an end is judged the same however late it is looked at.
pub fn is_due(policy: &RestartPolicy, container: &ContainerState) -> bool {
    let since = container.restarted_at.or(container.started_at);
    let (Some(code), Some(since), Some(ended)) = (container.exit_code, since, container.stopped_at) else {
        return false; // It never ran, or how it ended is unknown.
    };
    let period = policy.restart_attempt_period.unwrap_or(ATTEMPT_PERIOD) * 1000;
    policy.enabled
        && container.phase == ContainerPhase::Stopped
        && !policy.ignored_exit_codes.contains(&i64::from(code))
        && ended - since >= period
}

/// Means to start it again. How it ended is kept until it runs: that is how it ended if it cannot be started.
pub(super) fn begin(container: &mut ContainerState, now: Millis) {
    container.phase = ContainerPhase::Restarting;
    container.restarts += 1;
    container.restarted_at = Some(now);
    // Docker begins anew with the health of a container that is started again (`starting`, ECS's UNKNOWN).
    container.health = Health::default();
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ended(started: Millis, restarted: Option<Millis>, ended: Millis, code: i32) -> ContainerState {
        ContainerState {
            phase: ContainerPhase::Stopped,
            started_at: Some(started),
            restarted_at: restarted,
            restarts: u32::from(restarted.is_some()),
            stopped_at: Some(ended),
            exit_code: Some(code),
            name: "app".into(),
            arn: String::new(),
            runtime_id: String::new(),
            image: "i".into(),
            image_digest: None,
            health: Health::default(),
            reason: None,
            wanted_at: Some(started),
            stop_asked_at: None,
            kill_asked_at: None,
        }
    }

    fn policy(period: Option<i64>, ignored: &[i64]) -> RestartPolicy {
        RestartPolicy { enabled: true, ignored_exit_codes: ignored.to_vec(), restart_attempt_period: period }
    }

    #[test]
    fn what_ran_long_enough_is_restarted_and_what_was_to_end_is_not() {
        let check = |policy: RestartPolicy, container: ContainerState, expected: bool| {
            assert_eq!(is_due(&policy, &container), expected, "{policy:?} {container:?}");
        };
        check(policy(Some(60), &[]), ended(0, None, 60_000, 1), true);
        check(policy(Some(60), &[]), ended(0, None, 59_999, 1), false);
        check(policy(Some(60), &[0]), ended(0, None, 60_000, 0), false);
        check(policy(Some(60), &[]), ended(0, None, 60_000, 0), true);
        check(policy(None, &[]), ended(0, None, 299_999, 1), false);
        check(policy(None, &[]), ended(0, None, 300_000, 1), true);
        // The last restart counts, not the first start.
        check(policy(Some(60), &[]), ended(0, Some(90_000), 100_000, 1), false);
        check(policy(Some(60), &[]), ended(0, Some(90_000), 150_000, 1), true);
        check(RestartPolicy { enabled: false, ..policy(Some(60), &[]) }, ended(0, None, 60_000, 1), false);
        check(policy(Some(60), &[]), ContainerState { exit_code: None, ..ended(0, None, 60_000, 1) }, false);
        check(
            policy(Some(60), &[]),
            ContainerState { phase: ContainerPhase::Running, ..ended(0, None, 60_000, 1) },
            false,
        );
    }

    proptest! {
        /// "A container can be restarted only once every `restartAttemptPeriod` seconds" (API reference), whatever
        /// its ends are; and one that was judged once is judged the same again.
        #[test]
        fn restarts_are_at_least_a_period_apart(
            period in 60..1800i64, runs in proptest::collection::vec((0..4_000_000i64, 0..3i32), 1..20),
        ) {
            let policy = policy(Some(period), &[0]);
            let mut container = ended(0, None, 0, 1);
            let (mut now, mut last) = (0, 0);
            for (ran, code) in runs {
                now += ran;
                container = ContainerState {
                    phase: ContainerPhase::Stopped, stopped_at: Some(now), exit_code: Some(code), ..container
                };
                let due = is_due(&policy, &container);
                prop_assert_eq!(due, code != 0 && ran >= period * 1000);
                if !due {
                    break; // It has ended for good.
                }
                begin(&mut container, now);
                prop_assert!(!is_due(&policy, &container));
                prop_assert!(now - last >= period * 1000);
                // A start that fails leaves the end as it was, and that does not begin again.
                let unstarted = ContainerState { phase: ContainerPhase::Stopped, ..container.clone() };
                prop_assert!(!is_due(&policy, &unstarted), "too soon: {:?}", unstarted);
                last = now;
            }
        }
    }
}
