//! A stage's database, from `up` to `down --purge`, on a platform in the process.

use serde_json::Value;

use crate::sandbox::Sandbox;

const SHOP: &str = r#"
app = "shop"
[databases.main]
version = "16"
storage = "20GiB"
[services.app.containers.web]
image = "nginx:1.27"
[stages.local]
"#;

/// Returns the lines that say that something was made, changed or removed.
fn done(text: &str) -> Vec<&str> {
    text.lines().filter(|line| line.starts_with(['+', '~', '-'])).collect()
}

#[test]
fn up_makes_it_once_and_its_secret_and_purge_removes_both() {
    let sandbox = Sandbox::with_manifest(SHOP);
    let _platform = sandbox.platform();

    let up = sandbox.run(&["up", "--detach"]);
    assert_eq!(up.code, Some(0), "{}", up.err);
    let made = done(&up.err);
    let at = |words: &str| made.iter().position(|line| line.contains(words)).unwrap_or_else(|| panic!("{words}: {made:?}"));
    assert!(at("database shop-main-local") < at("task definition"), "{made:?}");
    assert!(made.contains(&"+ secret shop/local/databases/main"), "{made:?}");

    let again = sandbox.run(&["up", "--detach"]);
    assert_eq!((again.code, done(&again.err)), (Some(0), vec![]), "nothing changes:\n{}", again.err);

    let status = sandbox.run(&["status"]);
    assert!(status.out.contains("shop-main-local  available  PostgreSQL 16"), "{}", status.out);
    let status: Value = serde_json::from_str(&sandbox.run(&["status", "--json"]).out).unwrap();
    let database = &status["databases"][0];
    assert_eq!((&database["database"], &database["storage"]), (&"main".into(), &20.into()), "{database}");
    let endpoint = database["endpoint"].as_str().unwrap();
    assert!(endpoint.starts_with("shop-main-local.") && endpoint.ends_with(".rds.localhost:5432"), "{endpoint}");

    let verify = sandbox.run(&["verify", "local", "--read-secrets"]);
    let told = format!("{}{}", verify.out, verify.err);
    assert!(told.contains("Database[main]"), "{told}");
    assert!(!told.contains("postgres://"), "no value is shown: {told}");

    sandbox.write("managr.toml", &SHOP.replace("20GiB", "30GiB"));
    let larger = sandbox.run(&["up", "--detach"]);
    assert_eq!((larger.code, done(&larger.err)), (Some(0), vec!["~ database shop-main-local"]), "{}", larger.err);

    sandbox.write("managr.toml", SHOP);
    let smaller = sandbox.run(&["up", "--detach"]);
    let why = "instance `shop-main-local` has a disk of 30 GiB: RDS cannot make it smaller (20 GiB); nothing was changed";
    assert!(smaller.code != Some(0) && smaller.err.contains(why), "{}", smaller.err);

    sandbox.write("managr.toml", &SHOP.replace("20GiB", "30GiB").replace("\"16\"", "\"15\""));
    let older = sandbox.run(&["up", "--detach"]);
    assert!(older.code != Some(0) && older.err.contains("it cannot become 15, which is older"), "{}", older.err);

    sandbox.write("managr.toml", &SHOP.replace("20GiB", "30GiB"));
    assert_eq!(sandbox.run(&["down"]).code, Some(0));
    assert!(sandbox.run(&["status"]).out.contains("shop-main-local  available"), "it stays");
    let purge = sandbox.run(&["down", "--purge", "--yes"]);
    assert_eq!(purge.code, Some(0), "{}", purge.err);
}

#[test]
fn an_instance_that_is_named_must_be_there_and_is_left_alone() {
    let named = format!("{SHOP}[stages.local.databases.main]\ninstance = \"shop-production\"\n");
    let sandbox = Sandbox::with_manifest(&named);
    let _platform = sandbox.platform();
    let up = sandbox.run(&["up", "--detach"]);
    assert!(up.code != Some(0), "{}", up.err);
    assert!(up.err.contains("database `main`: RDS has no instance `shop-production`"), "{}", up.err);
    assert!(up.err.contains("has no secret `shop/local/databases/main`"), "{}", up.err);
    assert!(!up.err.contains("+ task definition"), "{}", up.err);
}
