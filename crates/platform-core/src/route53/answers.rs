//! What Route 53 answers of zones, and finding what a call names.

use aws_model::{AwsError, Document, seconds};
use serde_json::{Value, json};

use super::{Zone, set};
use crate::servicediscovery::records;
use crate::world::Record;
use crate::{Change, Cx, Ids, World};

/// For how long GetChange knows a change.
const KEPT: i64 = 86_400_000;

pub(super) fn invalid(words: impl Into<String>) -> AwsError {
    AwsError::new("InvalidInput", words)
}

/// Returns a zone, whether its id comes alone or as it is answered (`/hostedzone/Z1`).
pub(super) fn zone(world: &World, id: &str) -> Result<Zone, AwsError> {
    let id = id.trim_start_matches('/').trim_start_matches("hostedzone/");
    let found = world.records.get::<Zone>("", id);
    found.ok_or_else(|| {
        AwsError::new("NoSuchHostedZone", format!("No hosted zone found with ID: {id}")).with_status(404)
    })
}

/// Refuses what only the service that owns a zone may change (as seen in terraform-provider-aws #19875).
pub(super) fn may_change(zone: &Zone) -> Result<(), AwsError> {
    let Some(owner) = &zone.owner else { return Ok(()) };
    let words =
        format!("The resource hostedzone/{} can only be managed through AWS Cloud Map ({})", zone.id, owner.arn);
    Err(AwsError::new("AccessDenied", words).with_status(403))
}

/// Returns a zone as it is described.
pub(super) fn describe(world: &World, zone: &Zone) -> Value {
    let count = set::all(world, &zone.id).count() + records::within(world, zone, &zone.name).len();
    let mut told = brief(zone);
    told["ResourceRecordSetCount"] = json!(count);
    told
}

/// Returns a zone without the number of its sets.
pub(super) fn brief(zone: &Zone) -> Value {
    let mut config = json!({"PrivateZone": zone.is_private});
    if let Some(comment) = &zone.comment {
        config["Comment"] = json!(comment);
    }
    let mut told = json!({
        "Id": format!("/hostedzone/{}", zone.id),
        "Name": zone.name,
        "CallerReference": zone.caller_reference,
        "Config": config,
    });
    if let Some(owner) = &zone.owner {
        told["LinkedService"] = json!({"ServicePrincipal": "servicediscovery.amazonaws.com", "Description": owner.arn});
    }
    told
}

/// A change of a zone, which GetChange tells of. All are there as soon as they are made: INSYNC.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
pub(super) struct Made {
    id: String,
    at: i64,
    comment: Option<String>,
}

impl Record for Made {
    const TABLE: &'static str = "route53.changes";

    fn region(&self) -> &str {
        ""
    }

    fn id(&self) -> &str {
        &self.id
    }
}

impl Made {
    /// Returns a change that is made now. Its id begins with when, so that the oldest are the first.
    pub(super) fn new(cx: &mut Cx<'_>, comment: Option<String>) -> Self {
        let id = format!("C{:010}{}", cx.now / 1000, letters(cx.ids, 10));
        Self { id, at: cx.now, comment }
    }

    pub(super) fn describe(&self) -> Value {
        let mut told =
            json!({"Id": format!("/change/{}", self.id), "Status": "INSYNC", "SubmittedAt": seconds(self.at)});
        if let Some(comment) = &self.comment {
            told["Comment"] = json!(comment);
        }
        told
    }

    /// Returns the changes of the world: this one is kept, and those that are too old are forgotten.
    pub(super) fn kept(&self, world: &World) -> Vec<Change> {
        let old = world.records.all::<Self>("").take_while(|made| made.at + KEPT < self.at);
        old.map(|made| Change::remove::<Self>("", &made.id)).chain([Change::put(self)]).collect()
    }
}

pub(super) fn get_change(world: &World, _: &Cx<'_>, input: &Document) -> Result<Value, AwsError> {
    let id = text(input, "Id").unwrap_or_default();
    let id = id.trim_start_matches('/').trim_start_matches("change/");
    let made = world.records.get::<Made>("", id);
    let missing = || AwsError::new("NoSuchChange", format!("Could not find resource with ID: {id}")).with_status(404);
    Ok(json!({"ChangeInfo": made.ok_or_else(missing)?.describe()}))
}

/// Returns capital letters and digits, as Route 53's ids have them.
pub(super) fn letters(ids: &mut Ids, count: usize) -> String {
    const ALPHABET: &[u8; 36] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    (0..count).map(|_| ALPHABET[(ids.next() % 36) as usize] as char).collect()
}

/// Returns a text; none if it is absent or empty.
pub(super) fn text<'d>(input: &'d Document, member: &str) -> Option<&'d str> {
    input.get(member).and_then(Value::as_str).filter(|text| !text.is_empty())
}

/// Reads `MaxItems`, which is a text here: a number above 0; more than the most is the most.
pub(super) fn limit(input: &Document, most: usize) -> Result<usize, AwsError> {
    match text(input, "MaxItems").map(str::parse::<usize>) {
        None => Ok(most),
        Some(Ok(count)) if count > 0 => Ok(count.min(most)),
        Some(_) => Err(invalid("MaxItems must be a number above 0")),
    }
}
