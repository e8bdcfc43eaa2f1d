//! A balancer's process as a task of the test, and platforms that speak with it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use balancer::{Config, Event, Launch, Remote, ServeError, build_of};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::support::SOON;

/// A directory whose path is longer than any socket's may be.
pub(crate) struct Home {
    _dir: tempfile::TempDir,
    pub(crate) path: PathBuf,
}

pub(crate) fn home() -> Home {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("d".repeat(120));
    std::fs::create_dir(&path).unwrap();
    Home { _dir: dir, path }
}

/// What stands for the line that a process prints once it can be connected to: its socket is there a moment earlier.
const LISTENS: &str = "listens";

/// A process, as far as a platform and clients can tell.
pub(crate) struct Process {
    pub(crate) task: JoinHandle<Result<(), ServeError>>,
    signals: UnboundedSender<()>,
}

impl Process {
    /// Begins to serve once the place is free; the file `listens` is there then.
    pub(crate) fn begin(dir: &Path, ready: impl FnOnce() + Send + 'static) -> Self {
        let (signals, told) = mpsc::unbounded_channel();
        let (dir, listens) = (dir.to_owned(), dir.join(LISTENS));
        let ready = move || {
            std::fs::write(listens, "").unwrap();
            ready();
        };
        Self { task: tokio::spawn(async move { balancer::serve(&dir, ready, told).await }), signals }
    }

    /// What SIGTERM does.
    pub(crate) fn terminate(&self) {
        self.signals.send(()).unwrap();
    }

    pub(crate) async fn ends(self) {
        timeout(SOON, self.task).await.expect("it ends").unwrap().unwrap();
    }
}

/// Begins to serve; returns once the socket is there.
pub(crate) async fn served(dir: &Path) -> Process {
    let (ready, is_ready) = tokio::sync::oneshot::channel();
    let process = Process::begin(dir, || ready.send(()).unwrap());
    is_ready.await.unwrap();
    // The next one says so anew.
    std::fs::remove_file(dir.join(LISTENS)).unwrap();
    process
}

/// A platform, as far as a balancer knows one.
pub(crate) struct Platform {
    pub(crate) remote: Remote,
    pub(crate) events: UnboundedReceiver<Event>,
}

impl Platform {
    pub(crate) async fn start(home: &Home, config: &Config) -> Self {
        // Nothing may be started: the process that is to serve is there.
        Self::start_with(home, config, Vec::new(), build_of(Path::new("/proc/self/exe"))).await
    }

    /// One that has processes of a build; the next to come is begun already, and waits for its place.
    pub(crate) async fn of_build(home: &Home, config: &Config, build: &str) -> Self {
        let comes = format!("until [ -e \"$0/{LISTENS}\" ]; do sleep 0.01; done; rm \"$0/{LISTENS}\"; echo");
        Self::start_with(home, config, vec!["/bin/sh".into(), "-c".into(), comes.into()], build.into()).await
    }

    async fn start_with(home: &Home, config: &Config, command: Vec<OsString>, build: String) -> Self {
        let (sender, events) = mpsc::unbounded_channel();
        let launch = Launch { dir: home.path.clone(), command, build };
        let platform = Self { remote: Remote::new(launch, sender), events };
        platform.remote.apply(config.clone());
        timeout(SOON, platform.remote.settled()).await.expect("acknowledged");
        platform
    }

    pub(crate) async fn until(&mut self, wanted: impl Fn(&Event) -> bool) -> Event {
        let search = async {
            loop {
                let event = self.events.recv().await.unwrap();
                if wanted(&event) {
                    return event;
                }
            }
        };
        timeout(SOON, search).await.expect("the event comes")
    }

    /// Returns the events from before the first configuration was acknowledged.
    pub(crate) fn told(&mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.events.try_recv().ok()).collect()
    }

    pub(crate) async fn address(&mut self) -> std::net::SocketAddr {
        match self.until(|e| matches!(e, Event::ListenerReady { .. })).await {
            Event::ListenerReady { address, .. } => address,
            other => panic!("{other:?}"),
        }
    }
}
