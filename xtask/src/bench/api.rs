//! `cargo xtask bench api`: calls per second, p99, start time and memory beside moto's server and
//! ministack. managr runs its simulated engine, as the others run no containers; what it answers to a
//! register is on disk before the answer, theirs is not.

use std::process::{Command, Stdio};

use e2e::client::{self, Client, ECS};
use e2e::server::{Server, free_port};
use serde_json::{Value, json};

use super::{milliseconds, wrk};
use crate::packages;
use crate::programs::{self, Build};
use crate::python::{self, Venv};
use crate::shell::{Fault, say};
use crate::tree::Tree;

const EMULATORS: &[&str] = &["ministack==1.5.33", python::MOTO];
const CONNECTIONS: [u32; 2] = [1, 16];
const SECONDS: u32 = 5;

pub(crate) fn run(tree: &Tree) -> Result<(), Fault> {
    packages::ensure(packages::DEMO)?;
    packages::ensure(packages::BENCH)?;
    let managr = programs::managr(tree, Build::Release)?;
    let venv = Venv::ensure(tree, "emulators", EMULATORS)?;
    let data = tree.scratch("bench-data")?;

    println!("{SECONDS} s each, wrk on the same machine; connections in brackets");
    println!(
        "{:<10} {:>9} {:>9} {:>9}  {:<24} {:>10} {:>10}",
        "", "start ms", "idle MB", "after MB", "call", "calls/s", "p99 ms"
    );
    for name in ["managr", "ministack", "moto"] {
        let port = free_port()?;
        let mut command = match name {
            "managr" => {
                let mut command = Command::new(&managr);
                command.args(["platform", "serve", "--engine", "simulated"]);
                command.arg(format!("--listen=127.0.0.1:{port}")).arg("--data-dir").arg(&data);
                command
            }
            "ministack" => Command::new(venv.program("ministack")),
            _ => {
                let mut command = Command::new(venv.program("moto_server"));
                command.args(["-H", "127.0.0.1", "-p", &port.to_string()]);
                command
            }
        };
        command.env("GATEWAY_PORT", port.to_string()).current_dir(&data);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        measure(tree, name, Server::start(command, port)?)?;
        empty(&data)?;
    }
    Ok(())
}

fn measure(tree: &Tree, name: &str, server: Server) -> Result<(), Fault> {
    let idle = server.memory();
    prepare(server.port())?;
    let mut rows = Vec::new();
    for (operation, body) in calls() {
        for connections in CONNECTIONS {
            say(format!("{name}: {operation} with {connections}"));
            let (rate, p99) = load(tree, server.port(), operation, &body, connections)?;
            rows.push((format!("{operation} [{connections}]"), rate, p99));
        }
    }
    let after = server.memory();
    for (row, (call, rate, p99)) in rows.into_iter().enumerate() {
        let head = match row {
            0 => format!("{name:<10} {:>9.0} {idle:>9.0} {after:>9.0}", milliseconds(server.start_time())),
            _ => " ".repeat(40),
        };
        println!("{head}  {call:<24} {rate:>10.0} {p99:>10}");
    }
    Ok(())
}

fn definition() -> Value {
    json!({
        "family": "bench",
        "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256", "memory": "512",
        "containerDefinitions": [{
            "name": "main", "image": "example/main:1", "essential": true,
            "portMappings": [{ "containerPort": 80, "protocol": "tcp" }],
            "environment": [{ "name": "DEBUG", "value": "False" }],
        }],
    })
}

fn calls() -> [(&'static str, Value); 3] {
    [
        ("RegisterTaskDefinition", definition()),
        ("DescribeServices", json!({ "cluster": "bench", "services": ["bench"] })),
        ("ListTasks", json!({ "cluster": "bench" })),
    ]
}

/// Makes what the calls ask about: one service that wants ten tasks.
fn prepare(port: u16) -> Result<(), Fault> {
    let mut client = Client::connect(port)?;
    client.call(ECS, "CreateCluster", &json!({ "clusterName": "bench" }))?;
    client.call(ECS, "RegisterTaskDefinition", &definition())?;
    let subnet = subnet(&mut client)?;
    let network = json!({ "awsvpcConfiguration": { "subnets": [subnet], "securityGroups": [] } });
    let service = json!({
        "cluster": "bench", "serviceName": "bench", "taskDefinition": "bench", "desiredCount": 10,
        "launchType": "FARGATE", "networkConfiguration": network,
    });
    client.call(ECS, "CreateService", &service)?;
    Ok(())
}

/// Returns the first subnet of the account: moto takes only those that it has, the others take any.
fn subnet(client: &mut Client) -> Result<String, Fault> {
    let headers = "Content-Type: application/x-www-form-urlencoded\r\n";
    let (_, answer) = client.post("ec2", headers, "Action=DescribeSubnets&Version=2016-11-15")?;
    let answer = String::from_utf8_lossy(&answer);
    let id = answer.split_once("<subnetId>").and_then(|(_, rest)| rest.split_once('<'));
    Ok(id.map_or("subnet-1", |(id, _)| id).to_owned())
}

/// Returns calls per second and p99 as wrk words it.
fn load(tree: &Tree, port: u16, operation: &str, body: &Value, connections: u32) -> Result<(f64, String), Fault> {
    let date = client::now();
    let printed = wrk::Load { connections, seconds: SECONDS }
        .run()
        .arg("--script=xtask/wrk/call.lua")
        .arg(format!("http://127.0.0.1:{port}/"))
        .env("CALL_OPERATION", operation)
        .env("CALL_BODY", body.to_string())
        .env("CALL_AUTHORIZATION", client::authorization(&date, "ecs"))
        .env("CALL_DATE", date)
        .dir(&tree.root)
        .read()?;
    wrk::read(&printed, operation)
}

/// Each run begins with nothing on disk.
fn empty(data: &std::path::Path) -> Result<(), Fault> {
    std::fs::remove_dir_all(data).and_then(|()| std::fs::create_dir_all(data)).map_err(Fault::path(data))
}
