//! Test support, not shipped: `supervise` is the supervisor of the tests, and
//! `platform` is a platform process that a test can kill.

use std::path::PathBuf;
use std::process::ExitCode;

use runtime::{Config, ContainerSpec, RunAs, Runtime, TaskSpec, TerminalCommand};

fn main() -> ExitCode {
    let mut args = std::env::args_os().skip(1);
    match args.next().and_then(|verb| verb.into_string().ok()).as_deref() {
        Some("supervise") => runtime::supervise(args),
        Some("platform") => {
            let args: Vec<String> = args.filter_map(|arg| arg.into_string().ok()).collect();
            platform(&args)
        }
        _ => ExitCode::from(64),
    }
}

/// Makes the tasks and containers named in a file, starts a command on a terminal
/// if there is one, says `ready`, and waits to be killed.
fn platform(args: &[String]) -> ExitCode {
    let [state, bridge, base, plan, attach @ ..] = args else { return ExitCode::from(64) };
    let tokio = tokio::runtime::Runtime::new().expect("a tokio runtime starts");
    let config = config(state.into(), bridge, base);
    let plan = std::fs::read(plan).expect("the plan can be read");
    let plan: Vec<(TaskSpec, Vec<ContainerSpec>)> = serde_json::from_slice(&plan).expect("the plan is valid");
    tokio.block_on(async {
        let (events, _heard) = tokio::sync::mpsc::unbounded_channel();
        let runtime = Runtime::open(config, events).await.expect("the runtime opens");
        for (task, containers) in plan {
            runtime.ensure_task(&task).await.expect("the task is made");
            for container in containers {
                runtime.ensure_started(&task.id, container).await.expect("the container starts");
            }
        }
        let _held = match attach {
            [task, container, argv @ ..] => {
                let argv = argv.to_vec();
                let command = TerminalCommand { argv, env: vec![], run_as: RunAs::Container, size: (80, 24) };
                let attached = runtime.attach(task, container, command).await;
                Some(attached.unwrap_or_else(|error| panic!("{error}")))
            }
            _ => None,
        };
        println!("ready");
        std::future::pending::<()>().await;
    });
    ExitCode::SUCCESS
}

/// The configuration that a test and its platform processes share.
fn config(state_dir: PathBuf, bridge: &str, base: &str) -> Config {
    Config {
        run_dir: Config::default_run_dir(&state_dir),
        state_dir,
        bridge: bridge.to_owned(),
        subnet: (base.parse().expect("the base is an address"), 24),
        cgroup_parent: bridge.to_owned(),
        redirects: vec![],
        open_ports: vec![],
        supervisor: vec![std::env::current_exe().expect("our own path is known").into(), "supervise".into()],
    }
}
