//! `managr vars`: the manifest edited in place, secrets in Secrets Manager, and what is refused.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

use deploy::vars::secret::{self, SecretChange};
use deploy_core::vars::json as keys;
use serde_json::{Value, json};

use crate::deploy::{APP, json as parsed, well};
use crate::pty::Pty;
use crate::sandbox::{Run, Sandbox};

/// Two stages, comments, and a variable of every kind.
fn manifest() -> String {
    APP.replace("DEBUG = \"True\"", "DEBUG = \"True\" # see the wiki")
        + "\n# where customers are\n[stages.prod]\nhost = \"app.example.com\"\n"
}

fn text(sandbox: &Sandbox) -> String {
    std::fs::read_to_string(sandbox.path().join("managr.toml")).unwrap()
}

/// Runs the program with something on its standard input.
fn piped(sandbox: &Sandbox, args: &[&str], input: &str) -> Run {
    let mut command = sandbox.command(args);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // Who refuses does not read it.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    sandbox.told(child.wait_with_output().unwrap())
}

fn well_piped(sandbox: &Sandbox, args: &[&str], input: &str) -> Run {
    let run = piped(sandbox, args, input);
    assert_eq!(run.code, Some(0), "{args:?}\n{}", run.transcript());
    run
}

fn client(sandbox: &Sandbox) -> aws::Client {
    aws::Client::new(aws::Options::local(sandbox.endpoint(), "us-east-1")).unwrap()
}

fn wait<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

fn call(sandbox: &Sandbox, operation: &str, input: Value) -> Value {
    let client = client(sandbox);
    let answer = wait(client.call(&aws::SECRETS, operation, input.as_object().unwrap().clone()));
    Value::Object(answer.unwrap_or_else(|error| panic!("{error}")))
}

/// Returns the text of the local stage's secret.
fn kept(sandbox: &Sandbox) -> String {
    call(sandbox, "GetSecretValue", json!({ "SecretId": "demo/local" }))["SecretString"].as_str().unwrap().to_owned()
}

#[test]
fn a_plain_variable_is_one_command_and_the_rest_of_the_manifest_stays() {
    let before = manifest();
    let sandbox = Sandbox::with_manifest(&before);
    let run = well(&sandbox, &["vars", "set", "all", "LOG_LEVEL=info"]);
    assert_eq!(run.err, "LOG_LEVEL: managr.toml:5 (variables.LOG_LEVEL)\nnext: managr deploy STAGE\n");
    assert_eq!(text(&sandbox), before.replace("# see the wiki\n", "# see the wiki\nLOG_LEVEL = \"info\"\n"));
    let run = well(&sandbox, &["vars", "set", "prod", "DEBUG=False"]);
    assert!(
        run.err.contains("(stages.prod.variables.DEBUG)") && run.err.ends_with("next: managr deploy prod\n"),
        "{}",
        run.err
    );
    assert!(text(&sandbox).ends_with("host = \"app.example.com\"\n\n[stages.prod.variables]\nDEBUG = \"False\"\n"));
    let run = well(&sandbox, &["vars", "set", "local", "ONLY=1", "--container", "worker"]);
    assert!(run.err.contains("other stages have no ONLY"), "{}", run.err);
    well(&sandbox, &["vars", "unset", "local", "ONLY"]);
    well(&sandbox, &["vars", "unset", "prod", "DEBUG"]);
    well(&sandbox, &["vars", "unset", "all", "LOG_LEVEL"]);
    assert_eq!(text(&sandbox), before);
    let run = well(&sandbox, &["vars", "set", "all", "DB_PASSWORD=hunter22"]);
    assert!(run.err.contains("DB_PASSWORD looks like a credential"), "{}", run.err);
}

