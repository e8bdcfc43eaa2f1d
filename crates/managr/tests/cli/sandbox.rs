//! A directory with a manifest, and the program run in it with nothing of the caller's environment.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// A manifest of two containers that needs nothing built.
pub(crate) const MANIFEST: &str = r#"app = "demo"

[variables]
DEBUG = "True"

[secrets]
SECRET_KEY = { generate = true }

[services.app.ingress]
container = "web"
port = 80

[services.app.containers.web]
image = "nginx:1.27"
ports = [80]

[services.app.containers.worker]
image = "busybox:1.36"
"#;

/// A directory and an endpoint of its own.
pub(crate) struct Sandbox {
    directory: TempDir,
    port: u16,
}

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Sandbox {
    pub(crate) fn new() -> Self {
        // The port is free again when the listener is dropped; no other process asks for it meanwhile.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        Self { directory: tempfile::tempdir().unwrap(), port }
    }

    pub(crate) fn with_manifest(text: &str) -> Self {
        let sandbox = Self::new();
        sandbox.write("managr.toml", text);
        sandbox
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn data_dir(&self) -> PathBuf {
        self.path().join("data")
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_managr"));
        command.args(args).current_dir(self.path()).stdin(Stdio::null()).env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", self.path());
        command.env("MANAGR_ENDPOINT", self.endpoint()).env("MANAGR_DATA_DIR", self.data_dir());
        command
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub(crate) fn run(&self, args: &[&str]) -> Run {
        self.told(self.command(args).output().unwrap())
    }

    /// Removes what differs from run to run: the directory and the port.
    pub(crate) fn told(&self, output: Output) -> Run {
        let text = |bytes: &[u8]| {
            let text = String::from_utf8(bytes.to_vec()).unwrap();
            text.replace(&self.path().display().to_string(), "DIR").replace(&self.port.to_string(), "PORT")
        };
        Run { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) }
    }

    /// Starts a simulated platform that lives as long as the returned value.
    pub(crate) fn platform(&self) -> Platform {
        let mut command = self.command(&["platform", "serve", "--engine", "simulated"]);
        command.env_remove("MANAGR_DATA_DIR").stdout(Stdio::null()).stderr(Stdio::null());
        let platform = Platform(command.spawn().unwrap());
        let since = Instant::now();
        while self.run(&["platform", "status"]).code != Some(0) {
            assert!(since.elapsed() < Duration::from_secs(20), "the platform does not answer");
        }
        platform
    }
}

/// A platform in the foreground, killed at the end of a test.
pub(crate) struct Platform(Child);

impl Platform {
    /// Kills it.
    pub(crate) fn end(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Platform {
    fn drop(&mut self) {
        self.end();
    }
}

impl Run {
    /// Returns the run as one text, for snapshots.
    pub(crate) fn transcript(&self) -> String {
        let code = self.code.map_or("none".to_owned(), |code| code.to_string());
        format!("exit {code}\n--- out\n{}--- err\n{}", self.out, self.err)
    }
}
