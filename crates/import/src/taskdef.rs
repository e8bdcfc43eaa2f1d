//! From task definitions as JSON: files for RegisterTaskDefinition, and what DescribeTaskDefinition answered.

use aws_model::Document;
use serde_json::Value;

use crate::names::{self, app_of, key_of, own_repository, stage_of};
use crate::{Found, FoundService, FoundStage, Left, Place, Untold, ledger, lines, places, unnamed};

/// Stage of a task definition whose family names none.
pub const DEFAULT_STAGE: &str = "prod";

/// A file with a task definition.
#[derive(Debug, Clone)]
pub struct File {
    /// Its name, for people.
    pub name: String,
    /// Its text.
    pub text: String,
    /// The stage that it is of, if the caller says. Default: what its family says.
    pub stage: Option<String>,
}

/// Why a file was not taken.
#[derive(Debug, thiserror::Error)]
pub enum TaskdefError {
    /// It is not JSON.
    #[error("{file} is not JSON")]
    Json {
        /// The file.
        file: String,
        /// Where and why.
        #[source]
        source: serde_json::Error,
    },
    /// It is JSON, but no task definition.
    #[error("{file} is not a task definition: {why}")]
    Shape {
        /// The file.
        file: String,
        /// What it lacks.
        why: String,
    },
    /// Two files say different things about one service of one stage.
    #[error("{first} and {second} are both the task definition of `{key}` in stage `{stage}`")]
    Twice {
        /// One file.
        first: String,
        /// The other.
        second: String,
        /// Service.
        key: String,
        /// Stage.
        stage: String,
    },
}

/// Reads files with a task definition each; every one becomes a service, as nothing tells what runs it.
///
/// # Errors
/// The first file that is not a task definition, by name.
pub fn read(files: &[File], app: Option<&str>) -> Result<Found, TaskdefError> {
    let mut read = Vec::with_capacity(files.len());
    let mut left = Vec::new();
    for file in files {
        let (mut document, mut untold) = (definition(file)?, Vec::new());
        let place = Place { source: file.name.clone(), line: None };
        // What ECS itself says is so; a file written by hand may be a template, and may have what ECS does not know.
        if !is_answer(&document) {
            left.extend(without_unknown(&mut document, &place));
            let places = to_be_filled_in(&document, &place);
            // An image of [images] is reported as a difference of its own.
            untold.extend(places.iter().map(|left| left.what.clone()).filter(|path| !path.ends_with(".image")));
            left.extend(places);
        }
        for (before, name) in unnamed::name_containers(&mut document) {
            left.push(Left::new(
                format!("containerDefinitions.{name}.name"),
                place.clone(),
                unnamed::why(&before, &name),
            ));
            untold.push(format!("containerDefinitions.{name}.name"));
        }
        read.push((file, document, Untold { task: untold, own: Vec::new() }));
    }
    let families: Vec<&str> = read.iter().map(|(_, document, _)| family(document)).collect();
    let app = app.map(str::to_owned).or_else(|| app_of(families)).unwrap_or_default();
    let mut found = Found { app: Some(app.clone()), left, ..Found::default() };
    for (file, document, untold) in read {
        let place = Place { source: file.name.clone(), line: None };
        let named = stage_of(family(&document)).map(str::to_lowercase);
        let stage = file.stage.clone().or(named).unwrap_or_else(|| {
            let why = format!("neither the family nor STAGE=FILE names a stage, so it was taken for `{DEFAULT_STAGE}`");
            found.left.push(Left::new(format!("stage of {}", family(&document)), place.clone(), why));
            DEFAULT_STAGE.to_owned()
        });
        let key = key_of(family(&document), &app, &stage);
        let at = found.stages.iter().position(|known| known.name == stage).unwrap_or_else(|| {
            found.stages.push(FoundStage { name: stage.clone(), ..FoundStage::default() });
            found.stages.len() - 1
        });
        let into = &mut found.stages[at];
        if let Some(other) = into.services.iter().find(|other| other.key == key) {
            let (first, second) = (other.place.source.clone(), file.name.clone());
            return Err(TaskdefError::Twice { first, second, key, stage });
        }
        if let Some((region, account)) = origin(&document) {
            into.region.get_or_insert(region);
            into.account.get_or_insert(account);
        }
        for container in document["containerDefinitions"].as_array().into_iter().flatten() {
            let image = container.get("image").and_then(Value::as_str).unwrap_or_default();
            if let Some(repository) = own_repository(image, into.account.as_deref(), None)
                && !found.repositories.iter().any(|known| known == repository)
            {
                found.repositories.push(repository.to_owned());
            }
        }
        lines::task_definition(&mut into.ledger, &ledger::service_task(&key), &document, &place);
        into.services.push(FoundService { key, task_definition: document, untold, place, ..FoundService::default() });
    }
    Ok(found)
}

/// Returns whether ECS answered this: it describes a revision that is there.
fn is_answer(document: &Document) -> bool {
    let arn = document.get("taskDefinitionArn").and_then(Value::as_str).unwrap_or_default();
    arn.starts_with("arn:") && document.get("revision").is_some_and(Value::is_number)
}

