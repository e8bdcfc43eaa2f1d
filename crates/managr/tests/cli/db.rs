//! `managr db`: against a PostgreSQL of this machine, straight and through a session; snapshots against a simulated
//! platform, which needs none.

use std::os::unix::fs::PermissionsExt;

use aws::{Client, Options, RDS};
use serde_json::json;

use crate::postgres::{PASSWORD, Postgres};
use crate::sandbox::{MANIFEST, Run, Sandbox};
use crate::stage;

/// A manifest whose stage `staging` is only reached through a session, and `local` from here.
fn sandbox(server: &Postgres) -> Sandbox {
    let (near, far) = (server.url("127.0.0.1", "near"), server.url("127.0.0.2", "far"));
    Sandbox::with_manifest(&format!(
        "{MANIFEST}\n[databases.main]\n[stages.local.databases.main]\ninstance = \"near\"\nsecret = \"value:{near}\"\n\
         [stages.staging.databases.main]\ninstance = \"far\"\nsecret = \"value:{far}\"\n\
         [stages.prod.databases.main]\ninstance = \"far\"\nsecret = \"value:{far}\"\n"
    ))
}

fn db(sandbox: &Sandbox, args: &[&str]) -> Run {
    let mut command = sandbox.command(&[&["db"], args].concat());
    sandbox.told(command.env("MANAGR_ENDPOINT", stage::endpoint()).output().unwrap())
}

/// Runs it and asserts that it went well.
fn well(sandbox: &Sandbox, args: &[&str]) -> Run {
    let run = db(sandbox, args);
    assert_eq!(run.code, Some(0), "{args:?}: {}{}", run.out, run.err);
    run
}

fn fill(server: &Postgres, database: &str, rows: u32) {
    server.database(database);
    let sql = format!(
        "SET ROLE shop; CREATE TYPE colour AS ENUM ('red'); CREATE TABLE users (id int PRIMARY KEY, email text, c colour); \
         CREATE TABLE orders (id serial PRIMARY KEY, who int REFERENCES users); CREATE VIEW names AS SELECT email FROM users; \
         CREATE FUNCTION one() RETURNS int LANGUAGE sql AS 'SELECT 1'; CREATE SCHEMA billing; CREATE TABLE billing.bills (id int); \
         INSERT INTO users SELECT n, 'user' || n || '@example.org', 'red' FROM generate_series(1, {rows}) n; \
         INSERT INTO orders (who) SELECT id FROM users; ANALYZE"
    );
    server.sql(database, &sql);
}

fn count(server: &Postgres, database: &str) -> String {
    server.sql(database, "SELECT count(*), count(*) FILTER (WHERE email LIKE 'user%') FROM users").trim().to_owned()
}

#[test]
fn a_database_is_asked_straight_and_through_a_session() {
    testhost::needs_postgres!();
    let server = Postgres::start();
    fill(&server, "near", 3);
    fill(&server, "far", 7);
    let sandbox = sandbox(&server);
    for (stage, name, rows) in [("local", "near", 3), ("staging", "far", 7)] {
        let size: serde_json::Value = serde_json::from_str(&well(&sandbox, &[stage, "size", "--json"]).out).unwrap();
        assert_eq!(size["name"], name);
        let users = size["tables"].as_array().unwrap().iter().find(|table| table["table"] == "users").unwrap();
        assert_eq!(users["rows"], rows);
        let shell = well(&sandbox, &[stage, "shell", "-c", "SELECT count(*) FROM users", "--", "-At"]);
        assert_eq!(shell.out.trim(), rows.to_string());
        assert!(well(&sandbox, &[stage, "locks"]).err.contains("nobody waits"));
    }
    // The connection is the server's with TLS, though psql's is a socket.
    let ssl = well(
        &sandbox,
        &["staging", "shell", "-c", "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()", "--", "-At"],
    );
    assert_eq!(ssl.out.trim(), "t");
    assert_eq!(db(&sandbox, &["local", "shell", "-c", "SELECT nothing"]).code, Some(1), "psql's own exit code");
    let slow = db(&sandbox, &["staging", "slow"]);
    assert!(slow.code == Some(1) && slow.err.contains("shared_preload_libraries"), "{}", slow.err);
    let seen =
        well(&sandbox, &["local", "shell", "-c", "\\! cat /proc/self/environ /proc/$PPID/environ /proc/$PPID/cmdline"]);
    assert!(seen.out.contains("PGUSER=shop") && !seen.out.contains("hunter2"), "a password was to be seen");
    let url = well(&sandbox, &["local", "url"]);
    assert!(url.out.starts_with("postgres://shop@127.0.0.1:") && !url.out.contains("hunter2"), "{}", url.out);
    assert!(well(&sandbox, &["local", "url", "--password"]).out.contains("hunter2%40%2F%3Ax"));
    let wrong = format!("value:{}", server.url("127.0.0.2", "far").replace("hunter2", "wrong"));
    let refused = db(&sandbox, &["staging", "size", "--secret", &wrong]);
    assert_eq!(refused.code, Some(255), "{}", refused.err);
    assert!(refused.err.contains("password authentication failed for user \"shop\""), "{}", refused.err);
    assert!(!refused.err.contains("wrong@") && !PASSWORD.is_empty());
}

