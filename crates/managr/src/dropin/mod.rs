//! `session-manager-plugin`, as the AWS CLI and the SDKs start it: this program under that name.
//!
//! What it takes and what it says is the plugin's; its exit code is always 0 once a session was begun, because the CLI
//! makes no use of another.

mod arguments;

use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use aws::{Client, Credentials, Options};
use deploy::exec::Ticket;
use deploy_core::exec::Mode;
use session::client::{Forward, Greeting, Session};
use tokio::net::TcpListener;

use self::arguments::{Call, Start, parse};
use crate::forwarding;
use crate::shell::{self, Ended, Setting, Writing};

/// The name that this program is started under.
pub(crate) const NAME: &str = "session-manager-plugin";

/// What it says its version is: AWS takes no older one, and the CLI looks whether it may pass the session in a variable.
const VERSION: &str = "1.2.764.0";

/// Whether the program was started under the plugin's name.
pub(crate) fn is_called(program: Option<&std::ffi::OsStr>) -> bool {
    program.and_then(|program| std::path::Path::new(program).file_name()).is_some_and(|name| name == NAME)
}

/// Does what the plugin does.
pub(crate) fn run(arguments: impl Iterator<Item = std::ffi::OsString>) -> ExitCode {
    let arguments: Vec<String> = arguments.map(|argument| argument.to_string_lossy().into_owned()).collect();
    let call = match parse(&arguments, |name| std::env::var(name).ok()) {
        Ok(call) => call,
        Err(words) => return failed(&words),
    };
    let start = match call {
        Call::Banner => {
            say("\nThe Session Manager plugin was installed successfully. Use the AWS CLI to start a session.\n");
            return ExitCode::SUCCESS;
        }
        Call::Version => {
            say(VERSION);
            return ExitCode::SUCCESS;
        }
        Call::Start(start) => start,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let done = match runtime {
        Ok(runtime) => runtime.block_on(session(*start)),
        Err(error) => Err(format!("could not start: {error}")),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(words) => failed(&words),
    }
}

fn failed(words: &str) -> ExitCode {
    crate::ui::complain(&format!("{NAME}: {words}\n"));
    ExitCode::FAILURE
}

/// A reader that went away is no fault.
fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

async fn session(start: Start) -> Result<(), String> {
    let ticket = Ticket::read(&start.session).ok_or("the session lacks its id, its URL or its token")?;
    let id = ticket.session_id.clone();
    let client = Client::new(options(&start)).map_err(|error| error.to_string())?;
    let (session, greeting) = forwarding::begin(&client, ticket).await?;
    let property = |name: &str| greeting.properties.get(name).and_then(|value| value.as_str());
    if greeting.is_port() && property("type") == Some("LocalPortForwarding") {
        if property("localUnixSocket").is_some_and(|path| !path.is_empty()) {
            return Err("forwarding to a Unix socket is not supported".to_owned());
        }
        let local = property("localPortNumber").and_then(|port| port.parse().ok()).unwrap_or(0);
        return ports(&client, session, &greeting, &id, local).await;
    }
    let is_port = greeting.is_port();
    if !is_port {
        say(&format!("\nStarting session with SessionId: {id}"));
    }
    let setting = Setting {
        mode: Mode::Terminal,
        nonce: None,
        writing: Some(if is_port { Writing::Plain } else { Writing::Plugin }),
        is_raw: !is_port && std::io::stdin().is_terminal(),
        greeting: Some(greeting),
    };
    let ended = shell::carry(session, setting, |words| crate::ui::complain(&format!("{words}\n"))).await;
    if ended.as_ref().map_or(true, Ended::is_one_sided) {
        shell::leave(&client, &id).await;
    }
    match ended.map_err(|error| error.to_string())? {
        Ended::Lost(words) => return Err(words),
        Ended::Closed { words, .. } if !words.is_empty() && !is_port => {
            say(&format!("\n\nSessionId: {id} : {words}\n"))
        }
        _ if is_port => {}
        _ => say(&format!("\n\nExiting session with sessionId: {id}.\n")),
    }
    Ok(())
}

/// The CLI hands over the endpoint of the service that it called; the session's own calls go there too.
fn options(start: &Start) -> Options {
    match &start.endpoint {
        Some(url) if aws::endpoint::is_loopback(url) => Options::local(url.clone(), &start.region),
        endpoint => Options {
            endpoint: endpoint.clone(),
            credentials: Credentials::Chain { profile: start.profile.clone() },
            ..Options::aws(&start.region)
        },
    }
}

/// Forwards connections until the session ends or the person does not want them any more.
async fn ports(client: &Client, session: Session, greeting: &Greeting, id: &str, local: u16) -> Result<(), String> {
    let listener = TcpListener::bind(("127.0.0.1", local)).await;
    let listener = listener.map_err(|error| format!("could not listen on 127.0.0.1:{local}: {error}"))?;
    let port = listener.local_addr().map_err(|error| error.to_string())?.port();
    let forward = Forward::over(session, greeting);
    let mut news = forward.news();
    let mut interrupts = crate::interrupts::Interrupts::listen().map_err(|_| "could not listen for signals")?;
    say(&format!("\nStarting session with SessionId: {id}"));
    say(&format!("Port {port} opened for sessionId {id}.\nWaiting for connections..."));
    let mut is_first = true;
    loop {
        tokio::select! {
            accepted = listener.accept() => if let Ok((here, _)) = accepted {
                if std::mem::take(&mut is_first) {
                    say(&format!("\nConnection accepted for session [{id}]"));
                }
                forwarding::join(&forward, here);
            },
            changed = news.changed() => {
                let news = news.borrow_and_update().clone();
                if changed.is_err() || news.over.is_some() {
                    break;
                }
                if news.refused > 0 {
                    crate::ui::complain("Connection to destination port failed, check SSM Agent logs.\n");
                }
            }
            () = interrupts.next() => {
                shell::leave(client, id).await;
                break;
            }
        }
    }
    say(&format!("\n\nExiting session with sessionId: {id}.\n"));
    Ok(())
}
