//! Cloud Map's operations: what was asked for and takes time at AWS. Here all are over at once.

use std::collections::BTreeMap;

use aws_model::{AwsError, Millis, seconds};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::find::List;
use crate::operation::read;
use crate::world::Record;
use crate::{Change, Cx, Input, World};

/// For how long an operation can be looked up (API reference, ListOperations: thirty days).
const KEPT: Millis = 30 * 86_400_000;

/// An operation that is over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Done {
    region: String,
    pub(super) id: String,
    kind: String,
    at: Millis,
    /// What it was about: `NAMESPACE`, `SERVICE` or `INSTANCE`, and the id.
    pub(super) targets: BTreeMap<String, String>,
    /// Why it failed, if it did: a code and words.
    #[serde(default)]
    fault: Option<(String, String)>,
    /// What its caller called the request.
    #[serde(default)]
    request: Option<String>,
}

impl Record for Done {
    const TABLE: &'static str = "servicediscovery.operations";

    fn region(&self) -> &str {
        &self.region
    }

    fn id(&self) -> &str {
        &self.id
    }
}

impl Done {
    /// Returns an operation that is over as soon as it is asked for. Its id begins with when, so that the oldest are
    /// the first.
    pub(super) fn new(cx: &mut Cx<'_>, kind: &str, targets: &[(&str, &str)]) -> Self {
        let id = format!("{:010}{}-{}", cx.now / 1000, letters(cx, 22), letters(cx, 8));
        let targets = targets.iter().map(|(what, id)| ((*what).to_owned(), (*id).to_owned())).collect();
        Self {
            region: cx.region.to_owned(),
            id,
            kind: kind.to_owned(),
            at: cx.now,
            targets,
            fault: None,
            request: None,
        }
    }

    pub(super) fn failed(self, code: &str, words: String) -> Self {
        Self { fault: Some((code.to_owned(), words)), ..self }
    }

    pub(super) fn asked_as(self, request: Option<String>) -> Self {
        Self { request, ..self }
    }

    fn status(&self) -> &'static str {
        if self.fault.is_some() { "FAIL" } else { "SUCCESS" }
    }

    pub(super) fn reply(&self) -> Value {
        json!({"OperationId": self.id})
    }

    /// Returns the changes of the world: this one is kept, and those that are too old are forgotten.
    pub(super) fn kept(&self, world: &World) -> Vec<Change> {
        let old = world.records.all::<Self>(&self.region).take_while(|done| done.at + KEPT < self.at);
        old.map(|done| Change::remove::<Self>(&self.region, &done.id)).chain([Change::put(self)]).collect()
    }
}

/// Returns the operation that the same request made, if it came before.
pub(super) fn of_request(world: &World, cx: &Cx<'_>, kind: &str, request: Option<&str>) -> Option<Done> {
    let request = request?;
    world.records.all::<Done>(cx.region).find(|done| done.kind == kind && done.request.as_deref() == Some(request))
}

pub(super) fn get(world: &World, cx: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let id = input.get("OperationId").and_then(Value::as_str).unwrap_or_default();
    let missing = || AwsError::new("OperationNotFound", format!("No operation found with ID: {id}")).with_status(404);
    let done = world.records.get::<Done>(cx.region, id).ok_or_else(missing)?;
    let mut told = json!({
        "Id": done.id, "OwnerAccount": cx.account, "Type": done.kind, "Status": done.status(),
        "CreateDate": seconds(done.at), "UpdateDate": seconds(done.at), "Targets": done.targets,
    });
    if let Some((code, words)) = &done.fault {
        (told["ErrorCode"], told["ErrorMessage"]) = (json!(code), json!(words));
    }
    Ok(json!({"Operation": told}))
}

pub(super) fn list(world: &World, cx: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let List { filters, paging } = read(input.clone())?;
    for filter in &filters {
        filter.may_be(if filter.name == "UPDATE_DATE" { &["BETWEEN"] } else { &["EQ", "IN"] })?;
    }
    let is_wanted = |done: &Done| {
        filters.iter().all(|filter| match filter.name.as_str() {
            "NAMESPACE_ID" => done.targets.get("NAMESPACE").is_some_and(|id| filter.takes(id)),
            "SERVICE_ID" => done.targets.get("SERVICE").is_some_and(|id| filter.takes(id)),
            "STATUS" => filter.takes(done.status()),
            "TYPE" => filter.takes(&done.kind),
            _ => filter.takes_instant(done.at),
        })
    };
    let found = world.records.all::<Done>(cx.region).filter(is_wanted);
    let found = found.map(|done| (done.id.clone(), json!({"Id": done.id, "Status": done.status()})));
    Ok(paging.page("Operations", found))
}

/// Returns small letters and digits, as Cloud Map's ids have them.
pub(super) fn letters(cx: &mut Cx<'_>, count: usize) -> String {
    const ALPHABET: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
    (0..count).map(|_| ALPHABET[(cx.ids.next() % 36) as usize] as char).collect()
}
