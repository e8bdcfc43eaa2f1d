//! What the platform and the balancer's process say to each other: JSON with a length before it,
//! over a Unix socket that only their user can open. Listening sockets are handed over beside messages.
//!
//! [`Ask::Hello`], [`Tell::Hello`], [`Ask::Leave`], [`Tell::Leaving`] and [`Ask::End`] stay as they are in
//! every protocol: by them an older or newer process is recognised, and replaced or ended.

use std::io::{self, IoSlice, IoSliceMut};
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags,
    recvmsg, sendmsg,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncWriteExt, Interest};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::config::Config;
use crate::event::Event;

/// Changes whenever a process of the other side would misunderstand what follows the greeting.
pub(crate) const PROTOCOL: u32 = 5;
/// The first protocol whose processes know [`Ask::Leave`].
pub(crate) const LEAVES: u32 = 3;

/// Longest message accepted, in bytes. A target takes about a hundred; ELB's quotas end before this.
const MAX_MESSAGE: usize = 256 << 20;
/// How many descriptors go beside one message: the kernel's `SCM_MAX_FD` (unix(7)).
const MOST_SOCKETS: usize = 253;
/// How long what was said last may take to go.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// How much is read at once.
const READ: usize = 16 * 1024;

/// What the platform says.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Ask {
    /// The first message of every connection.
    Hello { protocol: u32 },
    /// Sockets that an earlier process served come beside this: serve them instead of binding.
    Take,
    /// Serve this from now on. The first on a connection is answered with all that is known, too.
    Apply { version: u64, config: Config },
    /// Make room for another process: accept nothing more, give up the place, finish what is open.
    Leave,
    /// End at once. The connection breaks when the process has ended.
    End,
}

/// What the balancer's process says.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Tell {
    /// Answers a greeting. Every listening socket comes beside it, whatever the protocol of the other
    /// side: it may be about to replace this process. One that opens later comes beside the event.
    Hello {
        protocol: u32,
        /// Which program this process runs ([`crate::build_of`]); none was sent before protocol 3.
        #[serde(default)]
        build: Option<String>,
    },
    /// This process leaves, asked to or not: its place is free, and it accepts nothing. It finishes what
    /// is open, and receives what to serve until it has gone, since kept connections bring new requests.
    Leaving,
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
    outbox: UnboundedSender<Frame>,
    /// What came beside messages; each is here before its message is in `inbox`.
    sockets: UnboundedReceiver<OwnedFd>,
    writer: JoinHandle<()>,
    says: PhantomData<fn(Out)>,
}

/// A message as it goes.
struct Frame {
    bytes: Vec<u8>,
    sockets: Vec<OwnedFd>,
}

impl<In: DeserializeOwned + Send + 'static, Out: Serialize> Wire<In, Out> {
    /// Takes a connection over. Must be called within a Tokio runtime.
    pub(crate) fn new(stream: UnixStream) -> Self {
        let (reader, writer) = stream.into_split();
        let (received, inbox) = mpsc::unbounded_channel();
        let (outbox, waiting) = mpsc::unbounded_channel();
        let (handed, sockets) = mpsc::unbounded_channel();
        tokio::spawn(read_all(reader, received, handed));
        let writer = tokio::spawn(write_all(writer, waiting));
        Self { inbox, outbox, sockets, writer, says: PhantomData }
    }

    /// Ends the connection once all that was said has gone, if that is soon.
    pub(crate) async fn close(self) {
        drop(self.outbox);
        // A peer that does not read has no use for it.
        let _ = timeout(LAST_WORDS, self.writer).await;
    }

    /// Returns what comes next; none once the other side is gone. Dropping the future loses nothing.
    pub(crate) async fn next(&mut self) -> Option<In> {
        self.inbox.recv().await
    }

    /// Sends a message; if the other side is gone, [`Wire::next`] says so.
    pub(crate) fn say(&self, message: &Out) {
        self.say_with(message, Vec::new());
    }

    /// Sends a message and sockets beside it, as many as can go.
    pub(crate) fn say_with(&self, message: &Out, mut sockets: Vec<OwnedFd>) {
        sockets.truncate(MOST_SOCKETS);
        drop(self.outbox.send(Frame { bytes: encode(message), sockets }));
    }

    /// Returns the sockets that came beside the messages so far.
    pub(crate) fn sockets(&mut self) -> Vec<OwnedFd> {
        std::iter::from_fn(|| self.sockets.try_recv().ok()).collect()
    }
}

async fn write_all(mut writer: OwnedWriteHalf, mut waiting: UnboundedReceiver<Frame>) {
    while let Some(Frame { bytes, sockets }) = waiting.recv().await {
        let sent = if sockets.is_empty() { Ok(0) } else { hand_over(writer.as_ref(), &bytes, &sockets).await };
        let sent = sent.unwrap_or_else(|error| {
            // The message counts: if it cannot go either, the connection is gone.
            tracing::warn!(%error, "listening sockets could not be handed over");
            0
        });
        if writer.write_all(&bytes[sent..]).await.is_err() {
            return;
        }
    }
}

