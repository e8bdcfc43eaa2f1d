//! What goes out at this end, written by a thread of its own: a write to a pipe without a reader cannot be called off,
//! and must not keep the program from hearing a signal or from ending.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;

use tokio::sync::{mpsc, oneshot};

/// Bytes to write, and who waits for that.
type Piece = (Vec<u8>, oneshot::Sender<io::Result<()>>);

/// Standard output.
#[derive(Debug)]
pub(super) struct Output {
    pieces: mpsc::Sender<Piece>,
}

impl Output {
    /// Returns standard output, without a buffer.
    ///
    /// # Errors
    /// When there is none.
    pub(super) fn standard() -> io::Result<Self> {
        // Not `Stdout`: it would wait for the holder of its lock.
        let mut out = File::from(io::stdout().as_fd().try_clone_to_owned()?);
        let (pieces, mut waiting) = mpsc::channel::<Piece>(1);
        std::thread::spawn(move || {
            while let Some((bytes, done)) = waiting.blocking_recv() {
                // The caller that waited may have left.
                let _ = done.send(out.write_all(&bytes));
            }
        });
        Ok(Self { pieces })
    }

    /// Writes everything. Calling it off leaves open how much is written.
    ///
    /// # Errors
    /// What the system says; `BrokenPipe` when there is no reader any more.
    pub(super) async fn write(&self, bytes: &[u8]) -> io::Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        let (done, written) = oneshot::channel();
        // The thread ends with this value only.
        let gone = || io::Error::from(io::ErrorKind::BrokenPipe);
        self.pieces.send((bytes.to_vec(), done)).await.map_err(|_| gone())?;
        written.await.map_err(|_| gone())?
    }
}
