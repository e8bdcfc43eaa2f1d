//! Is a file in the repository? Then everyone who has the repository can read it, and its history keeps it.

use std::path::Path;
use std::process::{Command, Stdio};

/// Returns whether git tracks a file; its path is seen from the directory. Without git, or outside of a repository,
/// nothing is tracked.
pub fn is_tracked(directory: &Path, file: &Path) -> bool {
    // git-ls-files(1), --error-unmatch: "If any <file> does not appear in the index, treat this as an error". The
    // file's own directory may be in another repository than the manifest's.
    let path = directory.join(file);
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else { return false };
    let mut git = Command::new("git");
    git.args(["--literal-pathspecs", "ls-files", "--error-unmatch", "--"]).arg(name).current_dir(parent);
    git.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    git.status().is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_added_is_tracked_and_nothing_else() {
        let directory = tempfile::tempdir().unwrap();
        let git = |args: &[&str]| {
            assert!(Command::new("git").args(args).current_dir(directory.path()).status().unwrap().success());
        };
        for name in ["own.env", "stray.env", "[a].env"] {
            std::fs::write(directory.path().join(name), "A=1\n").unwrap();
        }
        assert!(!is_tracked(directory.path(), Path::new("own.env")), "no repository");
        git(&["init", "--quiet"]);
        git(&["add", "own.env"]);
        assert!(is_tracked(directory.path(), Path::new("own.env")));
        assert!(is_tracked(Path::new("/"), &directory.path().join("own.env")));
        for name in ["stray.env", "none.env", "[a].env", "*.env"] {
            assert!(!is_tracked(directory.path(), Path::new(name)), "{name}");
        }
    }
}
