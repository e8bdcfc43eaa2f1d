//! `cargo xtask bench start`: the time from asking for a container to its first line of output, image
//! present, beside `runc run` and `podman run`. The three take turns, so that they share the machine's
//! moods. managr's time ends when the line can be read through the Logs API, and it has made a network
//! with an address by then; the others' ends at their standard output, and they are given none.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use e2e::client::{Client, ECS, LOGS};
use serde_json::{Value, json};

use super::{Hello, Spread, milliseconds};
use crate::packages;
use crate::shell::{Fault, Run, cmd, say};
use crate::tree::Tree;

const ROUNDS: usize = 20;
const PATIENCE: Duration = Duration::from_secs(30);
const IMAGE: &str = "localhost/xtask-hello:bench";

pub(crate) fn run(tree: &Tree) -> Result<(), Fault> {
    let samples = Hello::up(tree, packages::BENCH, |_| {
        let hello = tree.root.join("examples/hello");
        cmd("buildah", &["bud", "--quiet", "--isolation=chroot", "--tag", IMAGE]).arg(&hello).read()?;
        rounds(&bundle(tree, &hello)?)
    })?;

    println!("request to first line of output, image present, {ROUNDS} rounds in turn, ms");
    println!("{:<14} {:>8} {:>8} {:>18}", "", "min", "median", "median / managr's");
    let spreads: Vec<_> =
        samples.into_iter().filter_map(|(name, samples)| Some((name, Spread::of(samples)?))).collect();
    let ours = spreads.first().map_or(1.0, |(_, spread)| milliseconds(spread.median));
    for (name, spread) in &spreads {
        let median = milliseconds(spread.median);
        println!("{name:<14} {:>8.1} {median:>8.1} {:>18.2}", milliseconds(spread.min), median / ours);
    }
    Ok(())
}

