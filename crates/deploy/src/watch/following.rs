//! What is known between two looks at a deployment that is followed, and what a look leads to. Pure:
//! instants are arguments.

use std::time::{Duration, Instant};

use super::verdict::{self, Cause, End, Goal, Verdict};
use super::view::{self, ServiceView};
use super::{Patience, Rollout, rollout};
use crate::event::Event;

/// How long an endpoint may not answer while a deployment is followed: it may be starting again.
const SILENCE: Duration = Duration::from_secs(60);

/// How long a service may take to go back, whatever the limit.
const WAY_BACK: Duration = Duration::from_secs(300);

/// Why a deployment ended that we stopped.
const OURS: &str = "managr stopped it, because its tasks stop again and again for the same cause.";

/// A deployment that is followed, as far as it was seen.
pub(super) struct Following {
    /// What the last look saw: what is in it is no news.
    pub(super) before: ServiceView,
    /// Whether the endpoint is asked for its service deployments: one that knows none is not asked again.
    pub(super) asks: bool,
    since: Instant,
    heard: Instant,
    is_silent: bool,
    shown: Option<Rollout>,
    /// Why we asked for it to be undone, once we have.
    undone: Option<Vec<Cause>>,
    done: Option<Instant>,
}

/// What a look leads to.
#[derive(Debug, PartialEq)]
pub(super) enum Next {
    /// Another look.
    Look,
    /// The deployment is to be undone, for these causes.
    Undo(Vec<Cause>),
    /// The end.
    End(Verdict),
}

impl Following {
    /// Begins with what the service looked like before it was touched.
    pub(super) fn new(before: ServiceView, now: Instant) -> Self {
        let (undone, done, shown) = (None, None, None);
        Self { before, asks: true, since: now, heard: now, is_silent: false, shown, undone, done }
    }

    /// Returns whether an endpoint that does not answer is asked again.
    pub(super) fn bears_silence(&self, now: Instant) -> bool {
        now - self.heard < SILENCE
    }

    /// Notes that nothing was answered; returns whether that is new.
    pub(super) fn first_silence(&mut self) -> bool {
        !std::mem::replace(&mut self.is_silent, true)
    }

    /// Notes a look; returns what is new in it.
    pub(super) fn hear(&mut self, goal: &Goal, view: &ServiceView, now: Instant) -> Vec<Event> {
        self.heard = now;
        self.is_silent = false;
        let mut news = view::news(&self.before, view);
        let rollout = rollout(goal, view);
        if self.shown.as_ref() != Some(&rollout) {
            news.push(Event::Rollout(rollout.clone()));
            self.shown = Some(rollout);
        }
        news
    }

    /// Decides what a look leads to.
    pub(super) fn next(
        &mut self,
        goal: &Goal,
        patience: &Patience,
        stops_crash_loops: bool,
        view: &ServiceView,
        now: Instant,
    ) -> Next {
        let elapsed = now - self.since;
        // While it bakes, tasks that stop count although ECS is content.
        let baking = if self.done.is_some() { patience.bake } else { Duration::ZERO };
        let verdict = if self.done.is_some() { verdict::judge_on(goal, view) } else { verdict::judge(goal, view) };
        let out_of_time = || {
            let causes = verdict::causes(verdict::tasks_of(goal, view));
            Next::End(Verdict::Lost { end: End::TimedOut, causes })
        };
        match verdict {
            // It was asked for already: the way back is waited for.
            Verdict::Lost { end: End::CrashLoop, .. }
                if stops_crash_loops && self.undone.is_some() && elapsed <= patience.limit + WAY_BACK =>
            {
                Next::Look
            }
            Verdict::Lost { end: End::CrashLoop, causes } if stops_crash_loops && self.undone.is_none() => {
                Next::Undo(causes)
            }
            // ECS may have forgotten the tasks that we saw.
            Verdict::Lost { end, causes } if causes.is_empty() => {
                Next::End(Verdict::Lost { end, causes: self.undone.clone().unwrap_or_default() })
            }
            Verdict::Lost { end, causes } => Next::End(Verdict::Lost { end, causes }),
            Verdict::Going if elapsed > patience.limit + baking => out_of_time(),
            Verdict::GoingBack if elapsed > patience.limit + WAY_BACK => out_of_time(),
            Verdict::Going | Verdict::GoingBack => Next::Look,
            Verdict::Done if now - *self.done.get_or_insert(now) >= patience.bake => Next::End(Verdict::Done),
            Verdict::Done => Next::Look,
        }
    }

