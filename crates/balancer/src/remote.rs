//! The balancer's process as the platform sees it: found or started, told what to serve, listened to,
//! replaced when it leaves or should, and started again when it dies.

use std::ffi::OsString;
use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::process::Command;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::config::Config;
use crate::event::Event;
use crate::home::Home;
use crate::party::{Party, leaving_says};
use crate::sockets::Sockets;
use crate::wire::{Ask, LEAVES, PROTOCOL, Tell, Wire};

/// How long a process may take to listen, and to answer a greeting. One that is just ending may have
/// to be waited for.
const START: Duration = Duration::from_secs(10);
/// How long one that closed its output may take to end by itself.
const ABOUT_TO_END: Duration = Duration::from_secs(1);
/// A process is not started more often than this, however often it dies: one that lived longer is
/// replaced at once.
const PAUSE: Duration = Duration::from_secs(1);
/// The only variable of ours that a process is started with.
const LOG: &str = "MANAGR_LOG";

/// How a balancer's process is started.
#[derive(Debug, Clone)]
pub struct Launch {
    /// Directory of its lock, socket and log; private, and there already.
    pub dir: PathBuf,
    /// Command that runs [`crate::serve`] with the directory appended to it, and prints one line once
    /// the socket is there.
    pub command: Vec<OsString>,
    /// Which program that is ([`crate::build_of`]). A process of another is replaced when it is found.
    pub build: String,
}

/// The balancer in a process of its own, which goes on serving when this is dropped.
#[derive(Debug)]
pub struct Remote {
    wanted: watch::Sender<Option<Wanted>>,
    served: watch::Receiver<u64>,
    keeper: AbortHandle,
}

/// What the process is to serve.
#[derive(Debug, Clone)]
struct Wanted {
    version: u64,
    config: Arc<Config>,
}

impl Drop for Remote {
    fn drop(&mut self) {
        self.keeper.abort();
    }
}

impl Remote {
    /// Returns at once; nothing is found or started before the first [`Remote::apply`]. Must be called
    /// within a Tokio runtime.
    pub fn new(launch: Launch, events: UnboundedSender<Event>) -> Self {
        let (wanted, latest) = watch::channel(None);
        let (acknowledged, served) = watch::channel(0);
        let home = Home::new(&launch.dir);
        let keeper = Keeper {
            home,
            command: launch.command,
            build: launch.build,
            latest,
            served: acknowledged,
            events,
            started: None,
            sockets: Sockets::default(),
            leaving: Vec::new(),
        };
        let keeper = tokio::spawn(keeper.run()).abort_handle();
        Self { wanted, served, keeper }
    }

    /// Has this served from now on, by whichever process is or will be there. Returns at once.
    pub fn apply(&self, config: Config) {
        self.wanted.send_if_modified(|wanted| {
            if wanted.as_ref().is_some_and(|w| *w.config == config) {
                return false;
            }
            let version = wanted.as_ref().map_or(1, |w| w.version + 1);
            *wanted = Some(Wanted { version, config: Arc::new(config) });
            true
        });
    }

    /// Resolves once the process has acknowledged all that was applied before this call: from then on
    /// a target that was draining, or gone, is sent nothing new.
    pub fn settled(&self) -> impl Future<Output = ()> + Send + 'static {
        let version = self.wanted.borrow().as_ref().map_or(0, |w| w.version);
        let mut served = self.served.clone();
        async move {
            // Fails when the keeper has gone, and with it every caller that could wait.
            let _ = served.wait_for(|served| *served >= version).await;
        }
    }
}

/// Ends the process of a directory, if there is one, and those that leave; returns once they are gone.
/// Safe to repeat.
///
/// # Errors
/// When one does not end, even by force.
pub async fn end(dir: &Path) -> io::Result<()> {
    Home::new(dir).end().await?;
    for leaving in Home::leaving(dir)? {
        leaving.end().await?;
    }
    Ok(())
}

