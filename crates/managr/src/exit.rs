//! Exit codes. Scripts depend on them: a number never changes its meaning.

use std::process::ExitCode;

/// How the program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// What was asked for was done, or was already so.
    Done,
    /// It failed.
    Failed,
    /// The command line or the manifest is wrong. (clap uses the same number.)
    Usage,
    /// The deployment was undone.
    RolledBack,
    /// It did not get there in time.
    TimedOut,
    /// Verification found that it would fail, or what it was planned on is no longer so.
    Refused,
    /// The person said no, or another deploy is under way.
    Declined,
    /// Ctrl-C or SIGTERM.
    Interrupted,
    /// What a command in a container ended with; 255, as with ssh, when it could not be run to its end.
    Remote(u8),
}

impl Exit {
    /// Returns the number.
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::RolledBack => 3,
            Self::TimedOut => 4,
            Self::Refused => 5,
            Self::Declined => 6,
            Self::Interrupted => 130,
            Self::Remote(code) => code,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}
