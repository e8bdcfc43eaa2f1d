//! The terminal at this end: raw while a session has it, and as it was afterwards, however that ends.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use nix::sys::termios::{SetArg, Termios, cfmakeraw, tcgetattr, tcsetattr};
use session::Size;

/// What the plugin says where there is no terminal.
const NO_WINDOW: Size = Size { cols: 300, rows: 100 };

/// Returns the size of a terminal's window; a large one where there is none, so that nothing is wrapped.
pub(crate) fn window(terminal: impl AsFd) -> Size {
    match rustix::termios::tcgetwinsize(terminal) {
        Ok(size) if size.ws_col > 0 && size.ws_row > 0 => Size { cols: size.ws_col, rows: size.ws_row },
        _ => NO_WINDOW,
    }
}

/// A terminal that passes every key on. Dropped, it is as it was before: by a return, an error or a panic; signals
/// become returns.
#[derive(Debug)]
pub(crate) struct Raw {
    terminal: File,
    before: Termios,
}

impl Raw {
    /// Makes a terminal raw.
    ///
    /// # Errors
    /// When it is none.
    pub(crate) fn enter(terminal: BorrowedFd<'_>) -> io::Result<Self> {
        let terminal = File::from(terminal.try_clone_to_owned()?);
        let before = tcgetattr(&terminal)?;
        let mut raw = before.clone();
        cfmakeraw(&mut raw);
        tcsetattr(&terminal, SetArg::TCSANOW, &raw)?;
        Ok(Self { terminal, before })
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        // A terminal that has gone needs nothing.
        let _ = tcsetattr(self.terminal.as_fd(), SetArg::TCSANOW, &self.before);
    }
}
