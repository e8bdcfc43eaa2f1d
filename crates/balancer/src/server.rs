//! The balancer as a process of its own: serves what a platform tells it, and goes on when no
//! platform is there. Ends by itself when it has nothing to serve, and in order when another takes over.

use std::collections::VecDeque;
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use platform_core::measure;
use platform_core::measure::traffic::Count;
use tokio::sync::mpsc::{self, UnboundedReceiver};
use tokio::time::{Instant, sleep, sleep_until};

use crate::balancer::Balancer;
use crate::build::build_of;
use crate::event::Event;
use crate::home::Home;
use crate::wire::{Ask, PROTOCOL, Tell, Wire};

/// How long a new process waits for its first configuration before it takes itself for forgotten.
const FORGOTTEN: Duration = Duration::from_secs(10);
/// How long a process that is being replaced finishes what is open: requests, WebSockets and tunnels. As
/// long as a target group's deregistration delay is unless it is set, since the two are one thing to a
/// client.
const LEAVE: Duration = Duration::from_secs(300);
/// How long a process that was asked to end and has no successor finishes what is in flight. The machine may be going
/// down, and waits for it.
const END: Duration = Duration::from_secs(10);

/// How many counts wait for a platform: an hour of them. Older ones are dropped.
const MOST_COUNTS: usize = 180;

