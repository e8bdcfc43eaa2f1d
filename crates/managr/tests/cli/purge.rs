//! What a purge spares, and what it asks before.

use crate::pty::Pty;
use crate::sandbox::{MANIFEST, Sandbox};

const OTHER: &str = "app = \"shop\"\n[services.web.containers.web]\nimage = \"nginx:1.27\"\n";

/// A platform in the background with two applications on it; the first one's directory.
fn two_applications() -> Sandbox {
    let sandbox = Sandbox::with_manifest(MANIFEST);
    sandbox.write("other/managr.toml", OTHER);
    let started = sandbox.run(&["platform", "start", "--engine", "simulated"]);
    assert_eq!(started.code, Some(0), "{}", started.err);
    for up in [&["up", "--detach"][..], &["up", "--detach", "--file", "other/managr.toml"]] {
        let up = sandbox.run(up);
        assert_eq!(up.code, Some(0), "{}", up.err);
    }
    sandbox
}

#[test]
fn a_purge_does_not_take_another_application_along_unless_it_is_told_to() {
    let sandbox = two_applications();
    let refused = sandbox.run(&["down", "--purge"]);
    assert_eq!(refused.code, Some(6), "{}", refused.err);
    for words in ["1 cluster: shop-cluster", "1 service: shop-cluster/shop-web-local", "managr down --purge --all"] {
        assert!(refused.err.contains(words), "no `{words}` in {}", refused.err);
    }
    assert!(!refused.err.contains("demo"), "its own is not told: {}", refused.err);
    assert_eq!(sandbox.run(&["status"]).code, Some(0), "nothing was changed");
    assert_eq!(sandbox.run(&["status", "--file", "other/managr.toml"]).code, Some(0));

    // The files tell the same when no platform runs.
    assert_eq!(sandbox.run(&["platform", "stop"]).code, Some(0));
    let stopped = sandbox.run(&["down", "--purge"]);
    assert_eq!((stopped.code, stopped.err == refused.err), (Some(6), true), "{}", stopped.err);
    assert!(sandbox.data_dir().exists());

    let all = sandbox.run(&["down", "--purge", "--all"]);
    assert_eq!(all.code, Some(0), "{}", all.err);
    assert!(!sandbox.data_dir().exists());
    assert_eq!(sandbox.run(&["down", "--purge"]).code, Some(0), "nothing is left to ask about");
}

#[test]
fn what_is_all_this_applications_goes_without_a_question() {
    let sandbox = two_applications();
    assert_eq!(sandbox.run(&["down", "--purge", "--file", "other/managr.toml"]).code, Some(6));
    // The other one is taken down by hand, in what a purge of one's own would not touch either.
    let down = sandbox.run(&["platform", "reset"]);
    assert_eq!(down.code, Some(0), "{}", down.err);
    assert_eq!(sandbox.run(&["up", "--detach"]).code, Some(0));
    let purged = sandbox.run(&["down", "--purge"]);
    assert_eq!(purged.code, Some(0), "{}", purged.err);
    assert!(!sandbox.data_dir().exists());
}

#[test]
fn a_platforms_own_purge_says_what_goes() {
    let sandbox = two_applications();
    let purged = sandbox.run(&["platform", "purge"]);
    assert_eq!(purged.code, Some(0), "{}", purged.err);
    for words in ["this removes:", "2 clusters: demo-cluster, shop-cluster", "2 services: ", "1 secret: demo/local"] {
        assert!(purged.err.contains(words), "no `{words}` in {}", purged.err);
    }
    assert!(!sandbox.data_dir().exists());
}

#[test]
fn a_person_is_asked_and_no_is_no() {
    let sandbox = two_applications();
    let mut pty = Pty::spawn(&sandbox.command(&["down", "--purge"]));
    pty.wait_for("1 service: shop-cluster/shop-web-local");
    pty.wait_for("remove all of it? [y/N]");
    pty.type_in("n\r");
    let (status, shown) = pty.end();
    assert_eq!(status.code(), Some(6), "{shown}");
    assert!(shown.contains("declined; nothing was changed"), "{shown}");
    assert_eq!(sandbox.run(&["status"]).code, Some(0), "nothing was changed");

    let mut pty = Pty::spawn(&sandbox.command(&["down", "--purge"]));
    pty.wait_for("remove all of it? [y/N]");
    pty.type_in("y\r");
    let (status, shown) = pty.end();
    assert_eq!(status.code(), Some(0), "{shown}");
    assert!(!sandbox.data_dir().exists());
}
