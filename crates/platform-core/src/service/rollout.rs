//! Which tasks of a service start and stop next.
//!
//! Bounds as ECS documents them (developer guide, "Rolling update deployments"; API reference,
//! `DeploymentConfiguration`): the floor is `minimumHealthyPercent` of the desired count rounded up, "the
//! lower limit on the number of tasks that must remain in the RUNNING state", the ceiling
//! `maximumPercent` rounded down, over tasks that are wanted to run.
//!
//! A task that is not yet known to be healthy is not a sick one. What runs of an older deployment keeps
//! the floor like a healthy task until its checks have failed; what is new keeps it only once it is healthy.
//!
//! Tasks whose checks failed are replaced as on ECS since October 2023 (developer guide, "Amazon ECS
//! services"): the replacement starts first, and the sick task stops once enough are healthy, or once
//! the replacement is sick too. Where the ceiling leaves no room for it, sick tasks are stopped one by
//! one to make room.

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
    /// Whether it is RUNNING.
    pub runs: bool,
    /// What is known of its health.
    pub health: Health,
    /// Whether it is protected from scaling in and from deployments.
    pub protected: bool,
}

/// What is known of a task's health, in the order in which tasks are given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Health {
    /// Its checks failed for good: it is to be replaced.
    Sick,
    /// Nothing yet.
    Open,
    /// It counts as healthy.
    Healthy,
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

/// Returns the fewest tasks that a move may leave running.
pub fn floor(desired: usize, minimum_healthy_percent: usize) -> usize {
    (desired * minimum_healthy_percent).div_ceil(100)
}

/// Returns the most tasks that a launch may lead to.
pub fn ceiling(desired: usize, maximum_percent: usize) -> usize {
    desired * maximum_percent / 100
}

/// Returns moves one safe step nearer to the desired state; empty means nothing to do now.
///
/// No set of returned moves takes the tasks that run below the floor, nor those of them that are healthy,
/// unless they were below it already; only a sick task is stopped below it, one at a time, and only where
/// the ceiling leaves no room for its replacement and none is on its way. No launch takes the tasks above
/// the ceiling. A protected task is stopped only if its checks failed.
pub fn next_moves(facts: &Facts<'_>) -> Vec<Move> {
    let mut plan = Plan::of(facts);
    if facts.given_up {
        plan.shrink();
        return plan.moves;
    }
    plan.stop_surplus();
    plan.stop_stale();
    plan.stop_sick();
    plan.launch();
    plan.moves
}

/// The moves so far, and what would be there after them.
struct Plan<'a> {
    facts: &'a Facts<'a>,
    moves: Vec<Move>,
    floor: usize,
    /// Tasks that are left.
    live: usize,
    /// Those of them that run.
    running: usize,
    /// Those of them that keep the floor: healthy, or of an older deployment and not known to be sick.
    keeping: usize,
    /// Those of them that are healthy.
    healthy: usize,
    /// Those of them that are fresh and whose fate is open.
    coming: usize,
}

impl<'a> Plan<'a> {
    fn of(facts: &'a Facts<'a>) -> Self {
        let count = |is: fn(&View) -> bool| facts.tasks.iter().filter(|t| is(t)).count();
        Self {
            facts,
            moves: Vec::new(),
            // Above the count nothing could ever be retired.
            floor: floor(facts.desired, facts.minimum_healthy_percent).min(facts.desired),
            live: facts.tasks.len(),
            running: count(|t| t.runs),
            keeping: count(View::keeps),
            healthy: count(|t| t.health == Health::Healthy),
            coming: count(View::comes),
        }
    }

    fn stop(&mut self, index: usize) {
        let task = self.facts.tasks[index];
        self.live -= 1;
        self.running -= usize::from(task.runs);
        self.keeping -= usize::from(task.keeps());
        self.healthy -= usize::from(task.health == Health::Healthy);
        self.coming -= usize::from(task.comes());
        self.moves.push(if task.is_sick() { Move::Replace(index) } else { Move::Retire(index) });
    }

    /// Whether the floor stays kept when this task stops.
    fn spares(&self, task: &View) -> bool {
        // The less healthy go first, but protected ones do not go: no healthy one goes in their stead below the floor.
        if task.health == Health::Healthy && self.healthy <= self.floor {
            return false;
        }
        match (task.keeps(), task.runs) {
            (true, _) => self.keeping > self.floor,
            (false, true) => self.running > self.floor,
            (false, false) => true,
        }
    }

