//! What of a preview is its own, and what it shares.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use deploy_core::desired::{Git, is_stage, region};
use deploy_core::{Desired, Facts, desired, parse};

const APP: &str = r#"app = "shop"
[images.server]
[variables]
DEBUG = "False"
[secrets]
SECRET_KEY = {}
[services.app]
count = 3
[services.app.ingress]
container = "web"
port = 80
host = "www.example.com"
[services.app.containers.web]
image = "server"
[schedules.nightly]
image = "server"
command = ["clean"]
schedule = "rate(1 day)"
[stages.staging]
region = "eu-west-1"
account = "111122223333"
host = "staging.example.com"
subnets = ["subnet-1"]
[stages.staging.variables]
DEBUG = "True"
LEVEL = "info"
[stages.staging.services.app]
name = "legacy"
cpu = 512
"#;

const PREVIEWS: &str = r#"
[previews]
from = "staging"
host = "{name}.staging.example.com"
variables = { ALLOWED_HOSTS = "{host}", LEVEL = "debug" }
"#;

fn of(previews: &str, stage: &str) -> Desired {
    let manifest = parse("managr.toml", &format!("{APP}{previews}")).unwrap();
    let git = Git { commit: Some("0123456789abcdef".into()), ..Git::default() };
    desired(&manifest, stage, &Facts { git, ..Facts::local("registry") }).unwrap()
}

fn faults(previews: &str) -> Vec<String> {
    let errors = parse("managr.toml", &format!("{APP}{previews}")).map(drop).unwrap_err();
    errors.errors().iter().map(ToString::to_string).collect()
}

#[test]
fn a_preview_has_names_of_its_own() {
    let preview = of(PREVIEWS, "pr-12");
    let service = &preview.services[0];
    assert_eq!((service.name.as_str(), service.family.as_str()), ("shop-app-pr-12", "shop-app-task-pr-12"));
    let ingress = service.ingress.as_ref().unwrap();
    assert_eq!(
        (ingress.target_group.as_str(), &ingress.hosts[..]),
        ("shop-app-pr-12", &["pr-12.staging.example.com".to_owned()][..])
    );
    assert_eq!(preview.images[0].tag.as_deref(), Some("pr-12-0123456789ab"));
    assert_eq!(service.document["desiredCount"], 1);
    assert!(preview.schedules.is_empty(), "a preview sends no mail at night");
}

#[test]
fn a_preview_is_found_by_a_name_of_its_own_or_by_none() {
    let check = |of_service: &str, of_stage: &str, stage: &str, expected: Option<&str>| {
        let text = APP.replace("count = 3", &format!("count = 3\n{of_service}"));
        let text = text.replace("name = \"legacy\"", &format!("name = \"legacy\"\n{of_stage}"));
        let manifest = parse("managr.toml", &format!("{text}{PREVIEWS}")).unwrap();
        let git = Git { commit: Some("0123456789abcdef".into()), ..Git::default() };
        let found = desired(&manifest, stage, &Facts { git, ..Facts::local("registry") }).unwrap();
        let name = found.services[0].discover.as_ref().map(|spec| spec.name.as_str());
        assert_eq!(name, expected, "{of_service} {of_stage} {stage}");
    };
    let (own, shared) = ("discover = \"app.{stage}.local\"", "discover = \"app.shop.local\"");
    check(own, "", "pr-12", Some("app.pr-12.local"));
    check(own, "", "staging", Some("app.staging.local"));
    check(own, "discover = false", "staging", None);
    check(own, "discover = false", "pr-12", None);
    check(shared, "", "staging", Some("app.shop.local"));
    // Requests of the stage would reach the preview.
    check(shared, "", "pr-12", None);
    check(own, shared, "staging", Some("app.shop.local"));
    check(own, shared, "pr-12", None);
    check(shared, own, "pr-12", Some("app.pr-12.local"));
    check(shared, "discover = true", "pr-12", None);
}