#[test]
fn a_dump_is_restored_whole_or_not_at_all() {
    testhost::needs_postgres!();
    let server = Postgres::start();
    fill(&server, "near", 5000);
    let sandbox = sandbox(&server);
    for file in ["a.dump", "a.sql"] {
        well(&sandbox, &["local", "dump", file]);
        let mode = std::fs::metadata(sandbox.path().join(file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let again = db(&sandbox, &["local", "dump", file]);
        assert!(again.code == Some(2) && again.err.contains("--overwrite"), "{}", again.err);
        server.sql("near", "SET ROLE shop; DELETE FROM orders; DELETE FROM users; CREATE TABLE later (id int)");
        assert_eq!(db(&sandbox, &["local", "restore", file]).code, Some(2), "nobody is there to agree");
        well(&sandbox, &["local", "restore", file, "--yes"]);
        assert_eq!(count(&server, "near"), "5000|5000");
        assert_eq!(server.sql("near", "SELECT to_regclass('later') IS NULL").trim(), "t", "what came later is gone");
        assert_eq!(server.sql("near", "SELECT count(*) FROM pg_extension WHERE extname = 'pg_trgm'").trim(), "1");
    }
    let whole = std::fs::read(sandbox.path().join("a.dump")).unwrap();
    std::fs::write(sandbox.path().join("cut.dump"), &whole[..whole.len() - 2000]).unwrap();
    sandbox.write("wrong.sql", "CREATE TABLE half (id int);\nSELECT nothing;\n");
    sandbox.write("none.sql", "");
    std::fs::write(sandbox.path().join("binary"), [1, 0, 2]).unwrap();
    for (file, code, words) in [
        ("cut.dump", 1, "pg_restore failed"),
        ("wrong.sql", 1, "column \"nothing\" does not exist"),
        ("none.sql", 2, "is empty"),
        ("binary", 2, "neither a dump of pg_dump nor SQL"),
        ("no-such-file", 2, "cannot be read"),
    ] {
        let run = db(&sandbox, &["local", "restore", file, "--yes"]);
        assert!(run.code == Some(code) && run.err.contains(words), "{file}: {}", run.err);
        assert_eq!(count(&server, "near"), "5000|5000", "{file}");
        assert_eq!(server.sql("near", "SELECT to_regclass('half') IS NULL").trim(), "t");
    }
}

#[test]
fn a_pull_is_one_transaction_with_its_anonymising() {
    testhost::needs_postgres!();
    let server = Postgres::start();
    fill(&server, "near", 1);
    fill(&server, "far", 2000);
    let sandbox = sandbox(&server);
    sandbox.write("anonymise.sql", "UPDATE users SET email = 'nobody' || id || '@example.org' WHERE id > 10;\n");
    sandbox.write("broken.sql", "UPDATE users SET no_such_column = 1;\n");
    sandbox.write("leaves.sql", "UPDATE users SET email = '';\nCOMMIT;\n");
    for (args, code, words) in [
        (&["pull", "staging", "prod", "--yes"][..], 2, "nothing is pulled into it"),
        (&["pull", "staging", "staging", "--yes"], 2, "the two stages are one"),
        (&["pull", "prod", "local"], 2, "there is no terminal to ask on"),
        (&["pull", "staging", "local", "--tables", "a*", "--yes"], 2, "names no table"),
        (&["pull", "staging", "local", "--anonymise", "leaves.sql", "--yes"], 2, "leaves.sql:2: `COMMIT`"),
        (&["pull", "staging", "local", "--anonymise", "broken.sql", "--yes"], 1, "no_such_column"),
        (&["pull", "staging", "local", "--tables", "nothing", "--yes"], 1, "no matching tables"),
        (&["pull", "staging", "local", "--tables", "users", "--yes"], 1, "other objects depend on it"),
        (&["local", "pull", "staging", "local"], 2, "names both stages itself"),
    ] {
        let run = db(&sandbox, args);
        assert!(run.code == Some(code) && run.err.contains(words), "{args:?}: {:?} {}", run.code, run.err);
        assert_eq!(count(&server, "near"), "1|1", "{args:?}");
    }
    let run = well(&sandbox, &["pull", "staging", "local", "--anonymise", "anonymise.sql", "--yes"]);
    assert!(run.err.contains("pulled staging to local") && run.err.contains("/s)"), "{}", run.err);
    assert_eq!(count(&server, "near"), "2000|10");
    assert_eq!(count(&server, "far"), "2000|2000", "the source is as it was");
    assert_eq!(server.sql("near", "SELECT tableowner FROM pg_tables WHERE tablename = 'users'").trim(), "shop");
    server.sql("far", "SET ROLE shop; INSERT INTO billing.bills VALUES (1)");
    well(&sandbox, &["pull", "staging", "local", "--tables", "billing.bills", "--yes"]);
    assert_eq!(server.sql("near", "SELECT count(*) FROM billing.bills").trim(), "1");
    assert_eq!(count(&server, "near"), "2000|10", "other tables are as they were");
    // Somebody else's restore holds the lock until its transaction ends.
    let holder =
        sandbox.command(&["db", "local", "shell", "-c", "SELECT pg_advisory_lock(120265231132530), pg_sleep(60)"]);
    let mut holder =
        { holder }.env("MANAGR_ENDPOINT", stage::endpoint()).stdout(std::process::Stdio::null()).spawn().unwrap();
    while server.sql("near", "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'").trim() == "0" {}
    let second = db(&sandbox, &["pull", "staging", "local", "--yes"]);
    assert!(second.code == Some(1) && second.err.contains("another restore or pull"), "{}", second.err);
    nix::sys::signal::kill(
        nix::unistd::Pid::from_raw(holder.id().try_into().unwrap()),
        nix::sys::signal::Signal::SIGKILL,
    )
    .unwrap();
    holder.wait().unwrap();
}

#[test]
fn snapshots_are_made_listed_and_gone_back_to() {
    let manifest = format!("{MANIFEST}\n[databases.main]\n");
    let sandbox = Sandbox::with_manifest(&manifest);
    let _platform = sandbox.platform();
    let db = |args: &[&str]| sandbox.run(&[&["db", "local"], args].concat());
    let missing = db(&["snapshot"]);
    assert!(
        missing.code == Some(1) && missing.err.contains("there is no instance `demo-main-local`"),
        "{}",
        missing.err
    );
    let call = |operation: &str, input: serde_json::Value| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let client = Client::new(Options::local(sandbox.endpoint(), "us-east-1")).unwrap();
        let input = input.as_object().unwrap().clone();
        runtime.block_on(client.call(&RDS, operation, input)).unwrap()
    };
    call(
        "CreateDBInstance",
        json!({
            "DBInstanceIdentifier": "demo-main-local", "Engine": "postgres", "DBInstanceClass": "db.t4g.small",
            "AllocatedStorage": 20, "MasterUsername": "demo", "MasterUserPassword": "hunter2hunter2",
        }),
    );
    assert!(db(&["snapshots"]).err.contains("has no snapshots"));
    let made = db(&["snapshot", "before-import"]);
    assert_eq!((made.code, made.out.trim()), (Some(0), "before-import"), "{}", made.err);
    let named = db(&["snapshot"]);
    assert!(named.code == Some(0) && named.out.starts_with("demo-main-local-at-20"), "{}{}", named.out, named.err);
    for (args, code, words) in [
        (&["snapshot", "before-import"][..], 1, "before-import"),
        (&["snapshot", "no--name"], 2, "is no name of a snapshot"),
        (&["rollback", "before-inport"], 2, "did you mean `before-import`?"),
        (&["rollback", "before-import"], 2, "there is no terminal to ask on"),
        (&["snapshots", "--database", "mian"], 2, "did you mean `main`?"),
    ] {
        let run = db(args);
        assert!(run.code == Some(code) && run.err.contains(words), "{args:?}: {:?} {}", run.code, run.err);
    }
    let listed: serde_json::Value = serde_json::from_str(&db(&["snapshots", "--json"]).out).unwrap();
    assert_eq!(
        (&listed[0]["name"], &listed[0]["available"], listed.as_array().unwrap().len()),
        (&"before-import".into(), &true.into(), 2)
    );
    let back = db(&["rollback", "before-import", "--yes"]);
    assert_eq!(back.code, Some(0), "{}", back.err);
    assert!(back.err.contains("loses everything that was written in the last"), "{}", back.err);
    let all = call("DescribeDBInstances", json!({}));
    let names: Vec<&str> = all["DBInstances"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["DBInstanceIdentifier"].as_str().unwrap())
        .collect();
    assert_eq!(names.len(), 2, "{names:?}");
    assert!(
        names.contains(&"demo-main-local") && names.iter().any(|name| name.starts_with("demo-main-local-old-")),
        "{names:?}"
    );
    let instance = all["DBInstances"]
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["DBInstanceIdentifier"] == "demo-main-local")
        .unwrap();
    assert_eq!(
        (&instance["DBInstanceClass"], &instance["DBInstanceStatus"]),
        (&"db.t4g.small".into(), &"available".into())
    );
}
