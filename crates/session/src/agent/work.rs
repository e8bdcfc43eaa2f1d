//! What a session does inside of the container, in tasks that end when it is dropped.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::{Settings, Work, port};
use crate::exchange::CHUNK;
use crate::reach::Reach;
use crate::wire::payload::{Flag, Size};

/// Pieces that wait in either direction.
const QUEUED: usize = 32;
/// How long the terminal may be silent after the command itself has ended.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// What comes out of the work.
#[derive(Debug)]
pub(super) enum Out {
    /// Output, at most a message's worth.
    Bytes(Bytes),
    /// A flag for the user's end.
    Flag(Flag),
    /// It is over; the words are for the person. The last.
    Over(String),
}

/// What goes in, in the order of the stream.
#[derive(Debug)]
pub(super) enum In {
    /// Input.
    Bytes(Bytes),
    /// The user's end has closed its connection to the port; what follows belongs to the next.
    Disconnect,
}

/// Work under way; dropping it ends it.
pub(super) struct Running {
    pub(super) output: mpsc::Receiver<Out>,
    pub(super) input: mpsc::Sender<In>,
    /// Windows' sizes, which wait for no input.
    pub(super) sizes: mpsc::UnboundedSender<Size>,
    _tasks: JoinSet<()>,
}

/// What the work's task has of the session.
pub(super) struct Ends {
    pub(super) output: mpsc::Sender<Out>,
    pub(super) input: mpsc::Receiver<In>,
    sizes: mpsc::UnboundedReceiver<Size>,
}

/// Starts a session's work.
pub(super) fn start(settings: &Settings, reach: Arc<dyn Reach>, size: Size, multiplexed: bool) -> Running {
    let (out, output) = mpsc::channel(QUEUED);
    let (input, given) = mpsc::channel(QUEUED);
    let (sizes, resized) = mpsc::unbounded_channel();
    let ends = Ends { output: out, input: given, sizes: resized };
    let settings = settings.clone();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let output = ends.output.clone();
        let words = match &settings.work {
            Work::Terminal { command } => terminal(&settings, command, reach.as_ref(), size, ends).await,
            Work::Port { host, port, .. } if multiplexed => port::many(&settings, host, *port, reach, ends).await,
            Work::Port { host, port, .. } => port::one(&settings, host.as_deref(), *port, reach.as_ref(), ends).await,
        };
        let _ = output.send(Out::Over(words)).await; // the session has ended
    });
    Running { output, input, sizes, _tasks: tasks }
}

async fn terminal(settings: &Settings, command: &str, reach: &dyn Reach, size: Size, ends: Ends) -> String {
    let Ends { output, mut input, mut sizes } = ends;
    let terminal = match reach.terminal(&settings.place, command, size).await {
        Ok(terminal) => terminal,
        // As amazon-ssm-agent words it, and the plugin shows it.
        Err(error) => return format!("\n----------ERROR-------\nUnable to start command: {error}"),
    };
    let (mut reader, mut writer) = tokio::io::split(terminal.stream);
    // Pieces read, and whether one is on its way: then it is the user who is slow, not the terminal that is silent.
    let (pieces, is_busy) = (AtomicU64::new(0), AtomicBool::new(false));
    let read = async {
        let mut buffer = BytesMut::with_capacity(64 << 10);
        loop {
            buffer.reserve(CHUNK);
            match (&mut reader).take(CHUNK as u64).read_buf(&mut buffer).await {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            }
            is_busy.store(true, Ordering::Relaxed);
            if output.send(Out::Bytes(buffer.split().freeze())).await.is_err() {
                return;
            }
            is_busy.store(false, Ordering::Relaxed);
            pieces.fetch_add(1, Ordering::Relaxed);
        }
    };
    let write = async {
        while let Some(given) = input.recv().await {
            let In::Bytes(bytes) = given else { continue };
            if writer.write_all(&bytes).await.is_err() {
                break;
            }
        }
        std::future::pending::<()>().await;
    };
    let obey = async {
        while let Some(size) = sizes.recv().await {
            (terminal.resize)(size);
        }
        std::future::pending::<()>().await;
    };
    // Processes that the command leaves behind may hold the terminal open for ever.
    let left = async {
        terminal.ended.await;
        loop {
            let before = pieces.load(Ordering::Relaxed);
            tokio::time::sleep(LAST_WORDS).await;
            if !is_busy.load(Ordering::Relaxed) && pieces.load(Ordering::Relaxed) == before {
                return;
            }
        }
    };
    // Whichever ends, the session is over; what is dropped has nothing that is still needed.
    tokio::select! {
        () = read => {}
        () = left => {}
        () = write => {}
        () = obey => {}
    }
    String::new()
}

#[cfg(test)]
mod tests;