/// Sends the beginning of a message with sockets beside it; returns how much of it went.
async fn hand_over(stream: &UnixStream, bytes: &[u8], sockets: &[OwnedFd]) -> io::Result<usize> {
    let send = || {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST_SOCKETS))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        let sockets: Vec<_> = sockets.iter().map(AsFd::as_fd).collect();
        control.push(SendAncillaryMessage::ScmRights(&sockets));
        Ok(sendmsg(stream, &[IoSlice::new(bytes)], &mut control, SendFlags::NOSIGNAL)?)
    };
    stream.async_io(Interest::WRITABLE, send).await
}

/// Reads what is there, at the end of `buffer`; returns how much it was. Dropping it loses nothing.
async fn receive(stream: &UnixStream, buffer: &mut Vec<u8>, handed: &UnboundedSender<OwnedFd>) -> io::Result<usize> {
    let read = || {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST_SOCKETS))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let mut bytes = [0; READ];
        let mut into = [IoSliceMut::new(&mut bytes)];
        let read = recvmsg(stream, &mut into, &mut control, RecvFlags::CMSG_CLOEXEC)?.bytes;
        for beside in control.drain() {
            if let RecvAncillaryMessage::ScmRights(sockets) = beside {
                sockets.for_each(|socket| drop(handed.send(socket)));
            }
        }
        buffer.extend_from_slice(&bytes[..read]);
        Ok(read)
    };
    stream.async_io(Interest::READABLE, read).await
}

async fn read_all<In: DeserializeOwned>(
    reader: OwnedReadHalf,
    received: UnboundedSender<In>,
    handed: UnboundedSender<OwnedFd>,
) {
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
        // Dropping the connection ends this task, too: nothing else would.
        tokio::select! {
            read = receive(reader.as_ref(), &mut buffer, &handed) => match read {
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
    use platform_core::routing::{Action, Condition, HealthCheck};
    use serde_json::json;

    use super::*;
    use crate::{
        Algorithm, Attributes, Certificate, ForwardedFor, Group, Health, Listener, PrivateKey, Rule, Target, Tls,
    };

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
                tls: Some(Tls {
                    certificates: vec![Certificate {
                        names: vec!["*.test".into()],
                        chain: "PEM".into(),
                        key: PrivateKey::new("k3y".into()),
                    }],
                    ciphers: vec!["TLS_AES_128_GCM_SHA256".into()],
                }),
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
    fn a_private_key_is_in_no_debug_output() {
        assert!(!format!("{:?}", Ask::Apply { version: 1, config: everything() }).contains("k3y"));
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
        let hello = Tell::Hello { protocol: 1, build: Some("b".into()) };
        assert_eq!(text(encode(&hello)), json!({"Hello": {"protocol": 1, "build": "b"}}));
        assert_eq!(text(encode(&Ask::Leave)), json!("Leave"));
        assert_eq!(text(encode(&Tell::Leaving)), json!("Leaving"));
        assert_eq!(text(encode(&Ask::End)), json!("End"));
        let mut older = encode(&json!({"Hello": {"protocol": 2}}));
        assert!(matches!(decode(&mut older), Ok(Some(Tell::Hello { protocol: 2, build: None }))));
    }

    #[tokio::test]
    async fn sockets_are_there_with_the_message_that_they_came_beside() {
        let (here, there) = UnixStream::pair().unwrap();
        let (here, mut there) = (Wire::<Tell, Ask>::new(here), Wire::<Ask, Tell>::new(there));
        let doors: Vec<_> = (0..3).map(|_| std::net::TcpListener::bind("127.0.0.1:0").unwrap()).collect();
        let addresses: Vec<_> = doors.iter().map(|d| d.local_addr().unwrap()).collect();
        // Longer than one read, so that messages and sockets do not come together by chance.
        here.say(&Ask::Apply {
            version: 1,
            config: Config { groups: vec![everything().groups[0].clone(); 200], ..everything() },
        });
        here.say_with(&Ask::Take, doors.into_iter().map(OwnedFd::from).collect());
        here.say(&Ask::End);
        assert!(matches!(there.next().await, Some(Ask::Apply { version: 1, .. })));
        assert!(matches!(there.next().await, Some(Ask::Take)));
        let came = there.sockets().into_iter().map(|s| std::net::TcpListener::from(s).local_addr().unwrap());
        assert_eq!(came.collect::<Vec<_>>(), addresses);
        assert!(matches!(there.next().await, Some(Ask::End)));
        assert!(there.sockets().is_empty());
    }

    #[test]
    fn a_message_without_bound_is_refused() {
        assert!(decode::<Ask>(&mut vec![255; 8]).is_err());
    }
}
