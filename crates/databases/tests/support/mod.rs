//! A PostgreSQL of this machine in a place of the test's own, and clients that come in as an application's do.

#![allow(dead_code, reason = "each test file uses a part")]

pub(crate) mod ground;

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::time::Duration;

use databases::run::News;
use ground::Ground;
use tokio_postgres::{Client, NoTls};

pub(crate) const TESTKIT: &str = env!("CARGO_BIN_EXE_databases-testkit");
/// Two busy processors.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Makes a place on which an earlier, failed run has left nothing. `number` is the test's own.
pub(crate) async fn fresh(number: u8) -> Ground {
    let config = ground::config(number, PathBuf::from(TESTKIT));
    runtime::purge_debris(&config).await.expect("debris of an earlier run goes");
    let _ = runtime::remove_tree(&ground::data(number));
    let data = ground::data(number);
    std::fs::create_dir_all(&data).expect("/tmp is writable");
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate can be made");
    let verifier = postgres_protocol::password::scram_sha_256(ground::PASSWORD.as_bytes());
    for (name, text) in [
        ("test.crt", pem("CERTIFICATE", made.cert.der())),
        ("test.key", pem("PRIVATE KEY", &made.signing_key.serialize_der())),
        ("verifier", verifier),
    ] {
        std::fs::write(data.join(name), text).expect("/tmp is writable");
    }
    ground::open(number, PathBuf::from(TESTKIT)).await
}

fn pem(label: &str, der: &[u8]) -> String {
    use base64::Engine;
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    let lines: Vec<&str> = text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).expect("ASCII")).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

/// Removes all of a place.
pub(crate) async fn finish(ground: Ground, number: u8) {
    ground.runtime.purge().await.expect("the purge succeeds");
    runtime::remove_tree(&ground::data(number)).expect("the directory goes");
}

/// Comes in over the network with a password.
pub(crate) async fn client(
    address: Ipv4Addr,
    user: &str,
    password: &str,
    database: &str,
) -> Result<Client, tokio_postgres::Error> {
    let mut config = tokio_postgres::Config::new();
    config.host(address.to_string()).user(user).password(password).dbname(database).port(5432);
    config.connect_timeout(Duration::from_secs(5));
    let (client, connection) = config.connect(NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

/// Waits for news.
pub(crate) async fn news<T>(ground: &mut Ground, what: &str, mut find: impl FnMut(News) -> Option<T>) -> T {
    let search = async {
        loop {
            let (_, news) = ground.news.recv().await.expect("the servers live");
            eprintln!("news: {news:?}");
            if let Some(found) = find(news) {
                return found;
            }
        }
    };
    tokio::time::timeout(PATIENCE, search).await.unwrap_or_else(|_| panic!("waited for {what}"))
}
