//! `bitbucket-pipelines.yml`.
//!
//! Read in the vendor's schema (check-jsonschema 0.39.0, `vendor.bitbucket-pipelines`): the keys, and the triggers
//! `pullrequest-fulfilled` and `pullrequest-rejected`. Read in the documentation: the first step of a pipeline cannot be
//! manual, and a step's token is in `BITBUCKET_STEP_OIDC_TOKEN` where it says `oidc: true`. A pull request's checkout is
//! merged anew in each step, so that its commit differs: what is built for one is deployed in the same step.

use std::fmt::Write;

use super::kept::place;
use super::shell;
use super::yaml::{flow, indented, scalar};
use super::{Auth, Plan, Provider, Way};

const TESTS: &str = "tests";

/// Returns the file.
pub(super) fn text(plan: &Plan<'_>) -> String {
    let mut file = File { plan, is_said: false, has_tests: false };
    let mut text = plan.options.head(Provider::Bitbucket);
    let image = plan.words.image.as_deref().unwrap_or("atlassian/default-image:4");
    let _ = write!(text, "\nimage: {}\n", scalar(image));
    text.push_str("\nclone:\n  depth: full # tags and history, for the names of images\n");
    text.push_str("\ndefinitions:\n  services:\n    docker:\n");
    text.push_str(&place(6, "settings of docker", "memory: 3072\n"));
    text.push_str(&place(4, "services", ""));
    text.push_str(&place(2, "definitions", ""));
    text.push_str("\npipelines:\n");
    file.pull_requests(&mut text);
    file.branches(&mut text);
    file.tags(&mut text);
    file.custom(&mut text);
    text
}

/// What a step is made of.
#[derive(Default)]
struct Step<'a> {
    name: &'a str,
    /// What its own place is called.
    word: &'a str,
    /// Keys before the script that are the user's to change.
    keys: &'a str,
    /// Whether it builds images: that may take a larger machine.
    builds: bool,
    is_manual: bool,
    script: Vec<String>,
    artifacts: Option<&'a str>,
}

/// What a step that builds needs of Bitbucket.
const BUILDS: &str = "services: [docker]\ncaches: [docker]\n";

/// The file while it is written: what was said once is named afterwards.
struct File<'a> {
    plan: &'a Plan<'a>,
    is_said: bool,
    has_tests: bool,
}

