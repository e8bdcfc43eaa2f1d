//! `cargo xtask rolling --example`: `managr deploy` of the six-container example, over and over, under
//! load; in the second half the platform is killed once in the middle. Fails with the first request
//! that does.
//!
//! The load goes to this machine only and ends by itself whatever happens.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use e2e_native::traffic::{Traffic, TrafficReport};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Connections that ask without pause: half are kept, half are new for every request.
const CLIENTS: usize = 64;
/// What they ask for: a page of Django's, and one of nginx's own.
const PAGES: [&str; 2] = ["/health-check", "/nginx-health"];

struct Example {
    managr: PathBuf,
    /// A manifest beside the example's own, which is written anew for every release.
    manifest: PathBuf,
    text: String,
    data: PathBuf,
}

fn main() -> ExitCode {
    let mut args = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(managr), Some(manifest), Some(data)) = (args.next(), args.next(), args.next()) else {
        eprintln!("usage: example-under-load MANAGR MANIFEST DATA-DIR [DEPLOYMENTS]");
        return ExitCode::from(2);
    };
    let deployments = args.next().map_or(20, |n| n.to_string_lossy().parse().expect("a number of deployments"));
    let text = std::fs::read_to_string(&manifest).expect("the example's manifest");
    let example = Example { managr, manifest: manifest.with_file_name(".under-load.toml"), text, data };
    let good = example.run(deployments);
    let _ = std::fs::remove_file(&example.manifest);
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

impl Example {
    fn run(&self, deployments: usize) -> bool {
        self.write(0);
        assert!(self.managr(&["up", "--detach"]).status().expect("managr").success(), "the example did not come up");
        let good = [None, Some(deployments / 2)].into_iter().all(|killed_in| {
            let outcome = self.roll(deployments, killed_in);
            outcome.failures.iter().for_each(|failure| println!("  {failure}"));
            outcome.failures.is_empty()
        });
        let _ = self.managr(&["down", "--purge", "--all"]).status();
        good
    }

    /// Deploys so many times in a row under load; kills the platform in the middle of one.
    fn roll(&self, deployments: usize, killed_in: Option<usize>) -> TrafficReport {
        let address: SocketAddr = "127.0.0.1:8080".parse().expect("an address");
        let began = Instant::now();
        let traffic = Traffic::kept_and_fresh(address, &PAGES, CLIENTS);
        let offset = killed_in.map_or(1, |_| 1 + deployments);
        for number in 0..deployments {
            self.write(offset + number);
            self.deploy(killed_in == Some(number));
        }
        let outcome = traffic.end();
        let how = killed_in.map_or("", |_| ", platform killed in one");
        println!("{deployments} deploys of the example{how}: {outcome}, {:.0} s", began.elapsed().as_secs_f64());
        outcome
    }

    fn deploy(&self, kills: bool) {
        let mut deploy = self.managr(&["deploy", "local", "--yes", "--json"]);
        // With --json, standard error has only what went wrong.
        let mut child = deploy.stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().expect("managr");
        let out = BufReader::new(child.stdout.take().expect("its output"));
        let mut killed = !kills;
        for line in out.lines().map_while(Result::ok) {
            // Old and new run side by side: the very middle.
            if !killed && line.contains("\"event\":\"rollout\"") && line.contains("\"running\":1") {
                killed = true;
                let pid = std::fs::read_to_string(self.data.join("platform.pid")).expect("the platform's process id");
                kill(Pid::from_raw(pid.trim().parse().expect("a number")), Signal::SIGKILL).expect("it is there");
                assert!(self.managr(&["platform", "start"]).status().expect("managr").success(), "no platform");
            }
        }
        assert!(child.wait().expect("managr").success(), "a deploy did not end well");
        assert!(killed, "the platform was to be killed in this deploy");
    }

    fn write(&self, number: usize) {
        let text = self.text.replace("\"Hello from managr\"", &format!("\"Hello, release {number}\""));
        assert!(number == 0 || text != self.text, "the example's greeting is what changes");
        std::fs::write(&self.manifest, text).expect("a manifest beside the example's");
    }

    fn managr(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.managr);
        command.args(words).env("MANAGR_FILE", &self.manifest).env("MANAGR_DATA_DIR", &self.data);
        command.current_dir(self.manifest.parent().unwrap_or(Path::new("."))).stderr(Stdio::null());
        command
    }
}
