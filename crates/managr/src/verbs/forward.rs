//! `managr forward`: a port here that is a port of a container, or of a host that the container reaches.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use deploy::exec::{Port, forward, target};
use deploy_core::exec::Chosen;
use serde::Serialize;
use session::client::{Forward, News};
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::interrupts::Interrupts;
use crate::reach::{Asked, Reached, UNREACHED, reach, refused};
use crate::ui::Paint;
use crate::ui::progress::short;
use crate::{forwarding, shell};

/// How long a broken connection is not worth a word.
const QUIET: Duration = Duration::from_secs(1);

/// Bring a port of a container, or of a host behind it, to this machine
///
/// Runs until Ctrl-C, which is its ordinary end (exit code 0). Accepts any number of connections. When the task is
/// replaced, the next connection goes to the newest one.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  managr forward local 8000\n  managr forward prod 5432 --host db.internal\n  \
                        managr forward prod 0:6379 --json | jq -r .address")]
pub(crate) struct ForwardArgs {
    /// Stage
    stage: String,
    /// Port of the container, after the port of this machine if that differs; 0 means any free one
    #[arg(value_name = "[LOCAL:]PORT", value_parser = parse_ports)]
    ports: Ports,
    /// Host that the container reaches, such as the database [default: the container itself]
    #[arg(long)]
    host: Option<String>,
    /// Service [default: the container's, else the one that takes requests]
    #[arg(long)]
    service: Option<String>,
    /// Container [default: the one of the release command, else the first whose image is built here]
    #[arg(long)]
    container: Option<String>,
    /// Task, by how its id begins [default: the newest healthy one]
    #[arg(long, value_name = "ID")]
    task: Option<String>,
    /// Address of this machine to listen on
    #[arg(long, value_name = "ADDRESS", default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    bind: IpAddr,
    /// Print the listening address as one line of JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Ports {
    local: u16,
    remote: u16,
}

fn parse_ports(text: &str) -> Result<Ports, String> {
    let (local, remote) = text.split_once(':').unwrap_or((text, text));
    let port = |text: &str| text.parse::<u16>().map_err(|_| format!("`{text}` is not a port"));
    match (port(local)?, port(remote)?) {
        (_, 0) => Err("port 0 of a container cannot be forwarded to".to_owned()),
        (local, remote) => Ok(Ports { local, remote }),
    }
}

/// Where it listens and where that leads, for scripts.
#[derive(Serialize)]
struct Opened<'a> {
    address: SocketAddr,
    service: &'a str,
    task: &'a str,
    container: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<&'a str>,
    port: u16,
}

/// A session to the port of one task.
struct Line {
    forward: Forward,
    news: watch::Receiver<News>,
    session_id: String,
    reached: Reached,
}

impl Line {
    fn task(&self) -> &Chosen {
        self.reached.choice.best()
    }

    async fn open(cx: &Context, args: &ForwardArgs, local: u16) -> Result<Self, Failure> {
        let (container, task) = (args.container.as_deref(), args.task.as_deref());
        let asked = Asked { stage: &args.stage, service: args.service.as_deref(), container, task };
        let reached = reach(cx, asked).await?;
        let chosen = reached.choice.best();
        let target = target(&reached.cluster, &chosen.task, &chosen.runtime_id);
        let port = Port { host: args.host.as_deref(), port: args.ports.remote, local };
        let ticket = forward(&reached.client, &target, &port).await;
        let ticket = ticket.map_err(|error| refused(error, &args.stage, &reached.service))?;
        let session_id = ticket.session_id.clone();
        let begun = forwarding::begin(&reached.client, ticket).await;
        let (session, greeting) = begun.map_err(|words| Failure::new(words).exit(UNREACHED))?;
        let forward = Forward::over(session, &greeting);
        Ok(Self { news: forward.news(), forward, session_id, reached })
    }

    /// Tells the service that we are done; what runs over there ends with it.
    async fn close(self) {
        shell::leave(&self.reached.client, &self.session_id).await;
    }
}

