//! The checks that need the example (its own tests inside its own image, and the official clients
//! against the platform that runs it), and the deploy half against a server that is not ours.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use e2e::leftovers;
use e2e::server::{Server, free_port};

use crate::demo;
use crate::programs::{self, Build};
use crate::python::{self, Venv};
use crate::shell::{Fault, Run, cmd, say};
use crate::tree::Tree;

const ENDPOINT: &str = "http://127.0.0.1:4566";

/// A demo that is already up must be quick.
const SECOND_RUN: Duration = Duration::from_secs(15);

/// Each ends with other than 0 when something is not as it must be, and says what.
const CLIENTS: [&str; 6] =
    ["check_app.py", "check_cli.py", "check_boto3.py", "check_task_definition.py", "check_sessions.py", "wirecheck.py"];

/// Runs the Django project's tests where it runs: on the base image, the sources mounted.
pub(crate) fn example(tree: &Tree) -> Result<(), Fault> {
    let sources = tree.root.join("examples/managr/server");
    let container = cmd("buildah", &["from", "--pull-never", "localhost/managr-base:bookworm"]).read()?;
    let run = |words: &[&str]| {
        let volume = format!("{}:/src:ro", sources.display());
        let mut command = cmd("buildah", &["run", "--isolation=chroot", "--volume", &volume, "--workingdir=/src"]);
        for variable in
            ["SECRET_KEY=only-for-these-tests", "PYTHONDONTWRITEBYTECODE=1", "DATABASE_PATH=/tmp/db.sqlite3"]
        {
            command = command.arg("--env").arg(variable);
        }
        command = command.arg(&container).arg("--");
        for word in words {
            command = command.arg(word);
        }
        command.run()
    };
    let tested = run(&["python3", "manage.py", "test"])
        .and_then(|()| run(&["python3", "manage.py", "makemigrations", "--check", "--dry-run"]));
    let removed = cmd("buildah", &["rm", &container]).read().map(drop);
    tested.and(removed)
}

/// Puts the example into service twice, holds the official clients against it, and takes it down.
pub(crate) fn demo(tree: &Tree) -> Result<(), Fault> {
    if std::net::TcpStream::connect("127.0.0.1:4566").is_ok() {
        let words = "something answers on 127.0.0.1:4566; if it is a platform of yours, run `managr down` first";
        return Err(Fault::Wrong(words.into()));
    }
    let before = leftovers::seen();
    let venv = Venv::ensure(tree, "clients", python::CLIENTS)?;
    let pyssm = Venv::pyssm(tree)?.map(|venv| venv.program("pyssm"));
    let managr = programs::managr(tree, Build::Debug)?;
    let go = programs::go_clients(tree)?;
    let session = Session { tree, managr, data: tree.scratch("managr-data")?, venv, pyssm, go };
    let checked = session.check();
    if checked.is_err() {
        session.tell_what_is_there();
    }
    // Taken down whatever was found, so that the next run begins on a clean machine. The platform is this run's alone;
    // what a client left on it that failed goes too.
    let down = session.managr(&["down", "--purge", "--all", "--file", "examples/managr/managr.toml"]).run();
    checked.and(down)?;
    let left = leftovers::since(&before);
    if !left.is_empty() {
        return Err(Fault::Wrong(format!("left behind:\n  {}", left.join("\n  "))));
    }
    match std::fs::read_dir(&session.data).map(Iterator::count) {
        Ok(0) | Err(_) => Ok(()),
        Ok(files) => Err(Fault::Wrong(format!("{files} entries left in {}", session.data.display()))),
    }
}

/// Deploys to moto's server: the deploy half knows nothing of who answers.
pub(crate) fn moto(tree: &Tree) -> Result<(), Fault> {
    let venv = Venv::ensure(tree, "moto", &[&[python::MOTO], python::CLIENTS].concat())?;
    let managr = programs::managr(tree, Build::Debug)?;
    let port = free_port()?;
    let mut command = Command::new(venv.program("moto_server"));
    command.args(["-H", "127.0.0.1", "-p", &port.to_string()]).stdout(Stdio::null()).stderr(Stdio::null());
    // Killed when dropped, whatever was found; the script bounds its own time.
    let _server = Server::start(command, port)?;
    let run = cmd(venv.program("python3"), &["e2e/clients/check_moto.py"]).dir(&tree.root);
    with_credentials(run, &format!("http://127.0.0.1:{port}")).env("MANAGR", managr).env("PATH", venv.path()).run()
}

fn with_credentials(run: Run, endpoint: &str) -> Run {
    run.env("AWS_ENDPOINT_URL", endpoint)
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .env("AWS_DEFAULT_REGION", "us-east-1")
        .env("AWS_PAGER", "")
}

struct Session<'a> {
    tree: &'a Tree,
    managr: PathBuf,
    /// Not the machine's own data directory: a developer's platform may have its state there.
    data: PathBuf,
    venv: Venv,
    /// Another client of sessions, where this machine has a Python for it.
    pyssm: Option<PathBuf>,
    /// The official SDK for Go in every protocol, where this machine has Go.
    go: Option<PathBuf>,
}

impl Session<'_> {
    fn check(&self) -> Result<(), Fault> {
        self.with_environment(demo::up(self.tree, &self.managr)).run()?;
        let first = self.client("snapshot.py").read()?;
        let started = Instant::now();
        self.with_environment(demo::up(self.tree, &self.managr)).run()?;
        let took = started.elapsed();
        say(format!("second `managr up` took {:.1} s", took.as_secs_f64()));
        if took > SECOND_RUN {
            return Err(Fault::Wrong(format!("a second run may take {} s", SECOND_RUN.as_secs())));
        }
        let second = self.client("snapshot.py").read()?;
        if first != second {
            return Err(Fault::Wrong(format!("the second run changed something:\n{first}\n{second}")));
        }
        for name in CLIENTS {
            say(format!("e2e/clients/{name}"));
            self.client(name).run()?;
        }
        let Some(go) = &self.go else { return Ok(()) };
        say("e2e/clients/go");
        self.with_environment(cmd(go, &[])).run()
    }

    fn managr(&self, words: &[&str]) -> Run {
        self.with_environment(cmd(&self.managr, words).dir(&self.tree.root))
    }

    fn client(&self, name: &str) -> Run {
        let script = Path::new("e2e/clients").join(name);
        let run = cmd(self.venv.program("python3"), &[]).arg(script).dir(&self.tree.root);
        let run = self.with_environment(run).env("PATH", self.venv.path()).env("MANAGR", &self.managr);
        match &self.pyssm {
            Some(pyssm) => run.env("PYSSM", pyssm),
            None => run,
        }
    }

    fn with_environment(&self, run: Run) -> Run {
        with_credentials(run, ENDPOINT).env("MANAGR_DATA_DIR", &self.data)
    }

    /// For the reader of a failed run: CI's machine is gone when its log is read.
    fn tell_what_is_there(&self) {
        for words in [["status", "--file"], ["logs", "--file"]] {
            let _ = self.managr(&words).arg("examples/managr/managr.toml").run();
        }
    }
}
