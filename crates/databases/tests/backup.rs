//! What was acknowledged before a backup is in it, and at a time the database is as it was then. Real PostgreSQL.
#![allow(clippy::unwrap_used)] // helpers of tests

mod server;

use std::time::{Duration, Instant};

use databases::backup::{self, archive::Archive};
use server::{Database, ask, place};

async fn until(what: &str, mut done: impl AsyncFnMut() -> bool) {
    let begun = Instant::now();
    while !done().await {
        assert!(begun.elapsed() < Duration::from_secs(60), "{what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Makes a mark and waits until its WAL is kept.
async fn mark(archive: &mut Archive, client: &tokio_postgres::Client) {
    archive.look(client).await.unwrap();
    until("archived", async || archive.note().unwrap()).await;
}

async fn now(client: &tokio_postgres::Client) -> u64 {
    ask(client, "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint + 1").await.parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_under_load_has_every_row_that_was_acknowledged_before_it() {
    testhost::needs_postgres!();
    let place = place();
    let (source, client) = Database::new(&place.path().join("source")).await;
    client.batch_execute("CREATE TABLE rows (n bigint PRIMARY KEY, filler text)").await.unwrap();
    client
        .batch_execute("INSERT INTO rows SELECT -n, repeat('x', 500) FROM generate_series(1, 40000) n")
        .await
        .unwrap();
    let writer = source.connect().await.unwrap();
    let written = std::sync::Arc::new(std::sync::atomic::AtomicI64::new(0));
    let counting = written.clone();
    let load = tokio::spawn(async move {
        for n in 1.. {
            let row = format!("INSERT INTO rows VALUES ({n}, repeat('y', 2000)); CHECKPOINT");
            if writer.batch_execute(&row).await.is_err() {
                break;
            }
            counting.store(n, std::sync::atomic::Ordering::SeqCst);
        }
    });
    until("some rows", async || written.load(std::sync::atomic::Ordering::SeqCst) > 5).await;
    let before = written.load(std::sync::atomic::Ordering::SeqCst);
    let snapshot = place.path().join("snapshots/one");
    let own = source.connect().await.unwrap();
    let base = backup::take(&own, &source.data(), &snapshot, |_, _| {}).await.unwrap();
    assert!(base.bytes > 20_000_000 && base.running.is_some(), "{base:?}");
    assert_eq!(ask(&client, "SELECT count(*) FROM pg_replication_slots").await, "0", "no WAL is held any longer");
    load.abort();

    // Again is the same; a copy of a snapshot is one; the source may be gone by now.
    assert_eq!(backup::take(&own, &source.data(), &snapshot, |_, _| {}).await.unwrap(), base);
    let copied = place.path().join("snapshots/two");
    backup::copy(&snapshot, &copied, &mut |_, _| {}).unwrap();
    databases::copy::remove(&snapshot).unwrap();
    drop((own, client, source));

    let mut restored = Database::empty(&place.path().join("restored"));
    backup::from_snapshot(&copied, &restored.data(), &mut |_, _| {}).unwrap();
    let client = restored.start().await;
    let last: i64 = ask(&client, "SELECT max(n) FROM rows").await.parse().unwrap();
    assert!(last >= before, "{last} of {before}");
    assert_eq!(ask(&client, "SELECT count(*) FROM rows").await, (40_000 + last).to_string(), "without gaps");
    let checked = ask(&client, "SELECT sum(length(filler)) FROM rows").await;
    assert_eq!(checked, (40_000 * 500 + last * 2000).to_string(), "every page can be read");
    client.batch_execute("INSERT INTO rows VALUES (0, 'mine')").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_is_restored_to_a_time_between_two_commits() {
    testhost::needs_postgres!();
    let place = place();
    let (mut source, client) = Database::new(&place.path().join("source")).await;
    client.batch_execute("CREATE TABLE rows (n int)").await.unwrap();
    let own = source.connect().await.unwrap();
    let bases = source.dir.join("base");
    backup::take(&own, &source.data(), &bases.join("1"), |_, _| {}).await.unwrap();
    let mut archive = Archive::open(&source.dir).unwrap();
    assert_eq!(archive.marks().latest(), None);

    client.batch_execute("INSERT INTO rows VALUES (1)").await.unwrap();
    let first = now(&client).await;
    until("a later millisecond", async || now(&client).await > first + 1).await;
    client.batch_execute("INSERT INTO rows VALUES (2)").await.unwrap();
    mark(&mut archive, &client).await;
    let size = |archive: &Archive| std::fs::read_dir(archive.wal()).unwrap().count();
    let files = size(&archive);
    for _ in 0..3 {
        mark(&mut archive, &client).await;
    }
    assert_eq!(size(&archive), files, "a server where nothing happens writes no WAL");
    let quiet = archive.marks().latest().unwrap();
    client.batch_execute("DELETE FROM rows").await.unwrap();
    mark(&mut archive, &client).await;
    let latest = archive.marks().latest().unwrap();
    let held = databases::copy::size(archive.wal()).unwrap();
    assert!(held < 20 << 20, "{files} files of 16 MB hold {held}: what is zeros takes no room");
    let early = backup::newest_before(backup::list(&bases).unwrap(), 1000).unwrap_err().to_string();
    assert!(early.contains("earliest"), "{early}");
    drop((client, own));
    source.kill(); // a database can be restored though it does not run, and never will again

    for (name, at, rows) in [("first", first, "1"), ("quiet", quiet, "2"), ("latest", latest, "0")] {
        let (path, base) = backup::newest_before(backup::list(&bases).unwrap(), at).unwrap();
        let mut restored = Database::empty(&place.path().join(name));
        let data = restored.data();
        let from = Archive::open(&source.dir).unwrap();
        backup::to_time((&path, &base), (from.wal(), from.marks()), at, &data, &mut |_, _| {}).unwrap();
        let client = restored.start().await;
        assert_eq!(ask(&client, "SELECT pg_is_in_recovery()").await, "f");
        assert_eq!(ask(&client, "SELECT count(*) FROM rows").await, rows, "{name}: {}", restored.log());
        client.batch_execute("INSERT INTO rows VALUES (9)").await.unwrap();
        backup::finish(&data).unwrap();
        backup::finish(&data).unwrap();
        assert!(!data.join("recovery.signal").exists());
        // It is one of its own: it has backups and times of its own, and starts as any other.
        let mut own = Archive::open(&restored.dir).unwrap();
        let base = backup::take(&client, &data, &restored.dir.join("base/1"), |_, _| {}).await.unwrap();
        assert_eq!(base.running.unwrap().timeline, 2);
        client.batch_execute("INSERT INTO rows VALUES (10)").await.unwrap();
        mark(&mut own, &client).await;
        assert!(own.marks().latest().unwrap() > base.at);
        drop(client);
        restored.stop();
        let client = restored.start().await;
        assert_eq!(ask(&client, "SELECT count(*) FROM rows").await, (rows.parse::<i32>().unwrap() + 2).to_string());
    }
    let (path, base) = backup::list(&bases).unwrap().remove(0);
    let data = place.path().join("late");
    let from = Archive::open(&source.dir).unwrap();
    let late = backup::to_time((&path, &base), (from.wal(), from.marks()), latest + 1, &data, &mut |_, _| {});
    assert!(late.unwrap_err().to_string().contains("the latest is 20"));
    assert!(!data.exists());
    let segment = std::fs::read_dir(from.wal()).unwrap().map(|entry| entry.unwrap().path()).max().unwrap();
    std::fs::remove_file(&segment).unwrap();
    let gap = backup::to_time((&path, &base), (from.wal(), from.marks()), latest, &data, &mut |_, _| {});
    assert!(gap.unwrap_err().to_string().contains(segment.file_name().unwrap().to_str().unwrap()));
    assert!(!data.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_of_a_stopped_database_is_a_plain_copy() {
    testhost::needs_postgres!();
    let place = place();
    let (mut source, client) = Database::new(&place.path().join("source")).await;
    client.batch_execute("CREATE TABLE rows AS SELECT generate_series(1, 1000) n").await.unwrap();
    drop(client);
    source.stop();
    let snapshot = place.path().join("snapshots/one");
    let base = backup::stopped(&source.data(), &snapshot, (150_000, 1), &mut |_, _| {}).unwrap();
    assert_eq!(base.running, None);
    let mut restored = Database::empty(&place.path().join("restored"));
    backup::from_snapshot(&snapshot, &restored.data(), &mut |_, _| {}).unwrap();
    let (one, two) = (source.start().await, restored.start().await);
    assert_eq!(ask(&one, "SELECT count(*) FROM rows").await, "1000");
    assert_eq!(ask(&two, "SELECT count(*) FROM rows").await, "1000");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_is_cut_off_leaves_no_backup_and_a_server_that_goes_on() {
    testhost::needs_postgres!();
    let place = place();
    let (source, client) = Database::new(&place.path().join("source")).await;
    let to = place.path().join("one");
    let own = source.connect().await.unwrap();
    let data = source.data();
    let taking = backup::take(&own, &data, &to, |done, _| assert!(done < 1_000_000, "cut off"));
    assert!(taking.await.is_err());
    assert!(backup::read(&to).unwrap().is_none());
    drop(own);
    until("the slot to go", async || ask(&client, "SELECT count(*) FROM pg_replication_slots").await == "0").await;
    let own = source.connect().await.unwrap();
    backup::take(&own, &source.data(), &to, |_, _| {}).await.unwrap();
    assert!(backup::read(&to).unwrap().is_some());
}
