//! A crash at any point loses no acknowledged batch and leaves no half of one.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use proptest::prelude::*;
use store::{Batch, Store};

/// Not a test of its own: the process that `killed_writers_lose_nothing` kills.
#[test]
fn writes_until_killed() {
    let Ok(dir) = std::env::var("STORE_CRASH_DIR") else { return };
    let store = Store::open(Path::new(&dir)).unwrap();
    let base: usize = std::env::var("STORE_CRASH_BASE").unwrap().parse().unwrap();
    let mut out = std::io::stdout().lock();
    writeln!(out).unwrap();
    for round in 0.. {
        let commits: Vec<_> = (0..7)
            .map(|n| {
                let id = base + round * 7 + n;
                let mut batch = Batch::new();
                batch.put("left", &id.to_string(), vec![b'x'; 3000]);
                batch.put("right", &id.to_string(), vec![b'y'; 3000]);
                (id, store.submit(batch))
            })
            .collect();
        for (id, commit) in commits {
            commit.wait().unwrap();
            writeln!(out, "ack {id}").unwrap();
        }
    }
}

#[test]
fn killed_writers_lose_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut acked = Vec::new();
    // Different numbers of acknowledgements, so that kills fall before, in and after checkpoints.
    for (run, stop_after) in [1, 3, 50, 700, 1500, 9].into_iter().enumerate() {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "writes_until_killed", "--nocapture"])
            .env("STORE_CRASH_DIR", dir.path())
            .env("STORE_CRASH_BASE", (run * 1_000_000).to_string())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let mut seen = 0;
        for line in lines {
            if let Some(id) = line.strip_prefix("ack ") {
                acked.push(id.to_owned());
                seen += 1;
            }
            if seen == stop_after {
                child.kill().unwrap(); // what is left in the pipe was acknowledged as well
                seen += 1;
            }
        }
        child.wait().unwrap();
        assert!(seen > stop_after, "the child ended by itself after {seen}");

        let store = Store::open(dir.path()).unwrap();
        let left: Vec<_> = store.load("left").unwrap();
        let right: Vec<_> = store.load("right").unwrap();
        assert!(left.iter().map(|r| &r.0).eq(right.iter().map(|r| &r.0)), "half a batch is stored");
        let stored: std::collections::HashSet<_> = left.into_iter().map(|r| r.0).collect();
        for id in &acked {
            assert!(stored.contains(id), "batch {id} was acknowledged and is lost");
        }
    }
}

#[derive(Debug, Clone)]
enum Act {
    Put(u8, u8),
    Delete(u8),
    /// Puts, then fails: must leave no trace.
    Fail(u8),
    /// The power goes here: what the files hold now is what the next start finds.
    Crash,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => (0..8u8, any::<u8>()).prop_map(|(k, v)| Act::Put(k, v)),
        2 => (0..8u8).prop_map(Act::Delete),
        1 => (0..8u8).prop_map(Act::Fail),
        1 => Just(Act::Crash),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn the_files_of_a_crash_hold_exactly_what_was_acknowledged(acts in proptest::collection::vec(act(), 1..40)) {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let mut model = BTreeMap::new();
        for act in acts {
            let mut batch = Batch::new();
            match act {
                Act::Put(k, v) => {
                    batch.put("t", &k.to_string(), vec![v]);
                    store.submit(batch).wait().unwrap();
                    model.insert(k.to_string(), vec![v]);
                }
                Act::Delete(k) => {
                    batch.delete("t", &k.to_string());
                    store.submit(batch).wait().unwrap();
                    model.remove(&k.to_string());
                }
                Act::Fail(k) => {
                    batch.put("t", &k.to_string(), vec![0]);
                    batch.with(Box::new(|tx| tx.execute("nonsense", []).map(drop)));
                    prop_assert!(store.submit(batch).wait().is_err());
                }
                Act::Crash => {
                    let copy = tempfile::tempdir().unwrap();
                    for name in ["managr.db", "managr.db-wal"] {
                        std::fs::copy(dir.path().join(name), copy.path().join(name)).unwrap();
                    }
                    let after = Store::open(copy.path()).unwrap().load("t").unwrap();
                    prop_assert_eq!(after, model.clone().into_iter().collect::<Vec<_>>());
                }
            }
        }
    }
}
