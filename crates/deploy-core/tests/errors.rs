//! What a person reads when a manifest is wrong. The pictures are the specification.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use deploy_core::parse;
use miette::{GraphicalReportHandler, GraphicalTheme};

/// Renders every error of a manifest as a narrow terminal without colour shows it.
fn shown(text: &str) -> String {
    let Err(errors) = parse("managr.toml", text) else { return "no errors".to_owned() };
    let handler =
        GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor()).with_width(100).with_context_lines(1);
    let mut page = String::new();
    handler.render_report(&mut page, &errors).unwrap();
    // Trailing blanks are invisible to people and editors alike.
    page.lines().map(|line| line.trim_end().to_owned() + "\n").collect()
}

macro_rules! shows {
    ($($name:ident: $text:expr;)*) => {$(
        #[test]
        fn $name() {
            insta::assert_snapshot!(shown($text));
        }
    )*};
}

shows! {
    every_fault_in_one_run: include_str!("fixtures/broken.toml");
    a_text_that_is_not_toml: "app = \"managr\"\n[services.app\ncpu = \n";
    a_key_written_twice: "app = \"managr\"\napp = \"other\"\nregoin = 3\n";
    an_empty_file: "";
    clocks_that_cannot_fire: r#"
app = "managr"
[schedules.zoned]
image = "x:1"
schedule = "cron(0 6 * * ? *)"
timezone = "Europe/Berlin"
via = "rule"
[schedules.once]
image = "x:1"
schedule = "at(2027-01-31T06:00:00)"
[schedules.grouped]
image = "x:1"
schedule = "rate(1 day)"
group = "jobs"
[schedules.nowhere]
image = "x:1"
schedule = "rate(1 day)"
timezone = "Berlin"
retries = 200
[stages.prod.schedules.once]
via = "rule"
"#;
    databases_that_cannot_be: r#"
app = "managr"
[databases.main]
engine = "mysql"
version = "12"
storage = "20GB"
backups = "36h"
containers = ["wbe"]
user = "rdsadmin"
sizes = 3
[databases.other]
stages = ["prod"]
variables = { url = "DATABASE_URL", hots = "PGHOST" }
[secrets]
DATABASE_URL = {}
[services.app.containers.web]
image = "x:1"
[stages.prod.databases.mian]
[stages.prod.databases.main]
instance = "no_such"
class = "t4g.micro"
[stages.dev.databases.other]
storage = "1TiB"
"#;
    two_services_at_one_place_of_a_listener: r#"
app = "managr"
[services.a.containers.a]
image = "x:1"
ports = [80]
[services.a.ingress]
container = "a"
port = 80
[services.b.containers.b]
image = "x:1"
ports = [80]
[services.b.ingress]
container = "b"
port = 80
[services.c.containers.c]
image = "x:1"
ports = [80]
[services.c.ingress]
container = "c"
port = 80
path = "/c/*"
"#;
    two_services_of_one_name: r#"
app = "managr"
[services.a]
discover = "a.{stage}.local"
containers.a.image = "x:1"
[services.b]
discover = "b.{stage}.local"
containers.b.image = "x:1"
[services.c]
discover = "c"
containers.c.image = "x:1"
[services.d]
standalone = true
discover = "D.local"
containers.d.image = "x:1"
[services.e]
discover = "e.{region}.local"
containers.e.image = "x:1"
[stages.prod]
[stages.prod.services.b]
discover = "a.prod.local"
[stages.test.services.b]
discover = false
"#;
    a_dependency_cycle: r#"
app = "managr"
[services.app.containers.a]
image = "x:1"
depends-on = { b = "start" }
[services.app.containers.b]
image = "x:1"
depends-on = { c = "start" }
[services.app.containers.c]
image = "x:1"
depends-on = { a = "start" }
[services.app.containers.selfish]
image = "x:1"
depends-on = { selfish = "start" }
"#;
    sizes_that_fargate_does_not_have: r#"
app = "managr"
[services.app]
cpu = 1024
memory = 1000
containers.a.image = "x:1"
[services.odd]
cpu = 300
memory = 512
containers.a.image = "x:1"
[services.small]
memory = 8192
containers.a.image = "x:1"
[services.full]
cpu = 256
memory = 512
containers.a = { image = "x:1", cpu = 200, memory = 400 }
containers.b = { image = "x:1", cpu = 100, memory = 200 }
[stages.prod.services.app]
memory = 100000
"#;
    references_that_dangle: r#"
app = "managr"
[images.server]
[variables]
DEBUG = { value = "1", containers = ["wbe"] }
[secrets]
TOKEN = { containers = ["worker"] }
[services.app]
ingress = { container = "proxy", port = 80 }
release = { container = "wep", command = ["migrate"] }
volumes.media = {}
volumes.unused = {}
[services.app.containers.web]
image = "srever"
depends-on = { wrker = "start", db = "healthy" }
volumes = { medai = "/media", media = "/media" }
inherit = { variables = ["DEBUGG"], secrets = ["TOKEN"] }
[services.app.containers.db]
image = "postgres"
[schedules.nightly]
image = "server-task"
schedule = "rate(1 day)"
[stages.prod.services.ap]
count = 2
[stages.prod.services.app.containers.webb]
image = "x:1"
"#;
    waits_that_cannot_end: r#"
app = "managr"
[services.app.containers.web]
image = "x:1"
ports = [80]
depends-on = { setup = "success", db = "healthy" }
[services.app.containers.setup]
image = "x:1"
essential = true
[services.app.containers.db]
image = "x:1"
ports = [5432, 80]
[services.idle.containers.a]
image = "x:1"
essential = false
[services.none.containers]
"#;
    numbers_that_do_not_fit_each_other: r#"
app = "managr"
[images.a]
repository = "shared/name"
[images.b]
repository = "shared/name"
[services.app]
deployment = { max = 100 }
ingress = { container = "a", port = 80, health-check = { timeout = "30s" } }
[services.app.containers.a]
image = "x:1"
memory = 100
memory-reservation = 200
ulimits = { nofile = { soft = 2, hard = 1 } }
[schedules.app]
image = "a"
schedule = "rate(1 day)"
"#;
    things_that_are_not_where_they_are_needed: r#"
app = "managr"
[services.app]
stages = ["pord"]
containers.a.image = "x:1"
[services.web]
ingress = { container = "web", port = 80 }
[services.web.containers.web]
image = "x:1"
stages = ["prod"]
depends-on = { setup = "success" }
[services.web.containers.setup]
image = "x:1"
stages = ["staging"]
[services.web.containers.side]
image = "x:1"
essential = false
[services.none]
stages = []
containers.a = { image = "x:1", stages = ["prod"] }
[services.mail]
stages = ["prod"]
containers.a.image = "x:1"
[schedules.tick]
schedule = "rate(1 day)"
[schedules.tock]
schedule = "rate(1 day)"
image = "x:1"
cpu = 300
[schedules.tock.containers.tock]
image = "x:1"
depends-on = { agen = "start" }
stages = ["prod"]
[schedules.tock.containers.agent]
image = "agent"
[stages.staging.services.mail]
count = 1
[stages.prod.schedules.tik]
enabled = false
[stages.prod.schedules.tock.containers.agnt]
image = "y:1"
[stages.staging.services.web.containers.web]
command = ["x"]
"#;
    a_task_that_nobody_keeps_running: r#"
app = "managr"
[services.jobs]
standalone = true
count = 2
release = { container = "jobs", command = ["x"] }
ingress = { container = "jobs", port = 80 }
containers.jobs.image = "x:1"
[schedules.nightly]
schedule = "rate(1 day)"
service = "jobs"
image = "x:1"
[stages.prod.services.jobs]
exec = true
cpu = 512
"#;
    scaling_that_cannot_be: r#"
app = "managr"
[services.a]
count = 2
containers.a.image = "x:1"
[services.a.scaling]
min = 4
max = 2
cpu = 120
requests = 100
memory = { cooldown = { out = "soon" } }
[services.a.scaling.scheduled.night]
schedule = "at night"
timezone = "Vienna"
[services.a.scaling.scheduled.weekend]
schedule = "cron(0 20 ? * FRI *)"
[services.b]
containers.b.image = "x:1"
[services.b.scaling]
min = 1
max = 3
[services.b.scaling.metric]
target = 0
name = "Queue"
[services.c]
containers.c.image = "x:1"
[services.c.scaling]
min = 1
max = 3
metric = { target = 1, unit = "Count", math = [{ id = "A", expression = "b" }, { id = "b", name = "Queue" }] }
[stages.prod.services.b]
count = 3
[stages.prod.services.c.scaling]
max = 0
[services.d.containers.d]
image = "x:1"
[stages.prod.services.d.scaling]
max = 4
"#;
    runs_that_overlap_where_nobody_can_look: r#"
app = "managr"
[services.web.containers.web]
image = "x:1"
[schedules.nightly]
schedule = "rate(1 day)"
service = "web"
overlap = "skip"
timeout = "1h"
[schedules.hourly]
schedule = "rate(1 hour)"
image = "x:1"
overlap = "wait"
timeout = 0
[schedules.other]
schedule = "rate(1 hour)"
image = "x:1"
overlap = "replace"
containers.managr-watch.image = "x:1"
"#;
    names_on_both_sides: r#"
app = "managr"
[variables]
TOKEN = "a"
DEBUG = "b"
[secrets]
TOKEN = {}
KEY = {}
[stages.prod.secrets]
DEBUG = {}
[stages.staging.variables]
KEY = "plain"
[services.app.containers.web]
image = "x:1"
variables = { A = 1 }
secrets = { A = {} }
"#;
}

