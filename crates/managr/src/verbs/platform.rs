//! `managr platform`: the embedded platform as a process.

mod install;

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
use crate::systemd::{Log, Unit, unit};
use crate::verbs::others;

/// Run, start, stop or inspect the embedded platform
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  managr platform start\n  managr platform serve --engine simulated\n  \
    AWS_ENDPOINT_URL=http://127.0.0.1:4566 aws ecs list-clusters\n  managr platform install\n  managr platform reset")]
pub(crate) struct PlatformArgs {
    #[command(subcommand)]
    command: PlatformCommand,
}

#[derive(Debug, Subcommand)]
enum PlatformCommand {
    /// Run the platform in the foreground, until Ctrl-C
    #[command(
        after_help = "Examples:\n  managr platform serve\n  managr platform serve --engine simulated --listen 127.0.0.1:4567"
    )]
    Serve(ServeArgs),
    /// Start the platform in the background and wait until it answers
    #[command(after_help = "Examples:\n  managr platform start\n  managr platform start --engine simulated\n  \
        sudo managr platform start --allow group:developers")]
    Start(HowArgs),
    /// Stop the platform; containers and load balancer keep running
    #[command(after_help = "Examples:\n  managr platform stop")]
    Stop(WhereArgs),
    /// Show whether the platform runs
    #[command(after_help = "Examples:\n  managr platform status\n  managr platform status --json")]
    Status(StatusArgs),
    /// Start the platform now and at every boot, as a systemd unit
    #[command(after_help = "Examples:\n  managr platform install\n  managr platform install --print\n  \
        managr platform install --subnet 10.99.0.0/16")]
    Install(install::InstallArgs),
    /// Stop the platform and remove its unit; containers and data stay
    #[command(after_help = "Examples:\n  managr platform uninstall")]
    Uninstall(WhereArgs),
    /// Wipe the platform: every task, service, image, secret and log
    #[command(after_help = "Examples:\n  managr platform reset")]
    Reset,
    /// Stop the platform and remove what it made here: processes, network, files
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
    /// Account ID that the platform uses [default: 123456789012]
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
    /// TCP port of this machine that tasks may reach; all others are closed to them; may be repeated
    #[arg(long = "open-port", value_name = "PORT")]
    open_ports: Vec<u16>,
    /// Name under which clients reach the API, besides the loopback ones; may be repeated
    #[arg(long = "host", value_name = "NAME")]
    hosts: Vec<String>,
    /// Who may use the platform besides root and the user who starts it: user:NAME, group:NAME, everybody; may be
    /// repeated
    #[arg(long = "allow", value_name = "WHO", value_parser = crate::allow::parse)]
    allow: Vec<platform::Who>,
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
            .chain(self.allowed().iter().map(|who| format!("--allow={who}")))
            .collect()
    }

    /// Returns who may use the platform beside root and the user as whom it runs: who is named, and who starts it.
    fn allowed(&self) -> Vec<platform::Who> {
        let mut allowed = self.allow.clone();
        allowed.extend(crate::allow::starter().filter(|starter| !allowed.contains(starter)));
        allowed
    }
}

