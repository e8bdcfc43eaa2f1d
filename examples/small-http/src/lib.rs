//! The HTTP/1.1 server inside the examples' own images: one thread per connection, standard library
//! only, so that a static image stays under a megabyte.
//!
//! It must never lose a request that it began to read: stopping closes idle connections, finishes
//! the others and then returns. It is no part of the product, whose servers are built on hyper.

mod request;
mod response;

use std::collections::HashMap;
use std::io::{self, BufReader};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

pub use request::Request;
pub use response::Response;

/// A bound listener that has not begun to answer.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    shared: Arc<Shared>,
}

/// Stops a [`Server`] from any thread; a clone stops the same server.
#[derive(Debug, Clone)]
pub struct Stopper {
    shared: Arc<Shared>,
    wake: SocketAddr,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    emptied: Condvar,
}

#[derive(Debug, Default)]
struct State {
    stopping: bool,
    next_id: u64,
    open: HashMap<u64, Connection>,
}

#[derive(Debug)]
struct Connection {
    stream: TcpStream,
    busy: bool,
}

impl Server {
    /// Binds `port` on every IPv4 address of the container.
    ///
    /// # Errors
    /// The operating system's, for example that the port is taken.
    pub fn bind(port: u16) -> io::Result<Self> {
        let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)))?;
        Ok(Self { listener, shared: Arc::default() })
    }

    /// Returns the port that was bound; differs from the one asked for when that was 0.
    ///
    /// # Errors
    /// The operating system's, when the socket has no address.
    pub fn port(&self) -> io::Result<u16> {
        Ok(self.listener.local_addr()?.port())
    }

    /// Returns a handle that stops this server.
    ///
    /// # Errors
    /// The operating system's, when the socket has no address.
    pub fn stopper(&self) -> io::Result<Stopper> {
        let wake = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port()?));
        Ok(Stopper { shared: Arc::clone(&self.shared), wake })
    }

    /// Answers requests with `handler` until stopped, then until the last request begun is answered.
    pub fn serve(self, handler: impl Fn(&Request) -> Response + Send + Sync + 'static) {
        let handler = Arc::new(handler);
        loop {
            let accepted = self.listener.accept();
            if self.shared.lock().stopping {
                break;
            }
            // A failed accept (too many open files, a peer already gone) concerns that peer alone.
            let Ok((stream, _)) = accepted else { continue };
            let Some((id, reader)) = self.shared.admit(stream) else { continue };
            let (shared, handler) = (Arc::clone(&self.shared), Arc::clone(&handler));
            std::thread::spawn(move || {
                let _ended = Leaving { shared: &shared, id };
                // An error here is a peer that hung up: there is nobody left to tell.
                let _ = converse(&shared, id, reader, &*handler);
            });
        }
        drop(self.listener);
        let mut state = self.shared.lock();
        while !state.open.is_empty() {
            state = self.shared.emptied.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Stopper {
    /// Refuses new connections, closes idle ones and lets the others finish; safe to repeat.
    pub fn stop(&self) {
        let mut state = self.shared.lock();
        state.stopping = true;
        for connection in state.open.values().filter(|c| !c.busy) {
            // Reading side only: a request that has already arrived is still read and answered.
            let _ = connection.stream.shutdown(Shutdown::Read);
        }
        drop(state);
        // `accept` has no other way to be told; when this fails nobody is accepting any more.
        let _ = TcpStream::connect(self.wake);
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn admit(&self, stream: TcpStream) -> Option<(u64, BufReader<TcpStream>)> {
        let _ = stream.set_nodelay(true);
        let reader = BufReader::new(stream.try_clone().ok()?);
        let mut state = self.lock();
        let id = state.next_id;
        state.next_id += 1;
        state.open.insert(id, Connection { stream, busy: false });
        Some((id, reader))
    }

    /// Notes whether a request is being answered; returns whether the server is stopping.
    fn mark(&self, id: u64, busy: bool) -> bool {
        let mut state = self.lock();
        if let Some(connection) = state.open.get_mut(&id) {
            connection.busy = busy;
        }
        state.stopping
    }
}

/// Forgets a connection however its thread ends, a panic in the handler included.
struct Leaving<'a> {
    shared: &'a Shared,
    id: u64,
}

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        self.shared.lock().open.remove(&self.id);
        self.shared.emptied.notify_all();
    }
}

fn converse(
    shared: &Shared,
    id: u64,
    mut reader: BufReader<TcpStream>,
    handler: &dyn Fn(&Request) -> Response,
) -> io::Result<()> {
    loop {
        let request = match request::read(&mut reader)? {
            request::Read::Request(request) => request,
            request::Read::Ended => return Ok(()),
            request::Read::Refused(response) => return response.write(reader.get_mut(), false, true),
        };
        shared.mark(id, true);
        let response = handler(&request);
        let keep = request.keeps_alive() && !shared.mark(id, true);
        response.write(reader.get_mut(), keep, request.method != "HEAD")?;
        if !keep || shared.mark(id, false) {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests;
