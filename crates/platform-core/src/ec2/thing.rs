//! What all objects of EC2 have in common: an id, tags, a document, and how they are listed.

use std::collections::BTreeMap;
use std::marker::PhantomData;

use aws_model::page::{Order, cut};
use aws_model::{AwsError, Document};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::defaults::AccountRegion;
use super::filter;
use crate::world::Record;
use crate::{Change, Cx, Input, Outcome, World};

pub(super) trait ObjectKind: Sized + 'static {
    /// Where its records are.
    const TABLE: &'static str;
    /// What EC2 calls the type where it tags (`ResourceType`).
    const TYPE: &'static str;
    /// What its ids begin with.
    const PREFIX: &'static str;
    /// The member that holds its id.
    const ID: &'static str;
    /// The member of a request that names several.
    const IDS: &'static str;
    /// The member of an answer that lists them.
    const LIST: &'static str;
    /// The member that lists its tags; network interfaces have another name for it.
    const TAGS: &'static str = "Tags";
    /// The code for one that is not there.
    const MISSING: &'static str;
    /// What it is called in a message.
    const WORDS: &'static str;
    /// Filters: their names, and the places in the document that they look at.
    const FILTERS: &'static [(&'static str, &'static str)];

    /// Returns those that every account has in a region without having made them, with their ids.
    fn defaults(place: &AccountRegion<'_>) -> Vec<(String, Document)> {
        let _ = place;
        Vec::new()
    }
}

/// An object of EC2.
#[derive(Debug, Serialize, Deserialize)]
#[serde(bound = "")]
pub(super) struct Thing<K> {
    pub(super) region: String,
    pub(super) id: String,
    #[serde(default)]
    pub(super) tags: BTreeMap<String, String>,
    /// Its members but id and tags, as EC2 describes it.
    pub(super) body: Document,
    /// A default object that was deleted leaves this behind.
    #[serde(default)]
    pub(super) is_gone: bool,
    #[serde(skip)]
    kind: PhantomData<K>,
}

impl<K> Clone for Thing<K> {
    fn clone(&self) -> Self {
        Self {
            region: self.region.clone(),
            id: self.id.clone(),
            tags: self.tags.clone(),
            body: self.body.clone(),
            is_gone: self.is_gone,
            kind: PhantomData,
        }
    }
}

impl<K: ObjectKind> Record for Thing<K> {
    const TABLE: &'static str = K::TABLE;

    fn region(&self) -> &str {
        &self.region
    }

    fn id(&self) -> &str {
        &self.id
    }
}

impl<K: ObjectKind> Thing<K> {
    pub(super) fn new(region: &str, id: String, body: Value) -> Self {
        let Value::Object(body) = body else { unreachable!("an object's document is an object") };
        Self { region: region.to_owned(), id, tags: BTreeMap::new(), body, is_gone: false, kind: PhantomData }
    }

    /// Returns a text of the document; empty if it is not there.
    pub(super) fn text(&self, member: &str) -> &str {
        self.body.get(member).and_then(Value::as_str).unwrap_or_default()
    }

    pub(super) fn flag(&self, member: &str) -> bool {
        self.body.get(member).and_then(Value::as_bool).unwrap_or(false)
    }

    /// Returns the items of a list of the document, to be changed.
    pub(super) fn list_mut(&mut self, member: &str) -> &mut Vec<Value> {
        let list = self.body.entry(member).or_insert_with(|| json!([]));
        if !list.is_array() {
            *list = json!([]);
        }
        list.as_array_mut().expect("it was made a list above")
    }

