//! What a service ran: DescribeServiceRevisions.

use aws_model::arn::Arn;
use aws_model::{AwsError, Document, seconds};
use serde_json::{Value, json};

use super::input::{failure, named};
use super::placement;
use super::service_render::revision_arn;
use crate::world::{ServiceDeployment, World};
use crate::{Cx, Input};

/// DescribeServiceRevisions: of all deployments that are kept.
pub(super) fn describe(world: &World, _: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let (mut found, mut failures) = (Vec::new(), Vec::new());
    for arn in named(input, "serviceRevisionArns", 20)? {
        match deployment_of(world, arn) {
            Some(row) => found.push(render(world, row)),
            None => failures.push(failure(arn, "MISSING")),
        }
    }
    Ok(json!({"serviceRevisions": found, "failures": failures}))
}

/// Returns the deployment that made the revision `...:service-revision/CLUSTER/SERVICE/NUMBER`.
fn deployment_of<'w>(world: &'w World, arn: &str) -> Option<&'w ServiceDeployment> {
    Arn::ecs(arn, "service-revision")?;
    let (home, number) = arn.rsplit_once('/')?;
    let service = home.replacen(":service-revision/", ":service/", 1);
    let rows = world.deployments_of(&service).into_iter();
    rows.map(|row| &**row).find(|row| row.target.number == number)
}

fn render(world: &World, row: &ServiceDeployment) -> Value {
    let revision = &row.target;
    let mut out = json!({
        "serviceRevisionArn": revision_arn(&row.service_arn, &revision.number),
        "serviceArn": row.service_arn,
        "clusterArn": row.cluster_arn,
        "taskDefinition": revision.task_definition_arn,
        "platformVersion": placement::platform_version(&revision.document),
        "platformFamily": "Linux",
        "guardDutyEnabled": false,
        "createdAt": seconds(revision.created_at),
    });
    let object: &mut Document = out.as_object_mut().expect("built as an object");
    for (name, value) in revision.document.iter().filter(|(name, _)| *name != "platformVersion") {
        object.insert(name.clone(), value.clone());
    }
    if let Some(definition) = world.revisions.get(&revision.task_definition_arn) {
        let images = definition.spec.container_definitions.iter();
        let images = images.map(|c| json!({"containerName": c.name, "image": c.image})).collect();
        object.insert("containerImages".into(), Value::Array(images));
    }
    out
}