#[test]
fn a_list_says_where_and_who() {
    let sandbox = Sandbox::with_manifest(&manifest());
    well(&sandbox, &["vars", "set", "prod", "DEBUG=False", "--container", "worker"]);
    insta::assert_snapshot!(well(&sandbox, &["vars", "list", "prod"]).out, @r"
    NAME        KIND    VALUE           FROM                         CONTAINERS
    DEBUG       plain   True            managr.toml:4                app/web
    DEBUG       plain   False           managr.toml:25 (stage prod)  app/worker
    SECRET_KEY  secret  key SECRET_KEY  managr.toml:7                app/web app/worker
    ");
    let listed = parsed(&well(&sandbox, &["vars", "list", "prod", "--container", "worker", "--json"]));
    assert_eq!(listed[0]["settings"][0]["over"], json!(["variables.DEBUG"]));
    assert_eq!(listed.as_array().map(Vec::len), Some(2));
}

fn refused(sandbox: &Sandbox, args: &[&str], code: i32, words: &str) {
    let before = text(sandbox);
    let run = piped(sandbox, &[&["vars"], args].concat(), "");
    assert_eq!(run.code, Some(code), "{args:?}\n{}", run.transcript());
    assert!(run.err.contains(words), "{args:?}\n{}", run.err);
    assert_eq!(run.out, "");
    assert!(!run.err.contains("hunter2"), "{}", run.err);
    assert_eq!(text(sandbox), before, "{args:?}");
}

#[test]
fn what_cannot_be_done_is_refused_before_anything_is() {
    let sandbox = Sandbox::with_manifest(&manifest());
    refused(&sandbox, &["set", "prod", "NEW=hunter2", "--secret"], 2, "every process can read arguments");
    refused(&sandbox, &["set", "prod", "SECRET_KEY=hunter2"], 2, "every process can read arguments");
    refused(&sandbox, &["set", "all", "NEW", "--secret", "--stdin"], 2, "belongs to one stage");
    refused(&sandbox, &["set", "prod", "NEW", "--secret"], 2, "--stdin");
    refused(&sandbox, &["set", "prod", "NEW", "--secret", "--stdin"], 2, "no value on standard input");
    refused(&sandbox, &["set", "prod", "NEW"], 2, "NEW=VALUE");
    refused(&sandbox, &["set", "prod", "NEW=1", "--stdin"], 2, "two values");
    refused(&sandbox, &["set", "prod", "DEBUG", "--secret", "--stdin"], 2, "DEBUG is a plain variable already");
    refused(&sandbox, &["set", "prd", "NEW=1"], 2, "prd");
    refused(&sandbox, &["set", "prod", "1NEW=1"], 2, "cannot be a variable's name");
    refused(&sandbox, &["set", "prod", "NEW=1", "--container", "wrker"], 2, "did you mean `worker`?");
    refused(&sandbox, &["set", "all", "NEW=1", "--roll", "--yes"], 2, "one stage");
    refused(&sandbox, &["set", "prod", "NEW=1", "--roll"], 2, "--yes");
    refused(&sandbox, &["unset", "prod", "DEBUG"], 2, "`managr vars unset all DEBUG`");
    refused(&sandbox, &["unset", "all", "DEBUGG"], 2, "did you mean `DEBUG`?");
    refused(&sandbox, &["list", "prod", "--reveal"], 2, "--yes");
    refused(&sandbox, &["list", "prod", "--container", "wrker"], 2, "did you mean `worker`?");
    refused(&sandbox, &["export", "prod", "--reveal"], 2, "--yes");
    refused(&sandbox, &["edit", "prod"], 2, "no terminal to edit on");
    refused(&sandbox, &["import", "prod", "none.env"], 2, "none.env");
    sandbox.write("bad.env", "A=1\nhunter2\n");
    refused(&sandbox, &["import", "prod", "bad.env"], 2, "bad.env: line 2 is not NAME=value");
    sandbox.write("secret.env", "TOKEN=hunter22222\n");
    refused(&sandbox, &["import", "all", "secret.env"], 2, "secret.env:1: TOKEN is a secret");
    refused(&sandbox, &["copy", "prod", "prod"], 2, "one");
}

#[test]
fn a_secret_goes_beside_the_others_and_nowhere_else() {
    let sandbox = Sandbox::with_manifest(&manifest());
    let _platform = sandbox.platform();
    let text_before = "{ \"OTHER\": {\"n\": 1.50},\n  \"SECRET_KEY\" : \"a\" }";
    call(&sandbox, "CreateSecret", json!({ "Name": "demo/local", "SecretString": text_before }));
    let run = well_piped(
        &sandbox,
        &["vars", "set", "local", "NEW", "--secret", "--stdin", "--container", "web"],
        "hunter2\n",
    );
    assert_eq!(
        run.err,
        "NEW: set NEW in the secret demo/local\nNEW: managr.toml:8 (secrets.NEW)\nit is declared for every stage: prod needs a value of its own before its next deploy\nnext: managr up --detach\n"
    );
    assert_eq!(kept(&sandbox), text_before.replace("\"a\" }", "\"a\",\n  \"NEW\" : \"hunter2\" }"));
    assert!(text(&sandbox).contains("NEW = { containers = [\"web\"] }\n"), "{}", text(&sandbox));
    let labels = call(&sandbox, "DescribeSecret", json!({ "SecretId": "demo/local" }))["VersionIdsToStages"].clone();
    let mut labels: Vec<String> = labels.as_object().unwrap().values().map(ToString::to_string).collect();
    labels.sort();
    assert_eq!(labels, ["[\"AWSCURRENT\"]", "[\"AWSPREVIOUS\"]"], "no label of ours stays");

    let rotated = well_piped(&sandbox, &["vars", "set", "local", "NEW", "--stdin"], "other");
    assert!(rotated.err.contains("managr deploy local --force"), "{}", rotated.err);
    let same = well_piped(&sandbox, &["vars", "set", "local", "NEW", "--stdin"], "other\n");
    assert!(same.err.contains("is so already"), "{}", same.err);
    let listed = well(&sandbox, &["vars", "list", "local"]);
    assert!(!listed.out.contains("other") && listed.out.contains("key NEW"), "{}", listed.out);
    assert!(well(&sandbox, &["vars", "list", "local", "--reveal", "--yes"]).out.contains("other"));

    refused(&sandbox, &["unset", "local", "NEW"], 2, "--yes");
    let run = well(&sandbox, &["vars", "unset", "local", "NEW", "--yes"]);
    assert!(run.err.contains("NEW is still declared"), "{}", run.err);
    assert_eq!(kept(&sandbox), text_before);
    well(&sandbox, &["vars", "unset", "all", "NEW"]);
    assert_eq!(text(&sandbox), manifest());
}

#[test]
fn a_value_goes_to_the_key_that_the_manifest_names() {
    let keyed = manifest().replace("SECRET_KEY = { generate = true }", "SMTP_USER = { key = \"smtpUser\" }");
    let text_before = keyed + "[stages.prod.secrets]\nSMTP_USER = { key = \"smtp_user\" }\n";
    let sandbox = Sandbox::with_manifest(&text_before);
    let _platform = sandbox.platform();
    sandbox.write("a.env", "SMTP_USER=first\n");
    let run = well(&sandbox, &["vars", "import", "local", "a.env", "--yes"]);
    assert!(run.err.contains("+ secret  SMTP_USER  (key smtpUser)"), "{}", run.err);
    assert_eq!(kept(&sandbox), r#"{"smtpUser":"first"}"#);
    assert!(well(&sandbox, &["vars", "import", "local", "a.env", "--yes"]).err.contains("is so already"));
    // The key's own name is no other variable.
    sandbox.write("b.env", "smtpUser=second\n");
    well(&sandbox, &["vars", "import", "local", "b.env", "--yes"]);
    assert_eq!(kept(&sandbox), r#"{"smtpUser":"second"}"#);
    assert_eq!(text(&sandbox), text_before, "nothing was declared a second time");
    refused(&sandbox, &["set", "local", "smtpUser", "--secret", "--stdin"], 2, "the key that the value of SMTP_USER");
    sandbox.write("c.env", "SMTP_USER=x\nsmtpUser=y\n");
    refused(&sandbox, &["import", "local", "c.env", "--yes"], 2, "another value of the key smtpUser");

    let mut command = sandbox.command(&["vars", "copy", "local", "prod", "SMTP_USER", "--yes"]);
    command.env("AWS_ENDPOINT_URL", sandbox.endpoint());
    let run = sandbox.told(command.output().unwrap());
    assert_eq!(run.code, Some(0), "{}", run.transcript());
    let theirs = call(&sandbox, "GetSecretValue", json!({ "SecretId": "demo/prod" }));
    assert_eq!(theirs["SecretString"], r#"{"smtp_user":"second"}"#);
}

#[test]
fn what_reaches_no_container_is_not_called_done() {
    let own = "\n[services.app.containers.web.variables]\nSHADE = \"own\"\n[services.app.containers.worker.variables]\nSHADE = \"own\"\n";
    let idle = manifest().replace("[secrets]\n", "[secrets]\nIDLE = { containers = [] }\n");
    let sandbox = Sandbox::with_manifest(&format!("{idle}{own}"));
    let _platform = sandbox.platform();
    let unreached = |args: &[&str], words: &str| {
        let run = piped(&sandbox, &[&["vars"], args].concat(), "v");
        assert_eq!(run.code, Some(5), "{args:?} {}", run.transcript());
        assert!(run.err.contains(words) && !run.err.contains("next: "), "{args:?} {}", run.err);
    };
    unreached(&["set", "all", "SHADE=light"], "SHADE was written, and no container of any stage gets it");
    unreached(&["set", "prod", "SHADE=light"], "managr.toml:");
    unreached(&["set", "local", "IDLE", "--secret", "--stdin"], "IDLE was written, and no container of local gets it");
    unreached(&["set", "local", "IDLE", "--secret", "--stdin", "--roll", "--yes"], "no container of local gets it");
    sandbox.write("a.env", "IDLE=x\nLEVEL=info\n");
    unreached(&["import", "local", "a.env", "--yes"], "no container of local gets IDLE");
    // One container is enough.
    well(&sandbox, &["vars", "set", "local", "SHADE=light", "--container", "web"]);
    well(&sandbox, &["vars", "set", "prod", "NEW=1"]);
    // A name that is nearly another one is reported.
    let run = well(&sandbox, &["vars", "set", "prod", "SECRETKEY=1"]);
    assert!(run.err.contains("SECRETKEY is new, and SECRET_KEY is declared: the two differ only in"), "{}", run.err);
}

#[test]
fn a_file_with_secrets_that_git_tracks_is_told() {
    let text = manifest() + "\n[stages.local]\nsecrets-file = \"local.env\"\n";
    let sandbox = Sandbox::with_manifest(&text);
    sandbox.write("local.env", "SECRET_KEY=a\n");
    let git = |args: &[&str]| {
        let done = std::process::Command::new("git").args(args).current_dir(sandbox.path()).output().unwrap();
        assert!(done.status.success());
    };
    git(&["init", "--quiet"]);
    let run = well_piped(&sandbox, &["vars", "set", "local", "SECRET_KEY", "--secret", "--stdin"], "b");
    assert!(!run.err.contains("repository"), "{}", run.err);
    assert!(!well(&sandbox, &["vars", "check"]).out.contains("tracked"));
    git(&["add", "local.env"]);
    let run = well_piped(&sandbox, &["vars", "set", "local", "SECRET_KEY", "--secret", "--stdin"], "c");
    assert!(run.err.contains("local.env is in the repository"), "{}", run.err);
    let checked = well(&sandbox, &["vars", "check"]).out;
    assert!(checked.contains("local.env is in the repository, and holds the secrets of `local`"), "{checked}");
    sandbox.write("take.env", "SECRET_KEY=d\n");
    git(&["add", "take.env"]);
    let run = well(&sandbox, &["vars", "import", "local", "take.env", "--yes"]);
    assert!(run.err.contains("take.env is in the repository"), "{}", run.err);
}

#[test]
fn a_deploy_that_writes_the_secret_loses_nothing_that_somebody_sets_meanwhile() {
    let text = APP.replace("SECRET_KEY = { generate = true }", "SECRET_KEY = {}");
    let sandbox = Sandbox::with_manifest(&format!("{text}\n[stages.local]\nsecrets-file = \"local.env\"\n"));
    let _platform = sandbox.platform();
    let first = r#"{ "SECRET_KEY": "old",  "N" : 1.50 }"#;
    call(&sandbox, "CreateSecret", json!({ "Name": "demo/local", "SecretString": first }));
    // The file is a pipe: its reader is held up while another user changes the secret, the first eight times.
    let path = sandbox.path().join("local.env");
    let make = |path: &std::path::Path| {
        nix::unistd::mkfifo(path, nix::sys::stat::Mode::from_bits_truncate(0o600)).unwrap();
    };
    make(&path);
    let (told, done) = std::sync::mpsc::channel();
    let client = client(&sandbox);
    std::thread::spawn(move || {
        for round in 0.. {
            let mut pipe = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
            if round < 8 {
                let written =
                    wait(secret::change(&client, "demo/local", |text| keys::set(text, &format!("OTHER_{round}"), "x")));
                told.send(written.unwrap().outcome).unwrap();
            }
            // The next reader gets a pipe of its own: this one may still be open when it is opened again.
            std::fs::remove_file(&path).unwrap();
            make(&path);
            pipe.write_all(b"SECRET_KEY=new\n").unwrap();
            drop(pipe);
        }
    });
    let run = well(&sandbox, &["deploy", "local", "--yes"]);
    let rounds = done.try_iter().count();
    assert!(rounds >= 2, "the file was read when the secret was written: {}", run.transcript());
    let kept: Value = serde_json::from_str(&kept(&sandbox)).unwrap();
    assert_eq!(kept["SECRET_KEY"], "new");
    for round in 0..rounds {
        assert_eq!(kept[format!("OTHER_{round}")], "x", "{round} of {rounds}: {kept}");
    }
    assert_eq!(kept["N"].to_string(), "1.5");
}

#[test]
fn whoever_writes_at_the_same_time_loses_nothing() {
    let sandbox = Sandbox::with_manifest(&manifest());
    let _platform = sandbox.platform();
    let client = client(&sandbox);
    // Another user is first, twice: when the secret is made, and when it is changed.
    for (round, expected) in [(0, SecretChange::Updated), (1, SecretChange::Updated)] {
        let mut calls = 0;
        let written = wait(secret::change(&client, "demo/local", |text| {
            calls += 1;
            if calls == 1 {
                std::thread::scope(|scope| {
                    let other = scope.spawn(|| {
                        well_piped(
                            &sandbox,
                            &["vars", "set", "local", &format!("THEIRS_{round}"), "--secret", "--stdin"],
                            "theirs",
                        )
                    });
                    other.join().unwrap();
                });
            }
            keys::set(text, &format!("OURS_{round}"), "ours")
        }))
        .unwrap();
        assert_eq!((written.outcome, written.merged, calls), (expected, 1, 2));
    }
    assert_eq!(kept(&sandbox), r#"{"THEIRS_0":"theirs","OURS_0":"ours","THEIRS_1":"theirs","OURS_1":"ours"}"#);
    // Many at once, manifest and secret.
    std::thread::scope(|scope| {
        for number in 0..8 {
            let sandbox = &sandbox;
            scope.spawn(move || {
                well_piped(
                    sandbox,
                    &["vars", "set", "local", &format!("KEY_{number}"), "--secret", "--stdin"],
                    "value",
                );
                well(sandbox, &["vars", "set", "all", &format!("PLAIN_{number}=x")]);
            });
        }
    });
    let (secret, manifest): (Value, String) = (serde_json::from_str(&kept(&sandbox)).unwrap(), text(&sandbox));
    for number in 0..8 {
        assert_eq!(secret[format!("KEY_{number}")], "value", "{secret}");
        let declared = [format!("\nKEY_{number} = {{}}\n"), format!("\nPLAIN_{number} = \"x\"\n")];
        assert!(declared.iter().all(|line| manifest.contains(line)), "{manifest}");
    }
}

#[test]
fn a_stage_with_a_file_keeps_its_secrets_there() {
    let sandbox = Sandbox::with_manifest(&format!("{}[stages.local]\nsecrets-file = \".env.local\"\n", manifest()));
    let run = well_piped(&sandbox, &["vars", "set", "local", "NEW", "--secret", "--stdin"], "hunter2");
    assert!(run.err.contains(".env.local"), "{}", run.err);
    let path = sandbox.path().join(".env.local");
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    std::fs::write(&path, "# mine\nSECRET_KEY='a b' # c\nNEW=old\n").unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    well_piped(&sandbox, &["vars", "set", "local", "NEW", "--stdin"], "two words");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "# mine\nSECRET_KEY='a b' # c\nNEW='two words'\n");
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
    well(&sandbox, &["vars", "unset", "local", "NEW", "--yes"]);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "# mine\nSECRET_KEY='a b' # c\n");
}

#[test]
fn a_file_is_taken_over_and_given_back() {
    let sandbox = Sandbox::with_manifest(&manifest());
    let _platform = sandbox.platform();
    sandbox.write("app.env", "DEBUG=False\nSECRET_KEY=\"a\\nb\"\nexport API_TOKEN='hunter2222' # t\nLEVEL=$HOME\n");
    refused(&sandbox, &["import", "local", "app.env"], 2, "--yes");
    let run = well(&sandbox, &["vars", "import", "local", "app.env", "--yes"]);
    assert_eq!(
        run.err,
        "app.env:4: what follows the `$` in LEVEL is taken as it is\n\
         + plain   DEBUG = \"False\"  (stages.local.variables.DEBUG)\n\
         + plain   LEVEL = \"$HOME\"  (stages.local.variables.LEVEL)\n\
         + secret  SECRET_KEY\n+ secret  API_TOKEN  (looks like a credential)\n\
         values of secrets: the secret demo/local\nnames and plain values: managr.toml\nnext: managr up --detach\n"
    );
    assert_eq!(kept(&sandbox), r#"{"SECRET_KEY":"a\nb","API_TOKEN":"hunter2222"}"#);
    let hidden = well(&sandbox, &["vars", "export", "local"]).out;
    assert_eq!(
        hidden,
        "# API_TOKEN is a secret: --reveal prints it\nDEBUG=False\nLEVEL='$HOME'\n# SECRET_KEY is a secret: --reveal prints it\n"
    );
    let shown = well(&sandbox, &["vars", "export", "local", "--reveal", "--yes"]).out;
    assert_eq!(shown, "API_TOKEN=hunter2222\nDEBUG=False\nLEVEL='$HOME'\nSECRET_KEY=\"a\\nb\"\n");
    sandbox.write("back.env", &shown);
    let again = well(&sandbox, &["vars", "import", "local", "back.env"]);
    assert_eq!(again.err, "all of back.env is so already; nothing was changed\n");
    let json = parsed(&well(&sandbox, &["vars", "export", "local", "--format", "json"]));
    assert_eq!((&json["LEVEL"], &json["API_TOKEN"]), (&json!("$HOME"), &Value::Null));
}

#[test]
fn a_stage_is_copied_by_name_and_never_over_another_value_unasked() {
    let text = manifest() + "[stages.test]\n[stages.test.variables]\nLEVEL = \"debug\"\n";
    let sandbox = Sandbox::with_manifest(&text);
    let _platform = sandbox.platform();
    let copy = |args: &[&str]| {
        let mut command = sandbox.command(&[&["vars", "copy", "local", "test"], args].concat());
        command.env("AWS_ENDPOINT_URL", sandbox.endpoint());
        sandbox.told(command.output().unwrap())
    };
    call(
        &sandbox,
        "CreateSecret",
        json!({ "Name": "demo/local", "SecretString": r#"{"SECRET_KEY":"hunter2","STRAY":"s"}"# }),
    );
    call(&sandbox, "CreateSecret", json!({ "Name": "demo/test", "SecretString": r#"{"SECRET_KEY":"other", "X":1}"# }));
    well(&sandbox, &["vars", "set", "local", "LEVEL=info"]);
    well(&sandbox, &["vars", "set", "local", "NEW=n"]);
    let run = copy(&["--yes"]);
    assert_eq!(run.code, Some(0), "{}", run.transcript());
    for line in [
        "  plain   LEVEL: is there",
        "+ plain   NEW",
        "  secret  SECRET_KEY: is there",
        "  secret  STRAY: the manifest does not declare it",
    ] {
        assert!(run.err.contains(line), "{line}\n{}", run.err);
    }
    let theirs = || call(&sandbox, "GetSecretValue", json!({ "SecretId": "demo/test" }))["SecretString"].clone();
    assert_eq!(theirs(), r#"{"SECRET_KEY":"other", "X":1}"#);
    let run = copy(&["SECRET_KEY", "--overwrite", "--yes"]);
    assert!(run.code == Some(0) && !run.err.contains("hunter2"), "{}", run.transcript());
    assert_eq!(theirs(), r#"{"SECRET_KEY":"hunter2", "X":1}"#);
    assert_eq!(copy(&["NOPE", "--yes"]).code, Some(2));
}

#[test]
fn running_tasks_see_a_rotated_secret_after_a_roll() {
    let sandbox = Sandbox::with_manifest(APP);
    let _platform = sandbox.platform();
    well(&sandbox, &["deploy", "local", "--yes"]);
    let stale = || parsed(&well(&sandbox, &["status", "--json"]))["services"][0]["stale"].clone();
    assert_eq!(stale(), Value::Null);
    well_piped(&sandbox, &["vars", "set", "local", "SECRET_KEY", "--stdin"], "rotated");
    let words = well(&sandbox, &["status"]).out;
    assert!(
        words.contains("1 task started before the secret demo/local changed (")
            && words.contains("managr deploy local --force"),
        "{words}"
    );
    let told = stale();
    assert_eq!((&told[0]["secret"], told[0]["tasks"].as_array().map(Vec::len)), (&json!("demo/local"), Some(1)));
    assert!(told[0]["changedAt"].as_i64().is_some_and(|at| at > 1_600_000_000_000), "{told}");
    let plan = well(&sandbox, &["plan", "local", "--force"]).out;
    assert!(plan.contains("tasks are replaced, as asked for"), "{plan}");
    assert!(well(&sandbox, &["plan", "local"]).out.contains("nothing to do"), "only when asked for");
    let rolled = well_piped(&sandbox, &["vars", "set", "local", "SECRET_KEY", "--stdin", "--roll", "--yes"], "again");
    assert!(rolled.err.contains("secret rotated: tasks are replaced"), "{}", rolled.err);
    assert!(rolled.err.contains("local runs release 2"), "{}", rolled.err);
    assert_eq!(stale(), Value::Null);
    let status = parsed(&well(&sandbox, &["status", "--json"]));
    assert_eq!(status["services"][0]["revision"], "demo-app-task-local:1", "the same revision, started again");
}

/// A terminal in which the program runs, with an editor that is a script.
fn terminal(sandbox: &Sandbox, args: &[&str], editor: &str) -> Pty {
    let mut command = sandbox.command(args);
    sandbox.write("editor.sh", editor);
    command.env("EDITOR", format!("sh {}", sandbox.path().join("editor.sh").display())).env("TERM", "xterm");
    command.env("XDG_RUNTIME_DIR", "/dev/shm");
    Pty::spawn(&command)
}

#[test]
fn a_value_that_is_typed_is_not_shown() {
    let sandbox = Sandbox::with_manifest(&manifest());
    let _platform = sandbox.platform();
    let mut pty = terminal(&sandbox, &["vars", "set", "local", "NEW", "--secret"], "");
    pty.wait_for("value of NEW in local: ");
    pty.type_in("hunt\u{e9}\u{7f}er3\u{7f}2\r");
    pty.wait_for("NEW: set NEW in the secret demo/local");
    let (status, shown) = pty.end();
    assert!(status.success() && !shown.contains("hunt"), "{shown:?}");
    assert_eq!(kept(&sandbox), r#"{"NEW":"hunter2"}"#);
    let mut pty = terminal(&sandbox, &["vars", "set", "local", "OTHER", "--secret"], "");
    pty.wait_for("value of OTHER in local: ");
    pty.type_in("abc\u{3}");
    let (status, _) = pty.end();
    assert_eq!(status.code(), Some(130));
    assert!(!text(&sandbox).contains("OTHER"));
}

#[test]
fn secrets_are_edited_in_memory_and_nothing_is_left() {
    let sandbox = Sandbox::with_manifest(&manifest());
    let _platform = sandbox.platform();
    call(
        &sandbox,
        "CreateSecret",
        json!({ "Name": "demo/local", "SecretString": r#"{"SECRET_KEY":"a b","GONE":"x","SAME":1.0}"# }),
    );
    // An editor that keeps a copy and puts another file in its place.
    let editor = "echo \"$1\" > seen\ncp \"$1\" \"$1~\"\nsed -e 's/a b/c d/' -e '/GONE/d' \"$1\" > \"$1.new\"\necho NEW=n >> \"$1.new\"\nmv \"$1.new\" \"$1\"\n";
    let mut pty = terminal(&sandbox, &["vars", "edit", "local"], editor);
    pty.wait_for("+ NEW  (no container gets it");
    pty.wait_for("~ SECRET_KEY");
    pty.wait_for("- GONE");
    pty.wait_for("write this to the secret demo/local? [y/N] ");
    pty.type_in("y\r");
    pty.wait_for("written to the secret demo/local");
    assert!(pty.end().0.success());
    assert_eq!(kept(&sandbox), r#"{"SECRET_KEY":"c d","SAME":1.0,"NEW":"n"}"#);
    let seen = std::fs::read_to_string(sandbox.path().join("seen")).unwrap();
    let directory = std::path::Path::new(seen.trim()).parent().unwrap().to_owned();
    assert!(directory.starts_with("/dev/shm") && !directory.exists(), "{directory:?}");

    // Ctrl-C while the editor runs, and a file that cannot be read.
    let mut pty = terminal(&sandbox, &["vars", "edit", "local"], "echo \"$1\" > seen; echo editing; sleep 100\n");
    pty.wait_for("editing");
    pty.type_in("\u{3}");
    let (status, shown) = pty.end();
    assert!(!status.success() && shown.contains("nothing was changed"), "{shown}");
    let seen = std::fs::read_to_string(sandbox.path().join("seen")).unwrap();
    assert!(!std::path::Path::new(seen.trim()).parent().unwrap().exists());
    let mut pty = terminal(&sandbox, &["vars", "edit", "local"], "echo nonsense >> \"$1\"\n");
    pty.wait_for("is not NAME=value");
    pty.wait_for("edit it again? [y/N] ");
    pty.type_in("n\r");
    assert_eq!(pty.end().0.code(), Some(6));
}