    pub(super) fn list(&self, member: &str) -> &[Value] {
        self.body.get(member).and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    /// Returns the document that EC2 answers.
    pub(super) fn describe(&self) -> Value {
        let mut out = self.body.clone();
        out.insert(K::ID.to_owned(), json!(self.id));
        out.insert(K::TAGS.to_owned(), tag_list(&self.tags));
        Value::Object(out)
    }
}

/// Returns tags as EC2 lists them.
pub(super) fn tag_list(tags: &BTreeMap<String, String>) -> Value {
    tags.iter().map(|(key, value)| json!({"Key": key, "Value": value})).collect()
}

/// Returns the objects of a kind in the caller's region, those of every account among them, by id.
pub(super) fn all<K: ObjectKind>(world: &World, cx: &Cx<'_>) -> Vec<Thing<K>> {
    let mut things: BTreeMap<String, Thing<K>> =
        default_things(cx).into_iter().map(|thing: Thing<K>| (thing.id.clone(), thing)).collect();
    things.extend(world.records.all::<Thing<K>>(cx.region).map(|thing| (thing.id.clone(), thing)));
    things.into_values().filter(|thing| !thing.is_gone).collect()
}

fn default_things<K: ObjectKind>(cx: &Cx<'_>) -> Vec<Thing<K>> {
    let place = AccountRegion { region: cx.region, account: cx.account };
    K::defaults(&place).into_iter().map(|(id, body)| Thing::new(cx.region, id, Value::Object(body))).collect()
}

/// Returns an object.
///
/// # Errors
/// The kind's own code if it is not there.
pub(super) fn find<K: ObjectKind>(world: &World, cx: &Cx<'_>, id: &str) -> Result<Thing<K>, AwsError> {
    let stored = world.records.get::<Thing<K>>(cx.region, id);
    let thing = match stored {
        Some(thing) => Some(thing).filter(|thing| !thing.is_gone),
        None => default_things(cx).into_iter().find(|thing: &Thing<K>| thing.id == id),
    };
    thing.ok_or_else(|| missing::<K>(id))
}

pub(super) fn missing<K: ObjectKind>(id: &str) -> AwsError {
    AwsError::new(K::MISSING, format!("The {} '{id}' does not exist", K::WORDS))
}

/// Returns the change that takes an object away. One that every account has leaves a row that says so.
pub(super) fn remove<K: ObjectKind>(cx: &Cx<'_>, mut thing: Thing<K>) -> Change {
    if default_things::<K>(cx).iter().any(|default| default.id == thing.id) {
        thing.is_gone = true;
        return Change::put(&thing);
    }
    Change::remove::<Thing<K>>(&thing.region, &thing.id)
}

/// Answers a Describe operation: by ids, by filters, page by page.
///
/// # Errors
/// An id that is not there, a filter or a token that the operation does not have.
pub(super) fn describe<K: ObjectKind>(things: Vec<Thing<K>>, input: &Input) -> Result<Value, AwsError> {
    let ids = texts(input, K::IDS);
    if let Some(id) = ids.iter().find(|id| !things.iter().any(|thing| thing.id == **id)) {
        return Err(missing::<K>(id));
    }
    let wanted = |thing: &Thing<K>| ids.is_empty() || ids.contains(&thing.id.as_str());
    let filters = filter::read(input, K::FILTERS)?;
    let found = things.into_iter().filter(|thing| wanted(thing)).map(|thing| {
        let matches = filter::matches(&filters, &thing.describe(), &thing.tags);
        (thing, matches)
    });
    let found: Vec<(String, Value)> =
        found.filter(|(_, matches)| *matches).map(|(thing, _)| (thing.id.clone(), thing.describe())).collect();
    Ok(page(input, K::LIST, found))
}

/// Answers a page of what was found, in the order of its keys.
pub(super) fn page(input: &Input, list: &str, found: Vec<(String, Value)>) -> Value {
    let limit = input.get("MaxResults").and_then(Value::as_u64).and_then(|n| usize::try_from(n).ok());
    let page = cut(found, Order::Rising, text(input, "NextToken"), limit.unwrap_or(usize::MAX));
    let mut answer = Document::new();
    if let Some(next) = page.next {
        answer.insert("NextToken".into(), json!(next));
    }
    answer.insert(list.to_owned(), Value::Array(page.items));
    Value::Object(answer)
}

/// Returns a text of an input; none if it is absent or empty, which EC2 takes for the same.
pub(super) fn text<'i>(input: &'i Input, member: &str) -> Option<&'i str> {
    input.get(member).and_then(Value::as_str).filter(|text| !text.is_empty())
}

/// Returns a text that must be there.
///
/// # Errors
/// `MissingParameter`, in EC2's words.
pub(super) fn needed<'i>(input: &'i Input, member: &str) -> Result<&'i str, AwsError> {
    text(input, member).ok_or_else(|| absent(member))
}

pub(super) fn absent(member: &str) -> AwsError {
    AwsError::new("MissingParameter", format!("The request must contain the parameter {}", lower(member)))
}

/// EC2 writes members in messages with a small first letter.
fn lower(member: &str) -> String {
    let mut chars = member.chars();
    chars.next().map(|first| first.to_ascii_lowercase().to_string() + chars.as_str()).unwrap_or_default()
}

pub(super) fn texts<'i>(input: &'i Input, member: &str) -> Vec<&'i str> {
    input.get(member).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
}

pub(super) fn structures<'i>(input: &'i Input, member: &str) -> Vec<&'i Document> {
    input.get(member).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_object).collect()
}

/// Refuses a call that only asks whether it would be allowed: every caller is (`DryRun`).
pub(super) fn refuse_dry_run(input: &Input) -> Result<(), AwsError> {
    match input.get("DryRun").and_then(Value::as_bool) {
        Some(true) => {
            Err(AwsError::new("DryRunOperation", "Request would have succeeded, but DryRun flag is set.")
                .with_status(412))
        }
        _ => Ok(()),
    }
}

pub(super) fn invalid(message: impl Into<String>) -> AwsError {
    AwsError::new("InvalidParameterValue", message)
}

/// Refuses members that are known and cannot be honoured.
pub(super) fn refuse(input: &Input, members: &[&str]) -> Result<(), AwsError> {
    match members.iter().find(|member| input.contains_key(**member)) {
        Some(member) => {
            Err(AwsError::new("UnsupportedOperation", format!("{member} is not supported by managr's platform")))
        }
        None => Ok(()),
    }
}

pub(super) fn depends(what: &str, id: &str) -> AwsError {
    AwsError::new("DependencyViolation", format!("The {what} '{id}' has dependencies and cannot be deleted."))
}

pub(super) fn done(reply: Value, changes: Vec<Change>) -> Outcome {
    Outcome { reply, changes }
}

/// An answer of `Return`, which says no more than that it was done.
pub(super) fn yes(changes: Vec<Change>) -> Outcome {
    done(json!({"Return": true}), changes)
}

/// Returns a fresh id.
pub(super) fn fresh<K: ObjectKind>(cx: &mut Cx<'_>) -> String {
    fresh_id(cx, K::PREFIX)
}

/// Seventeen hex digits, as all new ids of EC2 have them.
pub(super) fn fresh_id(cx: &mut Cx<'_>, prefix: &str) -> String {
    let digits = format!("{:016x}{:x}", cx.ids.next(), cx.ids.next() & 0xf);
    format!("{prefix}{digits}")
}