pub(crate) async fn run(cx: &Context, args: ForwardArgs) -> Result<Exit, Failure> {
    let mut interrupts = Interrupts::listen()?;
    let wanted = SocketAddr::new(args.bind, args.ports.local);
    let listener = TcpListener::bind(wanted).await;
    let listener = listener.map_err(|error| {
        Failure::new(format!("could not listen on {wanted}: {error}"))
            .hint(format!("choose another port here: `managr forward {} 0:{}`", args.stage, args.ports.remote))
            .exit(UNREACHED)
    })?;
    let address = listener.local_addr().map_err(|error| Failure::from_error(error).exit(UNREACHED))?;
    let mut line = tokio::select! {
        line = Line::open(cx, &args, address.port()) => Some(line?),
        // Nothing listens visibly yet: a session that was just granted ends by itself.
        () = interrupts.next() => return Ok(Exit::Interrupted),
    };
    if let Some(line) = &line {
        tell(cx, &args, address, line);
    }
    let mut told = News::default();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                // A connection that went away before it was taken is no fault of ours.
                let Ok((here, _)) = accepted else { continue };
                if line.is_none() {
                    match Line::open(cx, &args, address.port()).await {
                        Ok(opened) => {
                            tell(cx, &args, address, &opened);
                            told = News::default();
                            line = Some(opened);
                        }
                        Err(failure) => cx.ui.say(failure.render(Paint::Plain).trim_end()),
                    }
                }
                if let Some(line) = &line {
                    forwarding::join(&line.forward, here);
                }
            }
            news = next(&mut line, &told) => {
                if let Some(words) = &news.over {
                    let words = if words.is_empty() { String::new() } else { format!(": {words}") };
                    cx.ui.say(&format!("the session has ended{words}; the next connection opens another"));
                    line = None;
                } else if news.refused > told.refused {
                    let host = args.host.as_deref().unwrap_or("the container");
                    cx.ui.say(&format!("port {} of {host} takes no connections", args.ports.remote));
                } else if news.is_interrupted != told.is_interrupted {
                    let words = if news.is_interrupted { "the connection broke; connecting again" } else { "connected again" };
                    cx.ui.say(words);
                }
                told = news;
            }
            () = interrupts.next() => {
                if let Some(line) = line {
                    line.close().await;
                }
                return Ok(Exit::Done);
            }
        }
    }
}

/// Resolves when there is something to be said of a session that was not said before.
async fn next(line: &mut Option<Line>, told: &News) -> News {
    let Some(line) = line else { return std::future::pending().await };
    loop {
        let news = line.news.borrow_and_update().clone();
        if news.over.is_some() || news.refused > told.refused || (told.is_interrupted && !news.is_interrupted) {
            return news;
        }
        if news.is_interrupted && !told.is_interrupted {
            let changed = tokio::time::timeout(QUIET, line.news.changed()).await;
            if changed.is_err() {
                return news;
            }
        } else if line.news.changed().await.is_err() {
            return News { over: Some(String::new()), ..news };
        }
    }
}

fn tell(cx: &Context, args: &ForwardArgs, address: SocketAddr, line: &Line) {
    let Chosen { task, container, .. } = line.task();
    let (service, port) = (line.reached.service.as_str(), args.ports.remote);
    if args.json {
        cx.ui.json_line(&Opened { address, service, task, container, host: args.host.as_deref(), port });
    }
    let place = format!("{service}/{} container {container}", short(task));
    let through = match &args.host {
        Some(host) => format!("{host}:{port} through {place}"),
        None => format!("port {port} of {place}"),
    };
    cx.ui.say(&format!("{address} is {through}"));
    if let Some(words) = opening(address) {
        cx.ui.say(&format!("{} {words}", cx.ui.err.yellow("!")));
    }
}

/// Returns what is said of an address that others can reach.
fn opening(address: SocketAddr) -> Option<String> {
    let is_ours = address.ip().to_canonical().is_loopback();
    (!is_ours).then(|| format!("everyone who can reach {address} gets there with your rights, until this ends"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_others_reach_is_told() {
        for (address, told) in [("127.0.0.1:1", false), ("[::1]:1", false), ("0.0.0.0:1", true), ("[::]:1", true)] {
            assert_eq!(opening(address.parse().expect("an address")).is_some(), told, "{address}");
        }
    }

    #[test]
    fn ports_are_one_or_two() {
        let check = |text: &str, expected: Option<(u16, u16)>| {
            assert_eq!(parse_ports(text).ok().map(|ports| (ports.local, ports.remote)), expected, "{text}");
        };
        check("5432", Some((5432, 5432)));
        check("15432:5432", Some((15432, 5432)));
        check("0:5432", Some((0, 5432)));
        for wrong in ["", ":", "a", "0", "1:0", "70000", "1:2:3", "-1"] {
            check(wrong, None);
        }
    }
}
