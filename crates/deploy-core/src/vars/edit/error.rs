//! Why a manifest was not changed.

use crate::desired::DesiredError;
use crate::manifest::ManifestErrors;

/// Why the manifest was not changed.
#[derive(Debug, thiserror::Error)]
pub enum EditError {
    /// It is not valid, or would not be.
    #[error(transparent)]
    Manifest(Box<ManifestErrors>),
    /// There is no such stage.
    #[error(transparent)]
    Stage(#[from] DesiredError),
    /// There is no such container.
    #[error("the manifest has no container `{container}`{}", did_you_mean(meant.as_deref()))]
    Container {
        /// The container.
        container: String,
        /// One with a similar name.
        meant: Option<String>,
    },
    /// A variable cannot be called that.
    #[error(
        "`{name}` cannot be a variable's name: it takes letters, digits and underscores, not starting with a digit"
    )]
    Name {
        /// The name.
        name: String,
    },
    /// It is declared as the other kind.
    #[error("{name} is a {} already (`{place}`)", if *is_secret { "secret" } else { "plain variable" })]
    OtherKind {
        /// The name.
        name: String,
        /// Whether it is a secret.
        is_secret: bool,
        /// Where.
        place: String,
    },
    /// It is not there for this stage or these containers alone.
    #[error("{name} is not declared for {} alone, but in `{place}`", scope)]
    Elsewhere {
        /// The name.
        name: String,
        /// Whom it was to be taken from.
        scope: String,
        /// Where it is declared.
        place: String,
    },
    /// It is not there.
    #[error("the manifest does not declare {name}{}", did_you_mean(meant.as_deref()))]
    NotThere {
        /// The name.
        name: String,
        /// One with a similar name.
        meant: Option<String>,
    },
    /// The stage is a preview: what it has is said of all previews, or of the stage that it is a copy of.
    #[error("`{stage}` is a preview, a copy of stage `{from}`, and has no variables of its own")]
    Preview {
        /// The stage.
        stage: String,
        /// The stage that it is a copy of.
        from: String,
    },
    /// The text is written in a way that cannot be edited in place.
    #[error("`{place}` is written in a way that is not edited in place; change it by hand")]
    Stuck {
        /// Where.
        place: String,
    },
}

fn did_you_mean(name: Option<&str>) -> String {
    name.map(|name| format!(" (did you mean `{name}`?)")).unwrap_or_default()
}
