//! Leads a port of this machine's loopback to a database, for those who may use the platform.
//!
//! On the loopback every user of the machine reaches every port, so each connection is asked whose it is before a byte
//! of it is passed on. Databases' addresses are not reached by others anyway: the firewall sees to that.

use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// Says whether a connection's other end may come in: its address, and ours. May block for a moment.
pub type Admit = Arc<dyn Fn(SocketAddr, SocketAddr) -> bool + Send + Sync>;

/// How many ports after the one that was asked for are tried.
const NEXT: u16 = 100;

/// The ports of all databases, by resource id.
pub struct Forwards {
    /// Held while one is opened: two for one database would have two ports.
    open: tokio::sync::Mutex<()>,
    all: parking_lot::Mutex<HashMap<String, (u16, Forward)>>,
    admit: Admit,
}

impl Forwards {
    /// None yet.
    pub fn new(admit: Admit) -> Self {
        Self { open: tokio::sync::Mutex::default(), all: parking_lot::Mutex::default(), admit }
    }

    /// Returns the port that leads to a database, opened if there is none.
    ///
    /// # Errors
    /// See [`Forward::open`].
    pub async fn ensure(
        &self,
        resource: &str,
        port: u16,
        target: impl Fn() -> Option<SocketAddr> + Send + Sync + 'static,
    ) -> io::Result<u16> {
        let _alone = self.open.lock().await;
        if let Some((asked, known)) = self.all.lock().get(resource)
            && *asked == port
        {
            return Ok(known.port());
        }
        self.close(resource);
        let made = Forward::open(port, target, self.admit.clone()).await?;
        let at = made.port();
        self.all.lock().insert(resource.to_owned(), (port, made));
        Ok(at)
    }

    /// Closes the port of one.
    pub fn close(&self, resource: &str) {
        self.all.lock().remove(resource);
    }

    /// Closes all.
    pub fn close_all(&self) {
        self.all.lock().clear();
    }
}

/// A port of the loopback that leads to a database, until it is dropped.
#[derive(Debug)]
pub struct Forward {
    port: u16,
    task: JoinHandle<()>,
}

impl Forward {
    /// Opens the port that is asked for, or the next that is free. `target` says where the database is at the time.
    ///
    /// # Errors
    /// When none of a hundred is free.
    pub async fn open(
        port: u16,
        target: impl Fn() -> Option<SocketAddr> + Send + Sync + 'static,
        admit: Admit,
    ) -> io::Result<Self> {
        let mut taken = None;
        for port in port..=port.saturating_add(NEXT) {
            match TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await {
                Ok(listener) => {
                    let port = listener.local_addr()?.port();
                    let task = tokio::spawn(lead(listener, Arc::new(target), admit));
                    return Ok(Self { port, task });
                }
                Err(error) => taken = Some(error),
            }
        }
        Err(taken.unwrap_or_else(|| io::ErrorKind::AddrInUse.into()))
    }

    /// Returns the port that it is.
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for Forward {
    /// No new connection comes in; those that are there end with the database.
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn lead(
    listener: TcpListener,
    target: Arc<impl Fn() -> Option<SocketAddr> + Send + Sync + 'static>,
    admit: Admit,
) {
    loop {
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "could not accept a connection to a database");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let (target, admit) = (target.clone(), admit.clone());
        tokio::spawn(async move {
            // Who hangs up is no news.
            let _ = pass(stream, peer, target.as_ref(), admit).await;
        });
    }
}

async fn pass(
    mut client: TcpStream,
    peer: SocketAddr,
    target: &(impl Fn() -> Option<SocketAddr> + Sync),
    admit: Admit,
) -> io::Result<()> {
    let local = client.local_addr()?;
    let admitted = tokio::task::spawn_blocking(move || admit(peer, local)).await.unwrap_or(false);
    if !admitted {
        tracing::warn!(%peer, port = local.port(), "refused a connection to a database: it is for those who may use the platform");
        return Ok(());
    }
    let Some(address) = target() else { return Ok(()) };
    let mut server = TcpStream::connect(address).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    tokio::io::copy_bidirectional(&mut client, &mut server).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    async fn echo() -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let (mut read, mut write) = stream.split();
                    let _ = tokio::io::copy(&mut read, &mut write).await;
                });
            }
        });
        address
    }

    async fn say(port: u16, words: &[u8]) -> Vec<u8> {
        let mut heard = Vec::new();
        let Ok(mut stream) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await else { return heard };
        let _ = stream.write_all(words).await;
        let _ = stream.shutdown().await;
        let _ = stream.read_to_end(&mut heard).await;
        heard
    }

    #[tokio::test]
    async fn who_may_gets_through_and_nobody_else_is_heard() {
        let database = echo().await;
        let open =
            Forward::open(0, move || Some(database), Arc::new(|peer, local| peer.ip() == local.ip())).await.unwrap();
        assert_eq!(say(open.port(), b"hello").await, b"hello");
        let closed = Forward::open(0, move || Some(database), Arc::new(|_, _| false)).await.unwrap();
        assert_eq!(say(closed.port(), b"hello").await, b"");
        let down = Forward::open(0, || None, Arc::new(|_, _| true)).await.unwrap();
        assert_eq!(say(down.port(), b"hello").await, b"");
    }

    #[tokio::test]
    async fn a_port_that_is_taken_is_passed_over_and_one_that_is_dropped_is_free() {
        let database = echo().await;
        let first = Forward::open(0, move || Some(database), Arc::new(|_, _| true)).await.unwrap();
        let port = first.port();
        let second = Forward::open(port, move || Some(database), Arc::new(|_, _| true)).await.unwrap();
        assert!(second.port() > port);
        drop(first);
        let begun = std::time::Instant::now();
        while TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.is_err() {
            assert!(begun.elapsed() < Duration::from_secs(5), "still taken");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}
