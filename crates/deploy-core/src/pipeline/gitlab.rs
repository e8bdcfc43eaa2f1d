//! `.gitlab-ci.yml`.
//!
//! Read in GitLab's documentation: `id_tokens` puts a job's token into a variable; a review environment is stopped by the
//! job that `on_stop` names when its merge request is merged or closed, and after `auto_stop_in`; that job must have
//! the same rules as the one that started it.

use std::fmt::Write;

use super::kept::place;
use super::shell;
use super::yaml::{flow, indented, scalar};
use super::{Auth, Plan, Provider, Way};

const MERGE_REQUEST: &str = "$CI_PIPELINE_SOURCE == \"merge_request_event\"";

/// Returns the file.
pub(super) fn text(plan: &Plan<'_>) -> String {
    let way = plan.production.as_ref().map(|production| production.way);
    let mut text = plan.options.head(Provider::Gitlab);
    text.push('\n');
    let stages = if way == Some(Way::SameBranch) { STAGES_OF_ONE_BRANCH } else { STAGES };
    text.push_str(&place(0, "stages", stages));
    let _ = write!(
        text,
        "\nworkflow:\n  rules:\n    - if: {}\n    - if: {}\n",
        scalar(MERGE_REQUEST),
        scalar(&on_branch(&plan.words.branch))
    );
    match (way, &plan.words.production_branch) {
        (Some(Way::Branch), Some(branch)) => {
            let _ = writeln!(text, "    - if: {}", scalar(&on_branch(branch)));
        }
        (Some(Way::SameBranch), _) => {}
        _ => {
            let _ = writeln!(text, "    - if: {}", scalar(&on_tag(plan)));
        }
    }
    text.push_str(&place(4, "rules", ""));
    text.push('\n');
    text.push_str(&place(0, "settings", ""));
    text.push_str("\ntests:\n  stage: test\n");
    text.push_str(&place(2, "tests", &format!("script:\n  - {}\n", shell::NO_TESTS)));
    base(&mut text, plan);
    merge_requests(&mut text, plan);
    pushes(&mut text, plan);
    text.push('\n');
    text.push_str(&place(0, "jobs", ""));
    text
}

const STAGES: &str = "stages: [test, build, deploy]\n";

/// Production comes after staging, in one pipeline.
const STAGES_OF_ONE_BRANCH: &str = "stages: [test, build, deploy, plan, release]\n";

/// What every job of ours begins with. Buildah builds without a daemon and without privileges.
fn base(text: &mut String, plan: &Plan<'_>) {
    let words = &plan.words;
    let image = words.image.as_deref().unwrap_or("quay.io/buildah/stable");
    let _ = write!(
        text,
        "\n.managr:\n  image: {}\n  variables:\n    GIT_DEPTH: 0\n    MANAGR_BUILDER: buildah\n",
        scalar(image)
    );
    text.push_str("    STORAGE_DRIVER: vfs\n    BUILDAH_ISOLATION: chroot\n");
    text.push_str(&place(4, "variables", ""));
    if !words.runners.is_empty() {
        let _ = writeln!(text, "  tags: [{}]", flow(&words.runners));
    }
    if let Some(minutes) = words.minutes {
        let _ = writeln!(text, "  timeout: {minutes} minutes");
    }
    text.push_str(&place(2, "settings of every job", ""));
    let mut lines = vec!["command -v git >/dev/null || dnf install -y --quiet git-core".to_owned()];
    if words.auth == Auth::Oidc {
        text.push_str("  id_tokens:\n    AWS_TOKEN:\n      aud: sts.amazonaws.com\n");
        lines.extend([
            // Keys that are left over would win.
            "unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN".to_owned(),
            shell::need("AWS_ROLE_ARN", shell::ROLE),
            "export AWS_ROLE_ARN AWS_ROLE_SESSION_NAME=\"managr-$CI_PIPELINE_ID\"".to_owned(),
            "export AWS_WEB_IDENTITY_TOKEN_FILE=\"$(mktemp)\"".to_owned(),
            "printf %s \"$AWS_TOKEN\" > \"$AWS_WEB_IDENTITY_TOKEN_FILE\"".to_owned(),
        ]);
    } else {
        lines.push(shell::need("AWS_ACCESS_KEY_ID", "it is a variable of the project"));
        lines.push(shell::need("AWS_SECRET_ACCESS_KEY", "it is a masked variable of the project"));
    }
    lines.push(shell::install(words));
    text.push_str("  before_script:\n");
    script(text, &lines);
}