    /// Stops tasks in this order, as long as the floor allows it, until so many have been stopped.
    fn stop_spared(&mut self, order: impl IntoIterator<Item = usize>, most: usize) {
        let mut left = most;
        for index in order {
            if left > 0 && self.spares(&self.facts.tasks[index]) {
                left -= 1;
                self.stop(index);
            }
        }
    }

    /// Scales in: the youngest go first, those that serve no requests before those that do.
    fn stop_surplus(&mut self) {
        let surplus = self.fresh().saturating_sub(self.facts.desired);
        let mut order = self.chosen(|t| t.fresh && !t.is_sick() && !t.protected);
        order.reverse();
        order.sort_by_key(|i| self.facts.tasks[*i].worth());
        self.stop_spared(order, surplus);
    }

    /// Retires what older deployments started, the oldest first among equals.
    fn stop_stale(&mut self) {
        let mut order = self.chosen(|t| !t.fresh && !t.is_sick() && !t.protected);
        order.sort_by_key(|i| self.facts.tasks[*i].worth());
        self.stop_spared(order, usize::MAX);
    }

    /// Stops sick tasks that are replaced, and makes room for replacements where there is none.
    fn stop_sick(&mut self) {
        let desired = self.facts.desired;
        let mut order = self.chosen(View::is_sick);
        order.sort_by_key(|i| (self.facts.tasks[*i].runs, self.facts.tasks[*i].fresh));
        for index in order {
            // Enough keep the floor; or what was started in its place is sick as well.
            let replaced = self.keeping >= desired.max(self.floor);
            let all_failed = self.coming == 0 && self.running > self.floor;
            if !self.facts.tasks[index].runs || (self.live > desired && (replaced || all_failed)) {
                self.stop(index);
                continue;
            }
            let stuck = self.missing() > 0 && self.room() == 0 && self.facts.may_launch;
            // Where protected tasks hold more than the ceiling, no replacement would start.
            let makes_room = self.live <= ceiling(desired, self.facts.maximum_percent);
            let nothing_comes = self.coming == 0 && makes_room;
            if stuck && (self.running > self.floor || self.keeping >= self.floor || nothing_comes) {
                self.stop(index);
            }
            return;
        }
    }

    fn launch(&mut self) {
        if self.facts.may_launch {
            let count = self.missing().min(self.room());
            self.moves.extend(std::iter::repeat_n(Move::Launch, count));
        }
    }

    /// Stops the tasks above the count that a deployment without future has: its own first.
    fn shrink(&mut self) {
        let surplus = self.live.saturating_sub(self.facts.desired);
        // Protection keeps no task whose checks failed.
        let mut order = self.chosen(|t| t.is_sick() || !t.protected);
        order.reverse();
        order.sort_by_key(|i| (self.facts.tasks[*i].worth(), !self.facts.tasks[*i].fresh));
        self.stop_spared(order, surplus);
    }

    fn chosen(&self, is: fn(&View) -> bool) -> Vec<usize> {
        self.facts.tasks.iter().enumerate().filter(|(_, t)| is(t)).map(|(i, _)| i).collect()
    }

    /// Tasks of the primary deployment that may become, or are, what is wanted.
    fn fresh(&self) -> usize {
        self.facts.tasks.iter().filter(|t| t.fresh && !t.is_sick()).count()
    }

    fn missing(&self) -> usize {
        self.facts.desired.saturating_sub(self.fresh())
    }

    fn room(&self) -> usize {
        ceiling(self.facts.desired, self.facts.maximum_percent).saturating_sub(self.live)
    }
}

impl View {
    /// Whether it holds the floor for others to go.
    fn keeps(&self) -> bool {
        self.runs && (self.health == Health::Healthy || (self.health == Health::Open && !self.fresh))
    }

    /// Whether it may become what is wanted.
    fn comes(&self) -> bool {
        self.fresh && !self.is_sick() && !self.keeps()
    }

    fn is_sick(&self) -> bool {
        self.health == Health::Sick
    }

