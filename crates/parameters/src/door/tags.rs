//! Tags, which Systems Manager has one set of operations for, whatever they are of.

use aws_model::call::{Row, answer_by, names};
use aws_model::{Answering, AwsError, Call, Door, row};
use serde_json::{Value, json};

use super::answers::TagOf;
use super::input::{AddTags, RemoveTags, Tagged};
use super::{Answered, written};
use crate::{ParameterError, Parameters};

/// The rows of what is a parameter's, in the order of their names.
const ROWS: &[Row<Parameters>] =
    &[row!("AddTagsToResource", add), row!("ListTagsForResource", list), row!("RemoveTagsFromResource", remove)];

/// The operations that are answered, by name.
const OPERATIONS: &[&str] = &names::<_, { ROWS.len() }>(ROWS);

/// A door for tags: those of parameters are ours, all others `elsewhere`'s.
pub struct TagDoor<D> {
    parameters: Parameters,
    elsewhere: D,
}

impl<D: Door> TagDoor<D> {
    /// Makes the door.
    pub fn new(parameters: Parameters, elsewhere: D) -> Self {
        Self { parameters, elsewhere }
    }
}

impl<D: Door> Door for TagDoor<D> {
    fn operations(&self) -> Vec<&'static str> {
        OPERATIONS.to_vec()
    }

    fn call(&self, call: Call) -> Answering<'_> {
        match call.input.get("ResourceType").and_then(Value::as_str) {
            Some("Parameter") => answer_by(ROWS, &self.parameters, call),
            _ => self.elsewhere.call(call),
        }
    }
}

async fn add(parameters: &Parameters, call: &Call, input: AddTags) -> Result<(), AwsError> {
    let tags = input.tags.into_iter().map(Into::into).collect();
    Ok(parameters.tag(&call.region, &input.tagged.resource_id, tags).await.map(drop)?)
}

async fn list(parameters: &Parameters, call: &Call, input: Tagged) -> Answered {
    let name = input.resource_id;
    let parameter = parameters.describe(&call.region, &name).map_err(|_| ParameterError::ResourceId(name))?;
    Ok(json!({"TagList": written(parameter.tags().iter().map(TagOf::of))?}))
}

async fn remove(parameters: &Parameters, call: &Call, input: RemoveTags) -> Result<(), AwsError> {
    Ok(parameters.untag(&call.region, &input.tagged.resource_id, input.tag_keys).await.map(drop)?)
}
