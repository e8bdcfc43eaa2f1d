//! The disk is full, and the server dies of it: it says so, comes back by itself once there is room, and has every row
//! that was acknowledged.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod support;

use databases::run::{Extra, Failure, News};
use support::ground::{PASSWORD, data, instance};
use support::{client, finish, fresh, news};

const NUMBER: u8 = 5;

#[tokio::test(flavor = "multi_thread")]
async fn is_waited_for_and_costs_no_row() {
    testhost::needs_postgres!();
    if testhost::small_disk(200, "is_waited_for_and_costs_no_row").is_none() {
        return;
    }
    let mut ground = fresh(NUMBER).await;
    let shop = instance(NUMBER, "db-full");
    let made = ground.servers.create(&shop, Some("shop"), &Extra::default()).await.unwrap();
    let user = client(made.address, "shop", PASSWORD, "shop").await.unwrap();
    user.batch_execute("CREATE TABLE rows (n int, filler text)").await.unwrap();
    let filler = data(NUMBER).join("filler");
    testhost::fill(&filler);
    let mut acknowledged = 0_i32;
    let refused = loop {
        let written = user.execute("INSERT INTO rows VALUES ($1, repeat('x', 1000))", &[&acknowledged]).await;
        match written {
            Ok(_) => acknowledged += 1,
            Err(error) => break error,
        }
    };
    println!("after {acknowledged} rows: {refused:?}");
    drop(user);

    // Whether or not it died of it: it is ended the hard way, and must write before it can answer again.
    for report in ground.runtime.known_tasks().await {
        let _ = ground.runtime.signal(&report.id, "postgres", 9).await;
    }
    let why = news(&mut ground, "the full disk", |news| match news {
        News::StorageFull { why } => Some(why),
        _ => None,
    })
    .await;
    assert!(why.contains("the disk is full"), "{why}");
    // One that is asked for now is refused with the same words.
    let refused = ground.servers.create(&instance(NUMBER, "db-second"), None, &Extra::default()).await.unwrap_err();
    assert!(matches!(refused, Failure::Full { .. }), "{refused}");

    std::fs::remove_file(&filler).unwrap();
    let back = news(&mut ground, "its return", |news| match news {
        News::Restarted(running) => Some(running),
        _ => None,
    })
    .await;
    let user = client(back.address, "shop", PASSWORD, "shop").await.unwrap();
    let there: i64 = user.query_one("SELECT count(DISTINCT n) FROM rows", &[]).await.unwrap().get(0);
    assert!(there >= i64::from(acknowledged), "{acknowledged} were acknowledged, {there} are there");
    drop(user);
    finish(ground, NUMBER).await;
}