/// Why a balancer's process cannot work.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// There is one already.
    #[error("a load balancer already runs on {}", dir.display())]
    Taken {
        /// The directory.
        dir: PathBuf,
    },
    /// The lock or the socket could not be had.
    #[error("could not use {}", dir.display())]
    Directory {
        /// The directory.
        dir: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

/// Serves what platforms say over the socket in `dir`, until one says to end or there is nothing left
/// to serve. `ready` is called once the socket is there.
///
/// Each message of `signals` is a wish that this process end (SIGTERM). At the first it leaves, if a
/// platform is there to replace it: it accepts nothing more and finishes what is open, for 300 s at most.
/// Without a platform it finishes only what is in flight. At the second it ends at once.
///
/// # Errors
/// When the directory is taken or cannot be used.
pub async fn serve(dir: &Path, ready: impl FnOnce(), signals: UnboundedReceiver<()>) -> Result<(), ServeError> {
    let home = Home::new(dir);
    let directory = |source| ServeError::Directory { dir: dir.to_owned(), source };
    // Held to the end: it is how this process is known to live.
    let Some(_lock) = home.take().await.map_err(directory)? else {
        return Err(ServeError::Taken { dir: dir.to_owned() });
    };
    let listener = home.listen().map_err(directory)?;
    ready();
    let (sender, events) = mpsc::unbounded_channel();
    let balancer = Balancer::new(sender);
    let counting = Counting { from: now(), untold: VecDeque::new() };
    let (platform, wanted, leaving) = (None, None, None);
    let mut server = Server { balancer, events, home, platform, wanted, leaving, counting };
    server.run(listener, signals).await;
    server.count(now());
    if let Some(platform) = server.platform.take() {
        platform.wire.close().await;
    }
    Ok(())
}

struct Server {
    balancer: Balancer,
    events: UnboundedReceiver<Event>,
    home: Home,
    /// The platform that is there; the last one to come.
    platform: Option<Platform>,
    /// Whether there is anything to serve; none before the first message.
    wanted: Option<bool>,
    leaving: Option<Leaving>,
    counting: Counting,
}

/// A platform that is spoken with.
struct Platform {
    wire: Wire<Ask, Tell>,
    /// Whether it has greeted. It hears nothing before: what answers a greeting must come first.
    greeted: bool,
    /// Whether it has received all that is known.
    told_all: bool,
}

/// What was counted, for the platform that is connected or connects next.
struct Counting {
    /// Until when it was counted last, in milliseconds.
    from: i64,
    untold: VecDeque<Count>,
}

/// How a process leaves.
struct Leaving {
    /// When what is still open then breaks.
    until: Instant,
    /// Whether a platform asked, and not a signal: then another serves, whatever becomes of the platform.
    replaced: bool,
}

impl Server {
    async fn run(&mut self, listener: tokio::net::UnixListener, mut signals: UnboundedReceiver<()>) {
        let forgotten = Instant::now() + FORGOTTEN;
        let (mut count_at, mut boundary) = next_count();
        loop {
            let until = self.leaving.as_ref().map(|leaving| leaving.until);
            // Dropping any branch loses nothing: backlog and channels keep what has come.
            tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => {
                        self.platform = Some(Platform { wire: Wire::new(stream), greeted: false, told_all: false });
                    }
                    // Out of file descriptors: those of clients will end.
                    Err(error) => {
                        tracing::warn!(%error, "a platform could not connect");
                        sleep(Duration::from_millis(50)).await;
                    }
                },
                asked = next_of(&mut self.platform) => match asked {
                    Some(asked) => if self.answer(asked).is_break() { return },
                    None => {
                        tracing::info!("the platform is gone; serving on");
                        self.platform = None;
                        self.hurry();
                    }
                },
                Some(event) = self.events.recv() => self.tell(event),
                () = sleep_until(count_at) => {
                    self.count(boundary);
                    (count_at, boundary) = next_count();
                }
                Some(()) = signals.recv() => {
                    if self.leaving.is_some() {
                        tracing::info!("told to end once more; what is open breaks");
                        return;
                    }
                    if self.leave(false).is_break() {
                        return;
                    }
                }
                () = self.balancer.deserted(), if self.leaving.is_some() || self.wanted == Some(false) => {
                    tracing::info!("nothing is left to serve");
                    return;
                }
                () = sleep_until(until.unwrap_or(forgotten)), if until.is_some() || self.wanted.is_none() => {
                    if until.is_some() {
                        tracing::warn!(open = self.balancer.open(), "what is open for too long breaks");
                    }
                    return;
                }
            }
        }
    }

    fn answer(&mut self, asked: Ask) -> ControlFlow<()> {
        match asked {
            // Whether our protocol suits it is the platform's to judge: it can replace or end us.
            Ask::Hello { protocol } => {
                if protocol != PROTOCOL {
                    tracing::warn!(theirs = protocol, ours = PROTOCOL, "a platform of another version came");
                }
                if let Some(platform) = &mut self.platform {
                    let hello = Tell::Hello { protocol: PROTOCOL, build: Some(build_of(Path::new("/proc/self/exe"))) };
                    platform.greeted = true;
                    platform.wire.say_with(&hello, self.balancer.sockets());
                }
                // It may have come when the place was this process's.
                if self.leaving.is_some() {
                    self.say(&Tell::Leaving);
                }
            }
            Ask::Take => {
                let came = self.platform.as_mut().map(|platform| platform.wire.sockets()).unwrap_or_default();
                self.balancer.take(came);
            }
            Ask::Apply { version, config } => {
                self.balancer.apply(&config);
                self.wanted = Some(!config.is_empty());
                let knows = self.platform.as_mut().map(|platform| std::mem::replace(&mut platform.told_all, true));
                if knows == Some(false) {
                    // No platform heard what happened while none listened.
                    self.balancer.tell_again();
                }
                while let Ok(event) = self.events.try_recv() {
                    self.tell(event);
                }
                self.say(&Tell::Applied { version });
                self.tell_counts();
            }
            Ask::Leave => return self.leave(true),
            Ask::End => {
                tracing::info!("told to end");
                return ControlFlow::Break(());
            }
        }
        ControlFlow::Continue(())
    }

    /// Makes room for another process.
    fn leave(&mut self, replaced: bool) -> ControlFlow<()> {
        if let Some(leaving) = &mut self.leaving {
            leaving.replaced |= replaced;
        } else {
            match self.home.step_aside() {
                Ok(aside) => self.home = aside,
                Err(error) => {
                    // No other process can take the place while this one runs.
                    tracing::error!(%error, "could not make room for another load balancer; what is open breaks");
                    return ControlFlow::Break(());
                }
            }
            self.balancer.leave();
            self.leaving = Some(Leaving { until: Instant::now() + LEAVE, replaced });
            tracing::info!(open = self.balancer.open(), seconds = LEAVE.as_secs(), "leaving; finishing what is open");
        }
        self.say(&Tell::Leaving);
        self.hurry();
        ControlFlow::Continue(())
    }

    /// Ends soon if a signal said to leave and no platform is there to start another process.
    fn hurry(&mut self) {
        if let Some(leaving) = &mut self.leaving
            && !leaving.replaced
            && self.platform.is_none()
        {
            tracing::info!(seconds = END.as_secs(), "no platform replaces this process; it finishes what is in flight");
            leaving.until = leaving.until.min(Instant::now() + END);
            self.balancer.close();
        }
    }

    /// Counts until an instant, and tells it.
    fn count(&mut self, until: i64) {
        let count = self.balancer.count(self.counting.from, until);
        self.counting.from = until;
        if !count.is_empty() {
            self.counting.untold.push_back(count);
        }
        while self.counting.untold.len() > MOST_COUNTS {
            self.counting.untold.pop_front();
        }
        self.tell_counts();
    }

    /// Tells what was counted to the platform, once it has said what is to be served: a process that is greeted only to
    /// be replaced is not listened to.
    fn tell_counts(&mut self) {
        if self.platform.as_ref().is_some_and(|platform| platform.told_all) {
            for count in std::mem::take(&mut self.counting.untold) {
                self.say(&Tell::Event(Event::Counted(count)));
            }
        }
    }

    /// Tells an event; the socket of a listener that opens goes with it. A platform that has not said what to serve hears
    /// of all that is known when it does.
    fn tell(&self, event: Event) {
        let Some(platform) = self.platform.as_ref().filter(|platform| platform.told_all) else { return };
        let socket = match &event {
            Event::ListenerReady { address, .. } => self.balancer.socket(*address),
            _ => None,
        };
        platform.wire.say_with(&Tell::Event(event), socket.into_iter().collect());
    }

    fn say(&self, message: &Tell) {
        if let Some(platform) = self.platform.as_ref().filter(|platform| platform.greeted) {
            platform.wire.say(message);
        }
    }
}

