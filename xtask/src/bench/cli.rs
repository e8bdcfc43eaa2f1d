//! `cargo xtask bench cli`: the wall time of commands, whole processes from start to exit, against one
//! simulated platform on this machine. `managr status` beside `aws ecs describe-services`, of both
//! majors of the AWS CLI; the former asks for more: tasks and targets too. `managr deploy` with nothing
//! to deploy stands alone: nothing else does that. All take turns, so that they share the machine's moods.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use e2e::server::{Server, free_port};

use super::{Spread, milliseconds};
use crate::packages;
use crate::programs::{self, Build};
use crate::python::{CLIENTS, Venv};
use crate::shell::{Fault, cmd};
use crate::tree::Tree;

const ROUNDS: usize = 30;

/// Two containers behind a load balancer, of images that need no build.
const MANIFEST: &str = "app = \"bench\"\n[services.web]\ncount = 2\ningress = { container = \"web\", port = 80 }\n\
    [services.web.containers.web]\nimage = \"web:1\"\nports = [80]\n[services.web.containers.agent]\nimage = \"agent:1\"\n";

const DESCRIBE: &[&str] = &["ecs", "describe-services", "--cluster", "bench-cluster", "--services", "bench-web-local"];

pub(crate) fn run(tree: &Tree) -> Result<(), Fault> {
    packages::ensure(packages::DEMO)?;
    packages::ensure(packages::CLI)?;
    let managr = programs::managr(tree, Build::Release)?;
    let venv = Venv::ensure(tree, "clients", CLIENTS)?;
    let directory = tree.scratch("bench-cli")?;
    let manifest = directory.join("managr.toml");
    std::fs::write(&manifest, MANIFEST).map_err(Fault::path(&manifest))?;

    let port = free_port()?;
    let mut serve = Command::new(&managr);
    serve.args(["platform", "serve", "--engine", "simulated"]).arg(format!("--listen=127.0.0.1:{port}"));
    serve.current_dir(&directory).stdout(Stdio::null()).stderr(Stdio::null());
    let _server = Server::start(serve, port)?;
    let place = Place { directory, endpoint: format!("http://127.0.0.1:{port}") };
    place.time(&managr, &["deploy", "local", "--yes", "--no-verify"])?;

    let mut rows = vec![
        Row::new("managr status", &managr, &["status", "local"]),
        Row::new("managr deploy, nothing to do", &managr, &["deploy", "local", "--yes"]),
    ];
    for aws in clients(&venv) {
        rows.push(Row::new(&format!("aws {}", version(&aws)?), &aws, DESCRIBE));
    }
    for round in 0..=ROUNDS {
        for row in &mut rows {
            let took = place.time(&row.program, row.words)?;
            // The first round warms caches up for all.
            if round > 0 {
                row.samples.push(took);
            }
        }
    }
    println!("start to exit, {ROUNDS} rounds in turn, ms");
    println!("{:<32} {:>8} {:>8} {:>18}", "", "min", "median", "median / managr's");
    let spreads: Vec<_> = rows.into_iter().filter_map(|row| Some((row.name, Spread::of(row.samples)?))).collect();
    let ours = spreads.first().map_or(1.0, |(_, spread)| milliseconds(spread.median));
    for (name, spread) in &spreads {
        let median = milliseconds(spread.median);
        println!("{name:<32} {:>8.1} {median:>8.1} {:>18.1}", milliseconds(spread.min), median / ours);
    }
    Ok(())
}

struct Row {
    name: String,
    program: PathBuf,
    words: &'static [&'static str],
    samples: Vec<Duration>,
}

impl Row {
    fn new(name: &str, program: &Path, words: &'static [&'static str]) -> Self {
        Self { name: name.to_owned(), program: program.to_owned(), words, samples: Vec::new() }
    }
}

/// Where commands run, and whom they ask.
struct Place {
    directory: PathBuf,
    endpoint: String,
}

impl Place {
    /// Runs a command to its end, which must be a good one.
    fn time(&self, program: &Path, words: &[&str]) -> Result<Duration, Fault> {
        let mut command = Command::new(program);
        command.args(words).current_dir(&self.directory).stdin(Stdio::null());
        // Older AWS CLIs, such as that of Debian 12, do not know the variable that names an endpoint.
        if program.ends_with("aws") {
            command.args(["--endpoint-url", &self.endpoint]);
        }
        command.env("MANAGR_ENDPOINT", &self.endpoint);
        command.env("AWS_ACCESS_KEY_ID", "test").env("AWS_SECRET_ACCESS_KEY", "test").env("AWS_REGION", "us-east-1");
        command.env("AWS_DEFAULT_REGION", "us-east-1").env("AWS_PAGER", "").env("AWS_EC2_METADATA_DISABLED", "true");
        let name = format!("{} {}", program.display(), words.join(" "));
        let started = Instant::now();
        let ended = command.output().map_err(|source| Fault::NotStarted { program: name.clone(), source })?;
        let took = started.elapsed();
        if ended.status.success() {
            return Ok(took);
        }
        eprint!("{}", String::from_utf8_lossy(&ended.stderr));
        Err(Fault::Failed { program: name, code: ended.status.code() })
    }
}

/// Returns the AWS CLIs that there are: version 1 from PyPI, version 2 from Debian.
fn clients(venv: &Venv) -> Vec<PathBuf> {
    let debian = PathBuf::from("/usr/bin/aws");
    [venv.program("aws"), debian].into_iter().filter(|program| program.exists()).collect()
}

/// Returns what `aws --version` calls itself: `aws-cli/2.23.6 Python/3.13.5 ...`.
fn version(aws: &Path) -> Result<String, Fault> {
    let said = cmd(aws, &["--version"]).read()?;
    Ok(said.split_whitespace().next().and_then(|word| word.split_once('/')).map_or(said.clone(), |(_, n)| n.to_owned()))
}
