//! What do the scripts of every service say? Lines of shell, plain enough for `dash`.
//!
//! Each is one command as far as `&&` is concerned: a runner may join them.

use super::{Previews, Words};

/// Where a plan for people is kept between steps. `managr` does not add it to git.
pub(super) const PLAN: &str = ".managr/plan.txt";

/// The plan that a person agrees to, and that is carried out.
pub(super) const KEPT_PLAN: &str = ".managr/plan.json";

/// The plan as a comment.
pub(super) const COMMENT: &str = ".managr/comment.md";

/// What is inconsistent about variables is found before it ships, without a question.
pub(super) const CHECK: &str = "managr vars check";

/// What stands in place of tests until they are written.
pub(super) const NO_TESTS: &str = "echo \"no tests yet; write them here, between the marks\"";

const DOWNLOAD: &str = "command -v managr >/dev/null || { mkdir -p \"$HOME/.local/bin\" && curl -fsSL \
    \"${MANAGR_DOWNLOAD_URL:?is not set; managr is not on the PATH, so it must say where the binary is}\" -o \"$HOME/.local/bin/managr\" && chmod +x \"$HOME/.local/bin/managr\"; }";

/// Returns the line that puts `managr` on the PATH.
pub(super) fn install(words: &Words) -> String {
    let command = words.install.as_deref().unwrap_or(DOWNLOAD);
    let file = words.file.as_ref().map(|file| format!(" MANAGR_FILE=\"{file}\"")).unwrap_or_default();
    format!("export PATH=\"$HOME/.local/bin:$PATH\"{file} && {{ {command}; }}")
}

/// Returns the line that refuses to go on without a variable, and says what it is.
pub(super) fn need(variable: &str, words: &str) -> String {
    format!(": \"${{{variable}:?is not set; {words}}}\"")
}

/// What `AWS_ROLE_ARN` must be.
pub(super) const ROLE: &str = "it is the role that trusts the tokens of this pipeline";

/// Returns the lines that show what a deploy would change, and keep it as a comment.
pub(super) fn plan(stage: &str) -> Vec<String> {
    vec![
        format!("mkdir -p .managr && managr plan {stage} > {PLAN} && cat {PLAN}"),
        format!("{{ echo '### `managr plan {stage}`'; echo '```'; head -c 30000 {PLAN}; echo '```'; }} > {COMMENT}"),
    ]
}

/// Returns the lines that put production's images in place, and keep the plan that is to be agreed to.
pub(super) fn promote(stage: &str, from: Option<&str>) -> Vec<String> {
    let from = from.map(|from| format!(" --from {from}")).unwrap_or_default();
    vec![
        format!("managr push {stage}{from}"),
        format!("mkdir -p .managr && managr plan {stage} --out {KEPT_PLAN} > {PLAN} && cat {PLAN}"),
    ]
}

/// Returns the line that carries the kept plan out.
pub(super) fn carry_out(stage: &str) -> String {
    format!("managr deploy {stage} --plan {KEPT_PLAN} --yes")
}

/// Returns the line that releases what was pushed.
pub(super) fn release(stage: &str) -> String {
    format!("managr deploy {stage} --no-build --yes")
}

/// Returns the line that removes previews whose time is over.
pub(super) fn prune() -> String {
    "managr preview prune".to_owned()
}

/// Returns the name of a pull request's preview; `number` is a variable of the shell.
pub(super) fn preview(previews: &Previews, number: &str) -> String {
    format!("\"{}\"", previews.name_of(&format!("${{{number}}}")))
}

/// Returns the line that holds the variables of an older pipeline against the manifest.
pub(super) fn agree(stage: &str) -> String {
    format!("managr pipeline variables {stage} --check")
}