/// What runs the tasks
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Engine {
    /// Containers on this machine; needs root
    Native,
    /// Tasks only move through their states, nothing runs; needs no root
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
        PlatformCommand::Install(args) => install::install(cx, &args).await,
        PlatformCommand::Uninstall(args) => install::uninstall(cx, &args).await,
        PlatformCommand::Reset => reset(cx).await,
        PlatformCommand::Purge(args) => {
            let data_dir = args.settle();
            if let Some(words) = others::words(&others::contents(cx, &data_dir).await, &[]) {
                cx.ui.say(&words);
            }
            crate::purge::purge(&data_dir).await?;
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
    // A simulated platform without a directory keeps nothing, and any number may run.
    let keeps = engine == Engine::Native || args.how.place.data_dir.is_some();
    let data_dir = keeps.then(|| args.how.place.settle());
    let _lock = data_dir.as_deref().map(daemon::take).transpose()?;
    let listen = match args.listen {
        Some(listen) => listen,
        None => listen_address(cx.endpoint())?,
    };
    let allow = args.how.allowed();
    crate::serve::run(crate::serve::Serve {
        listen,
        allow,
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
            if !args.allow.is_empty() {
                cx.ui.say("it was not told of --allow: that is for its start (`managr platform stop`, then start it)");
            }
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
    if must_start && let Some(installed) = Unit::of(&data_dir).and_then(|unit| unit.installed_text()) {
        heed_installed(cx, args, &listen, &installed)?;
    }
    let arguments = arguments(args, &listen);
    daemon::start(&daemon::Start { arguments, data_dir, endpoint: cx.endpoint().to_owned() }).await
}

/// Returns what `managr platform serve` is to be told.
fn arguments(args: &HowArgs, listen: &str) -> Vec<String> {
    let engine = args.engine.unwrap_or(Engine::Native);
    let mut arguments = vec![
        format!("--data-dir={}", args.place.settle().display()),
        format!("--listen={listen}"),
        format!("--engine={}", EngineKind::from(engine).as_str()),
    ];
    arguments.extend(args.flags());
    arguments
}

/// A unit that was installed says how the platform runs: what was asked for beside it would not count,
/// and an address that it does not serve would be waited for in vain.
fn heed_installed(cx: &Context, args: &HowArgs, listen: &str, installed: &str) -> Result<(), Failure> {
    if let Some(other) = unit::flag(installed, "--listen=").filter(|other| *other != listen) {
        let words = format!("the installed platform listens on {other}, not on {listen}");
        return Err(Failure::new(words)
            .hint(format!("use it: `--endpoint http://{other}`"))
            .hint("or let it listen elsewhere: `managr platform install --endpoint URL`"));
    }
    let engine = args.engine.map(|engine| format!("--engine={}", EngineKind::from(engine).as_str()));
    let asked = args.flags().into_iter().chain(engine);
    for unheard in asked.filter(|argument| !unit::has(installed, argument)) {
        cx.ui.say(&format!("{unheard} does not count: the installed unit says how the platform runs"));
    }
    Ok(())
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
    let data_dir = args.settle();
    let words = if daemon::stop(&data_dir).await? { "the platform has stopped" } else { "no platform runs here" };
    cx.ui.say(words);
    if Unit::of(&data_dir).is_some_and(|unit| unit.installed_text().is_some()) {
        cx.ui.say("the next boot starts it again (`managr platform uninstall` ends that)");
    }
    Ok(Exit::Done)
}

async fn status(cx: &Context, args: &StatusArgs) -> Result<Exit, Failure> {
    let limit = Duration::from_secs(5);
    let endpoint = cx.endpoint();
    let data_dir = args.place.settle();
    let pid = daemon::running(&data_dir);
    let unit_of_platform = Unit::of(&data_dir).filter(Unit::is_written);
    let answer = aws::local::request(http::Method::GET, endpoint, "/_managr/status", limit).await;
    // One runs, and it is not for us: neither "running" with nothing about it nor "not running" would be true.
    let answer = match answer {
        Err(error) if error.is_denied() => return Err(error.into()),
        answer => answer,
    };
    let runs = answer.is_ok();
    if args.json {
        let details = answer.unwrap_or(Value::Null);
        let pid = pid.map(nix::unistd::Pid::as_raw);
        let unit = unit_of_platform.as_ref().map(|unit| {
            serde_json::json!({ "name": unit.name, "installed": unit.installed_text().is_some(), "state": unit.state() })
        });
        cx.ui.json(&serde_json::json!({
            "running": runs, "endpoint": endpoint, "pid": pid, "unit": unit, "platform": details
        }));
    } else if runs {
        let process = pid.map_or(String::new(), |pid| format!(" (process {pid})"));
        for line in notices(answer.as_ref().unwrap_or(&Value::Null)) {
            cx.ui.data(&line);
        }
        cx.ui.data(&format!("running at {endpoint}{process}"));
        if answer.as_ref().is_ok_and(|status| status["iamEnforcement"] == "off") {
            cx.ui.data("IAM: roles and policies are kept and not enforced; every key may do everything");
        }
    } else {
        cx.ui.data("not running");
    }
    if !args.json
        && let Some(unit) = &unit_of_platform
    {
        cx.ui.data(&describe(unit));
    }
    Ok(if runs { Exit::Done } else { Exit::Failed })
}

/// Returns what the platform's operator has to know, line by line: what is wrong, and the commands that
/// mend it.
pub(crate) fn notices(status: &Value) -> Vec<String> {
    let mut lines = Vec::new();
    for notice in status["notices"].as_array().into_iter().flatten() {
        lines.push(notice["text"].as_str().unwrap_or_default().to_owned());
        let commands = notice["remedy"].as_array().into_iter().flatten().filter_map(Value::as_str);
        lines.extend(commands.map(|command| format!("  run `{command}`")));
    }
    lines
}

/// Returns the platform's status; nothing where it does not say.
pub(crate) async fn asked(cx: &Context) -> Value {
    let limit = Duration::from_secs(5);
    aws::local::request(http::Method::GET, cx.endpoint(), "/_managr/status", limit).await.unwrap_or_default()
}

/// Asks the platform what its operator has to know, and says it.
pub(crate) async fn warn_of_notices(cx: &Context) {
    for line in notices(&asked(cx).await) {
        let is_command = line.starts_with(' ');
        cx.ui.say(&if is_command { line } else { format!("warning: {line}") });
    }
}

/// Returns what systemd has to do with a platform, and where its log is.
fn describe(unit: &Unit) -> String {
    let until = if unit.installed_text().is_some() { "starts at every boot" } else { "until the next boot" };
    let log = match unit.log() {
        Log::File(path) => path.display().to_string(),
        Log::Journal(name) => format!("journalctl --unit {name}"),
    };
    format!("unit {} ({}, {until})\nlog: {log}", unit.name, unit.state())
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
    fn a_notice_is_its_text_and_the_commands_that_mend_it() {
        let status = serde_json::json!({"notices": [
            {"text": "disk full: x", "remedy": []},
            {"text": "ufw is in the way", "remedy": ["ufw a", "ufw b"]},
        ]});
        assert_eq!(notices(&status), ["disk full: x", "ufw is in the way", "  run `ufw a`", "  run `ufw b`"]);
        assert!(notices(&Value::Null).is_empty(), "no answer says nothing");
    }

    #[test]
    fn an_account_is_twelve_digits() {
        assert!(parse_account("123456789012").is_ok());
        assert!(parse_account("1234").is_err());
        assert!(parse_account("12345678901x").is_err());
    }
}
