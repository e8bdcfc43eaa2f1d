//! Follows a deployment until it is done or lost, and tells what happens on the way.

pub mod report;
pub mod verdict;
pub mod view;

use std::time::{Duration, Instant};

use aws::{CallError, Client};
use ecs_model::Document;
use serde_json::Value;

use crate::event::Events;
use crate::observe::{self, text};
pub use report::{Loss, LossCause};
pub use verdict::{Cause, End, Goal, Verdict};
pub use view::{ContainerView, DeploymentView, ServiceView, TargetView, TaskView};

/// How patiently a deployment is followed.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// Time between two looks.
    pub interval: Duration,
    /// Time after which the wait ends without success.
    pub limit: Duration,
}

impl Patience {
    /// Looks often: the platform is on this machine and nobody else is throttled.
    pub fn local(limit: Duration) -> Self {
        Self { interval: Duration::from_millis(200), limit }
    }
}

/// Returns what a service looks like now; none if it is gone.
///
/// # Errors
/// See [`CallError`].
pub async fn look(client: &Client, cluster: &str, name: &str) -> Result<Option<ServiceView>, CallError> {
    let Some(service) = observe::service(client, cluster, name).await? else { return Ok(None) };
    let tasks = observe::tasks(client, cluster, name).await?;
    let mut targets = Vec::new();
    for group in target_groups(&service) {
        targets.extend(observe::targets(client, group).await?);
    }
    Ok(Some(ServiceView::read(&service, &tasks, &targets)))
}

fn target_groups(service: &Document) -> impl Iterator<Item = &str> {
    let bindings = aws::items(service, "loadBalancers").iter().filter_map(Value::as_object);
    bindings.map(|binding| text(binding, "targetGroupArn")).filter(|arn| !arn.is_empty())
}

/// Follows one deployment of a service.
///
/// `before` is what the service looked like before we touched it: what was said then is
/// not said again.
///
/// # Errors
/// See [`CallError`]; a lost deployment is no error but a [`Verdict::Lost`].
pub async fn follow(
    client: &Client,
    cluster: &str,
    goal: &Goal,
    mut before: ServiceView,
    patience: Patience,
    events: &Events,
) -> Result<(Verdict, ServiceView), CallError> {
    let since = Instant::now();
    let name = before.name.clone();
    loop {
        let seen = look(client, cluster, &name).await?;
        let view = seen.unwrap_or_else(|| ServiceView { name: name.clone(), ..ServiceView::default() });
        for event in view::news(&before, &view) {
            events.emit(event);
        }
        match verdict::judge(goal, &view) {
            Verdict::Going if since.elapsed() > patience.limit => {
                let causes = verdict::causes(verdict::tasks_of(goal, &view));
                return Ok((Verdict::Lost { end: End::TimedOut, causes }, view));
            }
            Verdict::Going => {}
            end => return Ok((end, view)),
        }
        before = view;
        tokio::time::sleep(patience.interval).await;
    }
}
