//! Schedules in real containers: one in a zone that EventBridge Scheduler fires each minute, one that fails, and both by
//! hand. What `managr` says of them is what became of their containers.

use std::process::{Command, Output};
use std::time::{Duration, Instant};

use e2e_native::image::push_busybox;
use e2e_native::platform::{Platform, binary};
use serde_json::Value;

/// A stage with two schedules.
struct Bench {
    platform: Platform,
}

impl Bench {
    async fn new() -> Self {
        let platform = Platform::start().await;
        let image = push_busybox(&platform, "tools").await;
        let text = format!(
            "app = \"shop\"\n\n\
             [schedules.minutely]\nschedule = \"cron(* * * * ? *)\"\ntimezone = \"Asia/Kolkata\"\nimage = \"{image}\"\n\
             command = [\"sh\", \"-c\", \"echo it is time\"]\n\n\
             [schedules.failing]\nschedule = \"rate(1 day)\"\nvia = \"scheduler\"\nimage = \"{image}\"\n\
             command = [\"sh\", \"-c\", \"echo it goes wrong; exit 3\"]\n\n\
             [stages.test]\nsubnets = [\"subnet-1\"]\n"
        );
        std::fs::write(platform.dir.path().join("managr.toml"), text).expect("the directory is writable");
        let bench = Self { platform };
        let deploy = bench.managr(&["deploy", "test", "--yes"]);
        assert!(deploy.status.success(), "{}\n{}", err(&deploy), bench.platform.log());
        bench
    }

    fn managr(&self, args: &[&str]) -> Output {
        Command::new(binary())
            .args(args)
            .current_dir(self.platform.dir.path())
            .env("MANAGR_ENDPOINT", self.platform.endpoint())
            .output()
            .expect("the binary runs")
    }

    /// Returns what is said of a schedule.
    fn shown(&self, schedule: &str) -> Value {
        let shown = self.managr(&["schedules", "test", "--json"]);
        assert!(shown.status.success(), "{}", err(&shown));
        let shown: Value = serde_json::from_slice(&shown.stdout).expect("it is JSON");
        let all = shown["schedules"].as_array().expect("a list");
        all.iter().find(|one| one["schedule"] == schedule).expect("it is in the manifest").clone()
    }

    /// Waits until a run of a schedule has ended.
    fn ended(&self, schedule: &str) -> Value {
        let since = Instant::now();
        loop {
            let shown = self.shown(schedule);
            if !shown["last"].is_null() && shown["last"]["outcome"] != "running" {
                return shown;
            }
            assert!(since.elapsed() < Duration::from_secs(150), "{shown:#}\n{}", self.platform.log());
            std::thread::sleep(Duration::from_millis(500));
        }
    }
}

fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn schedules_run_their_commands_and_say_how_it_went() {
    testhost::needs_root!();
    let bench = Bench::new().await;
    // A rate begins at once, in Scheduler.
    let failing = bench.ended("failing");
    assert_eq!((&failing["last"]["outcome"], &failing["last"]["code"]), (&"failed".into(), &3.into()), "{failing:#}");
    let status = out(&bench.managr(&["status", "test"]));
    assert!(status.contains("schedule failing: its last run failed") && status.contains("exit code 3"), "{status}");

    let minutely = bench.ended("minutely");
    assert_eq!(minutely["last"]["outcome"], "succeeded", "{minutely:#}");
    assert!(minutely["nextUtc"].as_str().is_some_and(|next| next.ends_with(":00Z")), "{minutely:#}");
    let logs = bench.managr(&["logs", "test", "minutely"]);
    assert!(out(&logs).contains("it is time"), "{}{}", out(&logs), err(&logs));

    // By hand it is the same task, and its end is this command's.
    let by_hand = bench.managr(&["schedules", "run", "test", "failing"]);
    assert_eq!(by_hand.status.code(), Some(3), "{}{}", out(&by_hand), err(&by_hand));
    assert_eq!(out(&by_hand), "it goes wrong\n");
    assert_eq!(bench.shown("failing")["last"]["byHand"], true);

    let disabled = bench.managr(&["schedules", "disable", "test", "minutely"]);
    assert!(disabled.status.success(), "{}", err(&disabled));
    let still = bench.shown("minutely");
    assert_eq!((&still["enabled"], &still["next"]), (&false.into(), &Value::Null), "{still:#}");
}
