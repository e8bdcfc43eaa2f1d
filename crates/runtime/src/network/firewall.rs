//! Keeps our two nft tables as they should be: made at the start, a port's addresses as tasks come and go, and made
//! again when another program deletes them (`systemctl restart nftables` flushes everything). Touches no other table.

use std::io::{self, Write};
use std::net::Ipv4Addr;
use std::process::{Command, Stdio};
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{sleep, timeout};

use super::NetworkError;
use super::nfnetlink::{Change, Deletions, change_element};
use super::rules::{OWN, Ports, bridged, own_key, routed};
use crate::config::Config;
use crate::host::find_nft;

/// How often the tables are looked at when nothing is heard.
const LOOK_EVERY: Duration = Duration::from_secs(30);
/// A firewall's own start comes in several parts.
const SETTLE: Duration = Duration::from_millis(100);
/// Between two repairs: a program that fights us for our table shall not take the processor too.
const PAUSE: Duration = Duration::from_secs(1);

/// Our tables.
pub(crate) struct Firewall {
    config: Config,
    shut: Vec<String>,
    state: Mutex<State>,
}

struct State {
    ports: Ports,
    /// Whether this kernel filters on bridges.
    filters_ports: bool,
    /// What nft lists of the tables as we made them; none once they are removed for good.
    made: Option<String>,
}

impl Firewall {
    /// Makes the tables anew, each in one transaction. Safe to repeat.
    pub(crate) async fn ensure(config: &Config, shut: Vec<String>, ports: Ports) -> Result<Self, NetworkError> {
        let state = State { ports, filters_ports: true, made: Some(String::new()) };
        let firewall = Self { config: config.clone(), shut, state: Mutex::new(state) };
        firewall.remake(&mut *firewall.state.lock().await).await?;
        Ok(firewall)
    }

    /// Lets a task's port send as its task. To be called before the port is there.
    pub(crate) async fn admit(&self, link: &str, address: Ipv4Addr) -> Result<(), NetworkError> {
        let mut state = self.state.lock().await;
        state.ports.insert(link.to_owned(), address);
        if !state.filters_ports {
            return Ok(());
        }
        match self.change(link, address, Change::Add).await {
            // The table is gone: made anew, it has this port too.
            Err(error) if error.raw_os_error() == Some(nix::libc::ENOENT) => self.remake(&mut state).await,
            done => done.map_err(NetworkError::system("let the task's port send")),
        }
    }

    /// Takes back what [`Firewall::admit`] allowed. Safe to repeat.
    pub(crate) async fn forget(&self, link: &str) {
        let mut state = self.state.lock().await;
        let Some(address) = state.ports.remove(link) else { return };
        if state.filters_ports
            && let Err(error) = self.change(link, address, Change::Remove).await
        {
            // The port is gone, and the table may be.
            tracing::debug!(link, %error, "A port stayed in the firewall's set.");
        }
    }

    async fn change(&self, link: &str, address: Ipv4Addr, change: Change) -> io::Result<()> {
        let (table, key) = (self.config.table(), own_key(link, address));
        blocking(move || change_element(&table, OWN, &key, change)).await
    }

    /// Makes no table any more. Those that are there stay.
    pub(crate) async fn close(&self) {
        self.state.lock().await.made = None;
    }

    /// Whether this kernel keeps a task's port from sending as another one.
    pub(crate) async fn filters_ports(&self) -> bool {
        self.state.lock().await.filters_ports
    }

    async fn remake(&self, state: &mut State) -> Result<(), NetworkError> {
        let (config, shut, ports) = (self.config.clone(), self.shut.clone(), state.ports.clone());
        let (filters_ports, listed) = blocking(move || -> Result<_, NetworkError> {
            run(&routed(&config, &shut))?;
            let filters_ports = match run(&bridged(&config, &ports)) {
                Ok(()) => true,
                Err(error) => {
                    tracing::warn!(
                        %error,
                        "This kernel's nftables do not filter on bridges: a task with CAP_NET_RAW can pretend to be \
                         another one, towards other tasks."
                    );
                    false
                }
            };
            Ok((filters_ports, list(&config)))
        })
        .await?;
        state.filters_ports = filters_ports;
        if state.made.is_some() {
            state.made = Some(listed);
        }
        Ok(())
    }

