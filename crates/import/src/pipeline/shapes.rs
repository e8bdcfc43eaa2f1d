//! Which keys does each vendor have?
//!
//! From the schemas `vendor.bitbucket-pipelines`, `vendor.github-workflows` and `vendor.gitlab-ci` of check-jsonschema
//! 0.39.0, and the vendors' references. A key that is missing here is reported as an unknown one; it is never lost.

use super::ledger::Shape::{self, Any, Keys, Named, Open};

static ANY: Shape = Any;

/// What takes no further keys: a scalar, or a list of them.
static LEAF: Shape = Keys(&[]);

static BB_IMAGE: Shape = Keys(&[
    ("name", &LEAF),
    ("username", &LEAF),
    ("password", &LEAF),
    ("email", &LEAF),
    ("run-as-user", &LEAF),
    ("aws", &ANY),
]);
static BB_CLONE: Shape =
    Keys(&[("depth", &LEAF), ("enabled", &LEAF), ("lfs", &LEAF), ("skip-ssl-verify", &LEAF), ("strategy", &LEAF)]);
static BB_SCRIPT: Shape = Keys(&[("pipe", &LEAF), ("name", &LEAF), ("variables", &ANY)]);
static BB_CONDITION: Shape =
    Keys(&[("changesets", &Keys(&[("includePaths", &LEAF), ("excludePaths", &LEAF)])), ("state", &LEAF)]);
static BB_STEP: Shape = Keys(&[
    ("name", &LEAF),
    ("image", &BB_IMAGE),
    ("script", &BB_SCRIPT),
    ("after-script", &BB_SCRIPT),
    ("artifacts", &Keys(&[("paths", &LEAF), ("download", &LEAF), ("upload", &ANY)])),
    ("caches", &LEAF),
    ("clone", &BB_CLONE),
    ("concurrency-group", &LEAF),
    ("condition", &BB_CONDITION),
    ("deployment", &LEAF),
    ("environment", &LEAF),
    ("fail-fast", &LEAF),
    ("max-time", &LEAF),
    ("oidc", &LEAF),
    ("output-variables", &LEAF),
    ("runs-on", &LEAF),
    ("runtime", &ANY),
    ("services", &LEAF),
    ("size", &LEAF),
    ("trigger", &LEAF),
]);
static BB_ITEM: Shape = Keys(&[
    ("step", &BB_STEP),
    ("parallel", &Keys(&[("steps", &Keys(&[("step", &BB_STEP)])), ("fail-fast", &LEAF), ("step", &BB_STEP)])),
    (
        "stage",
        &Keys(&[
            ("name", &LEAF),
            ("steps", &Keys(&[("step", &BB_STEP)])),
            ("deployment", &LEAF),
            ("environment", &LEAF),
            ("condition", &BB_CONDITION),
            ("trigger", &LEAF),
        ]),
    ),
    ("variables", &Keys(&[("name", &LEAF), ("default", &LEAF), ("allowed-values", &LEAF), ("description", &LEAF)])),
]);

/// `bitbucket-pipelines.yml`.
pub(super) static BITBUCKET: Shape = Keys(&[
    ("image", &BB_IMAGE),
    ("clone", &BB_CLONE),
    ("options", &Keys(&[("docker", &LEAF), ("max-time", &LEAF), ("size", &LEAF), ("runtime", &ANY)])),
    (
        "definitions",
        &Keys(&[
            ("caches", &Named(&Keys(&[("path", &LEAF), ("key", &Keys(&[("files", &LEAF)]))]))),
            (
                "services",
                &Named(&Keys(&[("image", &BB_IMAGE), ("memory", &LEAF), ("type", &LEAF), ("variables", &ANY)])),
            ),
            ("steps", &BB_ITEM),
            ("pipelines", &Named(&BB_ITEM)),
        ]),
    ),
    (
        "pipelines",
        &Keys(&[
            ("default", &BB_ITEM),
            ("branches", &Named(&BB_ITEM)),
            ("tags", &Named(&BB_ITEM)),
            ("bookmarks", &Named(&BB_ITEM)),
            ("pull-requests", &Named(&BB_ITEM)),
            ("custom", &Named(&BB_ITEM)),
        ]),
    ),
    ("triggers", &Named(&Keys(&[("condition", &LEAF), ("pipelines", &LEAF)]))),
    ("labels", &ANY),
]);

