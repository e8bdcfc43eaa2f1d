//! Which tasks of a service start and stop next.
//!
//! Bounds as ECS documents them (developer guide, "Rolling update deployments"): the floor is
//! `minimumHealthyPercent` of the desired count rounded up, the ceiling `maximumPercent` rounded down,
//! over tasks that are wanted to run.

/// What the decision may look at.
#[derive(Debug)]
pub struct Facts<'a> {
    /// Tasks wanted.
    pub desired: usize,
    /// `minimumHealthyPercent`.
    pub minimum_healthy_percent: usize,
    /// `maximumPercent`.
    pub maximum_percent: usize,
    /// Tasks that are wanted to run, oldest first.
    pub tasks: &'a [View],
    /// Whether the primary deployment failed for good: nothing is started, and what serves goes on.
    pub given_up: bool,
    /// Whether a launch is allowed now; false during back-off.
    pub may_launch: bool,
}

/// One task, as far as it matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct View {
    /// Whether it is of the primary deployment.
    pub fresh: bool,
    /// Whether it counts as healthy.
    pub healthy: bool,
    /// Whether its checks failed for good and it is to be replaced.
    pub sick: bool,
}

/// Something to do about the service's tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Move {
    /// Starts one task of the primary deployment.
    Launch,
    /// Stops the task at this index, because it is not wanted any more.
    Retire(usize),
    /// Stops the task at this index, because its checks failed.
    Replace(usize),
}

/// Returns the fewest healthy tasks that a move may leave.
pub fn floor(desired: usize, minimum_healthy_percent: usize) -> usize {
    (desired * minimum_healthy_percent).div_ceil(100)
}

/// Returns the most tasks that a launch may lead to.
pub fn ceiling(desired: usize, maximum_percent: usize) -> usize {
    desired * maximum_percent / 100
}

/// Returns moves one safe step nearer to the desired state; empty means nothing to do now.
///
/// No set of returned moves takes healthy tasks below the floor, unless they were below it already,
/// and no launch takes the tasks above the ceiling.
pub fn next_moves(facts: &Facts<'_>) -> Vec<Move> {
    let indexed = || facts.tasks.iter().enumerate();
    let mut moves: Vec<Move> = indexed().filter(|(_, t)| t.sick).map(|(i, _)| Move::Replace(i)).collect();

    let well = || indexed().filter(|(_, t)| !t.sick);
    let healthy = well().filter(|(_, t)| t.healthy).count();
    let mut spare = healthy.saturating_sub(floor(facts.desired, facts.minimum_healthy_percent));

    if facts.given_up {
        moves.extend(shrink(facts, spare));
        return moves;
    }
    let fresh = well().filter(|(_, t)| t.fresh).count();
    let mut surplus = fresh.saturating_sub(facts.desired);
    // The youngest go first, those that serve nobody before those that do.
    let waiting = well().filter(|(_, t)| t.fresh && !t.healthy).rev_indices();
    let serving = well().filter(|(_, t)| t.fresh && t.healthy).rev_indices();
    for (index, is_healthy) in waiting.iter().map(|i| (*i, false)).chain(serving.iter().map(|i| (*i, true))) {
        if surplus == 0 || (is_healthy && spare == 0) {
            break;
        }
        surplus -= 1;
        spare -= usize::from(is_healthy);
        moves.push(Move::Retire(index));
    }

    for (index, task) in well().filter(|(_, t)| !t.fresh) {
        if task.healthy {
            if spare == 0 {
                continue;
            }
            spare -= 1;
        }
        moves.push(Move::Retire(index));
    }

    let retired = moves.iter().filter(|m| matches!(m, Move::Retire(_))).count();
    let live = well().count() - retired;
    let missing = facts.desired.saturating_sub(fresh);
    let room = ceiling(facts.desired, facts.maximum_percent).saturating_sub(live);
    // A failed check is a failure first: the next look counts it, and may find that it was one too many.
    let replaced = moves.iter().any(|m| matches!(m, Move::Replace(_)));
    if facts.may_launch && !replaced {
        moves.extend(std::iter::repeat_n(Move::Launch, missing.min(room)));
    }
    moves
}

/// Returns the tasks above the count that a deployment without future has: its own first.
fn shrink(facts: &Facts<'_>, mut spare: usize) -> Vec<Move> {
    let well: Vec<(usize, &View)> = facts.tasks.iter().enumerate().filter(|(_, t)| !t.sick).collect();
    let surplus = well.len().saturating_sub(facts.desired);
    let mut order = well;
    // Stable: among equals the oldest stay, because the youngest are looked at first.
    order.reverse();
    order.sort_by_key(|(_, t)| (t.healthy, !t.fresh));
    let mut retired = Vec::new();
    for (index, task) in order {
        if retired.len() == surplus {
            break;
        }
        if task.healthy {
            if spare == 0 {
                continue;
            }
            spare -= 1;
        }
        retired.push(Move::Retire(index));
    }
    retired
}

trait RevIndices {
    fn rev_indices(self) -> Vec<usize>;
}

