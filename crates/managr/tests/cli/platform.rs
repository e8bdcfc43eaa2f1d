//! The platform as a process: started, found, stopped.

use std::net::TcpListener;

use serde_json::Value;

use crate::sandbox::Sandbox;

#[test]
fn a_platform_starts_once_stops_once_and_says_so() {
    let sandbox = Sandbox::new();
    assert_eq!(sandbox.run(&["platform", "status"]).code, Some(1));

    let started = sandbox.run(&["platform", "start", "--engine", "simulated"]);
    assert_eq!(started.code, Some(0), "{}", started.err);
    let again = sandbox.run(&["platform", "start", "--engine", "simulated"]);
    assert!(again.err.contains("runs already"), "{}", again.err);
    let status = sandbox.run(&["platform", "status", "--json"]);
    let status: Value = serde_json::from_str(&status.out).unwrap();
    assert_eq!((&status["running"], &status["platform"]["engine"]), (&true.into(), &"simulated".into()));
    assert_eq!(sandbox.run(&["platform", "reset"]).code, Some(0));

    let stopped = sandbox.run(&["platform", "stop"]);
    assert_eq!((stopped.code, stopped.err.as_str()), (Some(0), "the platform has stopped\n"));
    assert_eq!(sandbox.run(&["platform", "stop"]).err, "no platform runs here\n");
    assert_eq!(sandbox.run(&["platform", "status"]).code, Some(1));
}

#[test]
fn a_platform_that_cannot_start_says_why() {
    let sandbox = Sandbox::new();
    let address = sandbox.endpoint().replace("http://", "");
    let _taken = TcpListener::bind(address).unwrap();
    let run = sandbox.run(&["platform", "start", "--engine", "simulated"]);
    assert_eq!(run.code, Some(1));
    assert!(run.err.contains("could not listen on 127.0.0.1:PORT"), "{}", run.err);
    assert!(run.err.contains("choose another port"), "{}", run.err);
    assert_eq!(sandbox.run(&["platform", "stop"]).err, "no platform runs here\n");
}

#[test]
fn an_endpoint_elsewhere_is_not_started_here() {
    let sandbox = Sandbox::new();
    let run = sandbox.run(&["--endpoint", "http://10.9.8.7:4566", "platform", "start", "--engine", "simulated"]);
    assert_eq!(run.code, Some(2));
    assert!(run.err.contains("is not an address of this machine"), "{}", run.err);
}

#[test]
fn the_unit_for_every_boot_can_be_seen_without_writing_it() {
    let sandbox = Sandbox::new();
    let run = sandbox.run(&["platform", "install", "--print", "--subnet", "10.99.0.0/16", "--host", "dev.test"]);
    assert_eq!(run.code, Some(0), "{}", run.err);
    let command = run.out.lines().find(|line| line.starts_with("ExecStart=/")).expect("it starts something");
    for word in
        ["platform serve", "--listen=127.0.0.1:PORT", "--engine=native", "--subnet=10.99.0.0/16", "--host=dev.test"]
    {
        assert!(command.contains(word), "{word} in {command}");
    }
    for line in ["Type=notify", "KillMode=process", "Delegate=yes", "Restart=on-failure", "WantedBy=multi-user.target"]
    {
        assert!(run.out.lines().any(|said| said == line), "{line} in {}", run.out);
    }
}

/// Shows nothing on a machine that systemd runs; e2e/hosts installs there.
#[test]
fn without_systemd_nothing_is_installed_and_it_says_what_to_do_instead() {
    testhost::needs_root!();
    if std::path::Path::new("/run/systemd/system").exists() {
        return;
    }
    let sandbox = Sandbox::new();
    for verb in ["install", "uninstall"] {
        let run = sandbox.run(&["platform", verb]);
        assert_eq!(run.code, Some(1), "{verb}");
        assert!(run.err.contains("there is no systemd here"), "{}", run.err);
        assert!(run.err.contains("managr platform serve"), "{}", run.err);
    }
}
