//! Which build tool there is, and how each is asked. Command lines are pure values.

use std::fmt;
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use nix::sys::resource::{Resource, getrlimit};
use tokio::process::Command;

use super::{BuildError, Recipe};

/// A tool that builds and pushes images.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tool {
    /// Docker's client, with a daemon that answers.
    Docker,
    /// Podman.
    Podman,
    /// Buildah.
    Buildah,
}

/// The order in which tools are tried.
const PREFERENCE: [Tool; 3] = [Tool::Docker, Tool::Podman, Tool::Buildah];

/// The limit of processes that some versions of buildah give themselves.
const LOWERED_TO: u64 = 32_768;

/// A daemon that does not answer in this time is not there.
const PROBE: Duration = Duration::from_secs(10);

impl fmt::Display for Tool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.program())
    }
}

impl FromStr for Tool {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let known = PREFERENCE.into_iter().find(|tool| tool.program() == name);
        known.ok_or_else(|| format!("`{name}` is not a build tool; use docker, podman or buildah"))
    }
}

/// What buildah and podman set `nofile` and `nproc` to by default.
const RAISED_TO: u64 = 1 << 20;

/// What a build finds around it.
#[derive(Debug, Default)]
pub(super) struct Around {
    /// What `BUILDAH_ISOLATION` says.
    pub(super) isolation: Option<String>,
    /// Our own hard limits, by the names that the tools have for them.
    pub(super) limits: Vec<(&'static str, u64)>,
}

impl Around {
    /// Looks at the environment and the limits of this process.
    pub(super) fn ours() -> Self {
        // Debian 12's buildah lowers its own limit of processes to 32,768 first, and cannot raise it again.
        let hard = |(name, resource, most)| getrlimit(resource).ok().map(|(_, hard)| (name, hard.min(most)));
        let limits = [("nofile", Resource::RLIMIT_NOFILE, u64::MAX), ("nproc", Resource::RLIMIT_NPROC, LOWERED_TO)];
        Self {
            isolation: std::env::var("BUILDAH_ISOLATION").ok(),
            limits: limits.into_iter().filter_map(hard).collect(),
        }
    }
}

impl Tool {
    /// Returns the program's name.
    pub fn program(self) -> &'static str {
        match self {
            Self::Docker => "docker",
            Self::Podman => "podman",
            Self::Buildah => "buildah",
        }
    }

    /// Returns the arguments that build a recipe under a tag.
    ///
    /// Podman and buildah are asked for chroot isolation: it needs no OCI runtime, no cgroups
    /// and no bridge, so that a build works wherever root or a user namespace does.
    ///
    /// They raise two limits to 2^20 for each line that runs, and fail where they may not: in a container without
    /// CAP_SYS_RESOURCE and with lower limits, as CI has them (containers/buildah#5275). There we pass our limits.
    pub(super) fn build(self, recipe: &Recipe, tag: &str, around: &Around) -> Vec<String> {
        let mut args: Vec<String> = vec!["build".into()];
        match self {
            Self::Docker => args.push("--progress=plain".into()),
            Self::Podman | Self::Buildah => {
                args.push("--layers".into());
                args.push(format!("--isolation={}", around.isolation.as_deref().unwrap_or("chroot")));
                for (name, hard) in around.limits.iter().filter(|(_, hard)| *hard < RAISED_TO) {
                    args.push(format!("--ulimit={name}={hard}:{hard}"));
                }
            }
        }
        if let Some(target) = &recipe.target {
            args.extend(["--target".into(), target.clone()]);
        }
        if let Some(platform) = &recipe.platform {
            args.extend(["--platform".into(), platform.clone()]);
        }
        for (name, value) in &recipe.args {
            args.extend(["--build-arg".into(), format!("{name}={value}")]);
        }
        args.extend(["--file".into(), recipe.dockerfile.display().to_string()]);
        args.extend(["--tag".into(), tag.into(), recipe.context.display().to_string()]);
        args
    }

    /// Returns the arguments that push a tag. `credentials` is a file in the form of
    /// docker's `config.json`; for docker, its directory.
    pub(super) fn push(self, tag: &str, credentials: &Path, plain_http: bool) -> Vec<String> {
        match self {
            Self::Docker => {
                let directory = credentials.parent().unwrap_or(credentials).display().to_string();
                vec!["--config".into(), directory, "push".into(), tag.into()]
            }
            Self::Podman | Self::Buildah => {
                let mut args = vec!["push".into(), format!("--authfile={}", credentials.display())];
                if plain_http {
                    args.push("--tls-verify=false".into());
                }
                args.extend([tag.into(), format!("docker://{tag}")]);
                args
            }
        }
    }

