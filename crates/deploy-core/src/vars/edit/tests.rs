use super::*;

const TEXT: &str = r#"app = "demo"

[variables]
DEBUG = "False" # off
PORT = 8000
SHADE = { value = "dark", containers = ["web"] }

[secrets]
KEY = {}

# what serves
[services.app.containers.web]
image = "i:1"
[services.app.containers.worker]
image = "i:1"

[schedules.tick]
image = "i:1"
schedule = "rate(5 minutes)"

[stages.staging]
host = "s"

[stages.prod.variables]
DEBUG = "prod"
"#;

fn wanted<'a>(scope: &'a str, name: &'a str, containers: &'a [String]) -> Wanted<'a> {
    Wanted { scope: Scope::read(scope), name, containers }
}

fn containers(list: &str) -> Vec<String> {
    list.split_whitespace().map(str::to_owned).collect()
}

/// The lines that are new in a text and those that are gone.
fn difference(before: &str, after: &str) -> String {
    let new = after.lines().filter(|line| !before.lines().any(|old| old == *line)).map(|line| format!("+{line}"));
    let gone = before.lines().filter(|line| !after.lines().any(|new| new == *line)).map(|line| format!("-{line}"));
    gone.chain(new).collect::<Vec<_>>().join("\n")
}

fn check(scope: &str, name: &str, on: &str, value: &str, expected: &str) -> Edited {
    let on = containers(on);
    let edited = set("managr.toml", TEXT, wanted(scope, name, &on), value).unwrap();
    assert_eq!(difference(TEXT, &edited.text), expected, "{scope} {name}={value}");
    edited
}

#[test]
fn a_value_goes_to_the_stage_or_to_all() {
    check("all", "DEBUG", "", "x", "-DEBUG = \"False\" # off\n+DEBUG = \"x\" # off");
    check("all", "PORT", "", "9000", "-PORT = 8000\n+PORT = 9000");
    check("all", "PORT", "", "a", "-PORT = 8000\n+PORT = \"a\"");
    check("all", "NEW", "", "x", "+NEW = \"x\"");
    check(
        "all",
        "SHADE",
        "",
        "x",
        "-SHADE = { value = \"dark\", containers = [\"web\"] }\n+SHADE = { value = \"x\", containers = [\"web\"] }",
    );
    check("staging", "DEBUG", "", "x", "+[stages.staging.variables]\n+DEBUG = \"x\"");
    check("local", "NEW", "", "x", "+[stages.local.variables]\n+NEW = \"x\"");
    check("prod", "DEBUG", "", "False", "-DEBUG = \"prod\"\n+DEBUG = \"False\"");
    assert_eq!(check("staging", "DEBUG", "", "False", "").places, [""; 0], "a stage never repeats");
    assert_eq!(check("all", "PORT", "", "8000", "").places, [""; 0]);
}

/// The container gets what was set: a value is no pattern.
#[test]
fn a_value_that_looks_like_a_pattern_is_written_as_text() {
    check("all", "NEW", "", "a {stage} b {x}", "+NEW = \"a {{stage}} b {x}\"");
}

#[test]
fn a_new_name_can_be_for_some_containers() {
    check("all", "NEW", "web tick", "x", "+NEW = { value = \"x\", containers = [\"web\", \"tick\"] }");
    check(
        "staging",
        "NEW",
        "web",
        "x",
        "+[stages.staging.variables]\n+NEW = { value = \"x\", containers = [\"web\"] }",
    );
    check(
        "all",
        "SHADE",
        "web",
        "x",
        "-SHADE = { value = \"dark\", containers = [\"web\"] }\n+SHADE = { value = \"x\", containers = [\"web\"] }",
    );
}

#[test]
fn what_others_have_stays_theirs() {
    check("all", "DEBUG", "web", "x", "+[services.app.containers.web.variables]\n+DEBUG = \"x\"");
    check("all", "DEBUG", "tick", "x", "+[schedules.tick.variables]\n+DEBUG = \"x\"");
    check("prod", "DEBUG", "tick", "x", "+[stages.prod.schedules.tick.variables]\n+DEBUG = \"x\"");
    check("prod", "DEBUG", "worker", "x", "+[stages.prod.services.app.containers.worker.variables]\n+DEBUG = \"x\"");
    check("all", "SHADE", "worker", "x", "+[services.app.containers.worker.variables]\n+SHADE = \"x\"");
}

