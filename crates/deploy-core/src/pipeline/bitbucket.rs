//! `bitbucket-pipelines.yml`.
//!
//! Read in the vendor's schema (check-jsonschema 0.39.0, `vendor.bitbucket-pipelines`): the keys, and the triggers
//! `pullrequest-fulfilled` and `pullrequest-rejected`. Read in the documentation: the first step of a pipeline cannot be
//! manual, and a step's token is in `BITBUCKET_STEP_OIDC_TOKEN` where it says `oidc: true`. A pull request's checkout is
//! merged anew in each step, so that its commit differs: what is built for one is deployed in the same step.

use std::fmt::Write;

use super::shell;
use super::yaml::{indented, scalar};
use super::{Auth, Plan, Provider};

const TESTS: &str = "your tests";
const SERVICES: &str = "your services";

/// Returns the file.
pub(super) fn text(plan: &Plan<'_>) -> String {
    let mut file = File::new(plan);
    let mut text = plan.options.head(Provider::Bitbucket, &[TESTS, SERVICES]);
    text.push_str("\nimage: atlassian/default-image:4\n");
    text.push_str("\nclone:\n  depth: full # tags and history, for the names of images\n");
    text.push_str("\ndefinitions:\n  services:\n    docker:\n      memory: 3072\n");
    let _ = write!(text, "    # managr: {SERVICES}\n    # managr: end of {SERVICES}\n");
    text.push_str("\npipelines:\n");
    file.pull_requests(&mut text);
    file.branch(&mut text);
    file.tags(&mut text);
    file.custom(&mut text);
    text
}

/// What a step is made of.
struct Step<'a> {
    name: &'a str,
    /// Keys before the script.
    keys: Vec<String>,
    script: Vec<String>,
    artifacts: Option<&'a str>,
}

/// The file while it is written: what was said once is named afterwards.
struct File<'a> {
    plan: &'a Plan<'a>,
    is_said: bool,
    has_tests: bool,
}

impl<'a> File<'a> {
    fn new(plan: &'a Plan<'a>) -> Self {
        Self { plan, is_said: false, has_tests: false }
    }

    fn pull_requests(&mut self, text: &mut String) {
        let Some(staging) = self.plan.staging else { return };
        text.push_str("  pull-requests:\n    \"**\":\n");
        self.tests(text);
        let mut script = vec!["managr pipeline bitbucket --check".to_owned(), shell::CHECK.to_owned()];
        script.extend(shell::plan(staging));
        script.push(comment());
        let step = Step { name: "Plan", keys: Vec::new(), script, artifacts: Some(shell::PLAN) };
        self.step(text, step);
        if let Some(previews) = self.plan.previews {
            let name = shell::preview(previews, "BITBUCKET_PR_ID");
            let script = vec![format!("managr deploy {name} --yes")];
            self.step(text, Step { name: "Preview", keys: builds(), script, artifacts: None });
        }
    }

    fn branch(&mut self, text: &mut String) {
        let Some(staging) = self.plan.staging else { return };
        let _ = write!(text, "  branches:\n    {}:\n", scalar(&self.plan.options.branch));
        self.tests(text);
        let script = vec![format!("managr push {staging}")];
        self.step(text, Step { name: "Images", keys: builds(), script, artifacts: None });
        let mut script = self.agree(staging);
        script.push(shell::release(staging));
        let keys = vec!["deployment: staging".to_owned()];
        self.step(text, Step { name: "Staging", keys, script, artifacts: None });
        if self.plan.previews.is_some() {
            let script = vec![shell::prune()];
            self.step(text, Step { name: "Previews whose time is over", keys: Vec::new(), script, artifacts: None });
        }
    }

    fn tags(&mut self, text: &mut String) {
        let Some(production) = &self.plan.production else { return };
        let _ = write!(text, "  tags:\n    {}:\n", scalar(&self.plan.options.tags));
        self.tests(text);
        let script = shell::promote(production.stage, production.from);
        self.step(text, Step { name: "Images and plan", keys: builds(), script, artifacts: Some(".managr/plan.*") });
        let mut script = self.agree(production.stage);
        script.push(shell::carry_out(production.stage));
        let keys = vec![
            "deployment: production".to_owned(),
            "trigger: manual # whoever starts it agrees to the plan".to_owned(),
        ];
        self.step(text, Step { name: "Production", keys, script, artifacts: None });
    }

    fn custom(&mut self, text: &mut String) {
        let Some(previews) = self.plan.previews else { return };
        text.push_str("  custom:\n    previews-prune: # for a schedule, such as once a day\n");
        self.step(
            text,
            Step {
                name: "Previews whose time is over",
                keys: Vec::new(),
                script: vec![shell::prune()],
                artifacts: None,
            },
        );
        text.push_str("    preview-down:\n");
        let name = shell::preview(previews, "BITBUCKET_PR_ID");
        let down = format!(
            "if [ -n \"${{BITBUCKET_PR_ID:-}}\" ]; then managr preview down {name}; else managr preview prune; fi"
        );
        self.step(text, Step { name: "Remove the preview", keys: Vec::new(), script: vec![down], artifacts: None });
        text.push_str("\ntriggers: # a pull request that was merged or declined leaves nothing behind\n");
        for event in ["pullrequest-fulfilled", "pullrequest-rejected"] {
            let _ = write!(
                text,
                "  {event}:\n    - condition: glob(BITBUCKET_BRANCH, \"**\")\n      pipelines:\n        - preview-down\n"
            );
        }
    }

    /// In a file with keys, what an older pipeline's variables say is held against the manifest.
    fn agree(&self, stage: &str) -> Vec<String> {
        match self.plan.options.auth {
            Auth::Keys => vec![shell::agree(stage)],
            Auth::Oidc => Vec::new(),
        }
    }

    fn tests(&mut self, text: &mut String) {
        if std::mem::replace(&mut self.has_tests, true) {
            text.push_str("      - step: *tests\n");
            return;
        }
        let _ = write!(
            text,
            "      - step: &tests\n          name: Tests\n          # managr: {TESTS}\n          script:\n            - {}\n          \
             # managr: end of {TESTS}\n",
            shell::NO_TESTS
        );
    }

    fn step(&mut self, text: &mut String, step: Step<'_>) {
        let _ = write!(text, "      - step:\n          name: {}\n", step.name);
        if self.plan.options.auth == Auth::Oidc {
            text.push_str("          oidc: true\n");
        }
        for key in step.keys {
            let _ = writeln!(text, "          {key}");
        }
        text.push_str("          script:\n");
        if std::mem::replace(&mut self.is_said, true) {
            text.push_str("            - *sign-in\n            - *install\n");
        } else {
            let sign_in = sign_in(self.plan.options.auth);
            let install = scalar(&shell::install(self.plan.options));
            let _ =
                write!(text, "            - &sign-in |-\n{}            - &install {install}\n", indented(14, &sign_in));
        }
        for line in step.script {
            let _ = writeln!(text, "            - {}", scalar(&line));
        }
        if let Some(artifacts) = step.artifacts {
            let _ = write!(text, "          artifacts:\n            - {}\n", scalar(artifacts));
        }
    }
}

fn builds() -> Vec<String> {
    vec!["services: [docker]".to_owned(), "caches: [docker]".to_owned()]
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