#[test]
fn positions_count_from_one_in_characters() {
    let errors = parse("m.toml", "app = \"managr\"\nimages = { \"ü\" = {}, x = 1 }\n").unwrap_err();
    assert_eq!(errors.errors()[0].position(), (2, 12));
    assert_eq!(errors.errors()[1].position(), (2, 26));
    assert_eq!(errors.errors()[0].file(), "m.toml");
}

/// The order of the errors is the order of the text, whatever found them.
#[test]
fn errors_come_in_the_order_of_the_text() {
    let errors = parse("managr.toml", include_str!("fixtures/broken.toml")).unwrap_err();
    let places: Vec<_> = errors.errors().iter().map(|error| error.position()).collect();
    assert!(places.is_sorted(), "{places:?}");
}

/// Some user will write a value where only a name belongs; no log may get it.
#[test]
fn the_value_of_a_secret_is_never_shown() {
    for secrets in [
        "[secrets]\nA = \"hunter2\"\n",
        "[secrets]\nA = { value = \"hunter2\" }\n",
        "[secrets]\nA = { from = \"hunter2\" }\n",
        "[secrets.A]\nvalue = [\"hunter2\"]\n",
        "secrets = \"hunter2\"\n",
        "[secrets]\nA = \"\"\"\nhunter2\n\"\"\"\n",
        "[secrets]\nA = \"hunter2\"\n[services\n",
        "[stages.prod.secrets]\nA = \"hunter2\"\n",
        "[services.a.containers.b]\nimage = \"x:1\"\nsecrets = { A = \"hunter2\" }\n",
        "[services.a.containers.b.secret]\n[secrets]\nA = 1\nB = \"hunter2\"\n",
    ] {
        let text = format!("app = \"managr\"\n{secrets}");
        let page = shown(&text);
        assert!(!page.contains("hunter2"), "{page}");
        assert!(page.contains("managr::manifest::"), "{page}");
        let errors = parse("managr.toml", &text).unwrap_err();
        assert!(!format!("{errors:?}").contains("hunter2"), "{text}");
    }
}