    /// Sorts first what serves least.
    fn worth(&self) -> (bool, Health) {
        (self.runs, self.health)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A task reads `fresh|stale:starting|young|up|sick`; with `!` at its end it is protected.
    fn view(text: &str) -> View {
        let (text, protected) = text.strip_suffix('!').map_or((text, false), |text| (text, true));
        let (age, state) = text.split_once(':').unwrap();
        let (runs, health) = match state {
            "starting" => (false, Health::Open),
            "young" => (true, Health::Open),
            "up" => (true, Health::Healthy),
            "sick" => (true, Health::Sick),
            other => panic!("no such state: {other}"),
        };
        View { fresh: age == "fresh", runs, health, protected }
    }

    fn told(facts: &Facts<'_>) -> String {
        let word = |m| match m {
            Move::Launch => "launch".to_owned(),
            Move::Retire(i) => format!("retire {i}"),
            Move::Replace(i) => format!("replace {i}"),
        };
        next_moves(facts).into_iter().map(word).collect::<Vec<_>>().join(", ")
    }

    fn facts<'a>(desired: usize, percents: (usize, usize), tasks: &'a [View]) -> Facts<'a> {
        Facts {
            desired,
            minimum_healthy_percent: percents.0,
            maximum_percent: percents.1,
            tasks,
            given_up: false,
            may_launch: true,
        }
    }

    fn check(desired: usize, percents: (usize, usize), tasks: &str, expected: &str) {
        let tasks: Vec<View> = tasks.split_whitespace().map(view).collect();
        assert_eq!(told(&facts(desired, percents, &tasks)), expected);
    }

    #[test]
    fn starts_what_is_missing() {
        check(2, (100, 200), "", "launch, launch");
        check(2, (100, 200), "fresh:starting", "launch");
        check(2, (100, 200), "fresh:up fresh:young", "");
    }

    #[test]
    fn retires_the_old_only_once_the_new_serve() {
        check(1, (100, 200), "stale:up", "launch");
        check(1, (100, 200), "stale:up fresh:starting", "");
        check(1, (100, 200), "stale:up fresh:young", "");
        check(1, (100, 200), "stale:up fresh:up", "retire 0");
    }

    #[test]
    fn a_task_that_is_not_yet_counted_healthy_is_not_a_sick_one() {
        check(1, (100, 200), "stale:young", "launch");
        check(1, (100, 200), "stale:young fresh:young", "");
        check(1, (100, 200), "stale:young fresh:up", "retire 0");
        check(2, (50, 100), "stale:young stale:young", "retire 0, launch");
        check(2, (50, 100), "stale:up stale:young", "retire 1, launch");
    }

    #[test]
    fn what_does_not_run_keeps_nothing() {
        check(1, (100, 200), "stale:starting", "retire 0, launch");
        check(1, (100, 200), "stale:up stale:starting fresh:starting", "retire 1");
    }

    #[test]
    fn makes_room_first_where_the_ceiling_is_the_count() {
        check(2, (50, 100), "stale:up stale:up", "retire 0, launch");
        check(2, (50, 100), "stale:up fresh:starting", "");
    }

    #[test]
    fn the_sick_stop_once_others_are_healthy() {
        check(1, (100, 200), "fresh:sick", "launch");
        check(1, (100, 200), "fresh:sick fresh:young", "");
        check(1, (100, 200), "fresh:sick fresh:up", "replace 0");
        check(1, (100, 200), "fresh:sick fresh:sick", "replace 0, launch");
        check(1, (100, 200), "stale:sick", "launch");
        check(1, (100, 200), "stale:sick fresh:up", "replace 0");
        check(1, (100, 200), "stale:up fresh:sick", "replace 1, launch");
        check(2, (100, 200), "fresh:up fresh:sick fresh:young", "");
    }

    #[test]
    fn the_sick_make_room_one_by_one_where_there_is_none() {
        check(1, (50, 150), "fresh:sick", "replace 0, launch");
        check(3, (100, 100), "fresh:sick fresh:sick fresh:sick", "replace 0, launch");
        check(3, (100, 100), "fresh:sick fresh:sick fresh:young", "");
        check(2, (50, 100), "stale:sick fresh:up", "replace 0, launch");
    }

    #[test]
    fn what_is_protected_is_left_alone_unless_its_checks_failed() {
        check(1, (100, 200), "fresh:up fresh:up! fresh:young", "retire 2, retire 0");
        check(0, (100, 200), "fresh:up!", "");
        check(1, (100, 200), "stale:up! fresh:up", "");
        check(1, (100, 200), "stale:up! stale:up fresh:up", "retire 1");
        check(1, (100, 200), "fresh:sick! fresh:up", "replace 0");
        check(2, (50, 100), "stale:up! stale:up!", "");
        check(2, (50, 100), "stale:up! stale:up", "retire 1, launch");
    }

    #[test]
    fn scales_in_from_the_youngest() {
        check(1, (100, 200), "fresh:up fresh:up fresh:young", "retire 2, retire 1");
        check(1, (100, 200), "fresh:starting fresh:young", "retire 0");
        check(0, (100, 200), "fresh:up stale:up", "retire 0, retire 1");
    }

    #[test]
    fn what_failed_for_good_leaves_what_serves() {
        let check = |tasks: &str, expected: &str| {
            let tasks: Vec<View> = tasks.split_whitespace().map(view).collect();
            assert_eq!(told(&Facts { given_up: true, ..facts(1, (100, 200), &tasks) }), expected);
        };
        check("stale:up fresh:sick", "replace 1");
        check("stale:young fresh:starting", "retire 1");
        check("stale:young fresh:young", "retire 1");
        check("stale:sick", "");
    }

    fn views() -> impl Strategy<Value = Vec<View>> {
        let health = prop_oneof![Just(Health::Sick), Just(Health::Open), Just(Health::Healthy)];
        let view =
            (any::<bool>(), any::<bool>(), health, any::<bool>()).prop_map(|(fresh, runs, health, protected)| View {
                fresh,
                runs: runs || health == Health::Healthy,
                health,
                protected,
            });
        proptest::collection::vec(view, 0..12)
    }

    fn stopped(moves: &[Move]) -> Vec<usize> {
        let index = |m: &Move| match m {
            Move::Retire(i) | Move::Replace(i) => Some(*i),
            Move::Launch => None,
        };
        moves.iter().filter_map(index).collect()
    }

    proptest! {
        #[test]
        fn never_below_the_floor_and_never_above_the_ceiling(
            tasks in views(), desired in 0..8usize, min in 0..=100usize, max in 100..=200usize, may_launch: bool, given_up: bool,
        ) {
            let facts = Facts { may_launch, given_up, ..facts(desired, (min, max), &tasks) };
            let moves = next_moves(&facts);
            let stopped = stopped(&moves);
            let count = |is: &dyn Fn(&View) -> bool| {
                let left = tasks.iter().enumerate().filter(|(i, t)| is(t) && !stopped.contains(i)).count();
                (tasks.iter().filter(|t| is(t)).count(), left)
            };
            let (before, after) = count(&|t| t.health == Health::Healthy);
            prop_assert!(stopped.iter().all(|i| !tasks[*i].protected || tasks[*i].health == Health::Sick), "{moves:?}");
            prop_assert!(after >= before.min(floor(desired, min)), "healthy: {moves:?}");
            let launches = moves.iter().filter(|m| **m == Move::Launch).count();
            let (before, after) = count(&|t| t.runs);
            let below = before.min(floor(desired, min)).saturating_sub(after);
            // One sick task for the replacement that starts in the same moment, where there is no other room.
            let full = tasks.len() - stopped.len() + launches == ceiling(desired, max);
            let makes_room = full && launches > 0 && moves.iter().any(|m| matches!(m, Move::Replace(_)));
            prop_assert!(below == 0 || (below == 1 && makes_room), "running: {moves:?}");
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
            for round in 0..100 {
                // Every protection lapses.
                if round == 10 { tasks.iter_mut().for_each(|t| t.protected = false); }
                let moves = next_moves(&facts(desired, (min, max), &tasks));
                if round > 10 && moves.is_empty() && tasks.iter().all(|t| t.health == Health::Healthy) { break; }
                let stopped = stopped(&moves);
                let launches = moves.len() - stopped.len();
                let mut index = 0;
                tasks.retain(|_| { index += 1; !stopped.contains(&(index - 1)) });
                // One step of each task's life, so that decisions are made at every stage of it.
                for t in tasks.iter_mut().filter(|t| t.health != Health::Sick) {
                    if t.runs { t.health = Health::Healthy; }
                    t.runs = true;
                }
                tasks.extend(std::iter::repeat_n(View { fresh: true, runs: false, health: Health::Open, protected: false }, launches));
            }
            prop_assert_eq!(tasks.len(), desired);
            prop_assert!(tasks.iter().all(|t| t.fresh && t.health == Health::Healthy));
        }
    }
}
