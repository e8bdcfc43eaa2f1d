//! `managr vars check`, against files alone and against the simulated platform.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use aws::{ECS, SECRETS};
use serde_json::{Value, json};

use crate::sandbox::{MANIFEST, Sandbox};
use crate::verify::call;

const BROKEN: &str = r#"app = "demo"

[variables]
DEBUG = "False"
DATABSE_URL = "postgres://db/demo"
DATABASE_URL = "postgres://db/demo"
DB_PASSWORD = "hunter2"

[secrets]
SECRET_KEY = { generate = true }
newsApiKey = {}
TOKEN = { from = "arn:aws:ssm:us-east-1:123456789012:parameter/demo/token" }

[services.app.containers.web]
image = "127.0.0.1:9/nginx:1.27"
variables = { DEBUG = "False" }

[services.app.containers.worker]
image = "127.0.0.1:9/nginx:1.27"

[stages.local]
secrets-file = ".env"

[stages.staging]
subnets = ["subnet-1", "subnet-2"]
security-groups = ["sg-1"]
"#;

#[test]
fn a_clean_manifest_has_no_findings() {
    let sandbox = Sandbox::with_manifest(MANIFEST);
    insta::assert_snapshot!(sandbox.run(&["vars", "check"]).transcript(), @"
    exit 0
    --- out
    --- err
    variables of local: 0 errors, 0 warnings
    ");
    assert_eq!(sandbox.run(&["vars", "check", "--quiet"]).transcript(), "exit 0\n--- out\n--- err\n");
}

#[test]
fn what_is_wrong_is_told_with_its_line_and_what_to_do() {
    let sandbox = Sandbox::with_manifest(BROKEN);
    sandbox.write(".env", "newApiKey=hunter2\n");
    let run = sandbox.run(&["vars", "check", "local", "--offline"]);
    insta::assert_snapshot!(run.transcript(), @"
    exit 5
    --- out
    error: managr.toml:7:1: DB_PASSWORD looks like a credential, and is plain: everyone who may describe the task of app/web and app/worker can read it [vars::plain-credential]
      next: declare it as `DB_PASSWORD = {}` under [secrets] instead, and `managr vars set local DB_PASSWORD --secret`
    error: managr.toml:11:1: newsApiKey is declared and has no value in `.env` [vars::no-value]
      next: `newApiKey` has a value that nothing uses: give both the same name
    warning: stage local: newApiKey has a value in `.env`, and no secret of the manifest uses it [vars::unused-value]
      next: `newsApiKey` is declared and has no value: call both the same
    warning: managr.toml:5:1: DATABSE_URL and `DATABASE_URL` differ by what looks like a slip: app/web and app/worker get both [vars::near-miss]
      next: if both mean one thing, call it by one name
    warning: managr.toml:16:15: DEBUG has the same value as `variables.DEBUG`, which app/web would have anyway [vars::repeated]
      next: take this line out
    --- err
    variables of local: 2 errors, 3 warnings
    ");
    let quiet = sandbox.run(&["vars", "check", "--quiet"]);
    assert!(quiet.out.contains("error:") && !quiet.out.contains("warning:") && quiet.err.is_empty(), "{quiet:?}");
}

#[test]
fn warnings_fail_only_the_strict() {
    let sandbox = Sandbox::with_manifest(&MANIFEST.replace("DEBUG", "DATABSE_URL = \"a\"\nDATABASE_URL"));
    let run = sandbox.run(&["vars", "check", "--json"]);
    let report: Value = serde_json::from_str(&run.out).unwrap();
    assert_eq!((run.code, &report["errors"], &report["warnings"]), (Some(0), &json!(0), &json!(1)));
    let finding = &report["findings"][0];
    assert_eq!(finding["rule"], "vars::near-miss");
    assert_eq!(finding["place"], json!({"path": "variables.DATABSE_URL", "line": 4, "column": 1}));
    assert_eq!(sandbox.run(&["vars", "check", "--strict"]).code, Some(5));
    assert_eq!(sandbox.run(&["vars", "check", "nowhere"]).code, Some(2));
}

#[test]
fn a_file_that_is_not_there_is_not_looked_at() {
    let sandbox = Sandbox::with_manifest(&format!("{MANIFEST}\n[stages.local]\nsecrets-file = \".env\"\n"));
    let run = sandbox.run(&["vars", "check"]);
    assert_eq!(run.code, Some(0), "{run:?}");
    assert!(run.err.contains("not looked at: local: `.env`: No such file"), "{}", run.err);
    sandbox.write(".env", "hunter2\n");
    let run = sandbox.run(&["vars", "check"]);
    assert!(run.err.contains("line 1 is not NAME=value") && !run.transcript().contains("hunter2"), "{run:?}");
}

/// A stage that was deployed in good order.
const STAGED: &str = r#"app = "demo"

[variables]
DEBUG = "False"

[secrets]
SECRET_KEY = {}
newsApiKey = {}

[services.app.containers.web]
image = "127.0.0.1:9/nginx:1.27"

[services.app.containers.worker]
image = "127.0.0.1:9/nginx:1.27"

[stages.staging]
subnets = ["subnet-1", "subnet-2"]
security-groups = ["sg-1"]
[stages.prod]
"#;

fn secret(sandbox: &Sandbox, stage: &str, values: &Value) {
    let name = format!("demo/{stage}");
    let input = json!({ "Name": name, "SecretString": values.to_string(), "ClientRequestToken": "x".repeat(32) });
    call(sandbox, &[(&SECRETS, "CreateSecret", input)]);
}

/// Registers what runs again, changed, and makes the service run that.
fn by_hand(sandbox: &Sandbox, change: impl Fn(&mut Value)) {
    let named = json!({ "taskDefinition": "demo-app-task-staging" });
    let mut document = call(sandbox, &[(&ECS, "DescribeTaskDefinition", named)])[0]["taskDefinition"].clone();
    let members = document.as_object_mut().unwrap();
    members.retain(|member, _| aws_model::register::COMPUTED.iter().all(|computed| computed != member));
    change(&mut document["containerDefinitions"]);
    let update = json!({ "cluster": "demo-cluster", "service": "demo-app-staging",
                         "taskDefinition": "demo-app-task-staging" });
    call(sandbox, &[(&ECS, "RegisterTaskDefinition", document), (&ECS, "UpdateService", update)]);
}

#[test]
fn what_runs_and_what_has_a_value_is_compared_with_the_manifest() {
    let sandbox = Sandbox::with_manifest(STAGED);
    let _platform = sandbox.platform();
    let args = ["vars", "check", "staging", "--read-secrets"];

    let run = sandbox.run(&args);
    assert_eq!(run.code, Some(5), "{run:?}");
    assert!(run.out.contains("demo/staging is not there, and holds the secrets of `staging`"), "{}", run.out);
    assert!(run.err.contains("not looked at: staging: service `demo-app-staging`: it is not there"), "{}", run.err);

    secret(&sandbox, "staging", &json!({ "SECRET_KEY": "hunter2", "newsApiKey": "hunter2" }));
    let deployed = sandbox.run(&["deploy", "staging", "--yes", "--no-verify"]);
    assert_eq!(deployed.code, Some(0), "{deployed:?}");
    insta::assert_snapshot!(sandbox.run(&args).transcript(), @"
    exit 0
    --- out
    --- err
    variables of staging: 0 errors, 0 warnings
    ");

    by_hand(&sandbox, |containers| {
        let worker = containers.as_array_mut().unwrap().iter_mut().find(|c| c["name"] == "worker").unwrap();
        worker["secrets"].as_array_mut().unwrap().retain(|secret| secret["name"] != "newsApiKey");
        worker["environment"].as_array_mut().unwrap().push(json!({"name": "BY_HAND", "value": "hunter2"}));
        let gone = json!({"name": "GONE", "valueFrom": "arn:aws:ssm:us-east-1:123456789012:parameter/demo/gone"});
        worker["secrets"].as_array_mut().unwrap().push(gone);
    });
    let put = json!({ "SecretId": "demo/staging", "SecretString": json!({ "SECRET_KEY": "hunter2", "newApiKey": "hunter2" }).to_string(),
                      "ClientRequestToken": "y".repeat(32) });
    call(&sandbox, &[(&SECRETS, "PutSecretValue", put)]);
    let run = sandbox.run(&args);
    insta::assert_snapshot!(run.transcript(), @"
    exit 5
    --- out
    error: stage staging: GONE has a source that is not there: there is no parameter `/demo/gone`; app/worker cannot start again [vars::absent-source]
      next: make it, or `managr deploy staging`: the manifest does not name it
    error: managr.toml:8:1: newsApiKey is declared and has no value in the stage's secret [vars::no-value]
      next: `newApiKey` has a value that nothing uses: give both the same name
    error: managr.toml:8:1: newsApiKey is missing where app/worker runs in `staging`, and app/web has it; the manifest gives it to both [vars::live-missing]
      next: `managr deploy staging` brings it
    warning: stage staging: newApiKey has a value in the stage's secret, and no secret of the manifest uses it [vars::unused-value]
      next: `newsApiKey` is declared and has no value: call both the same
    warning: stage staging: BY_HAND is there where app/worker runs in `staging` and missing in app/web of the same image; the manifest does not give it [vars::sibling]
      next: put it under [variables] to keep it; `managr deploy staging` takes it away otherwise
    warning: stage staging: GONE is there where app/worker runs in `staging` and missing in app/web of the same image; the manifest does not give it [vars::sibling]
      next: put it under [secrets] to keep it; `managr deploy staging` takes it away otherwise
    --- err
    variables of staging: 3 errors, 3 warnings
    ");

    let unread = sandbox.run(&["vars", "check", "staging"]);
    let words = "not looked at: staging: keys of `demo/staging`: secrets are not read without being asked to";
    assert!(unread.err.contains(words) && !unread.out.contains("has no value"), "{unread:?}");

    secret(&sandbox, "prod", &json!({ "SECRET_KEY": "hunter2", "newsApiKey": "hunter2" }));
    let both = sandbox.run(&["vars", "check", "staging", "prod", "--read-secrets"]);
    assert!(both.out.contains("has no value in the stage's secret; stage `prod` has one"), "{}", both.out);
    for run in [&run, &unread, &both] {
        assert!(!run.transcript().contains("hunter2"), "a value is shown");
    }
}

#[test]
fn a_stage_that_nobody_answers_for_is_a_failure() {
    let sandbox = Sandbox::with_manifest(STAGED);
    let run = sandbox.run(&["vars", "check", "staging"]);
    assert_eq!(run.code, Some(1), "{run:?}");
    assert!(run.err.contains("--offline reads the manifest alone"), "{}", run.err);
    assert_eq!(sandbox.run(&["vars", "check", "staging", "--offline"]).code, Some(0));
}

#[test]
fn plan_and_verify_tell_of_what_the_manifest_alone_shows() {
    let sandbox = Sandbox::with_manifest(BROKEN);
    sandbox.write(".env", "newsApiKey=hunter2\n");
    let _platform = sandbox.platform();
    let plan = sandbox.run(&["plan", "local"]);
    assert_eq!(plan.code, Some(0), "{plan:?}");
    insta::assert_snapshot!(plan.err, @"
    error: managr.toml:7:1: DB_PASSWORD looks like a credential, and is plain: everyone who may describe the task of app/web and app/worker can read it
    warning: managr.toml:5:1: DATABSE_URL and `DATABASE_URL` differ by what looks like a slip: app/web and app/worker get both
    warning: managr.toml:16:15: DEBUG has the same value as `variables.DEBUG`, which app/web would have anyway
    ");
    let json = sandbox.run(&["plan", "local", "--json"]);
    assert!(serde_json::from_str::<Value>(&json.out).is_ok() && json.err.contains("DB_PASSWORD"), "{json:?}");

    let verify = sandbox.run(&["verify", "local"]);
    assert_eq!(verify.code, Some(5), "{verify:?}");
    let at = verify.out.find("  Variables\n").unwrap();
    let topic: String = verify.out[at..].lines().take(4).map(|line| format!("{line}\n")).collect();
    insta::assert_snapshot!(topic, @"
      Variables
        FAIL Variable[DB_PASSWORD]: looks like a credential, and is plain: everyone who may describe the task of app/web and app/worker can read it (line 7 of the manifest)
        warn Variable[DATABSE_URL]: and `DATABASE_URL` differ by what looks like a slip: app/web and app/worker get both (line 5 of the manifest)
        warn Variable[DEBUG]: has the same value as `variables.DEBUG`, which app/web would have anyway (line 16 of the manifest)
    ");
}

/// An endpoint that knows one secret, lets no caller read it, and says who asked for what.
fn guarded() -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&asked);
    std::thread::spawn(move || {
        for socket in listener.incoming() {
            let mut socket = BufReader::new(socket.unwrap());
            let mut head = String::new();
            while !head.ends_with("\r\n\r\n") && socket.read_line(&mut head).unwrap_or(0) > 0 {}
            let header = |name: &str| {
                let mut lines = head.lines().filter_map(|line| line.split_once(": "));
                lines.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned())
            };
            let length = header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
            let mut body = vec![0; length];
            let _ = socket.read_exact(&mut body);
            let target = header("x-amz-target").unwrap_or_default();
            let operation = target.rsplit('.').next().unwrap_or_default().to_owned();
            let (status, answer) = match operation.as_str() {
                "DescribeServices" => (200, json!({ "services": [], "failures": [] })),
                "DescribeSecret" => {
                    (200, json!({ "ARN": "arn:aws:secretsmanager:us-east-1:1:secret:demo/staging-AbCdEf" }))
                }
                _ => (400, json!({ "__type": "AccessDeniedException", "message": "no" })),
            };
            log.lock().unwrap().push(operation);
            let answer = answer.to_string();
            let words =
                format!("HTTP/1.1 {status} X\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{answer}", answer.len());
            let _ = socket.get_mut().write_all(words.as_bytes());
        }
    });
    (format!("http://{address}"), asked)
}

#[test]
fn a_secret_is_read_only_when_asked_to_and_what_is_refused_is_said() {
    let sandbox = Sandbox::with_manifest(STAGED);
    let (endpoint, asked) = guarded();
    let check = |args: &[&str]| {
        let args = [&["--endpoint", &endpoint, "vars", "check", "staging"], args].concat();
        (sandbox.run(&args), std::mem::take(&mut *asked.lock().unwrap()))
    };
    let (run, asked) = check(&[]);
    assert_eq!(
        (run.code, asked),
        (Some(0), vec!["DescribeServices".to_owned(), "DescribeSecret".to_owned()]),
        "{run:?}"
    );
    assert!(run.err.contains("(use --read-secrets)"), "{}", run.err);

    let (run, asked) = check(&["--read-secrets"]);
    assert_eq!((run.code, asked.last().map(String::as_str)), (Some(0), Some("GetSecretValue")), "{run:?}");
    assert!(run.err.contains("not allowed to call secretsmanager GetSecretValue: no"), "{}", run.err);

    let (run, asked) = check(&["--offline"]);
    assert_eq!((run.code, asked.len()), (Some(0), 0), "{run:?}");
}