static GH_ENVIRONMENT: Shape = Keys(&[("name", &LEAF), ("url", &LEAF), ("deployment", &LEAF)]);
static GH_CONCURRENCY: Shape = Keys(&[("group", &LEAF), ("cancel-in-progress", &LEAF)]);
static GH_DEFAULTS: Shape = Keys(&[("run", &Keys(&[("shell", &LEAF), ("working-directory", &LEAF)]))]);
static GH_CONTAINER: Shape = Keys(&[
    ("image", &LEAF),
    ("credentials", &Keys(&[("username", &LEAF), ("password", &LEAF)])),
    ("env", &ANY),
    ("ports", &LEAF),
    ("volumes", &LEAF),
    ("options", &LEAF),
]);
static GH_STEP: Shape = Keys(&[
    ("id", &LEAF),
    ("if", &LEAF),
    ("name", &LEAF),
    ("uses", &LEAF),
    ("run", &LEAF),
    ("shell", &LEAF),
    ("with", &ANY),
    ("env", &ANY),
    ("working-directory", &LEAF),
    ("continue-on-error", &LEAF),
    ("timeout-minutes", &LEAF),
]);
static GH_JOB: Shape = Keys(&[
    ("name", &LEAF),
    ("permissions", &Named(&LEAF)),
    ("needs", &LEAF),
    ("if", &LEAF),
    ("runs-on", &Keys(&[("group", &LEAF), ("labels", &LEAF)])),
    ("environment", &GH_ENVIRONMENT),
    ("concurrency", &GH_CONCURRENCY),
    ("outputs", &ANY),
    ("env", &ANY),
    ("defaults", &GH_DEFAULTS),
    ("steps", &GH_STEP),
    ("timeout-minutes", &LEAF),
    ("strategy", &Keys(&[("matrix", &ANY), ("fail-fast", &LEAF), ("max-parallel", &LEAF)])),
    ("continue-on-error", &LEAF),
    ("container", &GH_CONTAINER),
    ("services", &Named(&GH_CONTAINER)),
    ("uses", &LEAF),
    ("with", &ANY),
    ("secrets", &ANY),
]);
static GH_FILTERS: Shape = Keys(&[
    ("branches", &LEAF),
    ("branches-ignore", &LEAF),
    ("tags", &LEAF),
    ("tags-ignore", &LEAF),
    ("paths", &LEAF),
    ("paths-ignore", &LEAF),
    ("types", &LEAF),
    ("workflows", &LEAF),
    ("cron", &LEAF),
    ("timezone", &LEAF),
    ("inputs", &ANY),
    ("outputs", &ANY),
    ("secrets", &ANY),
]);

/// A workflow of GitHub.
pub(super) static GITHUB: Shape = Keys(&[
    ("name", &LEAF),
    ("run-name", &LEAF),
    ("on", &Named(&GH_FILTERS)),
    ("permissions", &Named(&LEAF)),
    ("env", &ANY),
    ("defaults", &GH_DEFAULTS),
    ("concurrency", &GH_CONCURRENCY),
    ("jobs", &Named(&GH_JOB)),
]);

static GL_IMAGE: Shape =
    Keys(&[("name", &LEAF), ("entrypoint", &LEAF), ("docker", &ANY), ("kubernetes", &ANY), ("pull_policy", &LEAF)]);
