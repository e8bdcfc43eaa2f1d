//! `.github/workflows/managr.yml`.
//!
//! Read in GitHub's documentation: a job's token is asked for at `ACTIONS_ID_TOKEN_REQUEST_URL` where it has
//! `id-token: write`; required reviewers are set on the environment, not in the file; a workflow of a fork gets neither
//! tokens nor secrets.

use std::fmt::Write;

use super::kept::place;
use super::shell;
use super::yaml::{flow, indented, scalar};
use super::{Auth, Plan, Provider, Way};

/// A pull request of this repository that is not closed.
const OPEN: &str = "github.event_name == 'pull_request' && github.event.action != 'closed' && \
    github.event.pull_request.head.repo.full_name == github.repository";

/// Returns the file.
pub(super) fn text(plan: &Plan<'_>) -> String {
    let words = &plan.words;
    let mut text = plan.options.head(Provider::Github);
    let way = plan.production.as_ref().map(|production| production.way);
    let mut branches = vec![format!("\"{}\"", words.branch)];
    if let (Some(Way::Branch), Some(branch)) = (way, &words.production_branch) {
        branches.push(format!("\"{branch}\""));
    }
    let _ = write!(
        text,
        "\nname: managr\n\non:\n  pull_request:\n    types: [opened, synchronize, reopened, closed]\n  push:\n    \
         branches: [{}]\n",
        branches.join(", ")
    );
    if matches!(way, Some(Way::Tags) | None) {
        let _ = writeln!(text, "    tags: [\"{}\"]", words.tags);
    }
    text.push_str(&place(2, "triggers", ""));
    text.push_str("\npermissions:\n  contents: read\n");
    text.push_str("\nconcurrency: # one after the other: a deploy is not cut off by the next\n");
    text.push_str("  group: managr-${{ github.event.pull_request.number || github.ref }}\n\n");
    text.push_str(&place(0, "settings", ""));
    let _ =
        write!(text, "\njobs:\n  tests:\n    if: github.event.action != 'closed'\n    runs-on: {}\n", runs_on(plan));
    text.push_str(&place(4, "settings of tests", ""));
    text.push_str("    steps:\n      - uses: actions/checkout@v4\n");
    text.push_str(&place(6, "tests", &format!("- run: {}\n", shell::NO_TESTS)));
    pull_requests(&mut text, plan);
    pushes(&mut text, plan);
    text.push('\n');
    text.push_str(&place(2, "jobs", ""));
    text
}

fn runs_on(plan: &Plan<'_>) -> String {
    match plan.words.runners.as_slice() {
        [] => "ubuntu-latest".to_owned(),
        [one] => scalar(one),
        several => format!("[{}]", flow(several)),
    }
}

/// What a job is made of, but for how it begins: checkout, managr, AWS.
#[derive(Default)]
struct Job<'a> {
    name: &'a str,
    needs: &'a str,
    condition: String,
    /// Keys before the steps that are the user's to change.
    keys: &'a str,
    /// Whether it writes to the pull request.
    comments: bool,
    /// Steps, as they are written.
    steps: Vec<String>,
}

fn pull_requests(text: &mut String, plan: &Plan<'_>) {
    let Some(staging) = plan.staging else { return };
    let mut steps = vec![
        run("The file is current", &["managr pipeline github --check".to_owned()]),
        run("Variables are consistent", &[shell::CHECK.to_owned()]),
    ];
    steps.push(run("Plan", &shell::plan(staging)));
    steps.push(artifact("plan", shell::PLAN));
    steps.push(format!(
        "- name: Comment\n  env:\n    GH_TOKEN: ${{{{ github.token }}}}\n    NUMBER: ${{{{ github.event.pull_request.number }}}}\n  \
         run: gh pr comment \"$NUMBER\" --edit-last --create-if-none --body-file {}\n",
        shell::COMMENT
    ));
    let condition = OPEN.to_owned();
    job(text, plan, Job { name: "plan", needs: "tests", condition, comments: true, steps, ..Job::default() });
    let Some(previews) = plan.previews else { return };
    let number = "env:\n    NUMBER: ${{ github.event.pull_request.number }}\n";
    let name = shell::preview(previews, "NUMBER");
    let deploy = format!("- name: Preview\n  {number}  run: managr deploy {name} --yes\n");
    job(
        text,
        plan,
        Job { name: "preview", needs: "tests", condition: OPEN.to_owned(), steps: vec![deploy], ..Job::default() },
    );
    let down = format!("- name: Remove the preview\n  {number}  run: managr preview down {name}\n");
    let condition = OPEN.replace("!= 'closed'", "== 'closed'");
    job(text, plan, Job { name: "preview-down", condition, steps: vec![down], ..Job::default() });
}

