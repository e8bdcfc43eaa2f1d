//! `managr platform`: the embedded platform as a process.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Subcommand, ValueEnum};
use platform::EngineKind;
use serde_json::Value;

use crate::context::Context;
use crate::daemon::{self, Started};
use crate::exit::Exit;
use crate::failure::Failure;

/// Run, start, stop or look at the embedded platform
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  managr platform start\n  managr platform serve --engine simulated\n  \
    AWS_ENDPOINT_URL=http://127.0.0.1:4566 aws ecs list-clusters\n  managr platform reset")]
pub(crate) struct PlatformArgs {
    #[command(subcommand)]
    command: PlatformCommand,
}

#[derive(Debug, Subcommand)]
enum PlatformCommand {
    /// Run the platform here, until Ctrl-C
    #[command(
        after_help = "Examples:\n  managr platform serve\n  managr platform serve --engine simulated --listen 127.0.0.1:4567"
    )]
    Serve(ServeArgs),
    /// Start the platform in the background and wait until it answers
    #[command(after_help = "Examples:\n  managr platform start\n  managr platform start --engine simulated")]
    Start(HowArgs),
    /// Stop the platform; containers and the load balancer go on and are adopted by the next start
    #[command(after_help = "Examples:\n  managr platform stop")]
    Stop(WhereArgs),
    /// Say whether the platform runs
    #[command(after_help = "Examples:\n  managr platform status\n  managr platform status --json")]
    Status(StatusArgs),
    /// Wipe the platform: every task, service, image, secret and log
    #[command(after_help = "Examples:\n  managr platform reset")]
    Reset,
    /// Stop the platform and remove everything it made on this machine: processes, network, files
    #[command(after_help = "Examples:\n  managr platform purge")]
    Purge(WhereArgs),
}

/// Where the platform keeps its data
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct WhereArgs {
    /// Data directory [default: /var/lib/managr, or ~/.local/share/managr without root]
    #[arg(long, env = "MANAGR_DATA_DIR", value_name = "DIR", hide_env_values = true)]
    pub(crate) data_dir: Option<PathBuf>,
}

impl WhereArgs {
    /// Returns the directory.
    pub(crate) fn settle(&self) -> PathBuf {
        daemon::settled(&self.data_dir.clone().unwrap_or_else(daemon::default_data_dir))
    }
}

/// How the platform runs
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct HowArgs {
    /// What runs the tasks [default: native]
    #[arg(long, value_enum, value_name = "ENGINE")]
    pub(crate) engine: Option<Engine>,
    /// Account that the platform plays [default: 123456789012]
    #[arg(long, value_name = "ID", value_parser = parse_account)]
    pub(crate) account: Option<String>,
    /// Bridge of the tasks' network [default: managr0, or the next that is free]
    #[arg(long, value_name = "NAME", env = "MANAGR_BRIDGE", hide_env_values = true)]
    bridge: Option<String>,
    /// Network of the tasks [default: 10.77.0.0/16, or the next that is free]
    #[arg(long, value_name = "ADDRESS/PREFIX", value_parser = parse_subnet)]
    subnet: Option<(Ipv4Addr, u8)>,
    /// Address that load-balancer listeners bind [default: 127.0.0.1]
    #[arg(long, value_name = "ADDRESS")]
    balancer_address: Option<IpAddr>,
    /// TCP port of this machine that tasks may reach, all others being closed to them; may be repeated
    #[arg(long = "open-port", value_name = "PORT")]
    open_ports: Vec<u16>,
    /// Name under which clients reach the API, beside the loopback ones; may be repeated
    #[arg(long = "host", value_name = "NAME")]
    hosts: Vec<String>,
    #[command(flatten)]
    pub(crate) place: WhereArgs,
}

impl HowArgs {
    /// Returns the flags that tell another process the same, data directory and engine excepted.
    fn flags(&self) -> Vec<String> {
        let subnet = self.subnet.map(|(base, prefix)| format!("--subnet={base}/{prefix}"));
        let account = self.account.iter().map(|account| format!("--account={account}"));
        account
            .chain(self.bridge.iter().map(|bridge| format!("--bridge={bridge}")))
            .chain(subnet)
            .chain(self.balancer_address.iter().map(|address| format!("--balancer-address={address}")))
            .chain(self.open_ports.iter().map(|port| format!("--open-port={port}")))
            .chain(self.hosts.iter().map(|host| format!("--host={host}")))
            .collect()
    }
}