impl<'a, I: Iterator<Item = (usize, &'a View)>> RevIndices for I {
    fn rev_indices(self) -> Vec<usize> {
        let mut all: Vec<usize> = self.map(|(i, _)| i).collect();
        all.reverse();
        all
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A task reads `fresh|stale:up|down|sick`.
    fn check(desired: usize, percents: (usize, usize), tasks: &str, expected: &str) {
        let tasks: Vec<View> = tasks
            .split_whitespace()
            .map(|t| {
                let (age, state) = t.split_once(':').unwrap();
                View { fresh: age == "fresh", healthy: state == "up", sick: state == "sick" }
            })
            .collect();
        let facts = Facts {
            desired,
            minimum_healthy_percent: percents.0,
            maximum_percent: percents.1,
            tasks: &tasks,
            given_up: false,
            may_launch: true,
        };
        let moves: Vec<String> = next_moves(&facts)
            .into_iter()
            .map(|m| match m {
                Move::Launch => "launch".to_owned(),
                Move::Retire(i) => format!("retire {i}"),
                Move::Replace(i) => format!("replace {i}"),
            })
            .collect();
        assert_eq!(moves.join(", "), expected);
    }

    #[test]
    fn starts_what_is_missing() {
        check(2, (100, 200), "", "launch, launch");
        check(2, (100, 200), "fresh:down", "launch");
        check(2, (100, 200), "fresh:up fresh:down", "");
    }

    #[test]
    fn retires_the_old_only_once_the_new_serve() {
        check(1, (100, 200), "stale:up", "launch");
        check(1, (100, 200), "stale:up fresh:down", "");
        check(1, (100, 200), "stale:up fresh:up", "retire 0");
    }

    #[test]
    fn makes_room_first_where_the_ceiling_is_the_count() {
        check(2, (50, 100), "stale:up stale:up", "retire 0, launch");
        check(2, (50, 100), "stale:up fresh:down", "");
    }

    #[test]
    fn replaces_the_sick_at_once_and_counts_them_before_it_starts_more() {
        check(1, (100, 200), "fresh:sick", "replace 0");
    }

    #[test]
    fn scales_in_from_the_youngest() {
        check(1, (100, 200), "fresh:up fresh:up fresh:down", "retire 2, retire 1");
        check(0, (100, 200), "fresh:up stale:up", "retire 0, retire 1");
    }

    fn views() -> impl Strategy<Value = Vec<View>> {
        let view = (any::<bool>(), 0..3u8).prop_map(|(fresh, s)| View { fresh, healthy: s == 1, sick: s == 2 });
        proptest::collection::vec(view, 0..12)
    }

    proptest! {
        #[test]
        fn never_below_the_floor_and_never_above_the_ceiling(
            tasks in views(), desired in 0..8usize, min in 0..=100usize, max in 100..=200usize, may_launch: bool, given_up: bool,
        ) {
            let facts = Facts { desired, minimum_healthy_percent: min, maximum_percent: max, tasks: &tasks, given_up, may_launch };
            let moves = next_moves(&facts);
            let healthy = |t: &View| t.healthy && !t.sick;
            let before = tasks.iter().filter(|t| healthy(t)).count();
            let stopped: Vec<usize> = moves.iter().filter_map(|m| match m { Move::Retire(i) | Move::Replace(i) => Some(*i), Move::Launch => None }).collect();
            let after = tasks.iter().enumerate().filter(|(i, t)| healthy(t) && !stopped.contains(i)).count();
            prop_assert!(after >= before.min(floor(desired, min)));
            let launches = moves.iter().filter(|m| **m == Move::Launch).count();
            let live = tasks.len() - stopped.len() + launches;
            prop_assert!(launches == 0 || live <= ceiling(desired, max));
        }

        #[test]
        fn converges_when_every_launch_becomes_healthy(
            start in views(), desired in 0..8usize, min in 0..=99usize, max in 101..=200usize,
        ) {
            // One task more or less must be allowed, or nothing can move (as on ECS).
            prop_assume!(desired == 0 || ceiling(desired, max) > desired || floor(desired, min) < desired);
            let mut tasks = start;
            for _ in 0..100 {
                let facts = Facts { desired, minimum_healthy_percent: min, maximum_percent: max, tasks: &tasks, given_up: false, may_launch: true };
                let moves = next_moves(&facts);
                if moves.is_empty() && tasks.iter().all(|t| t.healthy) { break; }
                let stopped: Vec<usize> = moves.iter().filter_map(|m| match m { Move::Retire(i) | Move::Replace(i) => Some(*i), Move::Launch => None }).collect();
                let launches = moves.len() - stopped.len();
                let mut index = 0;
                tasks.retain(|_| { index += 1; !stopped.contains(&(index - 1)) });
                for t in &mut tasks { if !t.sick { t.healthy = true; } }
                tasks.extend(std::iter::repeat_n(View { fresh: true, healthy: false, sick: false }, launches));
            }
            prop_assert_eq!(tasks.len(), desired);
            prop_assert!(tasks.iter().all(|t| t.fresh && t.healthy));
        }
    }
}
