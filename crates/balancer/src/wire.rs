//! What the platform and the balancer's process say to each other: JSON with a length before it,
//! over a Unix socket that only their user can open.
//!
//! [`Ask::Hello`], [`Tell::Hello`] and [`Ask::End`] stay as they are in every protocol: by them an
//! older or newer process is recognised and ended.

use std::io;
use std::marker::PhantomData;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};

use crate::config::Config;
use crate::event::Event;

/// Changes whenever a process of the other side would misunderstand what follows the greeting.
pub(crate) const PROTOCOL: u32 = 1;

/// Longest message accepted, in bytes. A target takes about a hundred; ELB's quotas end before this.
const MAX_MESSAGE: usize = 256 << 20;

/// What the platform says.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Ask {
    /// The first message of every connection.
    Hello { protocol: u32 },
    /// Serve this from now on. The first on a connection is answered with all that is known, too.
    Apply { version: u64, config: Config },
    /// End at once. The connection breaks when the process has ended.
    End,
}

/// What the balancer's process says.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Tell {
    /// Answers a greeting.
    Hello { protocol: u32 },
    /// What was asked under this version is served: no new request goes anywhere else.
    Applied { version: u64 },
    /// Something is so.
    Event(Event),
}

/// A connection: what comes is read and what goes is written by tasks, so that neither side ever
/// waits for the other.
#[derive(Debug)]
pub(crate) struct Wire<In, Out> {
    inbox: UnboundedReceiver<In>,
    outbox: UnboundedSender<Vec<u8>>,
    says: PhantomData<fn(Out)>,
}

impl<In: DeserializeOwned + Send + 'static, Out: Serialize> Wire<In, Out> {
    /// Takes a connection over. Must be called within a Tokio runtime.
    pub(crate) fn new(stream: UnixStream) -> Self {
        let (reader, writer) = stream.into_split();
        let (received, inbox) = mpsc::unbounded_channel();
        let (outbox, waiting) = mpsc::unbounded_channel();
        tokio::spawn(read_all(reader, received));
        tokio::spawn(write_all(writer, waiting));
        Self { inbox, outbox, says: PhantomData }
    }

    /// Returns what comes next; none once the other side is gone. Dropping the future loses nothing.
    pub(crate) async fn next(&mut self) -> Option<In> {
        self.inbox.recv().await
    }

    /// Sends a message; if the other side is gone, [`Wire::next`] says so.
    pub(crate) fn say(&self, message: &Out) {
        drop(self.outbox.send(encode(message)));
    }
}

async fn write_all(mut writer: OwnedWriteHalf, mut waiting: UnboundedReceiver<Vec<u8>>) {
    while let Some(bytes) = waiting.recv().await {
        if writer.write_all(&bytes).await.is_err() {
            return;
        }
    }
}

async fn read_all<In: DeserializeOwned>(mut reader: OwnedReadHalf, received: UnboundedSender<In>) {
    let mut buffer = Vec::new();
    loop {
        match decode(&mut buffer) {
            Ok(Some(message)) => {
                if received.send(message).is_err() {
                    return;
                }
                continue;
            }
            Ok(None) => {}
            Err(error) => {
                tracing::error!(%error, "an unreadable message between platform and load balancer");
                return;
            }
        }
        // Whoever drops the connection ends this task, too: nobody else would.
        tokio::select! {
            read = reader.read_buf(&mut buffer) => match read {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            },
            () = received.closed() => return,
        }
    }
}

fn encode(message: &impl Serialize) -> Vec<u8> {
    let mut frame = vec![0; 4];
    serde_json::to_writer(&mut frame, message).expect("messages have string keys only");
    let length = u32::try_from(frame.len() - 4).expect("messages stay under 4 GiB");
    frame[..4].copy_from_slice(&length.to_le_bytes());
    frame
}

