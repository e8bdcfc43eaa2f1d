//! Follows a deployment until it is done or lost, and tells what happens on the way.

mod following;
pub mod report;
pub mod rollout;
mod stop;
pub mod verdict;
pub mod view;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use aws::{CallError, Client, ECS, items};
use aws_model::Document;
use serde_json::{Value, json};

use crate::event::{Event, Events};
use crate::observe::{self, object, text};
use following::{Following, Next};
pub use report::{Loss, LossCause};
pub use rollout::{Rollout, rollout};
pub use verdict::{Cause, End, Goal, Verdict};
pub use view::{ContainerView, DeploymentView, ServiceDeploymentView, ServiceView, TargetView, TaskView};

/// How patiently a deployment is followed.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// Time between two looks.
    pub interval: Duration,
    /// Time after which the wait ends without success.
    pub limit: Duration,
    /// Time that a deployment is watched on after it completed: tasks that stop then count too.
    pub bake: Duration,
}

impl Patience {
    /// Looks often on this machine, where no other caller is throttled, and every few seconds at AWS.
    pub fn of(client: &Client, limit: Duration) -> Self {
        let local = aws::endpoint::is_loopback(&client.endpoint(&ECS));
        let interval = if local { Duration::from_millis(200) } else { Duration::from_secs(3) };
        Self { interval, limit, bake: Duration::ZERO }
    }

    /// Returns the time to the next look. Clients that started together do not stay together.
    fn pause(&self) -> Duration {
        let random = f64::from(getrandom::u32().unwrap_or(u32::MAX)) / f64::from(u32::MAX);
        self.interval.mul_f64(0.75 + random / 2.0)
    }
}

/// Returns what a service looks like now; none if it is gone.
///
/// # Errors
/// See [`CallError`].
pub async fn look(client: &Client, cluster: &str, name: &str) -> Result<Option<ServiceView>, CallError> {
    let Some(service) = observe::service(client, cluster, name).await? else { return Ok(None) };
    look_at(client, cluster, &service).await.map(Some)
}

/// Returns what a service that was just described looks like, tasks and targets too.
pub(crate) async fn look_at(client: &Client, cluster: &str, service: &Document) -> Result<ServiceView, CallError> {
    let targets = futures_util::future::try_join_all(target_groups(service).map(|arn| observe::targets(client, arn)));
    let (tasks, targets) =
        futures_util::try_join!(observe::tasks(client, cluster, text(service, "serviceName")), targets)?;
    Ok(ServiceView::read(service, &tasks, targets.iter().flatten()))
}

fn target_groups(service: &Document) -> impl Iterator<Item = &str> {
    let bindings = items(service, "loadBalancers").iter().filter_map(Value::as_object);
    bindings.map(|binding| text(binding, "targetGroupArn")).filter(|arn| !arn.is_empty())
}

/// What an endpoint knows of a service deployment.
enum Known {
    /// It knows no service deployments at all, or does not tell us.
    Never,
    /// This, now.
    Now(Option<ServiceDeploymentView>),
}

/// Returns how the service deployment behind a goal stands.
async fn service_deployment(client: &Client, cluster: &str, service: &str, goal: &Goal) -> Result<Known, CallError> {
    let input = object(json!({ "cluster": cluster, "service": service, "maxResults": 20 }));
    let answer = match client.call(&ECS, "ListServiceDeployments", input).await {
        Err(error) if error.is_unserved() || error.is_denied() || error.is_wordless() => return Ok(Known::Never),
        Err(error) if error.is("ServiceNotFoundException") => return Ok(Known::Now(None)),
        answer => answer?,
    };
    // The number of a deployment is the end of its service revision's ARN.
    let number = format!("/{}", goal.deployment.rsplit('/').next().unwrap_or_default());
    let mut found = items(&answer, "serviceDeployments").iter().filter_map(Value::as_object);
    let ours = found.find(|deployment| text(deployment, "targetServiceRevisionArn").ends_with(&number));
    Ok(Known::Now(ours.map(ServiceDeploymentView::read)))
}

/// What is followed, and how.
#[derive(Debug)]
pub struct Watch<'a> {
    /// Whom to ask.
    pub client: &'a Client,
    /// Cluster.
    pub cluster: &'a str,
    /// How long, how often.
    pub patience: Patience,
    /// Whether a deployment whose tasks stop again and again is stopped and rolled back.
    pub stops_crash_loops: bool,
    /// Receives what happens.
    pub events: &'a Events,
}