static GL_SERVICE: Shape = Keys(&[
    ("name", &LEAF),
    ("alias", &LEAF),
    ("command", &LEAF),
    ("entrypoint", &LEAF),
    ("variables", &ANY),
    ("pull_policy", &LEAF),
    ("docker", &ANY),
]);
static GL_CACHE: Shape = Keys(&[
    ("key", &Keys(&[("files", &LEAF), ("prefix", &LEAF)])),
    ("paths", &LEAF),
    ("policy", &LEAF),
    ("untracked", &LEAF),
    ("when", &LEAF),
    ("unprotect", &LEAF),
    ("fallback_keys", &LEAF),
]);
static GL_CHANGES: Shape = Keys(&[("paths", &LEAF), ("compare_to", &LEAF)]);
static GL_RULES: Shape = Keys(&[
    ("if", &LEAF),
    ("changes", &GL_CHANGES),
    ("exists", &GL_CHANGES),
    ("when", &LEAF),
    ("allow_failure", &LEAF),
    ("variables", &ANY),
    ("needs", &ANY),
    ("start_in", &LEAF),
    ("interruptible", &LEAF),
    ("auto_cancel", &ANY),
]);
static GL_ONLY: Shape = Keys(&[("refs", &LEAF), ("variables", &LEAF), ("changes", &LEAF), ("kubernetes", &LEAF)]);
static GL_JOB: Shape = Keys(&[
    ("script", &LEAF),
    ("before_script", &LEAF),
    ("after_script", &LEAF),
    ("image", &GL_IMAGE),
    ("services", &GL_SERVICE),
    ("stage", &LEAF),
    ("extends", &LEAF),
    ("rules", &GL_RULES),
    ("only", &GL_ONLY),
    ("except", &GL_ONLY),
    ("variables", &ANY),
    ("cache", &GL_CACHE),
    (
        "artifacts",
        &Keys(&[
            ("paths", &LEAF),
            ("exclude", &LEAF),
            ("expire_in", &LEAF),
            ("expose_as", &LEAF),
            ("name", &LEAF),
            ("public", &LEAF),
            ("access", &LEAF),
            ("reports", &ANY),
            ("untracked", &LEAF),
            ("when", &LEAF),
        ]),
    ),
    (
        "needs",
        &Keys(&[
            ("job", &LEAF),
            ("artifacts", &LEAF),
            ("optional", &LEAF),
            ("pipeline", &LEAF),
            ("project", &LEAF),
            ("ref", &LEAF),
            ("parallel", &ANY),
        ]),
    ),
    ("dependencies", &LEAF),
    ("tags", &LEAF),
    (
        "environment",
        &Keys(&[
            ("name", &LEAF),
            ("url", &LEAF),
            ("action", &LEAF),
            ("on_stop", &LEAF),
            ("auto_stop_in", &LEAF),
            ("deployment_tier", &LEAF),
            ("kubernetes", &ANY),
        ]),
    ),
    ("when", &LEAF),
    ("allow_failure", &Keys(&[("exit_codes", &LEAF)])),
    ("timeout", &LEAF),
    ("retry", &Keys(&[("max", &LEAF), ("when", &LEAF), ("exit_codes", &LEAF)])),
    ("interruptible", &LEAF),
    ("parallel", &Keys(&[("matrix", &ANY)])),
    ("coverage", &LEAF),
    ("trigger", &ANY),
    ("resource_group", &LEAF),
    ("id_tokens", &Named(&Keys(&[("aud", &LEAF)]))),
    ("secrets", &ANY),
    ("release", &ANY),
    ("inherit", &ANY),
    ("hooks", &ANY),
    ("start_in", &LEAF),
    ("manual_confirmation", &LEAF),
]);

/// `.gitlab-ci.yml`.
pub(super) static GITLAB: Shape = Open(
    &[
        ("stages", &LEAF),
        ("workflow", &Keys(&[("name", &LEAF), ("rules", &GL_RULES), ("auto_cancel", &ANY)])),
        (
            "include",
            &Keys(&[
                ("local", &LEAF),
                ("file", &LEAF),
                ("project", &LEAF),
                ("ref", &LEAF),
                ("remote", &LEAF),
                ("template", &LEAF),
                ("component", &LEAF),
                ("inputs", &ANY),
                ("rules", &GL_RULES),
            ]),
        ),
        ("default", &GL_JOB),
        ("variables", &ANY),
        ("image", &GL_IMAGE),
        ("services", &GL_SERVICE),
        ("cache", &GL_CACHE),
        ("before_script", &LEAF),
        ("after_script", &LEAF),
        ("spec", &ANY),
    ],
    &GL_JOB,
);
