//! Another number of tasks, where it is ours to say.

use std::time::{Duration, Instant};

use aws::{Client, ECS};
use serde_json::json;

use crate::error::StageError;
use crate::event::{Event, Events, ResourceChange};
use crate::observe::object;
use crate::scaling;
use crate::watch::{self, End, Goal, Patience, rollout, verdict, view};

/// Sets the number of a service's tasks and, with `wait`, watches until so many run. What scales the service moves it
/// again: that is said, and a number that it would move at once is refused.
///
/// # Errors
/// [`StageError::OutOfBounds`] when scaling would not leave it so, [`StageError::Scaled`] when its bounds are not known; see
/// [`StageError`].
pub async fn scale(
    client: &Client,
    cluster: &str,
    name: &str,
    count: u32,
    wait: Option<Duration>,
    events: &Events,
) -> Result<(), StageError> {
    let looked = scaling::services(client, cluster, &[name.to_owned()]).await?;
    if let Some(scaled) = looked.scaling.services.get(name) {
        let (min, max) = scaled.bounds();
        if !(min..=max).contains(&u64::from(count)) {
            return Err(StageError::OutOfBounds { service: name.to_owned(), count, min, max });
        }
        let message = format!("{name} is scaled between {min} and {max} tasks: that moves the number again");
        events.emit(Event::Warning { message });
    } else if looked.scaled.contains(name) {
        return Err(StageError::Scaled { service: name.to_owned() });
    }
    let missing = || StageError::NoService { service: name.to_owned(), cluster: cluster.to_owned() };
    let mut before = watch::look(client, cluster, name).await?.ok_or_else(missing)?;
    let input = object(json!({ "cluster": cluster, "service": name, "desiredCount": count }));
    client.call(&ECS, "UpdateService", input).await?;
    events.resource(ResourceChange::Updated, "service", name);
    let Some(limit) = wait else { return Ok(()) };
    let (since, patience) = (Instant::now(), Patience::of(client, limit));
    let mut shown = None;
    loop {
        let now = watch::look(client, cluster, name).await?.ok_or_else(missing)?;
        view::news(&before, &now).into_iter().for_each(|event| events.emit(event));
        let primary = now.primary().cloned().unwrap_or_default();
        let goal = Goal { task_definition: now.task_definition.clone(), deployment: primary.id, previous: None };
        let far = rollout(&goal, &now);
        if shown.as_ref() != Some(&far) {
            events.emit(Event::Rollout(far.clone()));
            shown = Some(far.clone());
        }
        if now.desired == i64::from(count) && now.running == now.desired && far.healthy as i64 >= now.desired {
            return Ok(());
        }
        let causes = verdict::causes(verdict::tasks_of(&goal, &now));
        let loops =
            causes.iter().any(|cause| cause.tasks.len() >= verdict::CRASH_LOOP) && far.healthy == 0 && count > 0;
        if loops || since.elapsed() > limit {
            let end = if loops { End::CrashLoop } else { End::TimedOut };
            let loss = watch::report::collect(client, cluster, end, causes, &now, &goal.task_definition).await?;
            return Err(StageError::Lost { losses: vec![loss] });
        }
        before = now;
        tokio::time::sleep(patience.interval).await;
    }
}
