//! Connections of this end that go on over a session to a port: what the verb and the plugin share.

use aws::Client;
use aws_model::chain;
use deploy::exec::{Dialler, Ticket};
use session::client::{Event, Forward, Greeting, Options, Session, start};
use tokio::io::copy_bidirectional;
use tokio::net::TcpStream;

/// Begins a session that was granted and waits for its greeting.
///
/// # Errors
/// Why there is none, in words.
pub(crate) async fn begin(client: &Client, ticket: Ticket) -> Result<(Session, Greeting), String> {
    let mut session = start(Dialler::new(client.clone(), ticket), Options::new());
    loop {
        match session.events.recv().await {
            Some(Event::Ready(greeting)) => return Ok((session, greeting)),
            Some(Event::Closed(words)) if words.is_empty() => return Err("the session was closed at once".to_owned()),
            Some(Event::Closed(words)) => return Err(format!("the session was closed: {words}")),
            Some(Event::Lost(error)) => return Err(chain(&error)),
            Some(_) => {}
            None => return Err("the session ended at once".to_owned()),
        }
    }
}

/// Joins a connection to the port, in the background, until either end closes it.
pub(crate) fn join(forward: &Forward, mut here: TcpStream) {
    let forward = forward.clone();
    tokio::spawn(async move {
        // Small answers must not wait for more.
        let _ = here.set_nodelay(true);
        // A session that has ended closes the connection: its client tries again.
        if let Ok(mut there) = forward.connect().await {
            let _ = copy_bidirectional(&mut here, &mut there).await;
        }
    });
}
