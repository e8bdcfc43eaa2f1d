//! One stream: a pipe whose other side is cut into frames.

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::{OwnedSemaphorePermit, mpsc};

use super::frame::{Command, Frame, LARGEST};
use crate::Duplex;

/// The session's side of a stream.
pub(super) struct Port {
    /// To the user; none once the other end has said that nothing more comes.
    data: Option<mpsc::UnboundedSender<(Bytes, OwnedSemaphorePermit)>>,
    /// Whether our user may still send.
    pub(super) sends: bool,
}

impl Port {
    /// Hands data over; it holds its room until the user has taken it.
    pub(super) fn give(&self, data: Bytes, room: OwnedSemaphorePermit) {
        if let Some(sender) = &self.data {
            let _ = sender.send((data, room)); // the user does not read any more: its room is free again
        }
    }

    /// Takes in that nothing more comes.
    pub(super) fn end(&mut self) {
        self.data = None;
    }

    pub(super) fn is_over(&self) -> bool {
        self.data.is_none() && !self.sends
    }
}

/// Makes a stream: the session's side and the user's.
pub(super) fn new(
    number: u32,
    frames: mpsc::Sender<Frame>,
    finished: mpsc::UnboundedSender<u32>,
) -> (Port, Box<dyn Duplex>) {
    let (ours, theirs) = tokio::io::duplex(LARGEST);
    let (mut reader, mut writer) = tokio::io::split(ours);
    let (data, mut given) = mpsc::unbounded_channel::<(Bytes, OwnedSemaphorePermit)>();
    tokio::spawn(async move {
        let mut buffer = BytesMut::with_capacity(LARGEST);
        loop {
            buffer.reserve(LARGEST);
            match (&mut reader).take(LARGEST as u64).read_buf(&mut buffer).await {
                Ok(0) | Err(_) => break,
                Ok(_) => {}
            }
            let data = buffer.split().freeze();
            if frames.send(Frame::new(Command::Push, number, data)).await.is_err() {
                return;
            }
        }
        let _ = frames.send(Frame::new(Command::Fin, number, Bytes::new())).await;
        let _ = finished.send(number);
    });
    tokio::spawn(async move {
        while let Some((data, room)) = given.recv().await {
            if writer.write_all(&data).await.is_err() {
                return;
            }
            drop(room);
        }
        let _ = writer.shutdown().await;
    });
    (Port { data: Some(data), sends: true }, Box::new(theirs))
}
