//! ECS's API, as far as a container may call it that keeps a schedule's `overlap` or `timeout`: it looks at the tasks of
//! its own family, and stops them.
//!
//! The platform's own address admits no task (`docs/decisions/0009`): a caller of all of it can become root on this
//! machine. On AWS the task's role says what a container may call; here the label does, which all readers of the task
//! definition see, and it allows no more than the policy that is said there.

use aws_model::{AwsError, Document, Service, check};
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderValue, Response, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use orchestrator::{CallCx, Handle};
use platform_core::world::{Task, World};
use platform_core::{Kind, ecs};
use serde_json::{Value, json};

/// A request names a hundred tasks at most.
const MOST_BYTES: usize = 64 << 10;

/// Returns the variable that tells the clients of AWS where ECS answers (AWS SDKs and Tools reference guide,
/// "Service-specific endpoints").
pub(in crate::native) fn variable(runtime_id: &str) -> (String, String) {
    ("AWS_ENDPOINT_URL_ECS".to_owned(), format!("http://{}/ecs/{runtime_id}", super::ADDRESS.ip()))
}

/// Answers a call for a task.
pub(super) async fn answer<B>(handle: &Handle, task: &Task, head: &Parts, body: B) -> Response<Full<Bytes>>
where
    B: http_body::Body<Error: Into<Box<dyn std::error::Error + Send + Sync>>>,
{
    let mut response = match call(handle, task, head, body).await {
        Ok(reply) => super::respond(StatusCode::OK, &reply),
        Err(error) => {
            let status = StatusCode::from_u16(error.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            super::respond(status, &json!({ "__type": error.code, "message": error.message }))
        }
    };
    let json = HeaderValue::from_static("application/x-amz-json-1.1");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}

async fn call<B>(handle: &Handle, task: &Task, head: &Parts, body: B) -> Result<Value, AwsError>
where
    B: http_body::Body<Error: Into<Box<dyn std::error::Error + Send + Sync>>>,
{
    let target = head.headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
    let operation = target.rsplit('.').next().unwrap_or_default();
    let unreadable = || AwsError::invalid_parameter("the request is no JSON object of a reasonable size");
    let bytes = Limited::new(Box::pin(body), MOST_BYTES).collect().await.map_err(|_| unreadable())?.to_bytes();
    let mut input: Document = serde_json::from_slice(&bytes).map_err(|_| unreadable())?;
    handle.read(|world| allow(world, task, operation, &input))?;
    let described = Service::Ecs.model().operation(operation);
    let described = described.ok_or_else(|| AwsError::server(format!("{operation} is in no model")))?;
    check::admit(described, &mut input)?;
    input.insert("cluster".to_owned(), task.cluster_arn.clone().into());
    let row = ecs::OPERATIONS.iter().find(|row| row.name == operation);
    let row = row.ok_or_else(|| AwsError::server(format!("{operation} has no row")))?;
    let region = task.arn.split(':').nth(3).unwrap_or_default().to_owned();
    let cx = CallCx { region, access_key: String::new() };
    match row.kind {
        Kind::Read(read) => handle.answer(&cx, |world, cx| read(world, cx, &input)),
        Kind::Write(write) => handle.write(cx, |world, cx| write(world, cx, input)).await,
    }
}

/// Refuses everything but what the gate's policy allows, for tasks of the caller's own family.
fn allow(world: &World, own: &Task, operation: &str, input: &Document) -> Result<(), AwsError> {
    let text = |name: &str| input.get(name).and_then(Value::as_str);
    let denied = |why: &str| {
        let words = format!("task {} is not authorized to perform: ecs:{operation} ({why})", own.arn);
        Err(AwsError::new("AccessDeniedException", words))
    };
    let name = own.cluster_arn.rsplit('/').next().unwrap_or_default();
    if !text("cluster").is_some_and(|cluster| cluster == own.cluster_arn || cluster == name) {
        return denied("only in its own cluster");
    }
    // Tasks are looked for in its own cluster; for one that is not there, the operation says so.
    let home = own.arn.rsplit_once('/').map_or("", |(home, _)| home);
    let is_own = |named: &str| {
        let id = named.rsplit('/').next().unwrap_or_default();
        world.tasks.get(&format!("{home}/{id}")).is_none_or(|task| task.family == own.family)
    };
    let named: Vec<&str> = match operation {
        "ListTasks" if text("family") == Some(&own.family) => return Ok(()),
        "ListTasks" => return denied("only for its own family"),
        "DescribeTasks" => {
            input.get("tasks").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
        }
        "StopTask" => text("task").into_iter().collect(),
        _ => return denied("only ListTasks, DescribeTasks and StopTask"),
    };
    if named.into_iter().all(is_own) { Ok(()) } else { denied("only for tasks of its own family") }
}

#[cfg(test)]
mod tests {
    use testkit::Stage;

    use super::*;

    /// Returns a stage with a task of each family in clusters `c` and `d`, and their ARNs: tick, tick, other, tick in `d`.
    fn stage() -> (Stage, Vec<String>) {
        let mut stage = Stage::default();
        for cluster in ["c", "d"] {
            stage.call("CreateCluster", json!({ "clusterName": cluster })).unwrap();
        }
        for family in ["tick", "other"] {
            let task = json!({
                "family": family, "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256",
                "memory": "512", "containerDefinitions": [{ "name": "a", "image": "a:1" }],
            });
            stage.call("RegisterTaskDefinition", task).unwrap();
        }
        let network = json!({ "awsvpcConfiguration": { "subnets": ["subnet-1"] } });
        let mut run = |cluster: &str, family: &str| {
            let run = json!({
                "cluster": cluster, "taskDefinition": family, "launchType": "FARGATE", "networkConfiguration": network,
            });
            stage.call("RunTask", run).unwrap()["tasks"][0]["taskArn"].as_str().unwrap().to_owned()
        };
        let tasks = [("c", "tick"), ("c", "tick"), ("c", "other"), ("d", "tick")].map(|(c, f)| run(c, f)).to_vec();
        (stage, tasks)
    }

    #[test]
    fn a_gate_sees_and_stops_tasks_of_its_own_family_and_nothing_else() {
        let (stage, tasks) = stage();
        let own = stage.world.tasks[&tasks[0]].clone();
        let cluster = own.cluster_arn.as_str();
        let check = |operation: &str, input: Value, expected: bool| {
            let allowed = allow(&stage.world, &own, operation, input.as_object().unwrap());
            assert_eq!(allowed.is_ok(), expected, "{operation} {input}");
            assert!(allowed.err().is_none_or(|error| error.code == "AccessDeniedException"));
        };
        check("ListTasks", json!({ "cluster": cluster, "family": "tick" }), true);
        check("ListTasks", json!({ "cluster": "c", "family": "tick", "desiredStatus": "STOPPED" }), true);
        check("ListTasks", json!({ "cluster": "c", "family": "other" }), false);
        check("ListTasks", json!({ "cluster": "c" }), false);
        check("ListTasks", json!({ "cluster": "d", "family": "tick" }), false);
        check("ListTasks", json!({ "family": "tick" }), false);
        check("DescribeTasks", json!({ "cluster": "c", "tasks": [tasks[0], tasks[1], "gone"] }), true);
        check("DescribeTasks", json!({ "cluster": "c", "tasks": [tasks[0], tasks[2]] }), false);
        let id = |arn: &String| arn.rsplit('/').next().unwrap().to_owned();
        check("StopTask", json!({ "cluster": "c", "task": tasks[1] }), true);
        check("StopTask", json!({ "cluster": "c", "task": id(&tasks[1]) }), true);
        check("StopTask", json!({ "cluster": "c", "task": tasks[2] }), false);
        check("StopTask", json!({ "cluster": "c", "task": id(&tasks[2]) }), false);
        check("StopTask", json!({ "cluster": "d", "task": tasks[3] }), false);
        for operation in ["RunTask", "RegisterTaskDefinition", "DescribeServices", "ExecuteCommand", ""] {
            check(operation, json!({ "cluster": "c" }), false);
        }
    }
}