fn merge_requests(text: &mut String, plan: &Plan<'_>) {
    let Some(staging) = plan.staging else { return };
    let mut lines = vec!["managr pipeline gitlab --check".to_owned(), shell::CHECK.to_owned()];
    lines.extend(shell::plan(staging));
    lines.push(comment());
    let plan_job = Job { name: "plan", stage: "build", rule: MERGE_REQUEST, ..Job::default() };
    job(text, plan_job, "", &lines);
    let _ = write!(text, "  artifacts:\n    paths: [{}]\n", shell::PLAN);
    let Some(previews) = plan.previews else { return };
    let name = shell::preview(previews, "CI_MERGE_REQUEST_IID");
    let environment = previews.name_of("$CI_MERGE_REQUEST_IID");
    let url = previews.host.as_ref().filter(|host| !host.contains("{service}")).map(|host| {
        let host = host.replace("{name}", &environment).replace("{pr}", "$CI_MERGE_REQUEST_IID");
        format!("  url: http://{host}\n")
    });
    let seconds = previews.ttl();
    let keys = format!(
        "environment:\n  name: {environment}\n{}  on_stop: preview-down\n  auto_stop_in: {seconds} seconds\n",
        url.unwrap_or_default()
    );
    let deploy = Job { name: "preview", stage: "deploy", rule: MERGE_REQUEST, keys, ..Job::default() };
    job(text, deploy, "", &[format!("managr deploy {name} --yes")]);
    let keys = format!("environment:\n  name: {environment}\n  action: stop\n");
    let down = Job { name: "preview-down", stage: "deploy", rule: MERGE_REQUEST, is_manual: true, keys };
    job(text, down, "", &[format!("managr preview down {name}")]);
}

fn pushes(text: &mut String, plan: &Plan<'_>) {
    let agree = |stage: &str| match plan.words.auth {
        Auth::Keys => vec![shell::agree(stage)],
        Auth::Oidc => Vec::new(),
    };
    if let Some(staging) = plan.staging {
        let branch = on_branch(&plan.words.branch);
        let images = Job { name: "images", stage: "build", rule: &branch, ..Job::default() };
        job(text, images, "", &[format!("managr push {staging}")]);
        let mut lines = agree(staging);
        lines.push(shell::release(staging));
        if plan.previews.is_some() {
            lines.push(shell::prune());
        }
        let deploy = Job { name: "staging", stage: "deploy", rule: &branch, ..Job::default() };
        job(text, deploy, "environment: staging\n", &lines);
    }
    if let Some(production) = &plan.production {
        let branch = plan.words.production_branch.as_deref().unwrap_or_default();
        let rule = if production.way == Way::Tags { on_tag(plan) } else { on_branch(branch) };
        let (first, second) = if production.way == Way::SameBranch { ("plan", "release") } else { ("build", "deploy") };
        let lines = shell::promote(production.stage, production.from);
        job(text, Job { name: "production-plan", stage: first, rule: &rule, ..Job::default() }, "", &lines);
        text.push_str("  artifacts:\n    paths: [.managr]\n");
        let mut lines = agree(production.stage);
        lines.push(shell::carry_out(production.stage));
        let is_manual = plan.words.approval;
        let own = match is_manual {
            true => "environment: production # starting it approves the plan\n",
            false => "environment: production\n",
        };
        let deploy = Job { name: "production", stage: second, rule: &rule, is_manual, ..Job::default() };
        job(text, deploy, own, &lines);
    }
}

fn on_branch(branch: &str) -> String {
    format!("$CI_COMMIT_BRANCH == \"{branch}\"")
}

/// A pattern of tags as a regular expression.
fn on_tag(plan: &Plan<'_>) -> String {
    let mut expression = String::new();
    for c in plan.words.tags.chars() {
        match c {
            '*' => expression.push_str(".*"),
            '?' => expression.push('.'),
            c if c.is_ascii_alphanumeric() || c == '-' || c == '_' => expression.push(c),
            c => expression.extend(['\\', c]),
        }
    }
    format!("$CI_COMMIT_TAG =~ /^{expression}$/")
}

/// What a job is made of.
#[derive(Default)]
struct Job<'a> {
    name: &'a str,
    stage: &'a str,
    rule: &'a str,
    is_manual: bool,
    /// Keys that are ours.
    keys: String,
}

/// `own` are keys that are the user's to change.
fn job(text: &mut String, job: Job<'_>, own: &str, lines: &[String]) {
    let Job { name, stage, rule, is_manual, keys } = job;
    let manual = if is_manual { "\n      when: manual" } else { "" };
    let _ =
        write!(text, "\n{name}:\n  extends: .managr\n  stage: {stage}\n  rules:\n    - if: {}{manual}\n", scalar(rule));
    if is_manual && rule == MERGE_REQUEST {
        text.push_str("      allow_failure: true\n");
    }
    text.push_str(&indented(2, &keys));
    text.push_str(&place(2, &format!("settings of {name}"), own));
    text.push_str("  script:\n");
    if ["images", "production-plan", "preview"].contains(&name) {
        text.push_str(&place(4, &format!("commands before {name}"), ""));
    }
    script(text, lines);
}

fn script(text: &mut String, lines: &[String]) {
    for line in lines {
        let _ = writeln!(text, "    - {}", scalar(line));
    }
}

/// A job's own token may not write comments. The token travels through a pipe, not in curl's arguments.
fn comment() -> String {
    format!(
        "if [ -n \"${{MANAGR_GITLAB_TOKEN:-}}\" ]; then printf 'header = \"PRIVATE-TOKEN: %s\"\\n' \"$MANAGR_GITLAB_TOKEN\" | \
         curl -fsS -o /dev/null --config - --form \"body=<{}\" \
         \"$CI_API_V4_URL/projects/$CI_PROJECT_ID/merge_requests/$CI_MERGE_REQUEST_IID/notes\"; fi",
        shell::COMMENT
    )
}