impl Watch<'_> {
    /// Follows one deployment of a service.
    ///
    /// `before` is what the service looked like before we touched it: what was said then is
    /// not said again.
    ///
    /// # Errors
    /// See [`CallError`]; a lost deployment is no error but a [`Verdict::Lost`].
    pub async fn follow(&self, goal: &Goal, before: ServiceView) -> Result<(Verdict, ServiceView), CallError> {
        let name = before.name.clone();
        let mut state = Following::new(before, Instant::now());
        let mut told = BTreeSet::new();
        loop {
            let view = match self.see(&name, goal, &mut state.asks).await {
                Ok(view) => view,
                Err(error) if is_silence(&error) && state.bears_silence(Instant::now()) => {
                    if state.first_silence() {
                        let message = "the endpoint does not answer; still trying".to_owned();
                        self.events.emit(Event::Warning { message });
                    }
                    tokio::time::sleep(self.patience.pause()).await;
                    continue;
                }
                Err(error) => return Err(error),
            };
            for event in state.hear(goal, &view, Instant::now()) {
                self.events.emit(event);
            }
            match self.tell_failures(goal, &view, &mut told).await {
                // A later look reports what was not reported yet.
                Err(error) if !is_silence(&error) => return Err(error),
                _ => {}
            }
            match state.next(goal, &self.patience, self.stops_crash_loops, &view, Instant::now()) {
                Next::Look => {}
                Next::Undo(causes) => match stop::stop(self.client, self.cluster, goal, &view, self.events).await {
                    Ok(true) => state.undone(causes),
                    Ok(false) => return Ok((Verdict::Lost { end: End::CrashLoop, causes }, view)),
                    // The next look finds the same, and asks again.
                    Err(error) if is_silence(&error) => {}
                    Err(error) => return Err(error),
                },
                Next::End(verdict) => return Ok((verdict, state.in_our_words(view))),
            }
            state.before = view;
            tokio::time::sleep(self.patience.pause()).await;
        }
    }

    /// Follows one deployment to its end, and returns how it was lost, if it was.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn loss(&self, goal: &Goal, before: ServiceView) -> Result<Option<Loss>, CallError> {
        match self.follow(goal, before).await? {
            (Verdict::Lost { end, causes }, view) => {
                report::collect(self.client, self.cluster, end, causes, &view, &goal.task_definition).await.map(Some)
            }
            _ => Ok(None),
        }
    }

    /// Looks at a service, and at its service deployment while `asks`: an endpoint that knows none is
    /// not asked again.
    async fn see(&self, name: &str, goal: &Goal, asks: &mut bool) -> Result<ServiceView, CallError> {
        let (view, known) = futures_util::try_join!(look(self.client, self.cluster, name), async {
            match *asks {
                true => service_deployment(self.client, self.cluster, name, goal).await,
                false => Ok(Known::Never),
            }
        })?;
        let ours = match known {
            Known::Now(ours) => ours,
            Known::Never => {
                *asks = false;
                None
            }
        };
        let mut view = view.unwrap_or_else(|| ServiceView { name: name.to_owned(), ..ServiceView::default() });
        view.service_deployment = ours;
        Ok(view)
    }

    /// The first time that a task stops for a cause, the cause is reported at once, with the last
    /// words of the container that is to blame.
    async fn tell_failures(
        &self,
        goal: &Goal,
        view: &ServiceView,
        told: &mut BTreeSet<String>,
    ) -> Result<(), CallError> {
        for cause in verdict::causes(verdict::tasks_of(goal, view)) {
            let key = verdict::key(&cause);
            if !told.contains(&key) {
                let words = report::tell(self.client, self.cluster, cause, view, &goal.task_definition).await?;
                self.events.emit(Event::Failure { service: view.name.clone(), told: words });
                told.insert(key);
            }
        }
        Ok(())
    }
}

/// Returns whether no service answered, which may pass.
pub fn is_silence(error: &CallError) -> bool {
    match error {
        CallError::Transport { .. } => true,
        CallError::Service { status, .. } => *status >= 500 && !error.is_unserved(),
        _ => false,
    }
}