#[test]
fn a_preview_shares_everything_else_with_the_stage_that_it_is_a_copy_of() {
    let (preview, staging) = (of(PREVIEWS, "pr-12"), of(PREVIEWS, "staging"));
    assert_eq!(
        (&preview.cluster, &preview.region, &preview.account),
        (&staging.cluster, &staging.region, &staging.account)
    );
    assert_eq!(preview.secret, staging.secret);
    assert_eq!(preview.log_groups, staging.log_groups);
    let member = |desired: &Desired, name: &str| desired.task_definitions[0].document[name].clone();
    for name in ["executionRoleArn", "taskRoleArn", "cpu"] {
        assert_eq!(member(&preview, name), member(&staging, name), "{name}");
    }
    let balancer = |desired: &Desired| desired.services[0].ingress.as_ref().unwrap().load_balancer.clone();
    assert_eq!(balancer(&preview), balancer(&staging));
    assert_eq!(
        preview.services[0].document["networkConfiguration"],
        staging.services[0].document["networkConfiguration"]
    );
    let prefix = |desired: &Desired| {
        let container = &desired.task_definitions[0].document["containerDefinitions"][0];
        container["logConfiguration"]["options"]["awslogs-stream-prefix"].clone()
    };
    assert_eq!((prefix(&preview), prefix(&staging)), ("pr-12/app".into(), "app".into()), "in one group, told apart");
}

#[test]
fn variables_of_previews_win_and_know_the_host() {
    let preview = of(PREVIEWS, "pr-12");
    let environment = preview.task_definitions[0].document["containerDefinitions"][0]["environment"].clone();
    for (name, value) in [("DEBUG", "True"), ("LEVEL", "debug"), ("ALLOWED_HOSTS", "pr-12.staging.example.com")] {
        let found = environment.as_array().unwrap().iter().find(|variable| variable["name"] == name);
        assert_eq!(found.unwrap()["value"], value, "{name}");
    }
}

#[test]
fn without_a_host_a_preview_has_a_load_balancer_of_its_own() {
    let preview = of("\n[previews]\nfrom = \"staging\"\nschedules = true\n", "pr-12");
    let ingress = preview.services[0].ingress.as_ref().unwrap();
    assert_eq!((ingress.load_balancer.as_str(), ingress.is_default()), ("shop-pr-12", true));
    assert_eq!(preview.schedules[0].rule, "shop-nightly-pr-12");
}

#[test]
fn only_a_name_that_fits_is_a_preview() {
    let manifest = parse("managr.toml", &format!("{APP}{PREVIEWS}")).unwrap();
    assert!(is_stage(&manifest, "pr-12") && is_stage(&manifest, "staging") && is_stage(&manifest, "local"));
    assert!(!is_stage(&manifest, "pr-x") && !is_stage(&parse("managr.toml", APP).unwrap(), "pr-12"));
    assert_eq!(region(&manifest, "pr-12"), "eu-west-1");
}

#[test]
fn what_cannot_be_a_preview_is_said() {
    let check = |previews: &str, expected: &str| assert_eq!(faults(previews), [expected], "{previews}");
    check("\n[previews]\nfrom = \"stagin\"\n", "`stagin` is not a value of `previews.from`");
    check("\n[previews]\nfrom = \"local\"\n", "`local` is not a value of `previews.from`");
    check("\n[previews]\nttl = \"2d\"\n", "`from` is missing in [previews]");
    check(
        "\n[previews]\nfrom = \"staging\"\nname = \"pr\"\n",
        "`previews.name` is not a name of previews: it must have `{pr}` in it, once",
    );
    check(
        "\n[previews]\nfrom = \"staging\"\nhost = \"x.example.com\"\n",
        "`previews.host` is not a host of previews: every preview would have the same: it needs `{name}` or `{pr}`",
    );
    let second = "\n[services.api.ingress]\ncontainer = \"api\"\nport = 80\nhost = \"api.example.com\"\n\
        [services.api.containers.api]\nimage = \"server\"\n";
    check(
        &format!("{second}{PREVIEWS}"),
        "`previews.host` is not a host of previews: several services with an ingress would take the same requests",
    );
    let told_apart = format!("{second}{}", PREVIEWS.replace("{name}.st", "{service}-{name}.st"));
    let hosts: Vec<String> =
        of(&told_apart, "pr-1").services.iter().flat_map(|s| s.ingress.as_ref().unwrap().hosts.clone()).collect();
    assert_eq!(hosts, ["app-pr-1.staging.example.com", "api-pr-1.staging.example.com"]);
    let listener = APP.replace(
        "[stages.staging]",
        "[stages.staging]\nlistener-arn = \"arn:aws:elasticloadbalancing:r:1:listener/x\"",
    );
    let errors = parse("managr.toml", &format!("{listener}\n[previews]\nfrom = \"staging\"\n")).map(drop).unwrap_err();
    assert_eq!(errors.errors()[0].to_string(), "`host` is missing in [previews]");
}
