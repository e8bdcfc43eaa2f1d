//! `bitbucket-pipelines.yml` for those who only want to replace their script: another image in a task definition that no
//! manifest describes, by the variables that they already have. How the image is built stays theirs.

use std::fmt::Write;

use super::shell;
use super::yaml::{indented, scalar};
use super::{Auth, Options, Provider};

const BUILD: &str = "your build";
const TESTS: &str = "your tests";

/// Returns the file.
pub(super) fn bitbucket(options: &Options) -> String {
    let mut text = options.head(Provider::Bitbucket);
    text.push_str("\nimage: atlassian/default-image:4\n");
    text.push_str("\ndefinitions:\n  services:\n    docker:\n      memory: 3072\n\npipelines:\n");
    let tests = format!(
        "      - step: &tests\n          name: Tests\n          # managr: {TESTS}\n          script:\n            - {}\n          \
         # managr: end of {TESTS}\n",
        shell::NO_TESTS
    );
    let _ = write!(text, "  branches:\n    {}:\n{tests}", scalar(&options.branch));
    let oidc = if options.auth == Auth::Oidc { "          oidc: true\n" } else { "" };
    let build = format!(
        "      - step: &build\n          name: Images\n{oidc}          # managr: {BUILD}\n          # as your pipeline does it now: \
         log in to the registry, build, push\n          services: [docker]\n          \
         caches: [docker]\n          script:\n            - export TAG=\"${{BITBUCKET_TAG:-$BITBUCKET_COMMIT}}\"\n            \
         - docker build -t \"$MANAGR_SERVER_IMAGE_NAME:$TAG\" .\n            \
         - docker push \"$MANAGR_SERVER_IMAGE_NAME:$TAG\"\n          # managr: end of {BUILD}\n"
    );
    text.push_str(&build);
    step(&mut text, options, "Staging", &["deployment: staging"], true);
    let _ = write!(text, "  tags:\n    {}:\n      - step: *tests\n      - step: *build\n", scalar(&options.tags));
    step(&mut text, options, "Production", &["deployment: production", "trigger: manual"], false);
    text
}

fn step(text: &mut String, options: &Options, name: &str, keys: &[&str], is_first: bool) {
    let _ = write!(text, "      - step:\n          name: {name}\n");
    if options.auth == Auth::Oidc {
        text.push_str("          oidc: true\n");
    }
    for key in keys {
        let _ = writeln!(text, "          {key}");
    }
    text.push_str("          script:\n");
    if !is_first {
        text.push_str("            - *sign-in\n            - *install\n            - *update\n");
        return;
    }
    let container = options.container.as_deref().unwrap_or("server");
    let sign_in = indented(14, &super::bitbucket::sign_in(options.auth));
    let install = scalar(&shell::install(&options.words(None)));
    let update = format!(
        "managr taskdef update \"$AWS_ECS_TASK_NAME\" --image \"{container}=$MANAGR_SERVER_IMAGE_NAME:${{BITBUCKET_TAG:-$BITBUCKET_COMMIT}}\" \
         --cluster \"$AWS_ECS_CLUSTER_NAME\" --service \"$AWS_ECS_SERVICE_NAME\""
    );
    let _ = write!(
        text,
        "            - &sign-in |-\n{sign_in}            - &install {install}\n            - &update {}\n",
        scalar(&update)
    );
}
