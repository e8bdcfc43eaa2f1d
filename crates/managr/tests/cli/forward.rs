//! `managr forward`, and the plugin's installation.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::sandbox::{MANIFEST, Sandbox};
use crate::stage;

/// Sends back what comes, on any number of connections.
fn echo() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for socket in listener.incoming().flatten() {
            std::thread::spawn(move || std::io::copy(&mut socket.try_clone().unwrap(), &mut { socket }));
        }
    });
    port
}

/// Starts forwarding and returns where it listens.
fn forward(sandbox: &Sandbox, port: u16) -> (Child, String) {
    let ports = format!("0:{port}");
    let mut command = sandbox.command(&["forward", "local", &ports, "--json"]);
    let mut child = command
        .env("MANAGR_ENDPOINT", stage::endpoint())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let told: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!((&told["service"], &told["port"], &told["task"]), (&"app".into(), &port.into(), &stage::TASK.into()));
    (child, told["address"].as_str().unwrap().to_owned())
}

#[test]
fn many_connections_go_over_one_session_unmixed() {
    let sandbox = Sandbox::with_manifest(MANIFEST);
    let (mut child, address) = forward(&sandbox, echo());
    let clients = (0..20u8).map(|number| {
        let mut socket = TcpStream::connect(&address).unwrap();
        std::thread::spawn(move || {
            let data: Vec<u8> = (0..100_000u32).map(|at| (at.wrapping_mul(31) >> 3) as u8 ^ number).collect();
            let mut sender = socket.try_clone().unwrap();
            let sent = data.clone();
            let sending = std::thread::spawn(move || {
                sender.write_all(&sent).unwrap();
                sender.shutdown(std::net::Shutdown::Write).unwrap();
            });
            let mut back = Vec::new();
            socket.read_to_end(&mut back).unwrap();
            sending.join().unwrap();
            assert!(back == data, "connection {number}: {} bytes", back.len());
        })
    });
    clients.collect::<Vec<_>>().into_iter().for_each(|client| client.join().unwrap());
    kill(Pid::from_raw(child.id().try_into().unwrap()), Signal::SIGINT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0), "Ctrl-C is its ordinary end");
}

#[test]
fn a_port_that_takes_no_connections_is_told_of() {
    let sandbox = Sandbox::with_manifest(MANIFEST);
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let (mut child, address) = forward(&sandbox, closed);
    let mut rest = Vec::new();
    assert_eq!(TcpStream::connect(&address).unwrap().read_to_end(&mut rest).unwrap_or(0), 0);
    let told = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
    let wanted = format!("port {closed} of the container takes no connections");
    assert!(told.into_iter().any(|line| line == wanted), "{wanted}");
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_port_here_that_is_taken_leads_to_another() {
    let sandbox = Sandbox::with_manifest(MANIFEST);
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let ports = format!("{}:80", taken.local_addr().unwrap().port());
    let run = sandbox.run(&["forward", "local", &ports]);
    assert_eq!(run.code, Some(255));
    assert!(run.err.contains("managr forward local 0:80"), "{}", run.err);
}

#[test]
fn the_plugin_is_a_link_that_replaces_nothing_of_others() {
    let sandbox = Sandbox::new();
    let run = |args: &[&str]| {
        let mut command = sandbox.command(args);
        command.env("PATH", sandbox.path().join("bin"));
        sandbox.told(command.output().unwrap())
    };
    assert_eq!(run(&["plugin", "status"]).code, Some(1));
    let installed = run(&["plugin", "install", "--dir", "bin"]);
    assert_eq!((installed.code, installed.err.contains("is managr now")), (Some(0), true), "{}", installed.err);
    assert_eq!(run(&["plugin", "status"]).code, Some(0));
    let banner = std::process::Command::new(sandbox.path().join("bin/session-manager-plugin")).output().unwrap();
    let text = "\nThe Session Manager plugin was installed successfully. Use the AWS CLI to start a session.\n\n";
    assert_eq!((banner.status.code(), String::from_utf8(banner.stdout).unwrap().as_str()), (Some(0), text));
    assert_eq!(run(&["plugin", "install", "--dir", "bin"]).code, Some(0), "again is the same");
    assert_eq!(run(&["plugin", "uninstall", "--dir", "bin"]).code, Some(0));
    sandbox.write("bin/session-manager-plugin", "#!/bin/sh\n");
    for verb in ["install", "uninstall"] {
        let refused = run(&["plugin", verb, "--dir", "bin"]);
        assert_eq!((refused.code, refused.err.contains("is not managr's")), (Some(5), true), "{}", refused.err);
    }
    assert_eq!(run(&["plugin", "install", "--dir", "bin", "--force"]).code, Some(0));
}