/// Returns when is counted next, at the next third of a minute, so that minutes are whole; and that instant in
/// milliseconds.
fn next_count() -> (Instant, i64) {
    let now = now();
    let wait = measure::EVERY - now.rem_euclid(measure::EVERY);
    (Instant::now() + Duration::from_millis(wait.unsigned_abs()), now + wait)
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// Waits for ever when no platform is there.
async fn next_of(platform: &mut Option<Platform>) -> Option<Ask> {
    match platform {
        Some(platform) => platform.wire.next().await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::UnixStream;

    use super::*;

    /// It would be taken for one that does not understand the greeting, and be killed.
    #[tokio::test]
    async fn nothing_is_said_before_the_greeting_is_answered() {
        let dir = tempfile::tempdir().unwrap();
        let (ours, theirs) = UnixStream::pair().unwrap();
        let (sender, events) = mpsc::unbounded_channel();
        let mut server = Server {
            balancer: Balancer::new(sender),
            events,
            home: Home::new(dir.path()),
            platform: Some(Platform { wire: Wire::new(ours), greeted: false, told_all: false }),
            wanted: Some(true),
            leaving: Some(Leaving { until: Instant::now() + LEAVE, replaced: true }),
            counting: Counting { from: now(), untold: VecDeque::new() },
        };
        server.tell(Event::TargetDrained { group: "g".into(), target: "t".into(), port: 1 });
        server.say(&Tell::Leaving);
        assert!(server.answer(Ask::Hello { protocol: PROTOCOL }).is_continue());
        let mut platform = Wire::<Tell, Ask>::new(theirs);
        assert!(matches!(platform.next().await, Some(Tell::Hello { .. })));
        assert!(matches!(platform.next().await, Some(Tell::Leaving)), "what it missed");
    }
}
