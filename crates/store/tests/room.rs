//! The store's files: they shrink again, they are missed when they are gone, and a disk without one
//! free byte is no dead end. Needs root: see `testhost::small_disk`.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use store::{Batch, Claim, Store, StoreError};

const MIB: u64 = 1 << 20;

fn put(key: &str, bytes: usize) -> Batch {
    let mut batch = Batch::new();
    batch.put("t", key, vec![b'x'; bytes]);
    batch
}

fn delete(key: &str) -> Batch {
    let mut batch = Batch::new();
    batch.delete("t", key);
    batch
}

fn size(dir: &Path, name: &str) -> u64 {
    fs::metadata(dir.join(name)).map_or(0, |m| m.len())
}

/// Waits for what the writer does while idle.
fn until(what: impl Fn() -> bool) {
    let begun = Instant::now();
    while !what() {
        assert!(begun.elapsed() < Duration::from_secs(60), "it never came");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn fill_and_empty(store: &Store) {
    for n in 0..64 {
        store.submit(put(&n.to_string(), MIB as usize)).wait().unwrap();
    }
    for n in 0..64 {
        store.submit(delete(&n.to_string())).wait().unwrap();
    }
}

#[test]
fn what_was_deleted_is_given_back_to_the_disk() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    fill_and_empty(&store);
    assert!(size(dir.path(), "managr.db") + size(dir.path(), "managr.db-wal") > 60 * MIB);
    until(|| size(dir.path(), "managr.db") < 10 * MIB);
    // The log follows with the next change that begins it anew.
    until(|| {
        store.submit(put("k", 10)).wait().unwrap();
        size(dir.path(), "managr.db-wal") < 30 * MIB
    });
    drop(store);
    let store = Store::open(dir.path()).unwrap();
    assert_eq!(store.load("t").unwrap().len(), 1);
    assert!(store.load("store.reserve").unwrap().is_empty());
}

#[test]
fn a_file_of_an_earlier_version_is_written_anew_once() {
    let dir = tempfile::tempdir().unwrap();
    drop(Store::open(dir.path()).unwrap());
    let old = rusqlite::Connection::open(dir.path().join("managr.db")).unwrap();
    old.execute_batch("PRAGMA journal_mode = delete; PRAGMA auto_vacuum = none; VACUUM").unwrap();
    assert_eq!(old.pragma_query_value(None, "auto_vacuum", |row| row.get::<_, i64>(0)).unwrap(), 0);
    drop(old);
    let store = Store::open(dir.path()).unwrap();
    store.submit(put("kept", 100)).wait().unwrap();
    fill_and_empty(&store);
    until(|| size(dir.path(), "managr.db") < 10 * MIB);
    assert_eq!(store.load("t").unwrap().len(), 1);
    drop(store); // readers that were opened before the file was written anew do not know
    let store = Store::open(dir.path()).unwrap();
    let mode: i64 = store.query(|c| c.pragma_query_value(None, "auto_vacuum", |row| row.get(0))).unwrap();
    assert_eq!(mode, 2);
    assert_eq!(store.load("t").unwrap().len(), 1);
}

#[test]
fn a_platform_without_its_database_does_not_begin_anew_without_a_word() {
    let check = |spoil: &dyn Fn(&Path), expected: &[&str]| {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        store.submit(put("k", 100_000)).wait().unwrap();
        drop(store);
        spoil(dir.path());
        let database = dir.path().join("managr.db");
        let before = (database.exists(), fs::read(&database).unwrap_or_default());
        let words = Store::open(dir.path()).map(drop).expect_err(expected[0]).to_string();
        for part in expected {
            assert!(words.contains(part), "{words}");
        }
        assert!(words.contains("platform purge"), "{words}");
        assert!((database.exists(), fs::read(&database).unwrap_or_default()) == before, "it is left as it was");
        drop(Claim::take(dir.path()).unwrap()); // to give it up
    };
    let database = |dir: &Path| dir.join("managr.db");
    check(&|dir| fs::remove_file(database(dir)).unwrap(), &["has managr.db-wal of a platform", "is missing"]);
    check(
        &|dir| {
            fs::remove_file(database(dir)).unwrap();
            fs::remove_file(dir.join("managr.db-wal")).unwrap();
            fs::write(dir.join("secrets.key"), [1; 32]).unwrap();
        },
        &["has secrets.key of a platform", "is missing"],
    );
    check(&|dir| fs::write(database(dir), "").unwrap(), &["is empty"]);
    // With its log beside it SQLite makes it whole from there.
    let overwritten = |dir: &Path| {
        fs::remove_file(dir.join("managr.db-wal")).unwrap();
        fs::write(database(dir), "x".repeat(100_000)).unwrap();
    };
    check(&overwritten, &["is damaged", "not a database"]);
    let cut = |dir: &Path| {
        fs::remove_file(dir.join("managr.db-wal")).unwrap();
        fs::OpenOptions::new().write(true).open(database(dir)).unwrap().set_len(40_000).unwrap();
    };
    check(&cut, &["is damaged", "malformed"]);
}

#[test]
fn a_full_disk_takes_changes_and_refuses_what_may_wait() {
    let Some(dir) = testhost::small_disk(160, "a_full_disk_takes_changes_and_refuses_what_may_wait") else { return };
    let fill = |dir: &Path| testhost::fill(&dir.join("filler"));
    let dir = dir.as_path();
    let data = dir.join("data");
    let store = Store::open(&data).unwrap();
    for n in 0..200 {
        store.submit(put(&n.to_string(), 5000)).wait().unwrap();
    }
    store.disk().unwrap().balance().unwrap();
    assert!(data.join("ballast").exists());
    until(|| size(&data, "managr.db-wal") >= 20 * MIB);
    until(|| store.load("store.reserve").unwrap().is_empty());
    fill(dir);
    assert!(store.disk().unwrap().is_full());
    let mut bulk = put("log", 10);
    bulk.bulk();
    let error = store.submit(bulk).wait().unwrap_err();
    assert!(matches!(error, StoreError::Full { .. }) && error.is_full(), "{error}");
    assert!(!data.join("ballast").exists(), "given up");
    fill(dir); // and taken by the same container
    // What a platform with two hundred tasks writes to stop them all, and more: 60 MB of log.
    for round in 0..10 {
        for n in 0..200 {
            store.submit(put(&n.to_string(), 5000 + round)).wait().unwrap();
        }
    }
    // A stop and a start in that state.
    drop(store);
    let store = Store::open(&data).unwrap();
    assert_eq!(store.load("t").unwrap().len(), 200);
    tokio::runtime::Runtime::new().unwrap().block_on(store.wipe()).unwrap();
    assert!(store.load("t").unwrap().is_empty());
    // With room again everything is as before.
    fs::remove_file(dir.join("filler")).unwrap();
    store.disk().unwrap().balance().unwrap();
    assert!(data.join("ballast").exists() && !store.disk().unwrap().is_full());
    let mut bulk = put("log", 10);
    bulk.bulk();
    store.submit(bulk).wait().unwrap();
}
