//! `cargo xtask bench forward`: `managr forward` beside a plain TCP proxy (socat), and beside nothing:
//! HTTP requests over 50 kept connections to a container that this machine can also reach directly.
//! What managr does more: every byte goes through a session with acknowledgements, as it does on AWS.

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use e2e::client::{Client, ECS};
use e2e::server::free_port;
use serde_json::json;

use super::{Hello, wrk};
use crate::packages;
use crate::shell::{Fault, Run, cmd};
use crate::tree::Tree;

const CONNECTIONS: u32 = 50;
const SECONDS: u32 = 5;
const ROUNDS: usize = 3;
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) fn run(tree: &Tree) -> Result<(), Fault> {
    Hello::up(tree, packages::FORWARD, measure)
}

fn measure(hello: &Hello) -> Result<(), Fault> {
    let address = address()?;
    let (plain, ours) = (free_port()?, free_port()?);
    let listen = format!("TCP-LISTEN:{plain},bind=127.0.0.1,fork,reuseaddr");
    let _socat = Proxy::start(cmd("socat", &[&listen, &format!("TCP:{address}:8000")]), plain)?;
    let _forward = Proxy::start(hello.managr(&["forward", "local", &format!("{ours}:8000")]), ours)?;
    let ways = [
        ("directly", format!("http://{address}:8000/health")),
        ("socat", format!("http://127.0.0.1:{plain}/health")),
        ("managr forward", format!("http://127.0.0.1:{ours}/health")),
    ];
    let mut best = [(0.0, String::new()), (0.0, String::new()), (0.0, String::new())];
    for _ in 0..ROUNDS {
        for ((_, url), best) in ways.iter().zip(&mut best) {
            let load = wrk::Load { connections: CONNECTIONS, seconds: SECONDS };
            let (rate, p99) = load.get(url)?;
            if rate > best.0 {
                *best = (rate, p99);
            }
        }
    }
    println!("requests per second, {CONNECTIONS} connections, best of {ROUNDS} rounds of {SECONDS} s in turn");
    println!("{:<16} {:>10} {:>10} {:>16}", "", "requests/s", "p99", "of socat's rate");
    let socat = best[1].0;
    for ((name, _), (rate, p99)) in ways.iter().zip(&best) {
        println!("{name:<16} {rate:>10.0} {p99:>10} {:>16.2}", rate / socat);
    }
    Ok(())
}

/// Returns the address of the task of the example's service.
fn address() -> Result<String, Fault> {
    let mut client = Client::connect(4566)?;
    let listed = client.call(ECS, "ListTasks", &json!({ "cluster": "hello-cluster" }))?;
    let asked = json!({ "cluster": "hello-cluster", "tasks": [listed["taskArns"][0]] });
    let described = client.call(ECS, "DescribeTasks", &asked)?;
    let address = described["tasks"][0]["containers"][0]["networkInterfaces"][0]["privateIpv4Address"].as_str();
    address.map(str::to_owned).ok_or_else(|| Fault::Wrong(format!("no address of a task: {described}")))
}

/// A proxy in a process of its own; killed when dropped.
struct Proxy(Child);

impl Proxy {
    /// Starts one that listens on `port`, and waits until it does.
    fn start(run: Run, port: u16) -> Result<Self, Fault> {
        let mut command = run.into_command();
        let program = command.get_program().to_string_lossy().into_owned();
        let spawned = command.stderr(Stdio::null()).spawn();
        let mut proxy = Self(spawned.map_err(|source| Fault::NotStarted { program: program.clone(), source })?);
        let since = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            if let Ok(Some(status)) = proxy.0.try_wait() {
                return Err(Fault::Failed { program, code: status.code() });
            }
            if since.elapsed() > PATIENCE {
                return Err(Fault::Wrong(format!("`{program}` did not listen within {} s", PATIENCE.as_secs())));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(proxy)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