type Samples = [(&'static str, Vec<Duration>); 3];

fn rounds(bundle: &Path) -> Result<Samples, Fault> {
    let mut samples: Samples = [("RunTask", Vec::new()), ("runc run", Vec::new()), ("podman run", Vec::new())];
    let mut client = Client::connect(4566)?;
    let settings = settings(&mut client)?;
    for round in 0..=ROUNDS {
        let taken = [run_task(&mut client, &settings)?, run_runc(bundle, round)?, run_podman(round)?];
        // The first round warms caches up for all three.
        if round > 0 {
            for ((_, samples), taken) in samples.iter_mut().zip(taken) {
                samples.push(taken);
            }
        }
    }
    Ok(samples)
}

/// Returns what RunTask needs, taken from the service that `managr up` made.
fn settings(client: &mut Client) -> Result<Value, Fault> {
    let asked = json!({ "cluster": "hello-cluster", "services": ["hello-web-local"] });
    let service = &client.call(ECS, "DescribeServices", &asked)?["services"][0];
    let definition = &service["taskDefinition"];
    let described = client.call(ECS, "DescribeTaskDefinition", &json!({ "taskDefinition": definition }))?;
    let options = &described["taskDefinition"]["containerDefinitions"][0]["logConfiguration"]["options"];
    Ok(json!({
        "run": {
            "cluster": "hello-cluster", "taskDefinition": definition, "launchType": "FARGATE",
            "networkConfiguration": service["networkConfiguration"],
        },
        "group": options["awslogs-group"],
        "prefix": options["awslogs-stream-prefix"],
    }))
}

fn run_task(client: &mut Client, settings: &Value) -> Result<Duration, Fault> {
    let started = Instant::now();
    let answer = client.call(ECS, "RunTask", &settings["run"])?;
    let arn = answer["tasks"][0]["taskArn"].as_str().ok_or_else(|| Fault::Wrong(format!("RunTask: {answer}")))?;
    let id = arn.rsplit('/').next().unwrap_or_default();
    let stream = format!("{}/hello/{id}", settings["prefix"].as_str().unwrap_or_default());
    let asked = json!({ "logGroupName": settings["group"], "logStreamName": stream, "startFromHead": true });
    loop {
        // The stream comes with its first line; until then it is not found.
        let (_, answer) = client.try_call(LOGS, "GetLogEvents", &asked)?;
        if answer["events"].as_array().is_some_and(|events| !events.is_empty()) {
            break;
        }
        if started.elapsed() > PATIENCE {
            return Err(Fault::Wrong(format!("task {id} wrote nothing within {} s", PATIENCE.as_secs())));
        }
        std::thread::sleep(Duration::from_micros(500));
    }
    let took = started.elapsed();
    let named = json!({ "cluster": "hello-cluster", "task": arn });
    client.call(ECS, "StopTask", &named)?;
    let asked = json!({ "cluster": "hello-cluster", "tasks": [arn] });
    while client.call(ECS, "DescribeTasks", &asked)?["tasks"][0]["lastStatus"] != "STOPPED" {
        if started.elapsed() > PATIENCE {
            return Err(Fault::Wrong(format!("task {id} did not stop within {} s", PATIENCE.as_secs())));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(took)
}

fn run_runc(bundle: &Path, round: usize) -> Result<Duration, Fault> {
    let id = format!("xtask-{}-{round}", std::process::id());
    let (took, mut child) = first_line(cmd("runc", &["run", "--bundle"]).arg(bundle).arg(&id))?;
    cmd("runc", &["kill", &id, "KILL"]).run()?;
    let _ = child.wait(); // `runc run` ends with the container's code and removes it
    Ok(took)
}

fn run_podman(round: usize) -> Result<Duration, Fault> {
    let name = format!("xtask-{}-{round}", std::process::id());
    let run = cmd("podman", &["--cgroup-manager=cgroupfs", "--runtime=runc", "run", "--rm", "--network=none"]);
    // Root without CAP_SYS_RESOURCE may only lower limits, and podman on its own would raise them.
    let run = run.arg("--ulimit=nofile=1024:1024").arg("--ulimit=nproc=4096:4096");
    let (took, mut child) = first_line(run.arg(format!("--name={name}")).arg(IMAGE))?;
    cmd("podman", &["kill", "--signal=KILL", &name]).read()?;
    let _ = child.wait();
    Ok(took)
}

fn first_line(run: Run) -> Result<(Duration, Child), Fault> {
    let mut command = run.into_command();
    let program = command.get_program().to_string_lossy().into_owned();
    let started = Instant::now();
    let spawned = command.stdout(Stdio::piped()).spawn();
    let mut child = spawned.map_err(|source| Fault::NotStarted { program: program.clone(), source })?;
    let mut line = String::new();
    if let Some(out) = child.stdout.take() {
        let read = BufReader::new(out).read_line(&mut line);
        read.map_err(|source| Fault::Path { path: program.clone(), source })?;
    }
    let took = started.elapsed();
    if line.is_empty() {
        return Err(Fault::Failed { program, code: child.wait().ok().and_then(|status| status.code()) });
    }
    Ok((took, child))
}

/// Makes an OCI bundle of the same program for runc.
fn bundle(tree: &Tree, hello: &Path) -> Result<std::path::PathBuf, Fault> {
    let bundle = tree.scratch("runc-bundle")?;
    let rootfs = bundle.join("rootfs");
    std::fs::create_dir_all(&rootfs).map_err(Fault::path(&rootfs))?;
    std::fs::copy(hello.join("hello"), rootfs.join("hello")).map_err(Fault::path(&rootfs))?;
    let path = bundle.join("config.json");
    if path.exists() {
        std::fs::remove_file(&path).map_err(Fault::path(&path))?;
    }
    cmd("runc", &["spec", "--bundle"]).arg(&bundle).run()?;
    let text = std::fs::read_to_string(&path).map_err(Fault::path(&path))?;
    let mut config: Value =
        serde_json::from_str(&text).map_err(|error| Fault::Wrong(format!("`runc spec` wrote no JSON: {error}")))?;
    config["process"]["terminal"] = json!(false);
    config["process"]["args"] = json!(["/hello"]);
    config["process"]["rlimits"] = json!([]);
    std::fs::write(&path, config.to_string()).map_err(Fault::path(&path))?;
    say(format!("bundle for runc in {}", bundle.display()));
    Ok(bundle)
}