/// What runs the tasks
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Engine {
    /// Containers on this machine; needs root
    Native,
    /// Nothing runs: tasks only move through their states; needs no root
    Simulated,
}

impl From<Engine> for EngineKind {
    fn from(engine: Engine) -> Self {
        match engine {
            Engine::Native => Self::Native,
            Engine::Simulated => Self::Simulated,
        }
    }
}

#[derive(Debug, Clone, clap::Args)]
struct ServeArgs {
    /// Address to listen on [default: the one of --endpoint]
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<String>,
    #[command(flatten)]
    how: HowArgs,
    /// Leave the caller's session
    #[arg(long, hide = true)]
    detached: bool,
}

#[derive(Debug, clap::Args)]
struct StatusArgs {
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: WhereArgs,
}

fn parse_account(text: &str) -> Result<String, String> {
    let right = text.len() == 12 && text.chars().all(|c| c.is_ascii_digit());
    if right { Ok(text.to_owned()) } else { Err("an account is twelve digits".to_owned()) }
}

fn parse_subnet(text: &str) -> Result<(Ipv4Addr, u8), String> {
    let wrong = || "a network is written like 10.77.0.0/16, its prefix from 8 to 29".to_owned();
    let (base, prefix) = text.split_once('/').ok_or_else(wrong)?;
    let (base, prefix) = (base.parse::<Ipv4Addr>().map_err(|_| wrong())?, prefix.parse::<u8>().map_err(|_| wrong())?);
    let inside = (8..=29).contains(&prefix) && u32::from(base).trailing_zeros() >= 32 - u32::from(prefix);
    if inside { Ok((base, prefix)) } else { Err(wrong()) }
}

pub(crate) async fn run(cx: &Context, args: PlatformArgs) -> Result<Exit, Failure> {
    match args.command {
        PlatformCommand::Serve(args) => serve(cx, args).await,
        PlatformCommand::Start(args) => start(cx, &args).await,
        PlatformCommand::Stop(args) => stop(cx, &args).await,
        PlatformCommand::Status(args) => status(cx, &args).await,
        PlatformCommand::Reset => reset(cx).await,
        PlatformCommand::Purge(args) => {
            crate::purge::purge(&args.settle()).await?;
            cx.ui.say("nothing of the platform is left");
            Ok(Exit::Done)
        }
    }
}

async fn serve(cx: &Context, args: ServeArgs) -> Result<Exit, Failure> {
    if args.detached {
        // Fails only for a process that leads its group already: then nothing is left to leave.
        let _ = nix::unistd::setsid();
    }
    let engine = args.how.engine.unwrap_or(Engine::Native);
    // A simulated platform that is told no directory keeps nothing, and any number may run.
    let keeps = engine == Engine::Native || args.how.place.data_dir.is_some();
    let data_dir = keeps.then(|| args.how.place.settle());
    let _lock = data_dir.as_deref().map(daemon::take).transpose()?;
    let listen = match args.listen {
        Some(listen) => listen,
        None => listen_address(cx.endpoint())?,
    };
    crate::serve::run(crate::serve::Serve {
        listen,
        data_dir,
        engine: engine.into(),
        account: args.how.account,
        bridge: args.how.bridge,
        subnet: args.how.subnet,
        balancer_address: args.how.balancer_address,
        hosts: args.how.hosts,
        open_ports: args.how.open_ports,
    })
    .await
}

async fn start(cx: &Context, args: &HowArgs) -> Result<Exit, Failure> {
    let pid = match begin(cx, args).await? {
        Started::Already(pid) => {
            cx.ui.say(&format!("the platform runs already (process {pid}) at {}", cx.endpoint()));
            return Ok(Exit::Done);
        }
        Started::Now(pid) => pid,
    };
    cx.ui.say(&format!("the platform runs (process {pid}) at {}", cx.endpoint()));
    cx.ui.say(&format!("for other tools: export AWS_ENDPOINT_URL={}", cx.endpoint()));
    warn_of_notices(cx).await;
    Ok(Exit::Done)
}

