//! `cargo xtask bench year`: a year with fifty schedules on a platform whose clock is turned: how long it takes, and that
//! each fired as often as it says.

use std::process::{Command, Stdio};
use std::time::Instant;

use e2e::client::{Client, ECS, EVENTS};
use e2e::server::{Server, free_port};
use serde_json::{Value, json};

use crate::packages;
use crate::programs::{self, Build};
use crate::shell::Fault;
use crate::tree::Tree;

const DAYS: u64 = 365;
/// How many schedules there are, every how many days one fires.
const SCHEDULES: [(usize, u64); 3] = [(20, 1), (20, 7), (10, 30)];

pub(crate) fn run(tree: &Tree) -> Result<(), Fault> {
    packages::ensure(&["gcc", "libc6-dev"])?;
    let managr = programs::managr(tree, Build::Release)?;
    let port = free_port()?;
    let mut command = Command::new(managr);
    command.args(["platform", "serve", "--engine", "simulated"]).arg(format!("--listen=127.0.0.1:{port}"));
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let server = Server::start(command, port)?;
    let mut client = Client::connect(port)?;
    prepare(&mut client)?;

    let (idle, began) = (server.memory(), Instant::now());
    // In steps, so that no answer takes longer than a client waits.
    for days in [30; 12].into_iter().chain([5]) {
        let (status, answer) =
            client.own("POST /_managr/clock", &json!({"advance": format!("{days}d")}).to_string())?;
        if status != 200 {
            return Err(Fault::Wrong(format!("the clock was not turned: {status} {answer}")));
        }
    }
    let took = began.elapsed();
    let (_, told) = client.own("GET /_managr/schedules", "")?;
    let all = told["schedules"].as_array().cloned().unwrap_or_default();
    let fired: u64 = all.iter().filter_map(|one| one["fired"].as_u64()).sum();
    let wanted: u64 = SCHEDULES.iter().map(|(count, days)| *count as u64 * (DAYS / days)).sum();
    println!("a year with {} schedules: {fired} firings in {:.2} s", all.len(), took.as_secs_f64());
    println!(
        "  {:.0} in a second; memory {idle:.0} MB before, {:.0} MB after",
        fired as f64 / took.as_secs_f64(),
        server.memory()
    );
    if fired == wanted { Ok(()) } else { Err(Fault::Wrong(format!("{wanted} firings are right"))) }
}

fn prepare(client: &mut Client) -> Result<(), Fault> {
    client.call(ECS, "CreateCluster", &json!({"clusterName": "main"}))?;
    let definition = json!({
        "family": "job", "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256", "memory": "512",
        "containerDefinitions": [{"name": "app", "image": "hello"}],
    });
    client.call(ECS, "RegisterTaskDefinition", &definition)?;
    let task = json!({"TaskDefinitionArn": "job", "LaunchType": "FARGATE",
        "NetworkConfiguration": {"awsvpcConfiguration": {"Subnets": ["subnet-1"]}}});
    let cluster = "arn:aws:ecs:us-east-1:123456789012:cluster/main";
    let role = "arn:aws:iam::123456789012:role/r";
    let every = SCHEDULES.iter().flat_map(|(count, days)| std::iter::repeat_n(*days, *count));
    for (number, days) in every.enumerate() {
        let (name, unit) = (format!("s{number}"), if days == 1 { "day" } else { "days" });
        let rule = json!({"Name": name, "ScheduleExpression": format!("rate({days} {unit})")});
        client.call(EVENTS, "PutRule", &rule)?;
        let target: Value = json!({"Id": "1", "Arn": cluster, "RoleArn": role, "EcsParameters": task});
        client.call(EVENTS, "PutTargets", &json!({"Rule": name, "Targets": [target]}))?;
    }
    Ok(())
}
