//! A platform process that a test starts, kills and starts again.

use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use aws::{Client, Options, Service};
use aws_model::Document;
use serde_json::Value;
use tempfile::TempDir;

use crate::place::Place;

/// How long anything may take before a test gives up. Generous: two busy cores.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A platform of the test's own.
pub struct Platform {
    /// Keeps data directory and log until the test ends.
    pub dir: TempDir,
    /// Port of the API.
    pub port: u16,
    place: Place,
    child: Option<Child>,
}

/// Returns the binary under test: `MANAGR_BIN`, or the one that cargo built beside the tests.
pub fn binary() -> PathBuf {
    if let Some(path) = std::env::var_os("MANAGR_BIN") {
        return path.into();
    }
    beside("managr")
}

/// Returns a program of this repository that cargo built beside the tests.
pub(crate) fn beside(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a test knows its own path");
    let profile = test.ancestors().nth(2).expect("tests are in target/PROFILE/deps");
    let path = profile.join(name);
    assert!(path.exists(), "{} is missing: run `cargo build --package {name}` first", path.display());
    path
}

/// Returns a port that was free a moment ago.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has free ports");
    listener.local_addr().expect("a bound listener has an address").port()
}

impl Platform {
    /// Starts a native platform in a place of its own.
    pub async fn start() -> Self {
        assert!(nix::unistd::geteuid().is_root(), "this suite runs containers: it needs root");
        let dir = tempfile::Builder::new().prefix("m-").tempdir().expect("a temporary directory");
        let place = Place::take(&dir.path().join("data"));
        let mut platform = Self { dir, port: free_port(), place, child: None };
        platform.launch().await;
        platform
    }

    /// Returns the bridge's name.
    pub fn bridge(&self) -> String {
        self.place.bridge()
    }

    /// Returns the data directory.
    pub fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// Returns the API's address.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    fn flags(&self) -> Vec<String> {
        let data = self.data().display().to_string();
        ["--data-dir", &data, "--bridge", &self.place.bridge(), "--subnet", &self.place.subnet()]
            .map(str::to_owned)
            .to_vec()
    }

    /// Starts the process, which must not run, and waits until it answers.
    pub async fn launch(&mut self) {
        let log = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.dir.path().join("platform.log"))
            .expect("the test's directory is writable");
        let child = Command::new(binary())
            .args(["platform", "serve", "--listen", &format!("127.0.0.1:{}", self.port)])
            .args(self.flags())
            .env("RUST_LOG", "info")
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a file can be shared"))
            .stderr(log)
            .spawn()
            .expect("the binary runs");
        self.child = Some(child);
        let page = format!("{}/_managr/health", self.endpoint());
        let started = Instant::now();
        while get(&page).await.is_none() {
            let ended = self.child.as_mut().and_then(|c| c.try_wait().ok().flatten());
            assert!(ended.is_none(), "the platform ended ({ended:?}): {}", self.log());
            assert!(started.elapsed() < PATIENCE, "the platform does not answer: {}", self.log());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Returns what the platform printed.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("platform.log")).unwrap_or_default()
    }

    /// Kills the process at once, as a crash would.
    pub fn kill(&mut self) {
        let mut child = self.child.take().expect("the platform runs");
        child.kill().expect("a child can be killed");
        child.wait().expect("a killed child ends");
    }

    /// Returns the platform's process.
    pub fn pid(&self) -> u32 {
        self.child.as_ref().expect("the platform runs").id()
    }

    /// Returns the load balancer's process, the last that was started.
    pub fn balancer(&self) -> nix::unistd::Pid {
        let text = std::fs::read_to_string(self.data().join("balancer.pid")).expect("a balancer was started");
        nix::unistd::Pid::from_raw(text.trim().parse().expect("a process id"))
    }

    /// Ends the process in order; containers go on.
    pub fn stop(&mut self) {
        let mut child = self.child.take().expect("the platform runs");
        let pid = nix::unistd::Pid::from_raw(i32::try_from(child.id()).expect("pids are small"));
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).expect("a child can be signalled");
        child.wait().expect("a terminated child ends");
    }

    /// Removes everything with the product's own verb; the process must have ended.
    pub fn purge(&self) {
        let out = Command::new(binary())
            .args(["platform", "purge", "--data-dir"])
            .arg(self.data())
            .output()
            .expect("the binary runs");
        assert!(out.status.success(), "purge failed: {}", String::from_utf8_lossy(&out.stderr));
    }

    /// Calls an operation; the answer must be a success.
    pub async fn call(&self, service: &Service, operation: &str, input: Value) -> Document {
        let outcome = self.try_call(service, operation, input).await;
        outcome.unwrap_or_else(|e| panic!("{operation}: {e}: {:?}\n{}", e.hint(), self.log()))
    }

    /// Calls an operation.
    ///
    /// # Errors
    /// What the platform refuses.
    pub async fn try_call(&self, service: &Service, operation: &str, input: Value) -> Result<Document, aws::CallError> {
        let client = Client::new(Options::local(self.endpoint(), "us-east-1"))?;
        client.call(service, operation, input.as_object().cloned().unwrap_or_default()).await
    }
}

impl Drop for Platform {
    /// A failed test leaves no containers behind: what it shows is in its message.
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
        if self.data().exists() {
            let _ = Command::new(binary()).args(["platform", "purge", "--data-dir"]).arg(self.data()).output();
        }
    }
}

/// Returns the body of a page, if it answers 200.
pub async fn get(url: &str) -> Option<String> {
    // The client wants a TLS provider even for plain HTTP; a second installation is refused, and that is fine.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().timeout(Duration::from_secs(5)).build().ok()?;
    let answer = client.get(url).send().await.ok()?;
    if !answer.status().is_success() {
        return None;
    }
    answer.text().await.ok()
}

/// Waits until `question` has an answer.
pub async fn until<T, F: Future<Output = Option<T>>>(what: &str, platform: &Platform, question: impl Fn() -> F) -> T {
    let started = Instant::now();
    loop {
        if let Some(answer) = question().await {
            return answer;
        }
        assert!(started.elapsed() < PATIENCE, "waited in vain until {what}; the platform says:\n{}", platform.log());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
