//! The balancer as a process of its own: serves what a platform tells it, and goes on when no
//! platform is there. Ends by itself when it has nothing to serve.

use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::sync::mpsc::{self, UnboundedReceiver};
use tokio::time::{Instant, sleep, sleep_until};

use crate::balancer::Balancer;
use crate::event::Event;
use crate::home::Home;
use crate::wire::{Ask, PROTOCOL, Tell, Wire};

/// How long a new process waits for its first configuration before it takes itself for forgotten.
const FORGOTTEN: Duration = Duration::from_secs(10);

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
/// # Errors
/// When the directory is taken or cannot be used.
pub async fn serve(dir: &Path, ready: impl FnOnce()) -> Result<(), ServeError> {
    let home = Home::new(dir);
    let directory = |source| ServeError::Directory { dir: dir.to_owned(), source };
    // Held to the end: it is how this process is known to live.
    let Some(_lock) = home.take().await.map_err(directory)? else {
        return Err(ServeError::Taken { dir: dir.to_owned() });
    };
    let listener = home.listen().map_err(directory)?;
    ready();
    let (sender, events) = mpsc::unbounded_channel();
    let server = Server { balancer: Balancer::new(sender), events, platform: None, told_all: false, wanted: None };
    server.run(listener).await;
    Ok(())
}

struct Server {
    balancer: Balancer,
    events: UnboundedReceiver<Event>,
    /// The platform that is there; the last one to come.
    platform: Option<Wire<Ask, Tell>>,
    /// Whether that platform was told all that is known.
    told_all: bool,
    /// Whether there is anything to serve; none before anybody said.
    wanted: Option<bool>,
}

impl Server {
    async fn run(mut self, listener: tokio::net::UnixListener) {
        let forgotten = Instant::now() + FORGOTTEN;
        loop {
            // Dropping any branch loses nothing: backlog and channels keep what has come.
            tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => (self.platform, self.told_all) = (Some(Wire::new(stream)), false),
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
                    }
                },
                Some(event) = self.events.recv() => self.tell(event),
                () = self.balancer.deserted(), if self.wanted == Some(false) => {
                    tracing::info!("nothing is left to serve");
                    return;
                }
                () = sleep_until(forgotten), if self.wanted.is_none() => return,
            }
        }
    }

    fn answer(&mut self, asked: Ask) -> ControlFlow<()> {
        match asked {
            // Whether our protocol suits it is the platform's to judge: it can end us.
            Ask::Hello { protocol } => {
                if protocol != PROTOCOL {
                    tracing::warn!(theirs = protocol, ours = PROTOCOL, "a platform of another version came");
                }
                if let Some(platform) = &self.platform {
                    platform.say_with(&Tell::Hello { protocol: PROTOCOL }, self.balancer.sockets());
                }
            }
            Ask::Take => {
                let came = self.platform.as_mut().map(Wire::sockets).unwrap_or_default();
                self.balancer.take(came);
            }
            Ask::Apply { version, config } => {
                self.balancer.apply(&config);
                self.wanted = Some(!config.is_empty());
                if !std::mem::replace(&mut self.told_all, true) {
                    // What happened while no platform listened was told to nobody.
                    self.balancer.tell_again();
                }
                while let Ok(event) = self.events.try_recv() {
                    self.tell(event);
                }
                self.say(&Tell::Applied { version });
            }
            Ask::End => {
                tracing::info!("told to end");
                return ControlFlow::Break(());
            }
        }
        ControlFlow::Continue(())
    }

    /// Tells an event; the socket of a listener that opens goes with it.
    fn tell(&self, event: Event) {
        let Some(platform) = &self.platform else { return };
        let socket = match &event {
            Event::ListenerReady { address, .. } => self.balancer.socket(*address),
            _ => None,
        };
        platform.say_with(&Tell::Event(event), socket.into_iter().collect());
    }

    fn say(&self, message: &Tell) {
        if let Some(platform) = &self.platform {
            platform.say(message);
        }
    }
}

/// Waits for ever when no platform is there.
async fn next_of(platform: &mut Option<Wire<Ask, Tell>>) -> Option<Ask> {
    match platform {
        Some(platform) => platform.next().await,
        None => std::future::pending().await,
    }
}