    /// Returns the arguments that print the id of a local image.
    pub(super) fn image_id(self, reference: &str) -> Vec<String> {
        let args: &[&str] = match self {
            Self::Docker | Self::Podman => &["image", "inspect", "--format", "{{.Id}}", reference],
            Self::Buildah => &["inspect", "--type", "image", "--format", "{{.FromImageID}}", reference],
        };
        args.iter().map(|arg| (*arg).to_owned()).collect()
    }

    /// Tries the tool; docker's client without a daemon is no tool.
    async fn probe(self) -> Result<(), String> {
        let args: &[&str] = match self {
            Self::Docker => &["version", "--format", "{{.Server.Version}}"],
            Self::Podman | Self::Buildah => &["--version"],
        };
        let run = Command::new(self.program()).args(args).kill_on_drop(true).output();
        match tokio::time::timeout(PROBE, run).await {
            Err(_) => Err("did not answer".to_owned()),
            Ok(Err(error)) if error.kind() == std::io::ErrorKind::NotFound => Err("not installed".to_owned()),
            Ok(Err(error)) => Err(error.to_string()),
            Ok(Ok(output)) if output.status.success() => Ok(()),
            Ok(Ok(output)) => {
                let said = String::from_utf8_lossy(&output.stderr);
                Err(said.lines().last().unwrap_or("failed").to_owned())
            }
        }
    }
}

/// Returns the tool asked for, or the first that works.
///
/// # Errors
/// [`BuildError::NoTool`] with what is wrong with each.
pub async fn detect(wanted: Option<Tool>) -> Result<Tool, BuildError> {
    let candidates = wanted.map_or(PREFERENCE.to_vec(), |tool| vec![tool]);
    let mut tried = Vec::new();
    for tool in candidates {
        match tool.probe().await {
            Ok(()) => return Ok(tool),
            Err(why) => tried.push(format!("{tool}: {why}")),
        }
    }
    Err(BuildError::NoTool { tried: tried.join("; ") })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    fn recipe() -> Recipe {
        Recipe {
            name: "server".into(),
            context: PathBuf::from("/app"),
            dockerfile: PathBuf::from("/app/server/Dockerfile"),
            target: Some("final".into()),
            platform: None,
            args: vec![("A".into(), "b c".into())],
        }
    }

    #[test]
    fn each_tool_is_asked_in_its_own_way() {
        let line = |tool: Tool| tool.build(&recipe(), "h/r:t", &Around::default()).join(" ");
        assert_eq!(
            line(Tool::Docker),
            "build --progress=plain --target final --build-arg A=b c --file /app/server/Dockerfile --tag h/r:t /app"
        );
        assert_eq!(
            line(Tool::Buildah),
            "build --layers --isolation=chroot --target final --build-arg A=b c \
             --file /app/server/Dockerfile --tag h/r:t /app"
        );
        assert_eq!(line(Tool::Podman), line(Tool::Buildah));
    }

    #[test]
    fn a_build_is_given_the_limits_that_we_have_where_it_could_not_raise_them() {
        let limits = |tool: Tool, nofile, nproc| {
            let around = Around { isolation: None, limits: vec![("nofile", nofile), ("nproc", nproc)] };
            let args = tool.build(&recipe(), "h/r:t", &around);
            args.into_iter().filter(|arg| arg.starts_with("--ulimit")).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(limits(Tool::Buildah, 20_000, u64::MAX), "--ulimit=nofile=20000:20000");
        assert_eq!(limits(Tool::Podman, RAISED_TO, 4096), "--ulimit=nproc=4096:4096");
        assert_eq!(limits(Tool::Buildah, RAISED_TO, u64::MAX), "");
        assert_eq!(limits(Tool::Docker, 20_000, 4096), "", "the daemon has limits of its own");
    }

    #[test]
    fn credentials_travel_in_a_file_never_in_an_argument() {
        let file = Path::new("/tmp/x/config.json");
        assert_eq!(Tool::Docker.push("h/r:t", file, true).join(" "), "--config /tmp/x push h/r:t");
        assert_eq!(
            Tool::Buildah.push("h/r:t", file, true).join(" "),
            "push --authfile=/tmp/x/config.json --tls-verify=false h/r:t docker://h/r:t"
        );
        assert!(!Tool::Podman.push("h/r:t", file, false).contains(&"--tls-verify=false".to_owned()));
    }

    #[test]
    fn an_unknown_tool_is_refused_by_name() {
        assert_eq!("kaniko".parse::<Tool>(), Err("`kaniko` is not a build tool; use docker, podman or buildah".into()));
        assert_eq!("podman".parse(), Ok(Tool::Podman));
    }
}