    /// Makes the tables again if they are not as we made them; returns whether it did.
    pub(crate) async fn repair(&self) -> Result<bool, NetworkError> {
        let mut state = self.state.lock().await;
        let Some(made) = state.made.clone() else { return Ok(false) };
        let config = self.config.clone();
        let intact = blocking(move || list(&config) == made).await;
        if !intact {
            self.remake(&mut state).await?;
        }
        Ok(!intact)
    }
}

/// Repairs the tables within a moment of their loss, for as long as they are used.
pub(crate) async fn watch(firewall: Weak<Firewall>) {
    let heard = Deletions::listen();
    if let Err(error) = &heard {
        tracing::warn!(%error, "Changes of the firewall are not heard; the tables are looked at now and then.");
    }
    loop {
        let Some(table) = firewall.upgrade().map(|firewall| firewall.config.table()) else { return };
        let next = async {
            match &heard {
                Ok(heard) => heard.next(&table).await.unwrap_or(true),
                Err(_) => std::future::pending().await,
            }
        };
        // Time out: look anyway. Dropping the wait loses nothing, as the socket keeps what it has.
        if matches!(timeout(LOOK_EVERY, next).await, Ok(false)) {
            continue;
        }
        sleep(SETTLE).await;
        let Some(firewall) = firewall.upgrade() else { return };
        match firewall.repair().await {
            Ok(false) => {}
            Ok(true) => tracing::warn!(
                table,
                "The tasks' firewall table was changed or deleted by another program; it was made again."
            ),
            Err(error) => tracing::error!(%error, table, "The tasks' firewall table could not be made again."),
        }
        drop(firewall);
        sleep(PAUSE).await;
    }
}

/// Starts [`watch`].
pub(crate) fn begin_watch(firewall: &Arc<Firewall>) {
    tokio::spawn(watch(Arc::downgrade(firewall)));
}

/// Removes the tables. Safe to repeat.
pub(crate) fn remove(config: &Config) -> Result<(), NetworkError> {
    let table = config.table();
    // Adding first makes the removal succeed whether it was there or not.
    run(&format!("table ip {table} {{}}\ndelete table ip {table}\n"))?;
    // A kernel that knows no such tables has none.
    let _ = run(&format!("table bridge {table} {{}}\ndelete table bridge {table}\n"));
    Ok(())
}

/// Returns how many probes came through so far.
pub(crate) fn probes_counted(config: &Config) -> Option<u64> {
    let table = config.table();
    let text = output(&["-j", "list", "counter", "ip", &table, super::rules::PROBED])?;
    let listed: serde_json::Value = serde_json::from_str(&text).ok()?;
    listed["nftables"].as_array()?.iter().find_map(|entry| entry["counter"]["packets"].as_u64())
}

/// Returns what nft says of both tables, without what changes by itself.
fn list(config: &Config) -> String {
    let table = config.table();
    ["ip", "bridge"].map(|family| output(&["-s", "-t", "list", "table", family, &table]).unwrap_or_default()).join("")
}

/// Returns what nft prints, or nothing when it fails.
pub(crate) fn output(arguments: &[&str]) -> Option<String> {
    let output = Command::new(find_nft()?).args(arguments).stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.expect("work on the firewall neither panics nor is cancelled")
}

/// Hands rules to nft: all of them come true, or none.
pub(crate) fn run(rules: &str) -> Result<(), NetworkError> {
    let nft = find_nft()
        .ok_or_else(|| NetworkError::Firewall { reason: "nft is not installed (package nftables)".to_owned() })?;
    let mut child = Command::new(nft)
        .args(["-f", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(NetworkError::system("run nft"))?;
    let fed = child.stdin.take().expect("stdin is piped").write_all(rules.as_bytes());
    let output = child.wait_with_output().map_err(NetworkError::system("wait for nft"))?;
    if !output.status.success() {
        let reason = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(NetworkError::Firewall { reason });
    }
    fed.map_err(NetworkError::system("hand the rules to nft"))
}
