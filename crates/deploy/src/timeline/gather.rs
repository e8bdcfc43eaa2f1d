//! Asks for all that a timeline is made of.

use aws::{CallError, Client, ECS, items};
use aws_model::{Document, Millis};
use deploy_core::Desired;
use futures_util::future::try_join_all;
use serde_json::{Value, json};

use super::{Facts, ServiceFacts};
use crate::journal::Journal;
use crate::logs::Line;
use crate::observe::{self, object};
use crate::{scaling, tasks};

/// Looks at the services that are named, or at every one, and at what was released. ECS remembers stopped tasks
/// for about an hour, the last hundred events of a service, and service deployments for ninety days.
///
/// What the caller may not see is left out: the releases, or the service deployments.
///
/// # Errors
/// See [`CallError`].
pub async fn gather(
    client: &Client,
    desired: &Desired,
    service: Option<&str>,
    lines: Vec<Line>,
    (since, until): (Millis, Option<Millis>),
) -> Result<Facts, CallError> {
    let services = desired.services.iter().filter(|known| service.is_none_or(|name| known.service == name));
    let asked = services.map(async |known| {
        let cluster = &desired.cluster;
        let (service, deployments, activities) = futures_util::try_join!(
            observe::service(client, cluster, &known.name),
            deployments(client, cluster, &known.name),
            scaling::activities(client, cluster, &known.name),
        )?;
        Ok::<_, CallError>(ServiceFacts {
            name: known.service.clone(),
            service: service.unwrap_or_default(),
            deployments,
            activities,
        })
    });
    let services = try_join_all(asked).await?;
    let mut tasks = tasks::tasks(client, desired, true).await?;
    tasks.retain(|row| service.is_none_or(|name| row.owner == name));
    let releases = match Journal::new(client, &desired.app, &desired.stage).releases().await {
        Err(error) if error.is_unserved() || error.is_denied() => Vec::new(),
        releases => releases?,
    };
    Ok(Facts { services, tasks, releases, lines, since, until })
}

/// Returns the last hundred service deployments; none where the endpoint knows no such.
async fn deployments(client: &Client, cluster: &str, service: &str) -> Result<Vec<Document>, CallError> {
    let input = object(json!({ "cluster": cluster, "service": service, "maxResults": 100 }));
    let answer = match client.call(&ECS, "ListServiceDeployments", input).await {
        Err(error) if error.is_unserved() || error.is_denied() || error.is_wordless() => return Ok(Vec::new()),
        Err(error) if ["ServiceNotFoundException", "ClusterNotFoundException"].iter().any(|code| error.is(code)) => {
            return Ok(Vec::new());
        }
        answer => answer?,
    };
    Ok(items(&answer, "serviceDeployments").iter().filter_map(Value::as_object).cloned().collect())
}
