//! `.gitlab-ci.yml`.
//!
//! Read in GitLab's documentation: `id_tokens` puts a job's token into a variable; a review environment is stopped by the
//! job that `on_stop` names when its merge request is merged or closed, and after `auto_stop_in`; that job must have
//! the same rules as the one that started it.

use std::fmt::Write;

use super::shell;
use super::yaml::{indented, scalar};
use super::{Auth, Plan, Provider};

const TESTS: &str = "your tests";

const MERGE_REQUEST: &str = "$CI_PIPELINE_SOURCE == \"merge_request_event\"";

/// Returns the file.
pub(super) fn text(plan: &Plan<'_>) -> String {
    let options = plan.options;
    let mut text = options.head(Provider::Gitlab, &[TESTS]);
    text.push_str("\nstages: [test, build, deploy]\n");
    let _ = write!(
        text,
        "\nworkflow:\n  rules:\n    - if: {}\n    - if: {}\n    - if: {}\n",
        scalar(MERGE_REQUEST),
        scalar(&on_branch(plan)),
        scalar(&on_tag(plan))
    );
    let _ = write!(
        text,
        "\ntests:\n  stage: test\n  # managr: {TESTS}\n  script:\n    - {}\n  # managr: end of {TESTS}\n",
        shell::NO_TESTS
    );
    base(&mut text, plan);
    merge_requests(&mut text, plan);
    pushes(&mut text, plan);
    text
}

/// What every job of ours begins with. Buildah builds without a daemon and without privileges.
fn base(text: &mut String, plan: &Plan<'_>) {
    text.push_str(
        "\n.managr:\n  image: quay.io/buildah/stable\n  variables:\n    GIT_DEPTH: 0\n    MANAGR_BUILDER: buildah\n",
    );
    text.push_str("    STORAGE_DRIVER: vfs\n    BUILDAH_ISOLATION: chroot\n");
    let mut lines = vec!["command -v git >/dev/null || dnf install -y --quiet git-core".to_owned()];
    if plan.options.auth == Auth::Oidc {
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
    lines.push(shell::install(plan.options));
    text.push_str("  before_script:\n");
    script(text, &lines);
}

fn merge_requests(text: &mut String, plan: &Plan<'_>) {
    let Some(staging) = plan.staging else { return };
    let mut lines = vec!["managr pipeline gitlab --check".to_owned(), shell::CHECK.to_owned()];
    lines.extend(shell::plan(staging));
    lines.push(comment());
    job(text, "plan", "build", MERGE_REQUEST, false, &[], &lines);
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
    job(text, "preview", "deploy", MERGE_REQUEST, false, &[keys], &[format!("managr deploy {name} --yes")]);
    let keys = format!("environment:\n  name: {environment}\n  action: stop\n");
    job(text, "preview-down", "deploy", MERGE_REQUEST, true, &[keys], &[format!("managr preview down {name}")]);
}

fn pushes(text: &mut String, plan: &Plan<'_>) {
    let agree = |stage: &str| match plan.options.auth {
        Auth::Keys => vec![shell::agree(stage)],
        Auth::Oidc => Vec::new(),
    };
    if let Some(staging) = plan.staging {
        let branch = on_branch(plan);
        job(text, "images", "build", &branch, false, &[], &[format!("managr push {staging}")]);
        let mut lines = agree(staging);
        lines.push(shell::release(staging));
        if plan.previews.is_some() {
            lines.push(shell::prune());
        }
        job(text, "staging", "deploy", &branch, false, &["environment: staging\n".to_owned()], &lines);
    }
    if let Some(production) = &plan.production {
        let tag = on_tag(plan);
        job(text, "production-plan", "build", &tag, false, &[], &shell::promote(production.stage, production.from));
        text.push_str("  artifacts:\n    paths: [.managr]\n");
        let mut lines = agree(production.stage);
        lines.push(shell::carry_out(production.stage));
        let keys = "environment: production # whoever starts it agrees to the plan\n".to_owned();
        job(text, "production", "deploy", &tag, true, &[keys], &lines);
    }
}

fn on_branch(plan: &Plan<'_>) -> String {
    format!("$CI_COMMIT_BRANCH == \"{}\"", plan.options.branch)
}

/// A pattern of tags as a regular expression.
fn on_tag(plan: &Plan<'_>) -> String {
    let mut expression = String::new();
    for c in plan.options.tags.chars() {
        match c {
            '*' => expression.push_str(".*"),
            '?' => expression.push('.'),
            c if c.is_ascii_alphanumeric() || c == '-' || c == '_' => expression.push(c),
            c => expression.extend(['\\', c]),
        }
    }
    format!("$CI_COMMIT_TAG =~ /^{expression}$/")
}

fn job(text: &mut String, name: &str, stage: &str, rule: &str, is_manual: bool, keys: &[String], lines: &[String]) {
    let manual = if is_manual { "\n      when: manual" } else { "" };
    let _ =
        write!(text, "\n{name}:\n  extends: .managr\n  stage: {stage}\n  rules:\n    - if: {}{manual}\n", scalar(rule));
    if is_manual && rule == MERGE_REQUEST {
        text.push_str("      allow_failure: true\n");
    }
    for key in keys {
        text.push_str(&indented(2, key));
    }
    text.push_str("  script:\n");
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