fn pushes(text: &mut String, plan: &Plan<'_>) {
    let on_branch = |branch: &str| format!("github.event_name == 'push' && github.ref == 'refs/heads/{branch}'");
    if let Some(staging) = plan.staging {
        let condition = on_branch(&plan.words.branch);
        let push = vec![place(0, "steps before staging", ""), run("Images", &[format!("managr push {staging}")])];
        job(
            text,
            plan,
            Job { name: "images", needs: "tests", condition: condition.clone(), steps: push, ..Job::default() },
        );
        let mut steps = agree(plan, staging);
        steps.push(run("Staging", &[shell::release(staging)]));
        if plan.previews.is_some() {
            steps.push(run("Previews whose time is over", &[shell::prune()]));
        }
        steps.push(place(0, "steps after staging", ""));
        let keys = "environment: staging\n";
        job(text, plan, Job { name: "staging", needs: "images", condition, keys, steps, ..Job::default() });
    }
    if let Some(production) = &plan.production {
        let branch = plan.words.production_branch.as_deref().unwrap_or_default();
        let (needs, condition) = match production.way {
            Way::Tags => ("tests", "github.event_name == 'push' && github.ref_type == 'tag'".to_owned()),
            Way::Branch => ("tests", on_branch(branch)),
            Way::SameBranch => ("staging", on_branch(branch)),
        };
        let lines = shell::promote(production.stage, production.from);
        // A token lasts some minutes: a long build outlives it.
        let mut steps = vec![place(0, "steps before production", ""), run("Images", &lines[..1])];
        steps.extend(sign_in(plan.words.auth));
        steps.push(run("Plan", &lines[1..]));
        steps.push(artifact("production-plan", ".managr/"));
        job(text, plan, Job { name: "production-plan", needs, condition: condition.clone(), steps, ..Job::default() });
        let mut steps = agree(plan, production.stage);
        steps.push(
            "- uses: actions/download-artifact@v4\n  with:\n    name: production-plan\n    path: .managr\n".to_owned(),
        );
        steps.push(run("Production", &[shell::carry_out(production.stage)]));
        steps.push(place(0, "steps after production", ""));
        let keys = match plan.words.approval {
            true => "environment: production # set required reviewers on it: they agree to the plan\n",
            false => "environment: production\n",
        };
        job(text, plan, Job { name: "production", needs: "production-plan", condition, keys, steps, ..Job::default() });
    }
}

fn agree(plan: &Plan<'_>, stage: &str) -> Vec<String> {
    let variables = super::variables::NAMES.map(|name| format!("    {name}: ${{{{ vars.{name} }}}}\n")).concat();
    match plan.words.auth {
        Auth::Keys => vec![format!("- name: Variables\n  env:\n{variables}  run: {}\n", shell::agree(stage))],
        Auth::Oidc => Vec::new(),
    }
}

fn job(text: &mut String, plan: &Plan<'_>, job: Job<'_>) {
    let _ = write!(text, "\n  {}:\n", job.name);
    if !job.needs.is_empty() {
        let _ = writeln!(text, "    needs: {}", job.needs);
    }
    let _ = write!(text, "    if: {}\n    runs-on: {}\n", job.condition, runs_on(plan));
    if let Some(minutes) = plan.words.minutes {
        let _ = writeln!(text, "    timeout-minutes: {minutes}");
    }
    text.push_str("    permissions:\n      contents: read\n");
    if plan.words.auth == Auth::Oidc {
        text.push_str("      id-token: write\n");
    }
    if job.comments {
        text.push_str("      pull-requests: write\n");
    }
    text.push_str(&place(4, &format!("settings of {}", job.name), job.keys));
    if plan.words.auth == Auth::Keys {
        text.push_str("    env:\n");
        for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] {
            let _ = writeln!(text, "      {name}: ${{{{ secrets.{name} }}}}");
        }
    }
    text.push_str("    steps:\n      - uses: actions/checkout@v4\n        with:\n          fetch-depth: 0\n");
    let install = shell::install(&plan.words);
    let mut steps = vec![format!(
        "- name: managr\n  env:\n    MANAGR_DOWNLOAD_URL: ${{{{ vars.MANAGR_DOWNLOAD_URL }}}}\n  run: |\n    {install}\n    \
         echo \"$HOME/.local/bin\" >> \"$GITHUB_PATH\"\n{}",
        plan.words.file.as_ref().map_or("", |_| "    echo \"MANAGR_FILE=$MANAGR_FILE\" >> \"$GITHUB_ENV\"\n")
    )];
    steps.extend(sign_in(plan.words.auth));
    steps.extend(job.steps);
    for step in steps {
        text.push_str(&indented(6, &step));
    }
}

fn sign_in(auth: Auth) -> Option<String> {
    let lines = [
        shell::need("ROLE", "the variable AWS_ROLE_ARN names the role that trusts the tokens of this repository"),
        "curl -fsS -H \"Authorization: bearer $ACTIONS_ID_TOKEN_REQUEST_TOKEN\" \"$ACTIONS_ID_TOKEN_REQUEST_URL&audience=sts.amazonaws.com\" \
         | sed -n 's/.*\"value\" *: *\"\\([^\"]*\\)\".*/\\1/p' > \"$RUNNER_TEMP/aws-token\""
            .to_owned(),
        "{ echo \"AWS_ROLE_ARN=$ROLE\"; echo \"AWS_ROLE_SESSION_NAME=managr-$GITHUB_RUN_ID\"; echo \
         \"AWS_WEB_IDENTITY_TOKEN_FILE=$RUNNER_TEMP/aws-token\"; } >> \"$GITHUB_ENV\""
            .to_owned(),
    ];
    let lines = indented(4, &lines.join("\n"));
    (auth == Auth::Oidc)
        .then(|| format!("- name: Sign in to AWS\n  env:\n    ROLE: ${{{{ vars.AWS_ROLE_ARN }}}}\n  run: |\n{lines}"))
}

fn run(name: &str, lines: &[String]) -> String {
    match lines {
        [line] => format!("- name: {name}\n  run: {}\n", scalar(line)),
        lines => format!("- name: {name}\n  run: |\n{}", indented(4, &lines.join("\n"))),
    }
}

fn artifact(name: &str, path: &str) -> String {
    // What begins with a dot is hidden from an upload unless said (actions/upload-artifact, v4.4).
    format!(
        "- uses: actions/upload-artifact@v4\n  with:\n    name: {name}\n    path: {path}\n    include-hidden-files: true\n"
    )
}
