//! Which PostgreSQL runs a database: an image, or the one that this machine has?

use std::fs;
use std::io;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use runtime::{Mount, MountSource};

use super::place::Places;

/// Where Debian's packages have PostgreSQL's programs, and the official image has.
fn debian(major: u32) -> String {
    format!("/usr/lib/postgresql/{major}/bin")
}

/// Where a PostgreSQL comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// An image: its name.
    Image(String),
    /// The machine's own, from its packages.
    Machine,
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Image(name) => write!(f, "the image {name}"),
            Self::Machine => f.write_str("this machine's packages"),
        }
    }
}

/// A PostgreSQL that can be run.
#[derive(Clone, Debug)]
pub struct Program {
    /// Major version.
    pub major: u32,
    /// Where it comes from.
    pub source: Source,
    /// Layers of its root filesystem, topmost first.
    pub(crate) layers: Vec<PathBuf>,
    pub(crate) mounts: Vec<Mount>,
    /// Directory of its programs, in the container.
    pub(crate) bin: String,
    /// Whom the server runs as, and its files belong to.
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) locale: &'static str,
    /// Libraries that every server loads.
    pub(crate) preload: Vec<String>,
    /// Keeps the image's layers from being swept.
    pub(crate) lease: Option<images::Lease>,
}

/// Why there is no PostgreSQL to run.
#[derive(Debug, thiserror::Error)]
pub enum ProgramError {
    /// Nothing has it.
    #[error("there is no PostgreSQL {major} here: {tried}")]
    Missing {
        /// The major version that was asked for.
        major: u32,
        /// Where it was looked for, and what can be done.
        tried: String,
    },
    /// An image has no such PostgreSQL in it.
    #[error("{name} is not an image of PostgreSQL {major}: {why}")]
    NotPostgres {
        /// The image.
        name: String,
        /// The major version that was asked for.
        major: u32,
        /// What is missing.
        why: &'static str,
    },
    /// The machine's could not be made ready.
    #[error("the root filesystem of this machine's PostgreSQL could not be made at {}", path.display())]
    Root {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

/// An image that may be a PostgreSQL.
#[derive(Debug)]
pub struct Image {
    /// What it is called.
    pub name: String,
    /// Its layers, topmost first.
    pub layers: Vec<PathBuf>,
    /// Keeps them on the disk.
    pub lease: Option<images::Lease>,
}

/// Returns the program in an image.
///
/// # Errors
/// When it is no image of PostgreSQL, or of another major version.
pub fn of_image(major: u32, image: Image) -> Result<Program, ProgramError> {
    let Image { name, layers, lease } = image;
    let not = |why| ProgramError::NotPostgres { name: name.clone(), major, why };
    let bin = [debian(major), "/usr/local/bin".to_owned(), "/usr/bin".to_owned()]
        .into_iter()
        .find(|bin| {
            find(&layers, &format!("{bin}/postgres")).is_some() && find(&layers, &format!("{bin}/initdb")).is_some()
        })
        .ok_or_else(|| not("it has no postgres and initdb where the official image has them"))?;
    let passwd = find(&layers, "/etc/passwd").and_then(|path| fs::read_to_string(path).ok()).unwrap_or_default();
    let (uid, gid) = user(&passwd).ok_or_else(|| not("it has no user `postgres`"))?;
    let locale = if find(&layers, "/usr/lib/locale/en_US.utf8").is_some() { "en_US.UTF-8" } else { "C.UTF-8" };
    let has = |path: String| find(&layers, &path).is_some();
    let preload = statistics(major, has);
    Ok(Program { major, source: Source::Image(name), layers, mounts: vec![], bin, uid, gid, locale, preload, lease })
}

/// Returns the machine's own PostgreSQL of a major version, if it has one.
///
/// # Errors
/// When it has one, and its root filesystem cannot be made.
pub fn of_machine(major: u32, places: &Places) -> Result<Option<Program>, ProgramError> {
    let bin = debian(major);
    let passwd = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let is_there = ["postgres", "initdb"].iter().all(|name| Path::new(&bin).join(name).is_file());
    let (true, Some((uid, gid))) = (is_there, user(&passwd)) else { return Ok(None) };
    let root = places.machine_root();
    make_root(&root, uid, gid).map_err(|source| ProgramError::Root { path: root.clone(), source })?;
    let mounts = ["/usr", "/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/alternatives"]
        .into_iter()
        .filter(|path| Path::new(path).exists())
        .map(|path| Mount { target: path.to_owned(), source: MountSource::Bind(path.into()), readonly: true })
        .collect();
    let preload = statistics(major, |path| Path::new(&path).exists());
    let (source, layers) = (Source::Machine, vec![root]);
    Ok(Some(Program { major, source, layers, mounts, bin, uid, gid, locale: "C.UTF-8", preload, lease: None }))
}

fn statistics(major: u32, has: impl Fn(String) -> bool) -> Vec<String> {
    let libraries = [format!("/usr/lib/postgresql/{major}/lib"), "/usr/local/lib/postgresql".to_owned()];
    let found = libraries.into_iter().any(|lib| has(format!("{lib}/pg_stat_statements.so")));
    if found { vec!["pg_stat_statements".to_owned()] } else { vec![] }
}

/// Returns a file of an image. Only what is no link is found, so that nothing of this machine is taken for the image's.
fn find(layers: &[PathBuf], path: &str) -> Option<PathBuf> {
    layers
        .iter()
        .map(|layer| layer.join(path.trim_start_matches('/')))
        .find(|path| path.symlink_metadata().is_ok_and(|found| found.is_file() || found.is_dir()))
}

fn user(passwd: &str) -> Option<(u32, u32)> {
    let line = passwd.lines().find(|line| line.starts_with("postgres:"))?;
    let mut fields = line.split(':').skip(2);
    let (uid, gid) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    // A server refuses to run as root.
    (uid != 0).then_some((uid, gid))
}

/// Makes the little that is not the machine's own: links to `/usr` as the machine has them, and two users.
fn make_root(root: &Path, uid: u32, gid: u32) -> io::Result<()> {
    for (dir, mode) in [("", 0o755), ("etc", 0o755), ("usr", 0o755), ("tmp", 0o1777), ("run", 0o755), ("var", 0o755)] {
        let path = root.join(dir);
        fs::create_dir_all(&path)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(mode))?;
    }
    for dir in ["proc", "sys", "dev", "db", "var/run"] {
        fs::create_dir_all(root.join(dir))?;
    }
    for name in ["bin", "sbin", "lib", "lib32", "lib64", "libx32"] {
        let path = root.join(name);
        // A machine whose /bin is no link to /usr is none that systemd still supports.
        if let Ok(target) = fs::read_link(Path::new("/").join(name))
            && path.symlink_metadata().is_err()
        {
            symlink(target, path)?;
        }
    }
    fs::write(
        root.join("etc/passwd"),
        format!("root:x:0:0:root:/root:/bin/sh\npostgres:x:{uid}:{gid}::/db:/bin/sh\n"),
    )?;
    fs::write(root.join("etc/group"), format!("root:x:0:\npostgres:x:{gid}:\n"))?;
    fs::write(root.join("etc/nsswitch.conf"), "passwd: files\ngroup: files\nhosts: files dns\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(layers: Vec<PathBuf>) -> Image {
        Image { name: "postgres:15".to_owned(), layers, lease: None }
    }

    #[test]
    fn an_image_must_hold_the_version_that_was_asked_for() {
        let dir = tempfile::tempdir().unwrap();
        let (top, base) = (dir.path().join("top"), dir.path().join("base"));
        let bin = base.join("usr/lib/postgresql/15/bin");
        fs::create_dir_all(&bin).unwrap();
        fs::create_dir_all(top.join("etc")).unwrap();
        fs::write(bin.join("postgres"), "").unwrap();
        fs::write(bin.join("initdb"), "").unwrap();
        let layers = vec![top.clone(), base];
        assert!(matches!(of_image(15, image(layers.clone())), Err(ProgramError::NotPostgres { .. })), "no user");
        fs::write(top.join("etc/passwd"), "root:x:0:0::/:\npostgres:x:999:998::/:\n").unwrap();
        let found = of_image(15, image(layers.clone())).unwrap();
        assert_eq!(
            (found.uid, found.gid, found.locale, found.bin.as_str()),
            (999, 998, "C.UTF-8", "/usr/lib/postgresql/15/bin")
        );
        assert!(matches!(of_image(16, image(layers)), Err(ProgramError::NotPostgres { .. })));
    }

    #[test]
    fn root_is_no_user_of_a_server() {
        assert_eq!(user("postgres:x:0:0::/:\n"), None);
        assert_eq!(user("postgres:x:70:70::/:\n"), Some((70, 70)));
    }
}
