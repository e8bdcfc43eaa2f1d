//! Writes CI files, and tells when they are stale.

use crate::deploy::{APP, json, well};
use crate::sandbox::Sandbox;

const STAGES: &str = "\n[stages.staging]\n[stages.prod]\ntag = \"prod-{git-tag}\"\n";

const FILE: &str = "bitbucket-pipelines.yml";

fn sandbox() -> Sandbox {
    Sandbox::with_manifest(&format!("{APP}{STAGES}"))
}

fn read(sandbox: &Sandbox, name: &str) -> String {
    std::fs::read_to_string(sandbox.path().join(name)).unwrap()
}

#[test]
fn a_file_is_written_where_the_service_looks_for_it_and_is_current_then() {
    let sandbox = sandbox();
    for (provider, name) in
        [("bitbucket", FILE), ("github", ".github/workflows/managr.yml"), ("gitlab", ".gitlab-ci.yml")]
    {
        assert_eq!(well(&sandbox, &["pipeline", provider]).err, format!("wrote {name}\n"));
        assert_eq!(well(&sandbox, &["pipeline", provider]).err, format!("{name} is current\n"));
        well(&sandbox, &["pipeline", provider, "--check"]);
        assert_eq!(well(&sandbox, &["pipeline", provider, "--stdout"]).out, read(&sandbox, name));
    }
}

#[test]
fn a_stale_file_ends_the_check_with_5_and_is_told_by_its_difference() {
    let sandbox = sandbox();
    let missing = sandbox.run(&["pipeline", "bitbucket", "--check"]);
    assert_eq!((missing.code, missing.err.contains("there is no bitbucket-pipelines.yml")), (Some(5), true));
    well(&sandbox, &["pipeline", "bitbucket"]);
    let before = read(&sandbox, FILE);
    sandbox.write(
        "managr.toml",
        &format!("{APP}{}", STAGES.replace("[stages.staging]", "[stages.staging]\ntag = \"latest\"")),
    );
    let stale = sandbox.run(&["pipeline", "bitbucket", "--check"]);
    insta::assert_snapshot!("stale", stale.transcript());
    assert_eq!(read(&sandbox, FILE), before, "a check changes nothing");
}

#[test]
fn tests_of_the_user_stay_and_are_no_reason_to_write_it_again() {
    let sandbox = sandbox();
    well(&sandbox, &["pipeline", "bitbucket"]);
    let edited = read(&sandbox, FILE)
        .replace("- echo \"no tests yet; write them here, between the marks\"", "- make test # all");
    sandbox.write(FILE, &edited);
    well(&sandbox, &["pipeline", "bitbucket", "--check"]);
    well(&sandbox, &["pipeline", "bitbucket", "--branch", "trunk"]);
    assert_eq!(read(&sandbox, FILE).matches("- make test # all").count(), 1);
    sandbox.write(FILE, &edited.replace("# managr: end of your tests", ""));
    let broken = sandbox.run(&["pipeline", "bitbucket"]);
    assert_eq!(broken.code, Some(2), "{}", broken.transcript());
    assert!(broken.err.contains("line 27: there is no `# managr: end of your tests`"), "{}", broken.err);
}

#[test]
fn an_edit_outside_of_the_marks_is_told_and_not_overwritten() {
    let sandbox = sandbox();
    well(&sandbox, &["pipeline", "bitbucket"]);
    let edited = read(&sandbox, FILE).replace("name: Staging", "name: Staging of ours");
    sandbox.write(FILE, &edited);
    let checked = sandbox.run(&["pipeline", "bitbucket", "--check"]);
    assert_eq!(checked.code, Some(5), "{}", checked.transcript());
    let refused = sandbox.run(&["pipeline", "bitbucket"]);
    assert_eq!(refused.code, Some(5), "{}", refused.transcript());
    assert!(refused.out.contains("-           name: Staging of ours"), "{}", refused.out);
    assert!(refused.err.contains("was edited outside of the marks; nothing was written"), "{}", refused.err);
    assert_eq!(read(&sandbox, FILE), edited);
    well(&sandbox, &["pipeline", "bitbucket", "--force"]);
    well(&sandbox, &["pipeline", "bitbucket", "--check"]);
}

#[test]
fn the_manifest_says_where_production_comes_from_and_an_option_may_not_contradict_it() {
    let sandbox = sandbox();
    let words = "\n[pipeline]\nbranch = \"develop\"\nproduction-branch = \"main\"\n";
    sandbox.write("managr.toml", &format!("{APP}{STAGES}{words}"));
    well(&sandbox, &["pipeline", "bitbucket"]);
    let text = read(&sandbox, FILE);
    assert!(text.contains("    develop:\n") && text.contains("    main:\n") && !text.contains("  tags:\n"), "{text}");
    well(&sandbox, &["pipeline", "bitbucket", "--branch", "develop"]);
    let refused = sandbox.run(&["pipeline", "bitbucket", "--branch", "trunk"]);
    assert_eq!(refused.code, Some(2), "{}", refused.transcript());
    assert!(refused.err.contains("`--branch trunk` contradicts the manifest"), "{}", refused.err);
    assert_eq!(read(&sandbox, FILE), text);
}