/// Takes the first whole message out of `buffer`, if there is one.
fn decode<T: DeserializeOwned>(buffer: &mut Vec<u8>) -> io::Result<Option<T>> {
    let Some(head) = buffer.first_chunk::<4>() else { return Ok(None) };
    let length = u32::from_le_bytes(*head) as usize;
    if length > MAX_MESSAGE {
        return Err(io::Error::other(format!("message of {length} bytes is too long")));
    }
    if buffer.len() < 4 + length {
        return Ok(None);
    }
    let message = serde_json::from_slice(&buffer[4..4 + length])?;
    buffer.drain(..4 + length);
    Ok(Some(message))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use platform_core::routing::{Action, Condition, HealthCheck};
    use serde_json::json;

    use super::*;
    use crate::{Algorithm, Attributes, ForwardedFor, Group, Health, Listener, Rule, Target};

    /// Every kind of thing that can be asked for.
    fn everything() -> Config {
        let redirect = Action::Redirect {
            status: 301,
            protocol: "#{protocol}".into(),
            host: "#{host}".into(),
            port: "443".into(),
            path: "/#{path}".into(),
            query: "#{query}".into(),
        };
        let fixed = Action::FixedResponse { status: 503, content_type: None, body: Some("ü".into()) };
        let conditions = vec![
            Condition::HostHeader(vec!["*.test".into()]),
            Condition::QueryString(vec![(None, "v".into()), (Some("k".into()), "v".into())]),
        ];
        let rule = |action| Rule { conditions: conditions.clone(), action };
        let check = HealthCheck {
            enabled: true,
            path: "/".into(),
            port: Some(81),
            interval: 5,
            timeout: 2,
            healthy_threshold: 5,
            unhealthy_threshold: 2,
            matcher: "200-299".into(),
        };
        Config {
            listeners: vec![Listener {
                arn: "listener".into(),
                address: ([127, 0, 0, 1], 80).into(),
                rules: vec![rule(redirect), rule(fixed), rule(Action::Forward(vec![("group".into(), 7)]))],
                attributes: Attributes { forwarded_for: ForwardedFor::Remove, ..Attributes::default() },
            }],
            groups: vec![Group {
                arn: "group".into(),
                name: "group".into(),
                health_check: check,
                stickiness: Some(Duration::from_secs(60)),
                algorithm: Algorithm::LeastOutstanding,
                targets: vec![Target {
                    id: "::1".into(),
                    address: "[::1]:80".parse().unwrap(),
                    draining: true,
                    health: Health::Unhealthy,
                }],
            }],
        }
    }

    #[test]
    fn what_is_asked_arrives_however_it_was_cut() {
        let bytes = [
            encode(&Ask::Hello { protocol: PROTOCOL }),
            encode(&Ask::Apply { version: u64::MAX, config: everything() }),
            encode(&Ask::End),
        ];
        let (mut buffer, mut seen) = (Vec::new(), Vec::new());
        for byte in bytes.concat() {
            buffer.push(byte);
            seen.extend(decode::<Ask>(&mut buffer).unwrap());
        }
        assert!(buffer.is_empty());
        match &seen[..] {
            [Ask::Hello { protocol: PROTOCOL }, Ask::Apply { version: u64::MAX, config }, Ask::End] => {
                assert_eq!(*config, everything());
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_is_told_arrives() {
        let event = Event::TargetHealth {
            group: "g".into(),
            target: "10.0.0.2".into(),
            port: 80,
            state: Health::Unhealthy,
            reason: Some("Target.Timeout".into()),
            description: None,
        };
        let mut buffer = encode(&Tell::Event(event.clone()));
        match decode(&mut buffer).unwrap() {
            Some(Tell::Event(came)) => assert_eq!(came, event),
            other => panic!("{other:?}"),
        }
    }

    /// The words by which any two versions recognise and end each other.
    #[test]
    fn the_greeting_and_the_end_are_written_as_ever() {
        let text = |bytes: Vec<u8>| serde_json::from_slice::<serde_json::Value>(&bytes[4..]).unwrap();
        assert_eq!(text(encode(&Ask::Hello { protocol: 1 })), json!({"Hello": {"protocol": 1}}));
        assert_eq!(text(encode(&Tell::Hello { protocol: 1 })), json!({"Hello": {"protocol": 1}}));
        assert_eq!(text(encode(&Ask::End)), json!("End"));
    }

    #[test]
    fn a_message_without_bound_is_refused() {
        assert!(decode::<Ask>(&mut vec![255; 8]).is_err());
    }
}
