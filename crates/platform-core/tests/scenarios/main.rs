//! What happens to a service, second by second, compared with an earlier transcript.
//!
//! Each scenario is a file beside this one (its language: `testkit::scenario`); its transcript is a
//! snapshot. A changed transcript is a changed behaviour: read it before accepting it.

mod deleted_revisions;
mod deployment_alarms;
mod registries;
mod service_deployments;

fn check(name: &str, scenario: &str) {
    insta::assert_snapshot!(name, testkit::play(scenario));
}

macro_rules! scenarios {
    ($($name:ident),* $(,)?) => {$(
        #[test]
        fn $name() {
            check(stringify!($name), include_str!(concat!(stringify!($name), ".txt")));
        }
    )*};
}

scenarios!(
    healthy,
    slow_start,
    crash_at_start,
    crash_after_a_minute,
    health_check_never_green,
    target_never_healthy,
    image_missing,
    image_missing_without_breaker,
    secret_missing,
    new_deployment_in_the_middle,
    platform_killed_in_the_middle,
    completed_has_left_the_list,
    rollback_that_fails_too,
    stop_service_deployment,
    abort_service_deployment,
    cumulative_count,
    deleted,
    grace_period,
    new_deployment_during_a_rollback,
    one_after_another,
    platform_killed_during_a_rollback,
    scaled,
    slow_connections,
    sick_task_comes_back,
    sick_task_is_replaced,
    updated_at_once,
);
