//! Parameter Store's operations, answered by [`Parameters`]. The front has held every input against the model before.
//!
//! Parameter policies and data types other than `text` are refused by name.

mod answers;
mod input;

use aws_model::call::document;
use aws_model::{Answer, Answering, AwsError, Call, Door};
use serde::Serialize;
use serde_json::{Value, json};

use self::answers::{Described, Past, SecretOf, TagOf, ValueOf};
use crate::{ParameterError, Parameters, reference};

const OPERATIONS: [&str; 10] = [
    "DeleteParameter",
    "DeleteParameters",
    "DescribeParameters",
    "GetParameter",
    "GetParameterHistory",
    "GetParameters",
    "GetParametersByPath",
    "LabelParameterVersion",
    "PutParameter",
    "UnlabelParameterVersion",
];

impl Door for Parameters {
    fn operations(&self) -> Vec<&'static str> {
        OPERATIONS.to_vec()
    }

    fn call(&self, call: Call) -> Answering<'_> {
        Box::pin(async { document(self.answer(call).await?).map(Answer::Document) })
    }
}

/// Tags, which Systems Manager has one set of operations for: those of parameters are ours, all others `elsewhere`'s.
pub struct TagDoor<D> {
    parameters: Parameters,
    elsewhere: D,
}

impl<D: Door> TagDoor<D> {
    /// Makes the door.
    pub fn new(parameters: Parameters, elsewhere: D) -> Self {
        Self { parameters, elsewhere }
    }

    async fn answer(&self, call: Call) -> Result<Answer, AwsError> {
        if call.input.get("ResourceType").and_then(Value::as_str) == Some("Parameter") {
            return document(self.parameters.answer(call).await?).map(Answer::Document);
        }
        self.elsewhere.call(call).await
    }
}

impl<D: Door> Door for TagDoor<D> {
    fn operations(&self) -> Vec<&'static str> {
        vec!["AddTagsToResource", "ListTagsForResource", "RemoveTagsFromResource"]
    }

    fn call(&self, call: Call) -> Answering<'_> {
        Box::pin(self.answer(call))
    }
}

impl Parameters {
    async fn answer(&self, mut call: Call) -> Result<Value, AwsError> {
        let (account, region) = (self.inner.account.as_str(), call.region.clone());
        match call.operation.name() {
            "DescribeParameters" => {
                let input: input::Describe = call.read()?;
                let shared = input.shared;
                let (max, token) = (input.max_results, input.next_token.clone());
                let page = self.list(&region, input.filters()?, max, token.as_deref())?;
                // A parameter is shared by another account, and there is none.
                let items = page.items.iter().filter(|_| !shared).map(|parameter| Described::of(parameter, account));
                Ok(with_token(json!({"Parameters": written(items)?}), page.next.filter(|_| !shared)))
            }
            "GetParameter" => {
                let input: input::Get = call.read()?;
                if reference::is_one(&input.name) {
                    let referred = self.refer(&region, &input.name, input.with_decryption)?;
                    return Ok(json!({"Parameter": SecretOf::of(&referred)}));
                }
                let got = self.get(&region, &input.name, input.with_decryption)?;
                Ok(json!({"Parameter": ValueOf::of(&got, account)}))
            }
            "GetParameterHistory" => {
                let input: input::History = call.read()?;
                let (max, token) = (input.max_results, input.next_token.as_deref());
                let page = self.history(&region, &input.name, input.with_decryption, max, token)?;
                let versions = written(page.items.iter().map(|got| Past::of(got, account)))?;
                Ok(with_token(json!({"Parameters": versions}), page.next))
            }
            "GetParameters" => {
                let input: input::GetAll = call.read()?;
                let (references, names): (Vec<_>, Vec<_>) =
                    input.names.into_iter().partition(|name| reference::is_one(name));
                let found = self.get_all(&region, &names, input.with_decryption)?;
                let (referred, invalid) = self.refer_all(&region, &references, input.with_decryption)?;
                let secrets = referred.iter().map(|one| json!(SecretOf::of(one)));
                let values = written(found.values.iter().map(|got| json!(ValueOf::of(got, account))).chain(secrets))?;
                let invalid = [found.invalid, invalid].concat();
                Ok(json!({"Parameters": values, "InvalidParameters": invalid}))
            }
            "GetParametersByPath" => {
                let page = self.by_path(&region, call.read::<input::Below>()?.read())?;
                let values = written(page.items.iter().map(|got| ValueOf::of(got, account)))?;
                Ok(with_token(json!({"Parameters": values}), page.next))
            }
            "ListTagsForResource" => {
                let name = call.read::<input::Tagged>()?.resource_id;
                let parameter = self.describe(&region, &name).map_err(|_| ParameterError::ResourceId(name))?;
                Ok(json!({"TagList": written(parameter.tags().iter().map(TagOf::of))?}))
            }
            operation => self.write(operation, &region, &mut call).await,
        }
    }

    /// Answers the operations that change something.
    async fn write(&self, operation: &str, region: &str, call: &mut Call) -> Result<Value, AwsError> {
        match operation {
            "AddTagsToResource" => {
                let input::AddTags { tagged, tags } = call.read()?;
                self.tag(region, &tagged.resource_id, tags.into_iter().map(Into::into).collect()).await?;
                Ok(json!({}))
            }
            "DeleteParameter" => {
                self.delete(region, &call.read::<input::Which>()?.name).await?;
                Ok(json!({}))
            }
            "DeleteParameters" => {
                let names = call.read::<input::Names>()?.names;
                let deleted = self.delete_all(region, names.clone()).await?;
                let invalid: Vec<String> = names.into_iter().filter(|name| !deleted.contains(name)).collect();
                Ok(json!({"DeletedParameters": deleted, "InvalidParameters": invalid}))
            }
            "LabelParameterVersion" => {
                let input: input::Label = call.read()?;
                let done = self.label(region, &input.name, input.parameter_version, input.labels).await?;
                Ok(json!({"InvalidLabels": done.invalid, "ParameterVersion": done.version}))
            }
            "PutParameter" => {
                let put = self.put(region, call.read::<input::Put>()?.read()?).await?;
                Ok(json!({"Version": put.version, "Tier": put.tier}))
            }
            "RemoveTagsFromResource" => {
                let input::RemoveTags { tagged, tag_keys } = call.read()?;
                self.untag(region, &tagged.resource_id, tag_keys).await?;
                Ok(json!({}))
            }
            "UnlabelParameterVersion" => {
                let input: input::Unlabel = call.read()?;
                let done = self.unlabel(region, &input.name, input.parameter_version, input.labels).await?;
                Ok(json!({"RemovedLabels": done.done, "InvalidLabels": done.invalid}))
            }
            _ => Err(AwsError::server(format!("{operation} is offered and has no answer"))),
        }
    }
}

fn written<T: Serialize>(answers: impl Iterator<Item = T>) -> Result<Value, AwsError> {
    let answers = answers.map(serde_json::to_value).collect::<Result<Vec<_>, _>>();
    answers.map(Value::Array).map_err(|_| AwsError::server("an answer could not be written"))
}

fn with_token(mut answer: Value, next: Option<String>) -> Value {
    if let Some(next) = next {
        answer["NextToken"] = json!(next);
    }
    answer
}
