//! One event on its way to one target: done at once where the world knows the target, kept where another service does,
//! and tried again where the fault is not the caller's.
//!
//! EventBridge tries again what ends in a 5xx or 429, within the target's retry policy, and no other refusal (re:Post,
//! "How do I set up EventBridge retries and DLQ for failed invocations?"): a cluster that is not there is a failure.

use aws_model::{AwsError, Document, Millis};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::letter::Letter;
use super::published::Published;
use super::rule::Rule;
use super::story::{Failure, Story};
use super::target::{self, Kind};
use super::tasks;
use crate::scheduler::Schedule;
use crate::service::Decision;
use crate::world::{Record, RecordKey};
use crate::{Change, Cx, World};

/// Between two attempts at most.
const LONGEST: Millis = 3_600_000;
/// How often an event is passed from bus to bus at most: two buses that tell each other would do so for ever.
const HOPS: u32 = 5;

/// Who wants it delivered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Owner {
    /// A rule, by its id.
    Rule(String),
    /// A schedule, by its id.
    Schedule(String),
}

/// What is to be delivered.
pub(crate) struct Job<'a> {
    pub(crate) owner: Owner,
    pub(crate) target: &'a Document,
    /// The event, where the target is a bus.
    pub(crate) event: &'a Document,
    /// How often it was passed on.
    pub(crate) hops: u32,
    /// What the target is sent.
    pub(crate) input: String,
    /// Who starts tasks.
    pub(crate) started_by: String,
}

/// A delivery that did not end at once.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Delivery {
    region: String,
    id: String,
    owner: Owner,
    target: Document,
    input: String,
    started_by: String,
    /// When it began.
    since: Millis,
    /// How often it was refused.
    attempts: u32,
    /// When it is tried next.
    due: Millis,
    /// Name of the log group, if it is for one.
    group: Option<String>,
}

impl Record for Delivery {
    const TABLE: &'static str = "events.deliveries";

    fn region(&self) -> &str {
        &self.region
    }

    fn id(&self) -> &str {
        &self.id
    }
}

/// What became of a job: what becomes different, and what went wrong.
#[derive(Default)]
pub(crate) struct Ended {
    pub(crate) changes: Vec<Change>,
    pub(crate) failure: Option<Failure>,
}

/// Decides over a delivery.
pub(crate) fn decide(world: &World, cx: &mut Cx<'_>, key: &RecordKey) -> Decision {
    let delivery = world.records.get::<Delivery>(&key.region, &key.id);
    delivery.map(|delivery| delivery.decide(world, cx)).unwrap_or_default()
}

/// Delivers, or begins to.
pub(crate) fn carry_out(world: &World, cx: &mut Cx<'_>, job: Job<'_>) -> Ended {
    let arn = text(job.target, "Arn").to_owned();
    let done = |changes| Ended { changes, failure: None };
    let attempt = match target::kind(cx, &arn) {
        Err(error) => Err(error),
        Ok(Kind::Tasks) => tasks::start(world, cx, job.target, &job.input, &job.started_by),
        Ok(Kind::Bus(_)) if job.hops >= HOPS => {
            Err(super::wrong(format!("the event was passed on {HOPS} times, and is dropped")))
        }
        Ok(Kind::Bus(bus)) => Ok(Published::new(cx, &bus, job.event.clone(), job.hops + 1).wanted(world)),
        Ok(Kind::Logs(group)) => {
            let delivery = Delivery::new(cx, job, Some(group));
            return done(vec![Change::put(&delivery)]);
        }
    };
    match attempt {
        Ok(changes) => done(changes),
        Err(error) => {
            let mut delivery = Delivery::new(cx, job, None);
            let again = delivery.again(&error, cx.now);
            let failure = Failure { at: cx.now, target: arn, error: error.to_string(), again };
            let changes = if again { vec![Change::put(&delivery)] } else { Vec::new() };
            Ended { changes, failure: Some(failure) }
        }
    }
}

impl Delivery {
    fn new(cx: &mut Cx<'_>, job: Job<'_>, group: Option<String>) -> Self {
        Self {
            region: cx.region.to_owned(),
            id: cx.ids.uuid(),
            owner: job.owner,
            target: job.target.clone(),
            input: job.input,
            started_by: job.started_by,
            since: cx.now,
            attempts: 0,
            due: cx.now,
            group,
        }
    }

    /// Notes a refusal, and returns whether it is tried again: at most 185 times in a day, if the target says nothing
    /// else (API reference, RetryPolicy), ever more seldom.
    fn again(&mut self, error: &AwsError, now: Millis) -> bool {
        let policy = |name: &str, usual: u64| {
            let policy = self.target.get("RetryPolicy").and_then(|policy| policy.get(name));
            policy.and_then(Value::as_u64).unwrap_or(usual)
        };
        let most = policy("MaximumRetryAttempts", 185);
        let oldest = i64::try_from(policy("MaximumEventAgeInSeconds", 86_400)).unwrap_or(86_400) * 1000;
        let wait = (1000 << self.attempts.min(12)).min(LONGEST);
        let is_again = error.status >= 500 && u64::from(self.attempts) < most && now + wait - self.since <= oldest;
        self.attempts += 1;
        self.due = now + wait;
        is_again
    }

    /// Tries once more to start tasks; what is for a log group is a letter.
    fn decide(&self, world: &World, cx: &mut Cx<'_>) -> Decision {
        if self.due > cx.now {
            return Decision { look_again_at: Some(self.due), ..Decision::default() };
        }
        if self.group.is_some() {
            return Decision::default();
        }
        let attempt = tasks::start(world, cx, &self.target, &self.input, &self.started_by);
        let refused = attempt.as_ref().err().cloned();
        let mut changes = attempt.unwrap_or_default();
        changes.extend(self.ended(world, refused.as_ref(), cx.now));
        Decision { changes, ..Decision::default() }
    }

    /// Returns what is to be written to a log group, if it is time.
    pub(super) fn letter(&self, now: Millis) -> Option<Letter> {
        let group = self.group.clone().filter(|_| self.due <= now)?;
        let delivery = RecordKey::of::<Self>(&self.region, &self.id);
        Some(Letter { delivery, group, stream: self.id.clone(), at: self.since, text: self.input.clone() })
    }

    /// Returns what follows from an attempt.
    pub(super) fn ended(&self, world: &World, refused: Option<&AwsError>, now: Millis) -> Vec<Change> {
        let gone = || Change::remove::<Self>(&self.region, &self.id);
        let Some(error) = refused else { return vec![gone()] };
        let mut next = self.clone();
        let again = next.again(error, now);
        let failure =
            Failure { at: now, target: text(&self.target, "Arn").to_owned(), error: error.to_string(), again };
        let mut changes = vec![if again { Change::put(&next) } else { gone() }];
        changes.extend(self.tell(world, failure));
        changes
    }

    /// Returns its owner with what went wrong; none if it is gone.
    fn tell(&self, world: &World, failure: Failure) -> Option<Change> {
        let noted = |story: &mut Story| story.failure = Some(failure);
        match &self.owner {
            Owner::Rule(id) => {
                let mut rule: Rule = world.records.get(&self.region, id)?;
                noted(&mut rule.story);
                Some(Change::put(&rule))
            }
            Owner::Schedule(id) => {
                let mut schedule: Schedule = world.records.get(&self.region, id)?;
                noted(&mut schedule.story);
                Some(Change::put(&schedule))
            }
        }
    }
}

fn text<'d>(document: &'d Document, name: &str) -> &'d str {
    document.get(name).and_then(Value::as_str).unwrap_or_default()
}
