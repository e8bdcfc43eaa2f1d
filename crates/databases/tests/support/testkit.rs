//! Test support, not shipped: `supervise` is the supervisor of the tests' databases, and `platform` a platform that a
//! test can kill: it keeps one database running.

use std::process::ExitCode;

use databases::run::{Extra, News};

#[path = "ground.rs"]
mod ground;

fn main() -> ExitCode {
    let mut args = std::env::args_os().skip(1);
    match args.next().and_then(|verb| verb.into_string().ok()).as_deref() {
        Some("supervise") => runtime::supervise(args),
        Some("platform") => {
            let number = args.next().and_then(|number| number.to_str()?.parse().ok()).expect("a test's number");
            platform(number)
        }
        _ => ExitCode::from(64),
    }
}

/// Makes or takes over the database of a test, says where it is whenever that is known, and keeps it running until it is
/// killed.
fn platform(number: u8) -> ExitCode {
    let tokio = tokio::runtime::Runtime::new().expect("a tokio runtime starts");
    tokio.block_on(async {
        let supervisor = std::env::current_exe().expect("a program knows its path");
        let mut ground = ground::open(number, supervisor).await;
        let instance = ground::instance(number, "db-killed");
        if ground.servers.place("db-killed").data().exists() {
            ground.servers.adopt(vec![instance]).await;
        } else {
            let made = ground.servers.create(&instance, Some("shop"), &Extra::default()).await.expect("it is made");
            println!("at {}", made.address);
        }
        while let Some((_, news)) = ground.news.recv().await {
            match news {
                News::Found(running) | News::Restarted(running) => println!("at {}", running.address),
                other => eprintln!("{other:?}"),
            }
        }
    });
    ExitCode::SUCCESS
}
