//! The store's promises, on real files: whole or not at all, in order, private, one owner.
#![allow(clippy::unwrap_used)]

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use store::{Batch, Store, StoreError};

fn put(key: &str, body: &str) -> Batch {
    let mut batch = Batch::new();
    batch.put("t", key, body.as_bytes().to_vec());
    batch
}

fn rows(store: &Store) -> String {
    let rows = store.load("t").unwrap();
    rows.iter().map(|(k, v)| format!("{k}={}", String::from_utf8_lossy(v))).collect::<Vec<_>>().join(" ")
}

fn failing(key: &str) -> Batch {
    let mut batch = put(key, "never");
    batch.with(Box::new(|tx| tx.execute("INSERT INTO no_such_relation VALUES (1)", []).map(drop)));
    batch
}

#[tokio::test]
async fn stores_in_the_order_of_submission_and_loads_by_key() {
    for store in [Store::ephemeral().unwrap(), Store::open(tempfile::tempdir().unwrap().path()).unwrap()] {
        let first = store.submit(put("b", "1"));
        let second = store.submit(put("b", "2"));
        let third = store.submit(put("a", "3"));
        for commit in [first, second, third] {
            commit.await.unwrap();
        }
        assert_eq!(rows(&store), "a=3 b=2");
        let mut batch = Batch::new();
        batch.delete("t", "a");
        batch.delete("t", "missing");
        store.submit(batch).await.unwrap();
        assert_eq!(rows(&store), "b=2");
    }
}

#[tokio::test]
async fn a_failing_batch_fails_alone_and_names_the_cause() {
    let store = Store::ephemeral().unwrap();
    // Hold the writer in a first batch until all three behind it wait: they become one group.
    let (go, gate) = std::sync::mpsc::channel::<()>();
    let mut hold = Batch::new();
    hold.with(Box::new(move |_| {
        gate.recv().ok();
        Ok(())
    }));
    let held = store.submit(hold);
    let (before, bad, after) = (store.submit(put("a", "1")), store.submit(failing("x")), store.submit(put("b", "2")));
    drop(go);
    held.await.unwrap();
    before.await.unwrap();
    let error = bad.await.unwrap_err();
    assert!(error.to_string().contains("no_such_relation"), "{error}");
    after.await.unwrap();
    assert_eq!(rows(&store), "a=1 b=2", "no step of the failed batch is left");
}

#[tokio::test]
async fn a_full_disk_is_told_apart_and_passes() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    store.submit(put("kept", "1")).await.unwrap();
    let limit = |pages: u32| {
        let mut batch = Batch::new();
        batch.with(Box::new(move |tx| tx.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(()))));
        batch
    };
    store.submit(limit(1)).await.unwrap(); // SQLite lowers it to the present size
    let big = "x".repeat(1 << 20);
    let commits = [store.submit(put("big", &big)), store.submit(put("big2", &big))];
    for commit in commits {
        let error = commit.await.unwrap_err();
        assert!(error.is_full(), "{error}");
        assert!(error.to_string().contains("full"), "{error}");
    }
    store.submit(limit(1 << 20)).await.unwrap();
    store.submit(put("later", "2")).await.unwrap();
    assert_eq!(rows(&store), "kept=1 later=2");
}

#[tokio::test]
async fn wipe_empties_every_relation_after_what_was_submitted_before() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let before = store.submit(put("a", "1"));
    let mut logs = Batch::new();
    logs.with(Box::new(|tx| tx.execute("INSERT INTO log_positions VALUES ('s', 1)", []).map(drop)));
    let logs = store.submit(logs);
    store.wipe().await.unwrap();
    before.await.unwrap();
    logs.await.unwrap();
    assert_eq!(rows(&store), "");
    let left: i64 = store.query(|c| c.query_row("SELECT count(*) FROM log_positions", [], |r| r.get(0))).unwrap();
    assert_eq!(left, 0);
}

#[test]
fn a_second_owner_is_told_who_holds_the_directory() {
    let dir = tempfile::tempdir().unwrap();
    let first = Store::open(dir.path()).unwrap();
    let error = Store::open(dir.path()).unwrap_err();
    assert!(matches!(error, StoreError::Locked { .. }), "{error}");
    assert!(error.to_string().contains(&format!("process {}", std::process::id())), "{error}");
    drop(first);
    Store::open(dir.path()).unwrap();
}

#[test]
fn a_newer_database_is_refused_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    drop(Store::open(dir.path()).unwrap());
    let db = dir.path().join("managr.db");
    rusqlite::Connection::open(&db).unwrap().pragma_update(None, "user_version", 99).unwrap();
    let error = Store::open(dir.path()).unwrap_err();
    assert!(matches!(error, StoreError::Newer { found: 99, .. }), "{error}");
    assert!(error.to_string().contains("newer managr"), "{error}");
}

#[test]
fn files_are_the_owners_alone() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("deep/data");
    let store = Store::open(&data).unwrap();
    store.submit(put("a", "1")).wait().unwrap();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&data), 0o700);
    for name in ["managr.db", "managr.db-wal", "managr.db-shm", "managr.lock"] {
        assert_eq!(mode(&data.join(name)), 0o600, "{name}");
    }
}

#[test]
fn readers_can_write_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let error = store.query(|c| c.execute("DELETE FROM documents", [])).unwrap_err();
    assert!(error.to_string().contains("readonly"), "{error}");
}

#[test]
fn dropping_a_commit_cancels_nothing_and_closing_finishes_the_queue() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    for n in 0..500 {
        drop(store.submit(put(&format!("{n:03}"), "x")));
    }
    drop(store);
    assert_eq!(Store::open(dir.path()).unwrap().load("t").unwrap().len(), 500);
}
