//! Pushes a local tag to a registry. The token goes into a file of mode 0600 that lives as
//! long as the push, never into an argument.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::{BuildError, Tool, run};
use crate::event::{Event, Events, ImagePhase};

/// How to log in to a registry.
#[derive(Clone)]
pub struct Login {
    /// `host` or `host:port`.
    pub host: String,
    /// `base64(user:password)` as ECR's `GetAuthorizationToken` gives it.
    pub token: String,
    /// Whether the registry speaks plain HTTP (on this machine).
    pub plain_http: bool,
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Login").field("host", &self.host).field("plain_http", &self.plain_http).finish_non_exhaustive()
    }
}

/// Pushes a tag that [`super::build`] made.
///
/// # Errors
/// [`BuildError::Failed`] with the end of the output, [`BuildError::Credentials`].
pub async fn push(tool: Tool, image: &str, tag: &str, login: &Login, events: &Events) -> Result<(), BuildError> {
    events.emit(Event::ImageStarted { image: image.to_owned(), phase: ImagePhase::Pushing });
    let file = CredentialsFile::write(login).map_err(|source| BuildError::Credentials { source })?;
    let args = tool.push(tag, &file.path(), login.plain_http);
    run::streamed(tool.program(), &args, image, ImagePhase::Pushing, events).await
}

/// A private directory with docker's `config.json`, removed when dropped.
struct CredentialsFile {
    directory: PathBuf,
}

impl CredentialsFile {
    fn write(login: &Login) -> io::Result<Self> {
        let mut name = [0_u8; 8];
        getrandom::fill(&mut name).map_err(|error| io::Error::other(error.to_string()))?;
        let directory = std::env::temp_dir().join(format!("managr-login-{}", hex::encode(name)));
        DirBuilder::new().mode(0o700).create(&directory)?;
        let file = Self { directory };
        let config = serde_json::json!({ "auths": { &login.host: { "auth": login.token } } });
        let mut out = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file.path())?;
        out.write_all(config.to_string().as_bytes())?;
        Ok(file)
    }

    fn path(&self) -> PathBuf {
        Path::new(&self.directory).join("config.json")
    }
}

impl Drop for CredentialsFile {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.directory);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn the_token_is_private_and_short_lived() {
        let login = Login { host: "127.0.0.1:4566".into(), token: "c2VjcmV0".into(), plain_http: true };
        let file = CredentialsFile::write(&login).unwrap();
        let path = file.path();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(fs::read_to_string(&path).unwrap().contains("c2VjcmV0"));
        assert!(!format!("{login:?}").contains("c2VjcmV0"));
        drop(file);
        assert!(!path.exists());
    }
}
