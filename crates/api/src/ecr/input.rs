//! Reads ECR's input: a wrong or missing parameter is refused in ECR's words.

use aws_model::{AwsError, Document};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use registry::{ImageId, is_repository_name};
use serde_json::Value;

use super::Asked;

/// A document whose members are read by type.
#[derive(Clone, Copy)]
pub(super) struct Fields<'a>(pub(super) &'a Document);

/// Returns ECR's refusal of a parameter.
pub(super) fn invalid(parameter: &str, constraint: &str) -> AwsError {
    AwsError::invalid_parameter(format!(
        "Invalid parameter at '{parameter}' failed to satisfy constraint: '{constraint}'"
    ))
}

impl<'a> Fields<'a> {
    pub(super) fn text(self, name: &str) -> Result<Option<&'a str>, AwsError> {
        match self.0.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(invalid(name, "must be a string")),
        }
    }

    pub(super) fn required(self, name: &str) -> Result<&'a str, AwsError> {
        self.text(name)?.ok_or_else(|| invalid(name, "Member must not be null"))
    }

    pub(super) fn flag(self, name: &str) -> Result<bool, AwsError> {
        match self.0.get(name) {
            None => Ok(false),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(_) => Err(invalid(name, "must be a boolean")),
        }
    }

    pub(super) fn number(self, name: &str) -> Result<Option<u64>, AwsError> {
        match self.0.get(name) {
            None => Ok(None),
            Some(value) => value.as_u64().map(Some).ok_or_else(|| invalid(name, "must be a whole number")),
        }
    }

    pub(super) fn list(self, name: &str) -> Result<Option<&'a [Value]>, AwsError> {
        match self.0.get(name) {
            None => Ok(None),
            Some(Value::Array(list)) => Ok(Some(list)),
            Some(_) => Err(invalid(name, "must be a list")),
        }
    }

    pub(super) fn texts(self, name: &str) -> Result<Option<Vec<&'a str>>, AwsError> {
        let Some(list) = self.list(name)? else { return Ok(None) };
        let texts = list.iter().map(|value| value.as_str().ok_or_else(|| invalid(name, "must be a list of strings")));
        texts.collect::<Result<_, _>>().map(Some)
    }

    pub(super) fn object(self, name: &str) -> Result<Option<Fields<'a>>, AwsError> {
        match self.0.get(name) {
            None => Ok(None),
            Some(Value::Object(object)) => Ok(Some(Fields(object))),
            Some(_) => Err(invalid(name, "must be a structure")),
        }
    }

    fn objects(self, name: &str) -> Result<Option<Vec<Fields<'a>>>, AwsError> {
        let Some(list) = self.list(name)? else { return Ok(None) };
        let objects =
            list.iter().map(|v| v.as_object().map(Fields).ok_or_else(|| invalid(name, "must be a list of structures")));
        objects.collect::<Result<_, _>>().map(Some)
    }

    /// The repository that the call is about.
    pub(super) fn repository_name(self) -> Result<&'a str, AwsError> {
        let name = self.required("repositoryName")?;
        check_name("repositoryName", name)?;
        Ok(name)
    }

    pub(super) fn image_ids(self) -> Result<Option<Vec<ImageId>>, AwsError> {
        let Some(ids) = self.objects("imageIds")? else { return Ok(None) };
        if ids.len() > 100 {
            return Err(invalid("imageIds", "Member must have length less than or equal to 100"));
        }
        let id = |id: Fields<'_>| {
            Ok(ImageId {
                digest: id.text("imageDigest")?.map(str::to_owned),
                tag: id.text("imageTag")?.map(str::to_owned),
            })
        };
        ids.into_iter().map(id).collect::<Result<_, AwsError>>().map(Some)
    }

    /// Resource tags; each key once.
    pub(super) fn tags(self) -> Result<Vec<(String, String)>, AwsError> {
        let mut tags: Vec<(String, String)> = Vec::new();
        for tag in self.objects("tags")?.unwrap_or_default() {
            let (key, value) = (tag.required("Key")?.to_owned(), tag.required("Value")?.to_owned());
            if key.is_empty() || key.chars().count() > 128 || value.chars().count() > 256 || key.starts_with("aws:") {
                let words = format!("Invalid tag key or value at key '{key}'");
                return Err(AwsError::new("InvalidTagParameterException", words));
            }
            if tags.iter().any(|(known, _)| *known == key) {
                let words = format!("Duplicate tag keys found: '{key}'");
                return Err(AwsError::new("InvalidTagParameterException", words));
            }
            tags.push((key, value));
        }
        Ok(tags)
    }
}

pub(super) fn check_name(parameter: &str, name: &str) -> Result<(), AwsError> {
    if is_repository_name(name) {
        return Ok(());
    }
    let expression = "(?:[a-z0-9]+(?:[._-][a-z0-9]+)*/)*[a-z0-9]+(?:[._-][a-z0-9]+)*";
    Err(invalid(parameter, &format!("must satisfy regular expression '{expression}'")))
}

impl Asked<'_> {
    /// Another account's registry has nothing.
    pub(super) fn refuse_other_registries(&self) -> Result<(), AwsError> {
        let Some(other) = self.input.text("registryId")?.filter(|id| *id != self.registry.account()) else {
            return Ok(());
        };
        let names = self.input.texts("repositoryNames")?.unwrap_or_default();
        let name = self.input.text("repositoryName")?.or(names.first().copied()).unwrap_or("*");
        let words = format!("The repository with name '{name}' does not exist in the registry with id '{other}'");
        Err(AwsError::new("RepositoryNotFoundException", words))
    }

    /// Cuts a page out of a list; the token is the last key of the page before, so that what
    /// comes and goes between two pages makes none of the others appear twice or never.
    pub(super) fn page<T>(
        &self,
        mut all: Vec<T>,
        key: impl Fn(&T) -> String,
    ) -> Result<(Vec<T>, Option<String>), AwsError> {
        let count = self.input.number("maxResults")?.unwrap_or(100);
        let count = usize::try_from(count).ok().filter(|count| (1..=1000).contains(count));
        let count = count.ok_or_else(|| invalid("maxResults", "Member must be between 1 and 1000"))?;
        all.sort_by_key(&key);
        if let Some(token) = self.input.text("nextToken")? {
            let last = STANDARD.decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok());
            let last = last.ok_or_else(|| invalid("nextToken", "Invalid pagination token"))?;
            all.retain(|item| key(item) > last);
        }
        let more = all.len() > count;
        all.truncate(count);
        let token = all.last().filter(|_| more).map(|item| STANDARD.encode(key(item)));
        Ok((all, token))
    }
}
