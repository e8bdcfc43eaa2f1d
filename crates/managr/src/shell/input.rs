//! What comes in at this end, read by a thread of its own: a read of a terminal or a pipe cannot be called off, and
//! must not keep the program from ending.

use std::io::Read;

use bytes::Bytes;
use deploy_core::exec::Encoder;
use session::client::Input;
use tokio::sync::{mpsc, oneshot};

use super::escape::Escape;

/// Bytes read at once, and pieces that wait.
const PIECE: usize = 16 << 10;
const WAITING: usize = 8;

/// How input is written for the other end.
#[derive(Debug)]
pub(crate) enum Writing {
    /// As it is, and a terminal's end-of-file character at its end.
    AsIs,
    /// As it is; typed, so that `~.` leaves.
    Typed,
    /// A lone line feed is what a terminal sends for the return key, as the plugin has it.
    Plugin,
    /// As it is, for a port: nothing is said at its end.
    Plain,
    /// For the wrapper script.
    Encoded,
}

/// Sends standard input to a session until it ends. The receiver hears of it when the person leaves.
pub(crate) fn carry(input: Input, writing: Writing) -> oneshot::Receiver<()> {
    let (pieces, mut waiting) = mpsc::channel::<Vec<u8>>(WAITING);
    let (leave, left) = oneshot::channel();
    // Typing must be read while nothing can be sent, or `~.` would not be seen.
    let (typed, mut all_typed) = mpsc::unbounded_channel::<Vec<u8>>();
    let is_typed = matches!(writing, Writing::Typed);
    std::thread::spawn(move || {
        let (mut escape, mut buffer) = (Escape::new(), vec![0; PIECE]);
        while let Ok(count @ 1..) = std::io::stdin().read(&mut buffer) {
            let is_sent = if is_typed {
                let (bytes, leaves) = escape.push(&buffer[..count]);
                if leaves {
                    let _ = leave.send(());
                    return;
                }
                typed.send(bytes).is_ok()
            } else {
                pieces.blocking_send(buffer[..count].to_vec()).is_ok()
            };
            if !is_sent {
                return;
            }
        }
    });
    tokio::spawn(async move {
        let mut encoder = matches!(writing, Writing::Encoded).then(Encoder::default);
        loop {
            let piece = if is_typed { all_typed.recv().await } else { waiting.recv().await };
            let is_end = piece.is_none();
            let bytes = match (piece, &mut encoder) {
                (Some(piece), Some(encoder)) => encoder.push(&piece),
                (Some(piece), None) if matches!(writing, Writing::Plugin) && piece == b"\n" => b"\r".to_vec(),
                (Some(piece), None) => piece,
                (None, _) if matches!(writing, Writing::Plain) => return,
                (None, encoder) => encoder.take().unwrap_or_default().finish(),
            };
            if (!bytes.is_empty() && input.send(Bytes::from(bytes)).await.is_err()) || is_end {
                return;
            }
        }
    });
    left
}
