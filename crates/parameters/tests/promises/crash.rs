//! `kill -9` at any moment: what was acknowledged is there, and a lock that was taken stays taken.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use crate::{REGION, again, code, new, open, read, secure};

/// Not a test of its own: the process that `killed_putters_lose_nothing` kills.
#[tokio::test]
async fn puts_until_killed() {
    let Ok(dir) = std::env::var("PARAMETERS_CRASH_DIR") else { return };
    let parameters = open(dir.as_ref());
    let mut out = std::io::stdout().lock();
    writeln!(out).unwrap();
    let taken = code(parameters.put(REGION, new("/lock", "mine")).await);
    writeln!(out, "lock {taken}").unwrap();
    if taken == "accepted" {
        parameters.put(REGION, secure("/counter", "1")).await.unwrap();
        writeln!(out, "ack 1").unwrap();
    }
    loop {
        let next = parameters.describe(REGION, "/counter").unwrap().latest().number + 1;
        let put = parameters.put(REGION, again("/counter", &next.to_string())).await.unwrap();
        writeln!(out, "ack {}", put.version).unwrap();
    }
}

#[test]
fn killed_putters_lose_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut acknowledged = 0;
    for (life, stop_after) in [1, 3, 120, 7].into_iter().enumerate() {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "crash::puts_until_killed", "--nocapture"])
            .env("PARAMETERS_CRASH_DIR", dir.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut seen = 0;
        for line in BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok) {
            if let Some(taken) = line.strip_prefix("lock ") {
                assert_eq!(taken, if life == 0 { "accepted" } else { "ParameterAlreadyExists" });
            }
            if let Some(version) = line.strip_prefix("ack ").and_then(|v| v.parse::<i64>().ok()) {
                acknowledged = version;
                seen += 1;
                if seen == stop_after {
                    child.kill().unwrap(); // what is left in the pipe was acknowledged as well
                }
            }
        }
        child.wait().unwrap();
        assert!(seen >= stop_after, "life {life} ended by itself after {seen}");
        let parameters = open(dir.path());
        let version = parameters.describe(REGION, "/counter").unwrap().latest().number;
        // One may have been stored whose answer was not written any more.
        assert!((acknowledged..=acknowledged + 1).contains(&version), "{version} of {acknowledged} acknowledged");
        assert_eq!(read(&parameters, "/counter"), format!("{version}={version}"));
    }
}
