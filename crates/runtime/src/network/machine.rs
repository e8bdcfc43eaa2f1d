//! What do platforms on one machine share? A lock, the bridges' names, and the
//! switch for forwarding. Everything here holds for one network namespace.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::fcntl::{Flock, FlockArg};

use super::NetworkError;
use super::addresses::mac_of;
use super::link::Seen;
use crate::config::Config;

const RUN: &str = "/run/managr";
const SWITCH: &str = "/proc/sys/net/ipv4/ip_forward";
/// What a bridge's alias begins with when a platform made it.
const MARK: &str = "managr:";

/// Held while bridges are chosen, made or removed: two platforms that start at
/// once see each other's.
pub struct MachineLock {
    _file: Flock<File>,
}

impl MachineLock {
    /// Waits for the lock. It ends with this value, or with the process.
    pub async fn take() -> io::Result<Self> {
        tokio::task::spawn_blocking(|| {
            fs::create_dir_all(RUN)?;
            let path = Path::new(RUN).join("network.lock");
            let file = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(path)?;
            let file = Flock::lock(file, FlockArg::LockExclusive).map_err(|(_, error)| io::Error::from(error))?;
            Ok(Self { _file: file })
        })
        .await
        .unwrap_or_else(|error| Err(io::Error::other(error)))
    }
}

/// Whose a link is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// It is not there.
    Nobody,
    /// This platform's, by its mark or, when an earlier version made it, by its address.
    Us,
    /// Another platform's, by its mark.
    AnotherPlatform,
    /// Something that no platform made.
    Stranger,
}

/// Returns whose the link with our bridge's name is.
pub(crate) fn owner_of_bridge(config: &Config, links: &[Seen]) -> Result<Owner, NetworkError> {
    let Some(link) = links.iter().find(|link| link.name == config.bridge) else { return Ok(Owner::Nobody) };
    let mark = mark(config).map_err(NetworkError::system("read the platform's own mark"))?;
    Ok(whose(&link.alias, &mark, link.mac == mac_of(config.gateway())))
}

fn whose(alias: &str, mark: &str, has_our_address: bool) -> Owner {
    match alias {
        alias if alias == mark => Owner::Us,
        alias if alias.starts_with(MARK) => Owner::AnotherPlatform,
        _ if has_our_address => Owner::Us,
        _ => Owner::Stranger,
    }
}

/// Returns this platform's mark: random, made once and kept with its data, so
/// that neither a moved directory nor one of the same name is mistaken.
pub(crate) fn mark(config: &Config) -> io::Result<String> {
    let path = config.state_dir.join("owner");
    match fs::read_to_string(&path) {
        Ok(mark) => return Ok(mark),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let mut random = [0; 8];
    File::open("/dev/urandom")?.read_exact(&mut random)?;
    let mark = format!("{MARK}{:016x}", u64::from_ne_bytes(random));
    fs::create_dir_all(&config.state_dir)?;
    let fresh = config.state_dir.join("owner.new");
    fs::write(&fresh, &mark)?;
    fs::rename(fresh, path)?;
    Ok(mark)
}

/// Switches forwarding on if it is off, and remembers that. Returns the links
/// that this host did not forward between before: it shall go on not to.
pub(crate) fn ensure_forwarding(seen: &[Seen]) -> Result<Vec<String>, NetworkError> {
    let record = forwarding_record().map_err(NetworkError::system("tell the network namespace"))?;
    let on = fs::read_to_string(SWITCH).map_err(NetworkError::system(format!("read {SWITCH}")))?.trim() == "1";
    if on {
        return Ok(remembered(&record).unwrap_or_default());
    }
    let links: Vec<String> = others(seen);
    let remember = || -> io::Result<()> {
        fs::create_dir_all(RUN)?;
        fs::write(&record, links.join("\n"))
    };
    remember().map_err(NetworkError::system(format!("write {}", record.display())))?;
    fs::write(SWITCH, "1").map_err(NetworkError::system(format!("switch on {SWITCH}, which is off")))?;
    tracing::info!(
        links = links.join(" "),
        "Forwarding (net.ipv4.ip_forward) was off and is on now, for the tasks; between the links that were there \
         nothing is forwarded."
    );
    Ok(links)
}

/// Switches forwarding off again if a platform switched it on, no platform is left, and no newer link relies on it.
pub(crate) fn restore_forwarding(seen: &[Seen]) -> Result<(), NetworkError> {
    let record = forwarding_record().map_err(NetworkError::system("tell the network namespace"))?;
    let Some(before) = remembered(&record) else { return Ok(()) };
    if seen.iter().any(|link| link.alias.starts_with(MARK)) {
        return Ok(());
    }
    let now = others(seen);
    let newer = newer(&before, &now);
    if newer.is_empty() {
        fs::write(SWITCH, "0").map_err(NetworkError::system(format!("switch off {SWITCH}")))?;
    } else {
        tracing::warn!(
            links = newer.join(" "),
            "Forwarding (net.ipv4.ip_forward) was off before the first platform; it stays on, as links that came \
             since may rely on it. `sysctl -w net.ipv4.ip_forward=0` switches it off."
        );
    }
    fs::remove_file(&record).map_err(NetworkError::system(format!("remove {}", record.display())))
}

/// Returns the links that were not there when forwarding was switched on.
fn newer<'a>(before: &[String], now: &'a [String]) -> Vec<&'a str> {
    now.iter().filter(|link| !before.contains(link)).map(String::as_str).collect()
}

/// Where it is remembered that forwarding was off: as long as the switch itself
/// keeps, until the machine is started again.
fn forwarding_record() -> io::Result<PathBuf> {
    let namespace = fs::metadata("/proc/thread-self/ns/net")?.ino();
    Ok(Path::new(RUN).join(format!("forwarding-was-off-{namespace}")))
}

fn remembered(record: &Path) -> Option<Vec<String>> {
    let text = fs::read_to_string(record).ok()?;
    Some(text.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect())
}

fn others(seen: &[Seen]) -> Vec<String> {
    let mut links: Vec<String> = seen
        .iter()
        .filter(|link| link.name != "lo" && !link.alias.starts_with(MARK))
        .map(|link| link.name.clone())
        .collect();
    links.sort();
    links
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_without_a_mark_is_ours_only_by_its_address() {
        assert_eq!(whose("managr:1", "managr:1", false), Owner::Us);
        assert_eq!(whose("managr:2", "managr:1", true), Owner::AnotherPlatform);
        assert_eq!(whose("", "managr:1", true), Owner::Us);
        assert_eq!(whose("", "managr:1", false), Owner::Stranger);
        assert_eq!(whose("the office", "managr:1", false), Owner::Stranger);
    }

    #[test]
    fn forwarding_is_relied_on_by_links_that_came_later() {
        let links = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        assert_eq!(newer(&links(&["eth0", "eth1"]), &links(&["eth0"])), Vec::<&str>::new());
        assert_eq!(newer(&links(&["eth0"]), &links(&["docker0", "eth0"])), ["docker0"]);
    }
}
