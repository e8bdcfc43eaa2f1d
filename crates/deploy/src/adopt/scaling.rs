//! What scales the services of a cluster, how, and by which clock?

use aws::{CallError, Client};
use import::live::Seen;
use import::{Kind, Left, Place};

use crate::observe::text;
use crate::scaling;

/// Looks at scalable targets, their policies and their scheduled actions. An endpoint that does not know of scaling has
/// none.
pub(super) async fn look(client: &Client, seen: &mut Seen, left: &mut Vec<Left>) -> Result<(), CallError> {
    let names: Vec<String> = seen.services.iter().map(|(service, _)| text(service, "serviceName").to_owned()).collect();
    match all(client, &names, seen).await {
        Err(error) if error.is_unserved() => Ok(()),
        Err(error) if error.is_denied() => {
            seen.unseen.extend([Kind::ScalableTarget, Kind::ScalingPolicy, Kind::ScheduledAction]);
            let place = Place { source: seen.cluster_name.clone(), line: None };
            let why =
                format!("could not read whether the services are autoscaled; a `count` would fight with that: {error}");
            left.push(Left::new("autoscaling", place, why));
            Ok(())
        }
        answer => answer,
    }
}

async fn all(client: &Client, names: &[String], seen: &mut Seen) -> Result<(), CallError> {
    seen.scalable = scaling::all_targets(client, &seen.cluster_name, names).await?;
    for target in &seen.scalable {
        seen.policies.extend(scaling::policies(client, target).await?);
        seen.scheduled_actions.extend(scaling::actions(client, target).await?);
    }
    Ok(())
}