#[test]
fn what_still_wins_is_told() {
    let edited = check("all", "DEBUG", "", "x", "-DEBUG = \"False\" # off\n+DEBUG = \"x\" # off");
    let shadows: Vec<String> =
        edited.shadowed.iter().map(|s| format!("{} {} {}", s.stage, s.container, s.by)).collect();
    assert_eq!(shadows[0], "prod web stages.prod.variables.DEBUG");
    assert!(shadows.iter().all(|shadow| shadow.starts_with("prod ")), "{shadows:?}");
}

#[test]
fn a_secret_is_declared_once_and_for_all_stages() {
    let declare = |scope, name, on: &str| {
        let on = containers(on);
        difference(TEXT, &declare("managr.toml", TEXT, wanted(scope, name, &on)).unwrap().text)
    };
    assert_eq!(declare("local", "NEW", ""), "+NEW = {}");
    assert_eq!(declare("local", "NEW", "web tick"), "+NEW = { containers = [\"web\", \"tick\"] }");
    assert_eq!(declare("local", "KEY", ""), "");
    assert_eq!(declare("local", "KEY", "web"), "", "it has it already");
    let text = TEXT.replace("KEY = {}", "KEY = { containers = [\"web\"] }");
    let on = containers("web worker");
    let edited = super::declare("managr.toml", &text, wanted("local", "KEY", &on)).unwrap();
    assert_eq!(difference(&text, &edited.text), "+[services.app.containers.worker.secrets]\n+KEY = {}");
}

#[test]
fn what_was_set_is_unset() {
    let on = containers("web");
    for (scope, name, on) in [
        ("all", "NEW", &on[..0]),
        ("local", "NEW", &on[..0]),
        ("staging", "DEBUG", &on[..0]),
        ("all", "DEBUG", &on[..]),
        ("prod", "DEBUG", &on[..]),
    ] {
        let there = set("managr.toml", TEXT, wanted(scope, name, on), "a\n\"b\"").unwrap();
        let back = unset("managr.toml", &there.text, wanted(scope, name, on)).unwrap();
        assert_eq!((back.text.as_str(), &back.places), (TEXT, &there.places), "{scope} {name}");
    }
    let gone = unset("managr.toml", TEXT, wanted("all", "DEBUG", &[])).unwrap();
    assert_eq!(gone.places, ["variables.DEBUG", "stages.prod.variables.DEBUG"]);
}

#[test]
fn what_cannot_be_done_says_why() {
    let refusal = |made: Result<Edited, EditError>| made.unwrap_err().to_string();
    let on = containers("workr");
    let set = |scope, name, on| refusal(super::set("managr.toml", TEXT, wanted(scope, name, on), "hunter2"));
    assert_eq!(set("all", "KEY", &[]), "KEY is a secret already (`secrets.KEY`)");
    assert_eq!(
        set("all", "1A", &[]),
        "`1A` cannot be a variable's name: it takes letters, digits and underscores, not starting with a digit"
    );
    assert_eq!(set("all", "A", &on), "the manifest has no container `workr` (did you mean `worker`?)");
    assert!(set("stagin", "A", &[]).contains("stagin"));
    let previews = format!("{TEXT}\n[previews]\nfrom = \"staging\"\n");
    let made = super::set("managr.toml", &previews, wanted("pr-7", "DEBUG", &[]), "x");
    assert_eq!(refusal(made), "`pr-7` is a preview, a copy of stage `staging`, and has no variables of its own");
    let unset = |scope, name| refusal(super::unset("managr.toml", TEXT, wanted(scope, name, &[])));
    assert_eq!(unset("staging", "DEBUG"), "DEBUG is not declared for stage `staging` alone, but in `variables.DEBUG`");
    assert_eq!(unset("all", "DEBUGG"), "the manifest does not declare DEBUGG (did you mean `DEBUG`?)");
    let secret = refusal(declare("managr.toml", TEXT, wanted("local", "DEBUG", &[])));
    assert_eq!(secret, "DEBUG is a plain variable already (`variables.DEBUG`)");
}