impl File<'_> {
    fn pull_requests(&mut self, text: &mut String) {
        let Some(staging) = self.plan.staging else { return };
        text.push_str("  pull-requests:\n    \"**\":\n");
        self.tests(text);
        text.push_str(&place(6, "steps of pull requests", ""));
        let mut script = vec!["managr pipeline bitbucket --check".to_owned(), shell::CHECK.to_owned()];
        script.extend(shell::plan(staging));
        script.push(comment());
        self.step(text, Step { name: "Plan", word: "plan", script, artifacts: Some(shell::PLAN), ..Step::default() });
        if let Some(previews) = self.plan.previews {
            let name = shell::preview(previews, "BITBUCKET_PR_ID");
            let script = vec![format!("managr deploy {name} --yes")];
            let step =
                Step { name: "Preview", word: "previews", keys: BUILDS, builds: true, script, ..Step::default() };
            self.step(text, step);
        }
        text.push_str(&place(4, "pull requests", ""));
    }

    fn branches(&mut self, text: &mut String) {
        let words = &self.plan.words;
        let way = self.plan.production.as_ref().map(|production| production.way);
        if self.plan.staging.is_some() || way == Some(Way::Branch) {
            text.push_str("  branches:\n");
        }
        if let Some(staging) = self.plan.staging {
            let _ = writeln!(text, "    {}:", scalar(&words.branch));
            self.tests(text);
            text.push_str(&place(6, "steps before staging", ""));
            let script = vec![format!("managr push {staging}")];
            let step = Step { name: "Images", word: "images", keys: BUILDS, builds: true, script, ..Step::default() };
            self.step(text, step);
            let mut script = self.agree(staging);
            script.push(shell::release(staging));
            let keys = "deployment: staging\n";
            self.step(text, Step { name: "Staging", word: "staging", keys, script, ..Step::default() });
            text.push_str(&place(6, "steps after staging", ""));
            if self.plan.previews.is_some() {
                self.prune(text, "ended previews");
            }
            if way == Some(Way::SameBranch) {
                self.production(text);
            }
        }
        if way == Some(Way::Branch) {
            let _ = writeln!(text, "    {}:", scalar(words.production_branch.as_deref().unwrap_or_default()));
            self.tests(text);
            self.production(text);
        }
        if self.plan.staging.is_some() || way == Some(Way::Branch) {
            text.push_str(&place(4, "branches", ""));
        }
    }

    fn tags(&mut self, text: &mut String) {
        if self.plan.production.as_ref().is_some_and(|production| production.way == Way::Tags) {
            let _ = write!(text, "  tags:\n    {}:\n", scalar(&self.plan.words.tags));
            self.tests(text);
            self.production(text);
            text.push_str(&place(4, "tags", ""));
        }
    }

    fn production(&mut self, text: &mut String) {
        let Some(production) = &self.plan.production else { return };
        text.push_str(&place(6, "steps before production", ""));
        let script = shell::promote(production.stage, production.from);
        self.step(
            text,
            Step {
                name: "Images and plan",
                word: "production's images",
                keys: BUILDS,
                builds: true,
                script,
                artifacts: Some(".managr/plan.*"),
                ..Step::default()
            },
        );
        let mut script = self.agree(production.stage);
        script.push(shell::carry_out(production.stage));
        self.step(
            text,
            Step {
                name: "Production",
                word: "production",
                keys: "deployment: production\n",
                is_manual: self.plan.words.approval,
                script,
                ..Step::default()
            },
        );
        text.push_str(&place(6, "steps after production", ""));
    }

    fn custom(&mut self, text: &mut String) {
        let Some(previews) = self.plan.previews else {
            text.push_str(&place(2, "pipelines", ""));
            return;
        };
        text.push_str("  custom:\n    previews-prune: # for a schedule, such as once a day\n");
        self.prune(text, "previews-prune");
        text.push_str("    preview-down:\n");
        let name = shell::preview(previews, "BITBUCKET_PR_ID");
        let down = format!(
            "if [ -n \"${{BITBUCKET_PR_ID:-}}\" ]; then managr preview down {name}; else managr preview prune; fi"
        );
        let step = Step { name: "Remove the preview", word: "preview-down", script: vec![down], ..Step::default() };
        self.step(text, step);
        text.push_str(&place(4, "custom pipelines", ""));
        text.push_str(&place(2, "pipelines", ""));
        text.push_str("\ntriggers: # a pull request that was merged or declined leaves nothing behind\n");
        for event in ["pullrequest-fulfilled", "pullrequest-rejected"] {
            let _ = write!(
                text,
                "  {event}:\n    - condition: glob(BITBUCKET_BRANCH, \"**\")\n      pipelines:\n        - preview-down\n"
            );
        }
    }

    fn prune(&mut self, text: &mut String, word: &str) {
        let script = vec![shell::prune()];
        self.step(text, Step { name: "Previews whose time is over", word, script, ..Step::default() });
    }

    /// In a file with keys, what an older pipeline's variables say is held against the manifest.
    fn agree(&self, stage: &str) -> Vec<String> {
        match self.plan.words.auth {
            Auth::Keys => vec![shell::agree(stage)],
            Auth::Oidc => Vec::new(),
        }
    }

    fn tests(&mut self, text: &mut String) {
        if std::mem::replace(&mut self.has_tests, true) {
            text.push_str("      - step: *tests\n");
            return;
        }
        text.push_str("      - step: &tests\n          name: Tests\n");
        text.push_str(&place(10, TESTS, &format!("script:\n  - {}\n", shell::NO_TESTS)));
    }

    fn step(&mut self, text: &mut String, step: Step<'_>) {
        let words = &self.plan.words;
        let _ = write!(text, "      - step:\n          name: {}\n", step.name);
        if words.auth == Auth::Oidc {
            text.push_str("          oidc: true\n");
        }
        if !words.runners.is_empty() {
            let _ = writeln!(text, "          runs-on: [{}]", flow(&words.runners));
        }
        if let Some(size) = words.size.as_ref().filter(|_| step.builds) {
            let _ = writeln!(text, "          size: {}", scalar(size));
        }
        if let Some(minutes) = words.minutes {
            let _ = writeln!(text, "          max-time: {minutes}");
        }
        if step.is_manual {
            text.push_str("          trigger: manual # starting it approves the plan\n");
        }
        text.push_str(&place(10, &format!("settings of {}", step.word), step.keys));
        text.push_str("          script:\n");
        if std::mem::replace(&mut self.is_said, true) {
            text.push_str("            - *sign-in\n            - *install\n");
        } else {
            let sign_in = sign_in(words.auth);
            let install = scalar(&shell::install(words));
            let _ =
                write!(text, "            - &sign-in |-\n{}            - &install {install}\n", indented(14, &sign_in));
        }
        if step.builds {
            text.push_str(&place(12, &format!("commands before {}", step.word), ""));
        }
        for line in step.script {
            let _ = writeln!(text, "            - {}", scalar(&line));
        }
        if let Some(artifacts) = step.artifacts {
            let _ = write!(text, "          artifacts:\n            - {}\n", scalar(artifacts));
        }
    }
}

pub(super) fn sign_in(auth: Auth) -> String {
    match auth {
        Auth::Oidc => [
            // Keys that are left over would win.
            "unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN".to_owned(),
            shell::need("AWS_ROLE_ARN", shell::ROLE),
            "export AWS_ROLE_ARN AWS_ROLE_SESSION_NAME=\"managr-$BITBUCKET_BUILD_NUMBER\"".to_owned(),
            "export AWS_WEB_IDENTITY_TOKEN_FILE=\"$(mktemp)\"".to_owned(),
            "printf %s \"${BITBUCKET_STEP_OIDC_TOKEN:?is not set}\" > \"$AWS_WEB_IDENTITY_TOKEN_FILE\"".to_owned(),
        ]
        .join("\n"),
        Auth::Keys => [
            shell::need("AWS_ACCESS_KEY_ID", "it is a repository variable"),
            shell::need("AWS_SECRET_ACCESS_KEY", "it is a secured repository variable"),
        ]
        .join("\n"),
    }
}

/// A pipeline's own token may not write comments: it takes an access token of the repository, if there is one. The
/// token travels through a pipe, not in curl's arguments.
fn comment() -> String {
    let url = "https://api.bitbucket.org/2.0/repositories/$BITBUCKET_WORKSPACE/$BITBUCKET_REPO_SLUG/pullrequests/$BITBUCKET_PR_ID/comments";
    format!(
        "if [ -n \"${{MANAGR_BITBUCKET_TOKEN:-}}\" ]; then python3 -c 'import json,sys; json.dump({{\"content\": {{\"raw\": \
         sys.stdin.read()}}}}, sys.stdout)' < {0} > {0}.json && printf 'header = \"Authorization: Bearer %s\"\\n' \
         \"$MANAGR_BITBUCKET_TOKEN\" | curl -fsS -o /dev/null --config - -H 'Content-Type: application/json' --data-binary \
         @{0}.json \"{url}\"; fi",
        shell::COMMENT
    )
}
