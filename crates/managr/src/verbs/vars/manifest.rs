//! The manifest as it is edited: its text, and errors of edits in the words of the command line.

use deploy_core::vars::edit::{self, EditError, Edited, Scope, Shadow, Wanted};

use super::file;
use crate::context::{Context, Project};
use crate::exit::Exit;
use crate::failure::Failure;

/// Returns the manifest's text.
///
/// # Errors
/// When it cannot be read.
pub(super) fn text(project: &Project) -> Result<String, Failure> {
    file::read(&project.path)
}

/// Returns the manifest as an edit leaves it.
///
/// # Errors
/// When it would not be valid, which edits see to.
pub(super) fn after(project: &Project, text: &str) -> Result<Project, Failure> {
    let manifest = deploy_core::parse(&project.shown_path(), text)?;
    Ok(Project { path: project.path.clone(), text: text.to_owned(), manifest })
}

/// Makes edits in the manifest, one after the other, and writes it once. Returns what was written where.
///
/// # Errors
/// See [`EditError`].
pub(super) fn write<'a>(
    project: &Project,
    edits: impl IntoIterator<Item = (Wanted<'a>, VariableEdit<'a>)>,
) -> Result<Vec<Edited>, Failure> {
    let mut made = Vec::new();
    file::change(&project.path, |text| {
        let mut text = text.to_owned();
        for (wanted, kind) in edits {
            let edited = kind.make(project, &text, wanted)?;
            text.clone_from(&edited.text);
            made.push(edited);
        }
        Ok(text)
    })?;
    Ok(made)
}

/// What is done to a name in the manifest.
#[derive(Debug, Clone, Copy)]
pub(super) enum VariableEdit<'a> {
    /// It gets a plain value.
    Plain(&'a str),
    /// It is declared as a secret.
    Secret,
    /// It goes.
    Gone,
}

impl VariableEdit<'_> {
    /// Makes the edit, and changes no file.
    ///
    /// # Errors
    /// See [`EditError`].
    pub(super) fn make(self, project: &Project, text: &str, wanted: Wanted<'_>) -> Result<Edited, Failure> {
        let file = project.shown_path();
        let made = match self {
            Self::Plain(value) => edit::set(&file, text, wanted, value),
            Self::Secret => edit::declare(&file, text, wanted),
            Self::Gone => edit::unset(&file, text, wanted),
        };
        made.map_err(|error| failure(error, &file, text, wanted))
    }
}

fn failure(error: EditError, file: &str, text: &str, wanted: Wanted<'_>) -> Failure {
    let at = |place: &str| shown(file, text, place);
    let stage = match wanted.scope {
        Scope::All => "all",
        Scope::Stage(stage) => stage,
    };
    let hint = match &error {
        EditError::Manifest(_) => None,
        EditError::OtherKind { name, is_secret, place } => Some(match is_secret {
            true => format!("see {}; its value is set with `managr vars set STAGE {name} --secret`", at(place)),
            false => format!("see {}; to make it a secret, `managr vars unset all {name}` first", at(place)),
        }),
        EditError::Elsewhere { place, name, .. } => Some(match place.as_str() {
            base if base.starts_with("variables.") || base.starts_with("secrets.") => {
                format!("see {}; `managr vars unset all {name}` takes it away from every stage", at(place))
            }
            _ => format!("see {}", at(place)),
        }),
        EditError::Stuck { place } => Some(format!("see {}", at(place))),
        EditError::NotThere { .. } | EditError::Container { .. } => Some(match stage {
            "all" => "`managr vars list STAGE` shows what there is".to_owned(),
            stage => format!("`managr vars list {stage}` shows what there is"),
        }),
        EditError::Stage(_) => Some("a stage's name, or `all` for every stage".to_owned()),
        EditError::Name { .. } => None,
        EditError::Preview { from, .. } => Some(format!(
            "write it under [previews.variables] for every preview, or set it for what they copy: `managr vars set {from} ...`"
        )),
    };
    let failure = match error {
        EditError::Manifest(errors) => Failure::from(*errors),
        other => Failure::from_error(other),
    };
    let failure = hint.into_iter().fold(failure, Failure::hint);
    failure.exit(Exit::Usage)
}

/// Returns a place as people find it: `managr.toml:12`.
pub(super) fn shown(file: &str, text: &str, place: &str) -> String {
    match edit::line(text, place) {
        Some(line) => format!("{file}:{line}"),
        None => format!("{file} ({place})"),
    }
}

/// Says what was written where, and what wins over it.
pub(super) fn say(cx: &Context, project: &Project, name: &str, edited: &Edited) {
    let file = project.shown_path();
    for place in &edited.places {
        cx.ui.say(&format!("{name}: {} ({place})", shown(&file, &edited.text, place)));
    }
    for Shadow { stage, container, by } in &edited.shadowed {
        let at = shown(&file, &edited.text, &by.0);
        cx.ui.say(&format!("in {stage}, container {container} gets what {at} says ({by})"));
    }
}

/// Returns whether a place is written.
pub(super) fn is_there(text: &str, place: &str) -> bool {
    edit::line(text, place).is_some()
}
