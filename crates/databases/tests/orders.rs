//! What the world orders of databases' files, carried out by real servers: snapshots, restores, points in time, ports of
//! the loopback, IAM's tokens.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod support;

use std::net::Ipv4Addr;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use databases::{Actor, ldap};
use orchestrator::{Databases as _, Fact};
use platform_core::RecordKey;
use platform_core::rds::work::{Facts, Kind, Order, Origin, Settings, Standing, Told, Work};
use support::ground::{self, PASSWORD};
use support::{client, finish, fresh};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio_postgres::Client;

struct World {
    actor: Actor,
    facts: UnboundedReceiver<Fact>,
    turn: u64,
}

impl World {
    /// Orders a work, and waits for its end.
    async fn order(&mut self, work: Work, settings: Option<&Settings>) -> Told {
        self.turn += 1;
        let turn = self.turn;
        let record = RecordKey {
            table: "rds.instances".into(),
            region: "us-east-1".into(),
            id: settings.map_or("none".into(), |s| s.resource.clone()),
        };
        self.actor.begin(Order { record, turn, work, settings: settings.cloned() });
        self.until(|at, told| {
            (at == Some(turn) && matches!(told, Told::Done(_) | Told::Failed { .. })).then(|| told.clone())
        })
        .await
    }

    async fn until<T>(&mut self, mut find: impl FnMut(Option<u64>, &Told) -> Option<T>) -> T {
        let search = async {
            loop {
                let Some(Fact::Database { turn, told, .. }) = self.facts.recv().await else { continue };
                if let Some(found) = find(turn, &told) {
                    return found;
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(120), search).await.expect("it is told")
    }

    async fn done(&mut self, kind: Kind, settings: &Settings) -> Facts {
        match self.order(Work::Instance { kind }, Some(settings)).await {
            Told::Done(facts) => facts,
            other => panic!("{other:?}"),
        }
    }
}

fn settings(number: u8, resource: &str, password: &str) -> Settings {
    let like = ground::instance(number, resource);
    Settings {
        region: "us-east-1".to_owned(),
        id: resource.to_owned(),
        resource: resource.to_owned(),
        major: 15,
        port: 5432,
        endpoint: like.endpoint,
        user: "shop".to_owned(),
        verifier: postgres_protocol::password::scram_sha_256(password.as_bytes()),
        parameters: like.parameters,
        retention_days: 1,
        memory_bytes: 1 << 30,
        storage_bytes: 20 << 30,
        iam: true,
    }
}

async fn rows(client: &Client) -> i64 {
    client.query_one("SELECT count(*) FROM t", &[]).await.unwrap().get(0)
}

async fn by_loopback(port: u16, password: &str) -> Result<Client, tokio_postgres::Error> {
    let mut config = tokio_postgres::Config::new();
    config.host("127.0.0.1").port(port).user("shop").password(password).dbname("shop");
    let (client, connection) = config.connect(tokio_postgres::NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

fn address(facts: &Facts) -> Ipv4Addr {
    facts.address.as_ref().unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn snapshots_and_times_become_databases_of_their_own() {
    testhost::needs_postgres!();
    let mut ground = fresh(7).await;
    let (sender, facts) = unbounded_channel();
    let news = std::mem::replace(&mut ground.news, unbounded_channel().1);
    let actor = Actor::new(ground.servers.clone(), news, sender, Arc::new(|_, _| true));
    actor.adopt(Standing::default());
    let mut world = World { actor, facts, turn: 0 };

    let shop = settings(7, "db-orders", PASSWORD);
    let made = world.done(Kind::Create { origin: Origin::Empty, database: Some("shop".into()) }, &shop).await;
    let user = client(address(&made), "shop", PASSWORD, "shop").await.unwrap();
    user.batch_execute("CREATE TABLE t AS SELECT generate_series(1, 10) n").await.unwrap();
    let own = by_loopback(made.local_port.unwrap(), PASSWORD).await.unwrap();
    assert_eq!(rows(&own).await, 10, "the loopback leads there too");

    // A snapshot, its copy, and a database of that with a password of its own; what was copied is gone by then.
    let taken = world.done(Kind::Snapshot { snapshot: "snap-one".into() }, &shop).await;
    assert!(taken.bytes > 1 << 20 && !taken.how.is_empty(), "{taken:?}");
    user.batch_execute("INSERT INTO t VALUES (11)").await.unwrap();
    let copy = Work::CopySnapshot { from: "snap-one".into(), to: "snap-two".into() };
    assert!(matches!(world.order(copy, None).await, Told::Done(_)));
    for _ in 0..2 {
        let dropped = world.order(Work::DropSnapshot { snapshot: "snap-one".into() }, None).await;
        assert!(matches!(dropped, Told::Done(_)), "{dropped:?}");
    }
    let gone = settings(7, "db-gone", PASSWORD);
    let origin = Origin::Snapshot("snap-one".into());
    let lost = world.order(Work::Instance { kind: Kind::Create { origin, database: None } }, Some(&gone)).await;
    assert!(matches!(&lost, Told::Failed { why, .. } if why.contains("no `snapshot`")), "{lost:?}");
    let second = settings(7, "db-second", "another horse");
    let origin = Origin::Snapshot("snap-two".into());
    let restored = world.done(Kind::Create { origin, database: None }, &second).await;
    assert_ne!(restored.local_port, made.local_port);
    assert!(client(address(&restored), "shop", PASSWORD, "shop").await.is_err(), "the old password");
    let other = by_loopback(restored.local_port.unwrap(), "another horse").await.unwrap();
    assert_eq!(rows(&other).await, 10);

    // A point in time: backups are looked after without being asked for.
    let first = world.until(|_, told| if let Told::Restorable { to, .. } = told { Some(*to) } else { None }).await;
    let third = settings(7, "db-third", PASSWORD);
    let origin = Origin::Time { resource: "db-orders".into(), at: first };
    user.batch_execute("DELETE FROM t").await.unwrap();
    let restored = world.done(Kind::Create { origin, database: None }, &third).await;
    let then = by_loopback(restored.local_port.unwrap(), PASSWORD).await.unwrap();
    assert_eq!(rows(&then).await, 11, "as it was before the rows were deleted");
    then.batch_execute("INSERT INTO t VALUES (12)").await.unwrap();
    let late = Origin::Time { resource: "db-orders".into(), at: first + 3_600_000 };
    let fourth = settings(7, "db-fourth", PASSWORD);
    let refused =
        world.order(Work::Instance { kind: Kind::Create { origin: late, database: None } }, Some(&fourth)).await;
    assert!(matches!(&refused, Told::Failed { why, .. } if why.contains("the latest is 20")), "{refused:?}");

    // Stopped, it is copied as it lies; deleted, its snapshots stay.
    drop((user, own));
    world.done(Kind::Stop, &shop).await;
    world.done(Kind::Snapshot { snapshot: "snap-last".into() }, &shop).await;
    world.done(Kind::Delete, &shop).await;
    assert!(!ground.servers.place("db-orders").folder().exists());
    let origin = Origin::Snapshot("snap-last".into());
    let fifth = settings(7, "db-fifth", PASSWORD);
    let restored = world.done(Kind::Create { origin, database: None }, &fifth).await;
    let last = client(address(&restored), "shop", PASSWORD, "shop").await.unwrap();
    assert_eq!(rows(&last).await, 0);
    for one in [&second, &third, &fifth] {
        world.done(Kind::Delete, one).await;
    }
    finish(ground, 7).await;
}

/// Enters with psql, over TLS.
fn psql(host: Ipv4Addr, user: &str, password: &str) -> (bool, String) {
    let url = format!("host={host} port=5432 dbname=shop user={user} sslmode=require connect_timeout=10");
    let done = Command::new("psql").args([&url, "-XAtc", "SELECT current_user"]).env("PGPASSWORD", password).output();
    let done = done.unwrap();
    (done.status.success(), String::from_utf8_lossy(&[done.stdout, done.stderr].concat()).into_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_iam_opens_the_door_of_a_role_that_takes_them_and_no_other() {
    testhost::needs_postgres!();
    testhost::needs_boto3!();
    let mut ground = fresh(8).await;
    let (sender, facts) = unbounded_channel();
    let news = std::mem::replace(&mut ground.news, unbounded_channel().1);
    let actor = Actor::new(ground.servers.clone(), news, sender, Arc::new(|_, _| true));
    actor.adopt(Standing::default());
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::new(10, 214, 8, 1), ground::TOKENS_PORT)).await.unwrap();
    let known = |key: &str| (key == "AKID").then(|| "SECRET".to_owned());
    let answering = ldap::serve(listener, actor.judge(known));
    let mut world = World { actor, facts, turn: 0 };
    let shop = settings(8, "db-tokens", PASSWORD);
    let made = world.done(Kind::Create { origin: Origin::Empty, database: Some("shop".into()) }, &shop).await;
    let user = client(address(&made), "shop", PASSWORD, "shop").await.unwrap();
    user.batch_execute("CREATE ROLE app LOGIN; GRANT rds_iam TO app; CREATE ROLE plain LOGIN").await.unwrap();

    let host = address(&made);
    let token = support::token(&shop.endpoint, "app", "SECRET");
    assert_eq!(psql(host, "app", &token), (true, "app\n".to_owned()));
    for (user, password, why) in [
        ("app", "secret".to_owned(), "no token"),
        ("app", support::token(&shop.endpoint, "app", "OTHER"), "another key's signature"),
        ("app", support::token(&shop.endpoint, "shop", "SECRET"), "another user's"),
        ("app", support::token("other.us-east-1.rds.localhost", "app", "SECRET"), "another host's"),
        ("plain", support::token(&shop.endpoint, "plain", "SECRET"), "a role without rds_iam"),
    ] {
        let (opened, words) = psql(host, user, &password);
        assert!(!opened && words.contains("authentication failed"), "{why}: {words}");
        assert!(!words.contains("X-Amz-Signature"), "{words}");
    }
    let plain = client(host, "app", &token, "shop").await.unwrap_err();
    assert!(format!("{plain:?}").contains("pg_hba.conf rejects"), "without TLS: {plain:?}");
    for entry in std::fs::read_dir(ground.servers.place("db-tokens").log()).unwrap().flatten() {
        assert!(!std::fs::read_to_string(entry.path()).unwrap().contains("X-Amz-Signature"), "no token is in a log");
    }
    world.done(Kind::Delete, &shop).await;
    answering.abort();
    finish(ground, 8).await;
}