/// Why no process could be had.
#[derive(Debug, thiserror::Error)]
enum ReachError {
    #[error("could not start the load balancer's process")]
    Spawn(#[source] io::Error),
    #[error("the load balancer's process ended at once ({status}); its log is {}", log.display())]
    Ended { status: ExitStatus, log: PathBuf },
    #[error("the load balancer's process does not answer")]
    Silent,
    #[error("could not end a load balancer's process of another version")]
    Stranger(#[source] io::Error),
}

/// Who answered a greeting.
enum Greeted {
    /// A process that understands us, and its build.
    Ours(Wire<Tell, Ask>, Option<String>),
    /// One of another version, which can be asked to leave.
    Stranger(Wire<Tell, Ask>),
    /// One that is too old for that, or that hangs.
    Deaf,
    Nobody,
}

/// Sees to it that a process serves what is wanted.
struct Keeper {
    home: Home,
    command: Vec<OsString>,
    build: String,
    latest: watch::Receiver<Option<Wanted>>,
    served: watch::Sender<u64>,
    events: UnboundedSender<Event>,
    /// When a process was last started.
    started: Option<Instant>,
    /// What the process listens on. The kernel takes connections in as long as these are open, whatever
    /// becomes of the process; the next one serves them.
    sockets: Sockets,
    /// Processes that were replaced and finish what is open.
    leaving: Vec<Party>,
}

impl Keeper {
    /// Runs until nothing can be wanted any more.
    async fn run(mut self) {
        if self.latest.wait_for(Option::is_some).await.is_err() {
            return;
        }
        self.find_leaving().await;
        loop {
            // Sends a serving process nothing before the world is known: it would stop serving.
            let Ok(wanted) = self.latest.wait_for(Option::is_some).await.map(|w| w.clone()) else { return };
            let wanted = wanted.expect("waited for");
            self.sockets.keep_only(&wanted.config);
            match self.reach(&wanted.config).await {
                Ok(wire) => {
                    if self.converse(wire.map(Party::new)).await.is_err() {
                        return;
                    }
                }
                Err(error) => self.despair(&error, &wanted.config).await,
            }
        }
    }

    /// Finds those that an earlier platform replaced: kept connections bring them new requests.
    async fn find_leaving(&mut self) {
        let homes = match Home::leaving(self.home.dir()) {
            Ok(homes) => homes,
            Err(error) => {
                tracing::warn!(%error, "could not look for load balancers that finish what is open");
                return;
            }
        };
        for home in homes {
            // One of another version finishes by itself, and hears nothing of what drains meanwhile.
            if let Greeted::Ours(wire, _) = self.greet(&home).await {
                self.leaving.push(Party::new(wire));
            }
        }
    }

    /// Returns a connection to the process, which is started if something is wanted of it; none when nothing is wanted
    /// and no process is there.
    async fn reach(&mut self, config: &Config) -> Result<Option<Wire<Tell, Ask>>, ReachError> {
        match self.greet(&self.home.clone()).await {
            Greeted::Ours(wire, Some(build)) if build == self.build => return Ok(Some(self.hand_over(wire))),
            Greeted::Ours(wire, _) => {
                tracing::info!("a load balancer of another build is replaced");
                if let Some(wire) = self.send_away(wire).await.map_err(ReachError::Stranger)? {
                    self.leaving.push(Party::new(wire));
                }
            }
            Greeted::Stranger(wire) => {
                tracing::info!("a load balancer of another version is replaced");
                // It might misunderstand what it would receive from now on.
                drop(self.send_away(wire).await.map_err(ReachError::Stranger)?);
            }
            Greeted::Deaf => {
                tracing::warn!("ending a load balancer that cannot be replaced in order: its open connections break");
                self.home.end().await.map_err(ReachError::Stranger)?;
            }
            Greeted::Nobody => {}
        }
        if config.is_empty() {
            return Ok(None);
        }
        if let Some(started) = self.started {
            sleep_until(started + PAUSE).await;
        }
        self.started = Some(Instant::now());
        self.spawn().await?;
        match self.greet(&self.home.clone()).await {
            // Whatever its build: there is no other to be had.
            Greeted::Ours(wire, _) => Ok(Some(self.hand_over(wire))),
            Greeted::Stranger(_) | Greeted::Deaf | Greeted::Nobody => Err(ReachError::Silent),
        }
    }

    /// Hands the sockets to the process that is to serve. One that serves already has them, and takes the
    /// same again.
    fn hand_over(&self, wire: Wire<Tell, Ask>) -> Wire<Tell, Ask> {
        wire.say_with(&Ask::Take, self.sockets.all());
        // One that ends because of a signal need not hurry any more: there is another now.
        self.leaving.iter().for_each(|party| party.wire.say(&Ask::Leave));
        wire
    }

    /// Has a process leave; returns its connection once its place is free. One that does not is ended.
    async fn send_away(&mut self, mut wire: Wire<Tell, Ask>) -> io::Result<Option<Wire<Tell, Ask>>> {
        wire.say(&Ask::Leave);
        let left = async {
            loop {
                match wire.next().await {
                    Some(Tell::Leaving) => return true,
                    Some(_) => {}
                    None => return false,
                }
            }
        };
        let left = timeout(START, left).await;
        self.keep(&mut wire);
        if matches!(left, Ok(true)) {
            return Ok(Some(wire));
        }
        tracing::warn!("the load balancer does not leave; it is ended, and its open connections break");
        self.home.end().await.map(|()| None)
    }

    async fn greet(&mut self, home: &Home) -> Greeted {
        let Ok(stream) = home.connect().await else { return Greeted::Nobody };
        let mut wire = Wire::new(stream);
        wire.say(&Ask::Hello { protocol: PROTOCOL });
        let answer = async {
            loop {
                match wire.next().await {
                    // A process of a build before this one may speak of what happens before it answers.
                    Some(Tell::Event(_) | Tell::Applied { .. }) => {}
                    answer => return answer,
                }
            }
        };
        let answer = timeout(START, answer).await;
        // A stranger's, too: they are handed to the one that replaces it.
        self.keep(&mut wire);
        match answer {
            Ok(Some(Tell::Hello { protocol: PROTOCOL, build })) => Greeted::Ours(wire, build),
            Ok(Some(Tell::Hello { protocol: LEAVES.., .. })) => Greeted::Stranger(wire),
            _ => Greeted::Deaf,
        }
    }

    /// Keeps the sockets that came, as far as they are still wanted.
    fn keep(&mut self, wire: &mut Wire<Tell, Ask>) {
        wire.sockets().into_iter().for_each(|socket| self.sockets.keep(socket));
        match &*self.latest.borrow() {
            Some(wanted) => self.sockets.keep_only(&wanted.config),
            None => self.sockets.clear(),
        }
    }

    /// Starts a process and waits until it listens. It is not tied to this one in any way.
    async fn spawn(&self) -> Result<(), ReachError> {
        let [program, arguments @ ..] = &self.command[..] else {
            return Err(ReachError::Spawn(io::Error::other("no command for it is configured")));
        };
        let log = self.home.log();
        let complaints =
            OpenOptions::new().create(true).append(true).mode(0o600).open(&log).map_err(ReachError::Spawn)?;
        let mut child = Command::new(program)
            .args(arguments)
            .arg(self.home.dir())
            .env_clear()
            .envs(std::env::var_os(LOG).map(|value| (LOG, value)))
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(complaints)
            .kill_on_drop(false)
            .spawn()
            .map_err(ReachError::Spawn)?;
        let mut says = child.stdout.take().expect("it is piped");
        if matches!(timeout(START, says.read_u8()).await, Ok(Ok(_))) {
            tracing::info!(process = child.id(), "the load balancer runs in a process of its own");
            tokio::spawn(async move { child.wait().await });
            return Ok(());
        }
        // One that closed its output is about to end by itself, and its own status says why.
        let status = match timeout(ABOUT_TO_END, child.wait()).await {
            Ok(status) => status,
            Err(_) => {
                let _ = child.start_kill(); // fails only for one that has ended
                child.wait().await
            }
        };
        Err(ReachError::Ended { status: status.map_err(ReachError::Spawn)?, log })
    }

    /// Speaks with the processes until the one that serves is gone or leaves, or until one is needed; an error when
    /// nothing is wanted any more.
    async fn converse(&mut self, mut serving: Option<Party>) -> Result<(), watch::error::RecvError> {
        loop {
            let wanted = self.latest.borrow_and_update().clone();
            if let Some(Wanted { version, config }) = &wanted {
                if serving.is_none() && !config.is_empty() {
                    return Ok(());
                }
                // First: while the socket is open here, the process refuses no connection.
                self.sockets.keep_only(config);
                for party in serving.iter_mut().chain(&mut self.leaving) {
                    party.apply(*version, config);
                }
                self.acknowledge(serving.as_ref(), *version);
            }
            // Dropping either branch loses nothing: the channel remembers, and so do the wires.
            tokio::select! {
                changed = self.latest.changed() => changed?,
                told = async { serving.as_mut().expect("looked at").wire.next().await }, if serving.is_some() => {
                    let party = serving.as_mut().expect("it told");
                    match told {
                        Some(Tell::Event(Event::TargetDrained { group, target, port })) => {
                            party.has_drained(group, target, port);
                            self.tell_drained(party);
                        }
                        Some(Tell::Event(event)) => {
                            if matches!(event, Event::ListenerReady { .. }) {
                                self.keep(&mut party.wire);
                            }
                            drop(self.events.send(event));
                        }
                        Some(Tell::Applied { version }) => party.applied = version,
                        Some(Tell::Hello { .. }) => {}
                        Some(Tell::Leaving) => {
                            tracing::info!("the load balancer leaves, starting another");
                            self.leaving.extend(serving);
                            return Ok(());
                        }
                        None => {
                            self.mourn();
                            return Ok(());
                        }
                    }
                }
                (index, told) = leaving_says(&mut self.leaving), if !self.leaving.is_empty() => {
                    // Drops what it opened just before it left: another process serves.
                    drop(self.leaving[index].wire.sockets());
                    match told {
                        Some(Tell::Event(Event::TargetDrained { group, target, port })) => {
                            self.leaving[index].has_drained(group, target, port);
                        }
                        Some(Tell::Applied { version }) => self.leaving[index].applied = version,
                        // What it goes on to serve counts.
                        Some(Tell::Event(event @ Event::Counted(_))) => drop(self.events.send(event)),
                        // Its listeners are another's, and so is its word on who is well.
                        Some(Tell::Event(_) | Tell::Hello { .. } | Tell::Leaving) => {}
                        None => drop(self.leaving.swap_remove(index)),
                    }
                    if let Some(party) = &mut serving {
                        self.tell_drained(party);
                    }
                }
            }
        }
    }

    /// Says what all have acknowledged. What is not wanted counts as served.
    fn acknowledge(&self, serving: Option<&Party>, newest: u64) {
        let all = serving.into_iter().chain(&self.leaving).map(|party| party.applied);
        let served = all.min().unwrap_or(newest);
        self.served.send_if_modified(|known| std::mem::replace(known, served) != served);
    }

    /// Reports targets that have drained everywhere and were not reported.
    fn tell_drained(&self, serving: &mut Party) {
        let everywhere = |target: &&_| self.leaving.iter().all(|party| party.drained.contains(*target));
        let news: Vec<_> = serving.drained.difference(&serving.passed_on).filter(everywhere).cloned().collect();
        for news in news {
            let (group, target, port) = news.clone();
            drop(self.events.send(Event::TargetDrained { group, target, port }));
            serving.passed_on.insert(news);
        }
    }

    /// Says that a process is gone, unless it had nothing left to do.
    fn mourn(&self) {
        if self.latest.borrow().as_ref().is_some_and(|w| !w.config.is_empty()) {
            tracing::error!("the load balancer's process is gone, starting another");
        }
    }

    /// Reports of every listener that it is not served, and waits a moment.
    async fn despair(&mut self, error: &ReachError, config: &Config) {
        tracing::error!(error = error as &dyn std::error::Error, "listeners are not served, trying again");
        // A refused client knows; one whose connection is never accepted waits.
        self.sockets.clear();
        for listener in &config.listeners {
            let event = Event::ListenerFailed {
                arn: listener.arn.clone(),
                address: listener.address,
                error: error.to_string(),
            };
            drop(self.events.send(event));
        }
        // A process that holds the directory and does not listen keeps others out.
        if let Err(error) = self.home.end().await {
            tracing::error!(%error, "what has its place could not be ended");
        }
        sleep(PAUSE).await;
    }
}
