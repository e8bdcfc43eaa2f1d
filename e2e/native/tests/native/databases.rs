//! A database by RDS's API: made, entered by its user with TLS and by nobody else, kept when the platform is killed,
//! stopped, started and removed.

use std::process::{Command, Output};

use aws::RDS;
use e2e_native::platform::{Platform, until};
use serde_json::{Value, json};

const PASSWORD: &str = "correct-horse";

#[tokio::test(flavor = "multi_thread")]
async fn a_database_by_rds_api_keeps_its_rows() {
    testhost::needs_postgres!();
    let mut platform = Platform::start().await;
    let input = json!({
        "DBInstanceIdentifier": "shop", "Engine": "postgres", "EngineVersion": "15", "DBInstanceClass": "db.t4g.micro",
        "AllocatedStorage": 20, "MasterUsername": "shop", "MasterUserPassword": PASSWORD, "DBName": "shop",
    });
    let made = platform.call(&RDS, "CreateDBInstance", input).await;
    assert_eq!(made["DBInstance"]["DBInstanceStatus"], "creating");
    let port = available(&platform).await;
    good(&query(port, PASSWORD, "CREATE TABLE t AS SELECT 7 AS n"));
    assert!(!query(port, "wrong", "SELECT 1").status.success());
    let plain = psql(port, PASSWORD, "disable", "SELECT 1");
    assert!(!plain.status.success(), "RDS forces TLS from 15 on");

    // The server outlives the platform: it is the same process afterwards.
    let began = good(&query(port, PASSWORD, "SELECT pg_postmaster_start_time()"));
    platform.kill();
    platform.launch().await;
    let port = available(&platform).await;
    let again = until("the database is reached again", &platform, || async {
        let answer = query(port, PASSWORD, "SELECT pg_postmaster_start_time()");
        answer.status.success().then(|| good(&answer))
    })
    .await;
    assert_eq!(began, again);

    platform.call(&RDS, "StopDBInstance", json!({"DBInstanceIdentifier": "shop"})).await;
    until("it has stopped", &platform, || async { (status(&platform).await == "stopped").then_some(()) }).await;
    assert!(!query(port, PASSWORD, "SELECT 1").status.success());
    platform.call(&RDS, "StartDBInstance", json!({"DBInstanceIdentifier": "shop"})).await;
    let port = available(&platform).await;
    assert_eq!(good(&query(port, PASSWORD, "SELECT n FROM t")), "7");

    let input = json!({"DBInstanceIdentifier": "shop", "SkipFinalSnapshot": true});
    platform.call(&RDS, "DeleteDBInstance", input).await;
    until("it is gone", &platform, || async {
        let asked = platform.try_call(&RDS, "DescribeDBInstances", json!({"DBInstanceIdentifier": "shop"})).await;
        asked.err().map(|error| assert!(error.to_string().contains("not found"), "{error}"))
    })
    .await;
    let left: Vec<_> = std::fs::read_dir(platform.data().join("databases")).into_iter().flatten().flatten().collect();
    assert!(left.iter().all(|entry| !entry.file_name().to_string_lossy().starts_with("db-")), "{left:?}");
    platform.stop();
    platform.purge();
}

async fn describe(platform: &Platform) -> Value {
    let asked = platform.call(&RDS, "DescribeDBInstances", json!({"DBInstanceIdentifier": "shop"})).await;
    asked["DBInstances"][0].clone()
}

async fn status(platform: &Platform) -> String {
    let status = describe(platform).await["DBInstanceStatus"].as_str().unwrap_or_default().to_owned();
    assert!(!status.contains("fail") && !status.contains("incompatible"), "{status}: {}", platform.log());
    status
}

/// Waits until it is available; returns the port of this machine that leads to it.
async fn available(platform: &Platform) -> u16 {
    until("the database is available", platform, || async {
        (status(platform).await == "available").then_some(())?;
        let port = &describe(platform).await["ListenerEndpoint"]["Port"];
        // XML has text alone.
        port.as_str().map_or_else(|| port.to_string(), str::to_owned).parse::<u16>().ok()
    })
    .await
}

fn query(port: u16, password: &str, sql: &str) -> Output {
    psql(port, password, "require", sql)
}

fn psql(port: u16, password: &str, tls: &str, sql: &str) -> Output {
    Command::new("/usr/lib/postgresql/15/bin/psql")
        .args(["-XAtqc", sql])
        .arg(format!("host=127.0.0.1 port={port} user=shop dbname=shop sslmode={tls} connect_timeout=5"))
        .env("PGPASSWORD", password)
        .output()
        .expect("Debian's postgresql-15 is installed")
}

fn good(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}
