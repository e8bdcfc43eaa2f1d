//! The platform in this process: settings, signals, logging.

use std::ffi::OsString;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

use platform::{EngineKind, ServeError, ServeOptions};
use tokio::signal::unix::{SignalKind, signal};

use crate::exit::Exit;
use crate::failure::Failure;
use crate::systemd::{self, notify};

/// The settings with which the platform is started.
#[derive(Debug)]
pub(crate) struct Serve {
    /// `address:port`.
    pub(crate) listen: String,
    /// Where data is kept; none keeps it in memory.
    pub(crate) data_dir: Option<PathBuf>,
    /// Who runs the tasks.
    pub(crate) engine: EngineKind,
    /// Account that the platform plays; none is the usual one.
    pub(crate) account: Option<String>,
    /// The tasks' bridge; none to choose.
    pub(crate) bridge: Option<String>,
    /// The tasks' network and its prefix length; none to choose.
    pub(crate) subnet: Option<(Ipv4Addr, u8)>,
    /// Address that load-balancer listeners bind; none for loopback.
    pub(crate) balancer_address: Option<IpAddr>,
    /// Ports of this machine that tasks may reach.
    pub(crate) open_ports: Vec<u16>,
    /// Names beside the loopback ones under which clients reach the API.
    pub(crate) hosts: Vec<String>,
    /// Who may use the platform beside root and the user as whom it runs.
    pub(crate) allow: Vec<platform::Who>,
}

/// Runs the platform until SIGTERM or Ctrl-C.
///
/// # Errors
/// When it cannot start.
pub(crate) async fn run(serve: Serve) -> Result<Exit, Failure> {
    let listen = serve
        .listen
        .parse()
        .map_err(|_| Failure::new(format!("`{}` is not ADDRESS:PORT", serve.listen)).exit(Exit::Usage))?;
    let executable = std::env::current_exe()
        .map_err(|error| Failure::new(format!("could not tell the path of this program: {error}")))?;
    let apart = match serve.engine {
        EngineKind::Native => systemd::apart(serve.data_dir.as_deref()),
        EngineKind::Simulated => Vec::new(),
    };
    let ourselves = |verb: &str| {
        let mut command = apart.clone();
        command.extend([executable.clone().into_os_string(), OsString::from(verb)]);
        command
    };
    let mut options = ServeOptions::new(serve.engine, serve.data_dir);
    options.supervisor = ourselves(crate::SUPERVISE);
    options.balancer = ourselves(crate::balance::VERB);
    options.listen = listen;
    if let Some(account) = serve.account {
        options.account = account;
    }
    options.bridge = serve.bridge;
    options.subnet = serve.subnet;
    options.hosts = serve.hosts;
    options.open_ports = serve.open_ports;
    options.allow = serve.allow;
    if let Some(address) = serve.balancer_address {
        options.balancer_address = address;
    }
    let shutdown = ended()?;
    let engine = options.engine;
    let ready = move |address| {
        tracing::info!(%address, ?engine, "the platform answers");
        notify::tell(&format!("READY=1\nSTATUS=Answers at http://{address}"));
    };
    platform::serve(options, ready, shutdown).await.map_err(explain)?;
    Ok(Exit::Done)
}

/// Resolves on SIGTERM, SIGINT or SIGHUP.
fn ended() -> Result<impl Future<Output = ()>, Failure> {
    let listen = |kind| signal(kind).map_err(|error| Failure::new(format!("could not listen for signals: {error}")));
    let (mut term, mut int, mut hup) =
        (listen(SignalKind::terminate())?, listen(SignalKind::interrupt())?, listen(SignalKind::hangup())?);
    // Each branch only waits: nothing is lost by dropping the others.
    Ok(async move {
        tokio::select! {
            _ = term.recv() => {}
            _ = int.recv() => {}
            _ = hup.recv() => {}
        }
        notify::tell("STOPPING=1");
        tracing::info!("the platform ends; containers and the load balancer go on");
    })
}

fn explain(error: ServeError) -> Failure {
    let hint = match &error {
        ServeError::Listen { source, .. } if source.kind() == std::io::ErrorKind::AddrInUse => {
            Some("something else listens there; stop it, or choose another port with --endpoint http://127.0.0.1:PORT")
        }
        ServeError::Host { .. } if !nix::unistd::geteuid().is_root() => {
            Some("run it as root, or let it only pretend: `managr platform serve --engine simulated`")
        }
        _ => None,
    };
    let failure = Failure::from_error(error);
    match hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}