    /// Notes that the deployment is being undone at our request.
    pub(super) fn undone(&mut self, causes: Vec<Cause>) {
        self.undone = Some(causes);
    }

    /// Returns a last view with the reason in our words, where it was us. For ECS it was its user; for
    /// ours, that would be a riddle.
    pub(super) fn in_our_words(&self, mut view: ServiceView) -> ServiceView {
        if let (Some(_), Some(ours)) = (&self.undone, &mut view.service_deployment) {
            OURS.clone_into(&mut ours.reason);
        }
        view
    }
}

#[cfg(test)]
mod tests {
    use super::super::view::{DeploymentView, TaskView};
    use super::*;

    const LIMIT: Duration = Duration::from_secs(600);

    fn goal() -> Goal {
        Goal { task_definition: "td:2".into(), deployment: "ecs-svc/2".into(), previous: Some("td:1".into()) }
    }

    fn patience() -> Patience {
        Patience { interval: Duration::from_secs(1), limit: LIMIT, bake: Duration::ZERO }
    }

    /// A service whose deployment goes on, with this number of tasks that crashed.
    fn view(crashed: usize) -> ServiceView {
        let deployment = DeploymentView {
            id: "ecs-svc/2".into(),
            status: "PRIMARY".into(),
            task_definition: "td:2".into(),
            rollout_state: "IN_PROGRESS".into(),
            ..DeploymentView::default()
        };
        let task = |number: usize| TaskView {
            id: number.to_string(),
            task_definition: "td:2".into(),
            started_by: "ecs-svc/2".into(),
            last_status: "STOPPED".into(),
            stop_code: "EssentialContainerExited".into(),
            stopped_reason: "Essential container in task exited".into(),
            ..TaskView::default()
        };
        ServiceView {
            name: "web".into(),
            status: "ACTIVE".into(),
            task_definition: "td:2".into(),
            deployments: vec![deployment],
            tasks: (0..crashed).map(task).collect(),
            ..ServiceView::default()
        }
    }

    #[test]
    fn a_crash_loop_is_undone_once_and_then_waited_for_in_bounds() {
        let start = Instant::now();
        let mut state = Following::new(view(0), start);
        let next = |state: &mut Following, crashed, after: u64| {
            let now = start + Duration::from_secs(after);
            state.next(&goal(), &patience(), true, &view(crashed), now)
        };
        assert_eq!(next(&mut state, 0, 1), Next::Look);
        let Next::Undo(causes) = next(&mut state, verdict::CRASH_LOOP, 2) else { panic!("not undone") };
        // The call was lost: it is asked for again.
        let again = next(&mut state, verdict::CRASH_LOOP, 3);
        assert_eq!(again, Next::Undo(causes.clone()));
        state.undone(causes.clone());
        assert_eq!(next(&mut state, verdict::CRASH_LOOP, 4), Next::Look);
        let late = (LIMIT + WAY_BACK).as_secs() + 1;
        let end = next(&mut state, verdict::CRASH_LOOP, late);
        assert_eq!(end, Next::End(Verdict::Lost { end: End::CrashLoop, causes }));
    }

    #[test]
    fn whoever_leaves_crash_loops_alone_hears_of_them_at_once() {
        let start = Instant::now();
        let mut state = Following::new(view(0), start);
        let end = state.next(&goal(), &patience(), false, &view(verdict::CRASH_LOOP), start);
        assert!(matches!(end, Next::End(Verdict::Lost { end: End::CrashLoop, .. })), "{end:?}");
    }

    #[test]
    fn patience_and_silence_have_an_end() {
        let start = Instant::now();
        let mut state = Following::new(view(0), start);
        assert_eq!(state.next(&goal(), &patience(), true, &view(0), start + LIMIT), Next::Look);
        let late = start + LIMIT + Duration::from_secs(1);
        let end = state.next(&goal(), &patience(), true, &view(0), late);
        assert!(matches!(end, Next::End(Verdict::Lost { end: End::TimedOut, .. })), "{end:?}");
        assert!(state.bears_silence(start + SILENCE / 2) && !state.bears_silence(start + SILENCE));
        assert!(state.first_silence() && !state.first_silence());
        assert!(!state.hear(&goal(), &view(0), start + SILENCE).is_empty(), "how far it is, is news");
        assert_eq!(state.hear(&goal(), &view(0), start + SILENCE), []);
        assert!(state.first_silence() && state.bears_silence(start + SILENCE));
    }
}
