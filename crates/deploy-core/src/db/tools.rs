//! Which of this machine's PostgreSQL clients suits a server? `pg_dump` refuses a server that is newer than itself.

use std::path::PathBuf;

/// The clients of one major version, in one directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tools {
    /// Their major version.
    pub major: u32,
    /// Directory with `psql`, `pg_dump` and `pg_restore`.
    pub directory: PathBuf,
}

/// Why none suits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoTool {
    /// There are none at all.
    #[error("this machine has no PostgreSQL clients (psql, pg_dump, pg_restore)")]
    Missing,
    /// All are too old.
    #[error("the server is PostgreSQL {server}, and the newest pg_dump here is of {newest}, which refuses it")]
    TooOld {
        /// Major of the server.
        server: u32,
        /// Newest major that is here.
        newest: u32,
    },
}

/// Returns the clients for a server: those of its own major, else the next newer ones.
///
/// # Errors
/// See [`NoTool`].
pub fn choose(found: &[Tools], server: u32) -> Result<&Tools, NoTool> {
    let newest = found.iter().map(|tools| tools.major).max().ok_or(NoTool::Missing)?;
    let fits = found.iter().filter(|tools| tools.major >= server).min_by_key(|tools| tools.major);
    fits.ok_or(NoTool::TooOld { server, newest })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_that_is_not_older_is_taken() {
        let all: Vec<Tools> = [13, 17, 15].map(|major| Tools { major, directory: major.to_string().into() }).into();
        let check = |server, expected: Result<u32, NoTool>| {
            assert_eq!(choose(&all, server).map(|tools| tools.major), expected);
        };
        check(13, Ok(13));
        check(14, Ok(15));
        check(16, Ok(17));
        check(18, Err(NoTool::TooOld { server: 18, newest: 17 }));
        assert_eq!(choose(&[], 15), Err(NoTool::Missing));
    }
}
