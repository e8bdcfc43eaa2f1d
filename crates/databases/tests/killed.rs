//! `kill -9` of platform, supervisor and database while a client writes numbered rows: no acknowledged row is lost.
//!
//! Five times; as often as `MANAGR_KILLS` says where that is set.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod support;

use std::io::{BufRead, BufReader};
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use support::ground::{self, PASSWORD};
use support::{PATIENCE, TESTKIT, client, finish, fresh};

const NUMBER: u8 = 4;

/// Where the database is, and what was acknowledged.
#[derive(Default)]
struct Shared {
    address: Mutex<Option<Ipv4Addr>>,
    acknowledged: AtomicI64,
    over: AtomicBool,
}

#[tokio::test(flavor = "multi_thread")]
async fn no_acknowledged_row_is_lost() {
    testhost::needs_postgres!();
    let kills = std::env::var("MANAGR_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(5);
    drop(fresh(NUMBER).await);
    let shared = Arc::new(Shared::default());
    let mut platform = begin(&shared);
    until("the database is made", || shared.address.lock().unwrap().is_some()).await;
    let address = shared.address.lock().unwrap().unwrap();
    let made = client(address, "shop", PASSWORD, "shop").await.unwrap();
    made.batch_execute("CREATE TABLE rows (n bigint PRIMARY KEY)").await.unwrap();
    drop(made);

    let writer = tokio::spawn(write(shared.clone()));
    let mut longest = Duration::ZERO;
    for number in 0..kills {
        let before = shared.acknowledged.load(Ordering::SeqCst);
        until("rows are written", || shared.acknowledged.load(Ordering::SeqCst) >= before + 20).await;
        // Different moments of a write.
        tokio::time::sleep(Duration::from_micros(number * 333 % 5000)).await;
        let dir = ground::config(NUMBER, TESTKIT.into()).state_dir.join("tasks/db-killed");
        let database = pid_in(&dir.join("containers/postgres/container.json"));
        assert!(kill(Pid::from_raw(database), None).is_ok(), "rows are written, and {database} is not there");
        let supervisor = pid_in(&dir.join("supervisor.json"));
        let began = Instant::now();
        let mut victims = [database, supervisor, i32::try_from(platform.id()).unwrap()];
        // Each of them is the first in turn.
        victims.rotate_left(usize::try_from(number % 3).unwrap());
        for victim in victims {
            let _ = kill(Pid::from_raw(victim), Signal::SIGKILL);
        }
        platform.wait().unwrap();
        let lost = shared.acknowledged.load(Ordering::SeqCst);
        *shared.address.lock().unwrap() = None;
        platform = begin(&shared);
        // Not by what was left of the old one.
        until("it is up again", || shared.address.lock().unwrap().is_some()).await;
        until("rows are written again", || shared.acknowledged.load(Ordering::SeqCst) > lost + 5).await;
        longest = longest.max(began.elapsed());
    }
    shared.over.store(true, Ordering::SeqCst);
    let acknowledged = writer.await.unwrap();
    let address = shared.address.lock().unwrap().unwrap();
    let reader = client(address, "shop", PASSWORD, "shop").await.unwrap();
    let rows = reader.query("SELECT n FROM rows", &[]).await.unwrap();
    let there: std::collections::HashSet<i64> = rows.iter().map(|row| row.get(0)).collect();
    let lost: Vec<i64> = acknowledged.iter().copied().filter(|n| !there.contains(n)).collect();
    println!(
        "{kills} kills: {} rows acknowledged, {} there, {} lost; the longest time from a kill to the next rows {longest:?}",
        acknowledged.len(),
        there.len(),
        lost.len()
    );
    assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
    drop(reader);
    platform.kill().unwrap();
    platform.wait().unwrap();
    finish(ground::open(NUMBER, TESTKIT.into()).await, NUMBER).await;
}

/// Writes one row after another, and says which were acknowledged.
async fn write(shared: Arc<Shared>) -> Vec<i64> {
    let (mut next, mut acknowledged) = (0, Vec::new());
    while !shared.over.load(Ordering::SeqCst) {
        let address = *shared.address.lock().unwrap();
        let Some(address) = address else {
            tokio::time::sleep(Duration::from_millis(1)).await;
            continue;
        };
        let Ok(client) = client(address, "shop", PASSWORD, "shop").await else {
            tokio::time::sleep(Duration::from_millis(5)).await;
            continue;
        };
        while !shared.over.load(Ordering::SeqCst) {
            // A row whose answer was lost may be there or not: its number is not used again.
            next += 1;
            let values: [&(dyn tokio_postgres::types::ToSql + Sync); 1] = [&next];
            let write = client.execute("INSERT INTO rows VALUES ($1)", &values);
            // The address of a task that is gone answers nothing at all.
            if !matches!(tokio::time::timeout(Duration::from_secs(2), write).await, Ok(Ok(1))) {
                break;
            }
            acknowledged.push(next);
            shared.acknowledged.fetch_add(1, Ordering::SeqCst);
        }
    }
    acknowledged
}

/// Starts a platform that keeps the database running.
fn begin(shared: &Arc<Shared>) -> Child {
    let mut child =
        Command::new(TESTKIT).args(["platform", &NUMBER.to_string()]).stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let shared = shared.clone();
    std::thread::spawn(move || {
        for line in lines.map_while(Result::ok) {
            if let Some(address) = line.strip_prefix("at ").and_then(|address| address.parse().ok()) {
                *shared.address.lock().unwrap() = Some(address);
            }
        }
    });
    child
}

fn pid_in(path: &Path) -> i32 {
    let facts = std::fs::read_to_string(path).unwrap();
    let at = facts.find("\"pid\":").unwrap() + 6;
    facts[at..].chars().take_while(char::is_ascii_digit).collect::<String>().parse().unwrap()
}

async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < PATIENCE, "waited in vain until {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}
