//! A database's life on this machine's own PostgreSQL: made, entered, stopped, started, changed, removed.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod support;

use std::time::{Duration, Instant};

use databases::run::{Extra, Failure, News, SUPERUSER};
use support::ground::{PASSWORD, instance};
use support::{client, finish, fresh};

#[tokio::test(flavor = "multi_thread")]
async fn is_made_and_keeps_its_rows() {
    testhost::needs_postgres!();
    let ground = fresh(1).await;
    let servers = &ground.servers;
    let mut shop = instance(1, "db-life");
    shop.extensions = vec!["pg_trgm".to_owned()];
    let began = Instant::now();
    let made = servers.create(&shop, Some("shop"), &Extra::default()).await.unwrap();
    println!("made in {:?}: {made:?}", began.elapsed());
    assert!(made.version.starts_with("15."), "{made:?}");
    // Made again after a crash: the same server.
    assert_eq!(servers.create(&shop, Some("shop"), &Extra::default()).await.unwrap(), made);

    let user = client(made.address, "shop", PASSWORD, "shop").await.unwrap();
    user.batch_execute("CREATE TABLE t (n int); INSERT INTO t VALUES (7); SELECT similarity('a', 'b')").await.unwrap();
    let row = user.query_one("SELECT rolsuper, rolcreatedb, rolcreaterole, pg_has_role('rds_superuser', 'member') FROM pg_roles WHERE rolname = 'shop'", &[]).await.unwrap();
    assert_eq!((0..4).map(|at| row.get::<_, bool>(at)).collect::<Vec<_>>(), [false, true, true, true]);
    for setting in ["fsync", "ssl", "full_page_writes", "data_checksums"] {
        let row = user.query_one(&format!("SHOW {setting}"), &[]).await.unwrap();
        assert_eq!(row.get::<_, String>(0), "on", "{setting}");
    }
    user.query_one("SELECT count(*) FROM pg_stat_activity", &[]).await.unwrap();

    let refused = client(made.address, SUPERUSER, PASSWORD, "shop").await.unwrap_err();
    assert!(format!("{refused:?}").contains("pg_hba.conf rejects"), "{refused:?}");
    let refused = client(made.address, "shop", "wrong", "shop").await.unwrap_err();
    assert!(format!("{refused:?}").contains("password authentication failed"), "{refused:?}");
    assert!(client(made.address, "shop", PASSWORD, SUPERUSER).await.is_err(), "the platform's own database");
    // Nobody finds the verifier in a log.
    for entry in std::fs::read_dir(servers.place("db-life").log()).unwrap().flatten() {
        assert!(!std::fs::read_to_string(entry.path()).unwrap().contains("SCRAM-SHA-256$"));
    }

    drop(user);
    servers.stop("db-life").await.unwrap();
    assert_eq!(servers.running("db-life"), None);
    let began = Instant::now();
    let again = servers.start(&shop).await.unwrap();
    let took = began.elapsed();
    println!("started after an orderly stop in {took:?}");
    assert!(took < Duration::from_secs(2), "{took:?}");
    let user = client(again.address, "shop", PASSWORD, "shop").await.unwrap();
    assert_eq!(user.query_one("SELECT n FROM t", &[]).await.unwrap().get::<_, i32>(0), 7);

    // At rest, with one client, as `docker stats` would show it.
    let used = ground.runtime.usage("db-life", ["postgres"]).unwrap().containers[0].1.memory;
    println!("{} MB of memory at rest", used >> 20);
    assert!(used < 60 << 20, "{used}");

    let rebooted = servers.reboot(&shop).await.unwrap();
    assert_eq!(rebooted.address, again.address, "a reboot keeps the address");

    let mut changed = shop.clone();
    changed.verifier = postgres_protocol::password::scram_sha_256(b"new");
    changed.parameters.insert("work_mem".to_owned(), "8192".to_owned());
    servers.apply(&changed, false).await.unwrap();
    assert!(client(again.address, "shop", PASSWORD, "shop").await.is_err(), "the old password");
    let user = client(again.address, "shop", "new", "shop").await.unwrap();
    assert_eq!(user.query_one("SHOW work_mem", &[]).await.unwrap().get::<_, String>(0), "8MB");

    servers.delete("db-life").await.unwrap();
    assert!(!servers.place("db-life").folder().exists());
    finish(ground, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn says_why_it_does_not_start() {
    testhost::needs_postgres!();
    let mut ground = fresh(2).await;
    let shop = instance(2, "db-refused");
    ground.servers.create(&shop, None, &Extra::default()).await.unwrap();
    ground.servers.stop("db-refused").await.unwrap();
    let data = ground.servers.place("db-refused").data();

    let mut bad = shop.clone();
    bad.parameters.insert("max_connections".to_owned(), "many".to_owned());
    let refused = ground.servers.start(&bad).await.unwrap_err();
    assert!(matches!(&refused, Failure::Parameters { .. }), "{refused}");
    ground.servers.stop("db-refused").await.unwrap();

    std::fs::write(data.join("PG_VERSION"), "13\n").unwrap();
    let refused = ground.servers.start(&shop).await.unwrap_err();
    assert!(matches!(&refused, Failure::Version { found, major: 15, .. } if found == "13"), "{refused}");
    std::fs::write(data.join("PG_VERSION"), "15\n").unwrap();

    // Whoever is at work in the folder, it is not started a second time.
    let mut other = std::process::Command::new("sleep").arg("60").current_dir(&data).spawn().unwrap();
    let refused = ground.servers.start(&shop).await;
    other.kill().unwrap();
    other.wait().unwrap();
    let pid = i32::try_from(other.id()).unwrap();
    assert!(matches!(&refused, Err(Failure::Occupied { pid: found, .. }) if *found == pid), "{refused:?}");

    let mut newer = shop.clone();
    newer.major = 99;
    let refused = ground.servers.start(&newer).await.unwrap_err().to_string();
    assert!(refused.contains("99") && refused.contains("Push an image"), "{refused}");

    // And it starts when nothing is in the way.
    ground.servers.start(&shop).await.unwrap();
    assert!(ground.news.try_recv().is_err());
    finish(ground, 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn is_started_again_when_it_or_its_supervisor_is_killed() {
    testhost::needs_postgres!();
    let mut ground = fresh(3).await;
    let shop = instance(3, "db-dies");
    ground.servers.create(&shop, Some("shop"), &Extra::default()).await.unwrap();
    for victim in ["postgres", "supervisor"] {
        let pid = if victim == "postgres" { server(&ground).await } else { supervisor(&ground) };
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGKILL).unwrap();
        support::news(&mut ground, "its death", |news| matches!(news, News::Died { .. }).then_some(())).await;
        let running = support::news(&mut ground, "its return", |news| match news {
            News::Restarted(running) => Some(running),
            _ => None,
        })
        .await;
        client(running.address, "shop", PASSWORD, "shop").await.unwrap();
    }
    finish(ground, 3).await;
}

async fn server(ground: &support::ground::Ground) -> i32 {
    let reports = ground.runtime.known_tasks().await;
    reports[0].containers.iter().find(|container| container.name == "postgres").unwrap().pid
}

fn supervisor(ground: &support::ground::Ground) -> i32 {
    let facts = std::fs::read_to_string(ground.config.state_dir.join("tasks/db-dies/supervisor.json")).unwrap();
    let at = facts.find("\"pid\":").unwrap() + 6;
    facts[at..].chars().take_while(char::is_ascii_digit).collect::<String>().parse().unwrap()
}