/// Takes out of a definition what ECS's model does not have, and tells it: clients refuse such a member, and the
/// Terraform provider drops it, so that no definition that is there has it.
pub fn without_unknown(document: &mut Document, place: &Place) -> Vec<Left> {
    let computed: Vec<(String, Value)> = aws_model::register::COMPUTED
        .iter()
        .filter_map(|member| Some(((*member).to_owned(), document.shift_remove(*member)?)))
        .collect();
    let taken = aws_model::shape::take_unknown("RegisterTaskDefinition", document);
    document.extend(computed);
    let why = format!(
        "it is no member of ECS's model ({}), and was left out; if AWS has it by now, write it into an `aws` table",
        aws_model::MODELS
    );
    taken.into_iter().map(|path| Left::new(path, place.clone(), why.clone())).collect()
}

/// Tells the places of a template that something fills in before it is registered.
fn to_be_filled_in(document: &Document, place: &Place) -> Vec<Left> {
    let tell = |(path, text): (String, String)| {
        let why = if path.ends_with(".image") {
            format!(
                "`{text}` is a place that something fills in before the definition is registered: the container gets an \
                 image of [images] in its place"
            )
        } else {
            format!(
                "`{text}` is a place that something fills in before the definition is registered: it stays as it is \
                 written, and nothing fills it in here; write the value"
            )
        };
        Left::new(path, place.clone(), why)
    };
    places::places(&Value::Object(document.clone())).into_iter().map(tell).collect()
}

/// Takes the definition out of an answer, with the tags that stand beside it there.
fn definition(file: &File) -> Result<Document, TaskdefError> {
    let shape = |why: &str| TaskdefError::Shape { file: file.name.clone(), why: why.to_owned() };
    let text = file.text.trim_start_matches('\u{feff}');
    let value = serde_json::from_str(text).map_err(|source| TaskdefError::Json { file: file.name.clone(), source })?;
    let Value::Object(mut document) = value else { return Err(shape("it is no JSON object")) };
    if let Some(Value::Object(mut inner)) = document.remove("taskDefinition") {
        if let Some(tags) = document.remove("tags").filter(|tags| tags.as_array().is_some_and(|all| !all.is_empty())) {
            inner.insert("tags".to_owned(), tags);
        }
        document = inner;
    }
    if family(&document).is_empty() {
        return Err(shape("it has no `family`"));
    }
    match document.get("containerDefinitions") {
        Some(Value::Array(containers)) if !containers.is_empty() => Ok(document),
        _ => Err(shape("it has no `containerDefinitions`")),
    }
}

fn family(document: &Document) -> &str {
    document.get("family").and_then(Value::as_str).unwrap_or_default()
}

/// Returns the region and account that the definition's own ARN, or its roles, tell.
fn origin(document: &Document) -> Option<(String, String)> {
    let own = document.get("taskDefinitionArn").and_then(Value::as_str).and_then(names::origin);
    own.or_else(|| {
        let secrets = document["containerDefinitions"].as_array()?.iter().filter_map(|c| c.get("secrets")?.as_array());
        let mut arns = secrets.flatten().filter_map(|secret| secret.get("valueFrom")?.as_str());
        arns.find(|arn| arn.starts_with("arn:")).and_then(names::origin)
    })
}

#[cfg(test)]
mod tests {
    use super::{File, read};

    fn file(name: &str, text: &str) -> File {
        File { name: name.to_owned(), text: text.to_owned(), stage: None }
    }

    fn check(files: &[(&str, &str)], expected: &str) {
        let files: Vec<File> = files.iter().map(|(name, text)| file(name, text)).collect();
        let said = match read(&files, None) {
            Ok(found) => {
                let stages = found.stages.iter().map(|stage| {
                    let keys: Vec<&str> = stage.services.iter().map(|service| service.key.as_str()).collect();
                    format!("{}: {}", stage.name, keys.join(" "))
                });
                format!("{} | {}", found.app.as_deref().unwrap_or_default(), stages.collect::<Vec<_>>().join(" | "))
            }
            Err(error) => error.to_string(),
        };
        assert_eq!(said, expected);
    }

    #[test]
    fn takes_requests_and_answers() {
        let request = r#"{"family":"managr-app-task-staging","containerDefinitions":[{"name":"a"}]}"#;
        let answer =
            r#"{"taskDefinition":{"family":"managr-app-task-prod","containerDefinitions":[{"name":"a"}]},"tags":[]}"#;
        check(&[("a.json", request), ("b.json", answer)], "managr | staging: app | prod: app");
    }

    #[test]
    fn says_which_file_is_not_one() {
        check(&[("a.json", "{")], "a.json is not JSON");
        check(&[("a.json", "[]")], "a.json is not a task definition: it is no JSON object");
        check(&[("a.json", "{}")], "a.json is not a task definition: it has no `family`");
        let empty = r#"{"family":"f","containerDefinitions":[]}"#;
        check(&[("a.json", empty)], "a.json is not a task definition: it has no `containerDefinitions`");
    }

    #[test]
    fn refuses_two_for_one_place() {
        let one = r#"{"family":"managr-app-prod","containerDefinitions":[{"name":"a"}]}"#;
        let words = "a.json and b.json are both the task definition of `app` in stage `prod`";
        check(&[("a.json", one), ("b.json", one)], words);
    }
}