#[test]
fn lines_whose_place_is_gone_are_told() {
    let sandbox = sandbox();
    well(&sandbox, &["pipeline", "bitbucket"]);
    let mark = "      # managr: your steps after production\n";
    let own = read(&sandbox, FILE).replace(mark, &format!("{mark}      - step: {{ script: [./tell.sh] }}\n"));
    sandbox.write(FILE, &own);
    well(&sandbox, &["pipeline", "bitbucket", "--check"]);
    sandbox.write("managr.toml", &format!("{APP}\n[stages.staging]\n"));
    let refused = sandbox.run(&["pipeline", "bitbucket"]);
    assert_eq!(refused.code, Some(2), "{}", refused.transcript());
    assert!(refused.err.contains("`# managr: your steps after production` has no place"), "{}", refused.err);
    assert_eq!(read(&sandbox, FILE), own);
}

#[test]
fn how_it_was_asked_for_is_kept_in_its_head() {
    let sandbox = sandbox();
    well(&sandbox, &["pipeline", "bitbucket", "--auth", "keys", "--branch", "trunk", "--install", "pip install \"x\""]);
    let first = read(&sandbox, FILE);
    assert!(first.contains("    trunk:\n") && first.contains("pip install \"x\"") && !first.contains("oidc: true"));
    well(&sandbox, &["pipeline", "bitbucket", "--check"]);
    assert_eq!(well(&sandbox, &["pipeline", "bitbucket", "--stdout"]).out, first);
    for wrong in [["--branch", "a b"], ["--tags", "v'*"], ["--install", "a\nb"], ["--staging", "none"]] {
        let run = sandbox.run(&[&["pipeline", "bitbucket"][..], &wrong].concat());
        assert_eq!(run.code, Some(2), "{wrong:?} {}", run.transcript());
    }
}

#[test]
fn somebody_elses_file_is_not_written_over() {
    let sandbox = sandbox();
    sandbox.write(FILE, "image: node\n");
    let refused = sandbox.run(&["pipeline", "bitbucket"]);
    assert_eq!((refused.code, refused.err.contains("was not made by managr")), (Some(2), true));
    assert_eq!(read(&sandbox, FILE), "image: node\n");
    well(&sandbox, &["pipeline", "bitbucket", "--force"]);
    well(&sandbox, &["pipeline", "bitbucket", "--check"]);
}

#[test]
fn without_a_manifest_there_is_the_one_for_a_task_definition() {
    let sandbox = Sandbox::new();
    let none = sandbox.run(&["pipeline", "bitbucket"]);
    assert_eq!((none.code, none.err.contains("there is no managr.toml")), (Some(2), true), "{}", none.transcript());
    well(&sandbox, &["pipeline", "bitbucket", "--for", "taskdef", "--auth", "keys", "--container", "managr-app"]);
    let text = read(&sandbox, FILE);
    for name in ["AWS_ECS_TASK_NAME", "AWS_ECS_CLUSTER_NAME", "AWS_ECS_SERVICE_NAME", "MANAGR_SERVER_IMAGE_NAME"] {
        assert!(text.contains(&format!("${name}")), "{name}");
    }
    well(&sandbox, &["pipeline", "bitbucket", "--check"]);
}

#[test]
fn variables_of_an_older_pipeline_are_held_against_the_manifest() {
    let sandbox = sandbox();
    let known = json(&well(&sandbox, &["pipeline", "variables", "prod", "--json"]));
    assert_eq!(
        (&known["AWS_ECS_CLUSTER_NAME"], &known["AWS_ECS_SERVICE_NAME"]),
        (&"demo-cluster".into(), &"demo-app-prod".into())
    );
    let check = |name: &str, value: &str| {
        let mut command = sandbox.command(&["pipeline", "variables", "prod", "--check"]);
        sandbox.told(command.env(name, value).output().unwrap())
    };
    assert_eq!(check("AWS_ECS_TASK_NAME", "demo-app-task-prod").code, Some(0));
    let wrong = check("AWS_ECS_TASK_NAME", "demo-app-task-staging");
    assert_eq!(wrong.code, Some(5));
    assert!(wrong.err.contains("AWS_ECS_TASK_NAME is `demo-app-task-staging`, the manifest has demo-app-task-prod"));
}