/// Sees to it that the platform runs in the background and answers.
pub(crate) async fn begin(cx: &Context, args: &HowArgs) -> Result<Started, Failure> {
    let engine = args.engine.unwrap_or(Engine::Native);
    let data_dir = args.place.settle();
    let must_start = daemon::running(&data_dir).is_none();
    if must_start && engine == Engine::Native && !nix::unistd::geteuid().is_root() {
        return Err(Failure::new("the platform needs root to run containers")
            .hint("run it with sudo: `sudo managr platform start`")
            .hint("or let it only pretend: `managr platform start --engine simulated`"));
    }
    let listen = listen_address(cx.endpoint())?;
    let mut arguments = vec![
        format!("--data-dir={}", data_dir.display()),
        format!("--listen={listen}"),
        format!("--engine={}", EngineKind::from(engine).as_str()),
    ];
    arguments.extend(args.flags());
    daemon::start(&daemon::Start { arguments, data_dir, endpoint: cx.endpoint().to_owned() }).await
}

/// Returns the address that an endpoint names.
fn listen_address(endpoint: &str) -> Result<String, Failure> {
    let wrong = || {
        Failure::new(format!("`{endpoint}` is not an address of this machine"))
            .hint("use http://127.0.0.1:PORT, or start the platform on the other machine")
            .exit(Exit::Usage)
    };
    let rest = endpoint.strip_prefix("http://").ok_or_else(wrong)?.trim_end_matches('/');
    if !aws::endpoint::is_loopback(endpoint) {
        return Err(wrong());
    }
    let rest = rest.replacen("localhost", "127.0.0.1", 1);
    let address: std::net::SocketAddr = rest.parse().map_err(|_| wrong())?;
    Ok(address.to_string())
}

async fn stop(cx: &Context, args: &WhereArgs) -> Result<Exit, Failure> {
    let words = if daemon::stop(&args.settle()).await? { "the platform has stopped" } else { "no platform runs here" };
    cx.ui.say(words);
    Ok(Exit::Done)
}

async fn status(cx: &Context, args: &StatusArgs) -> Result<Exit, Failure> {
    let limit = Duration::from_secs(5);
    let endpoint = cx.endpoint();
    let pid = daemon::running(&args.place.settle());
    let answer = aws::local::request(http::Method::GET, endpoint, "/_managr/status", limit).await;
    let runs = answer.is_ok();
    if args.json {
        let details = answer.unwrap_or(Value::Null);
        let pid = pid.map(nix::unistd::Pid::as_raw);
        cx.ui.json(&serde_json::json!({ "running": runs, "endpoint": endpoint, "pid": pid, "platform": details }));
    } else if runs {
        let process = pid.map_or(String::new(), |pid| format!(" (process {pid})"));
        cx.ui.data(&format!("running at {endpoint}{process}"));
        warn(cx, answer.as_ref().unwrap_or(&Value::Null));
    } else {
        cx.ui.data("not running");
    }
    Ok(if runs { Exit::Done } else { Exit::Failed })
}

/// Says what the platform's operator has to know: what is wrong, and the commands that mend it.
pub(crate) fn warn(cx: &Context, status: &Value) {
    for notice in status["notices"].as_array().into_iter().flatten() {
        cx.ui.say(&format!("warning: {}", notice["text"].as_str().unwrap_or_default()));
        for command in notice["remedy"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            cx.ui.say(&format!("  run `{command}`"));
        }
    }
}

/// Asks the platform what its operator has to know, and says it.
pub(crate) async fn warn_of_notices(cx: &Context) {
    let answer = aws::local::request(http::Method::GET, cx.endpoint(), "/_managr/status", Duration::from_secs(5)).await;
    if let Ok(status) = answer {
        warn(cx, &status);
    }
}

async fn reset(cx: &Context) -> Result<Exit, Failure> {
    let limit = Duration::from_secs(60);
    aws::local::request(http::Method::POST, cx.endpoint(), "/_managr/reset", limit).await?;
    cx.ui.say("the platform is empty");
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_platform_listens_where_its_endpoint_says() {
        assert_eq!(listen_address("http://127.0.0.1:4566").unwrap(), "127.0.0.1:4566");
        assert_eq!(listen_address("http://localhost:4000/").unwrap(), "127.0.0.1:4000");
        for endpoint in ["https://127.0.0.1:1", "http://10.0.0.1:4566", "nonsense", "http://127.0.0.1"] {
            assert!(listen_address(endpoint).is_err(), "{endpoint}");
        }
    }

    #[test]
    fn an_account_is_twelve_digits() {
        assert!(parse_account("123456789012").is_ok());
        assert!(parse_account("1234").is_err());
        assert!(parse_account("12345678901x").is_err());
    }
}
