//! Where does the next page of a list begin? The one token of all services, and the one way to cut a page.
//!
//! The code that answers a list knows a **position**: the sort key of the last item that was shown. What the caller
//! gets is a token: the position with a checksum over service, operation, region and everything else that was asked
//! but how many. The front makes one of the other ([`open`], [`Paged::seal`]), so that no door has a token of its own,
//! and a token of another list is refused before a door sees it, in the service's words.
//!
//! A position is a key and no number of items: what is made or deleted between two pages shifts nothing.

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use serde_json::Value;

use crate::model::{Operation, Shape, ShapeId};
use crate::service::Service;
use crate::{AwsError, Call, Document};

/// A piece of a list.
#[derive(Debug, PartialEq, Eq)]
pub struct Cut<T> {
    /// What is shown.
    pub items: Vec<T>,
    /// The position of its last item, if more follows.
    pub next: Option<String>,
}

/// How a list is sorted by its keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// The smallest first.
    Rising,
    /// The greatest first.
    Falling,
}

/// Cuts a page out of `rows`, each with its key, which are sorted by it: what comes after the position `after`, and at
/// most `limit` of it.
pub fn cut<K: AsRef<str>, T>(
    rows: impl IntoIterator<Item = (K, T)>,
    order: Order,
    after: Option<&str>,
    limit: usize,
) -> Cut<T> {
    let is_before = |key: &str| {
        after.is_some_and(|after| match order {
            Order::Rising => key <= after,
            Order::Falling => key >= after,
        })
    };
    rest(rows.into_iter().skip_while(|(key, _)| is_before(key.as_ref())), limit)
}

/// Cuts a page out of `rows` that begin after the position already: for callers that find it without a full scan.
pub fn rest<K: AsRef<str>, T>(rows: impl IntoIterator<Item = (K, T)>, limit: usize) -> Cut<T> {
    let mut rows = rows.into_iter();
    let mut last = None;
    let mut items = Vec::new();
    for (key, item) in rows.by_ref().take(limit.max(1)) {
        last = Some(key);
        items.push(item);
    }
    let last = last.filter(|_| rows.next().is_some());
    Cut { items, next: last.map(|key| key.as_ref().to_owned()) }
}

/// A call that is answered page by page.
#[derive(Debug)]
pub struct Paged {
    answered: &'static str,
    asked: crc32fast::Hasher,
}

/// Puts the position in the place of the token that a call brings. None for an operation that has no pages.
///
/// # Errors
/// The service's refusal of a token that no page of this list gave.
pub fn open(call: &mut Call) -> Result<Option<Paged>, AwsError> {
    let operation = call.operation;
    let Some((given, answered)) = members(operation) else { return Ok(None) };
    let token = call.input.remove(given);
    let paged = Paged { answered, asked: asked(call) };
    // Clients in other languages send an empty text for none.
    let Some(token) = token.as_ref().and_then(Value::as_str).filter(|token| !token.is_empty()) else {
        return Ok(Some(paged));
    };
    let position = paged.position(token).ok_or_else(|| refusal(operation, given, token))?;
    call.input.insert(given.to_owned(), position.into());
    Ok(Some(paged))
}

impl Paged {
    /// Puts a token in the place of the position that an answer says.
    pub fn seal(&self, answer: &mut Document) {
        if let Some(Value::String(position)) = answer.get_mut(self.answered) {
            *position = self.token(position);
        }
    }

    fn token(&self, position: &str) -> String {
        BASE64_URL_SAFE_NO_PAD.encode([&self.checksum(position)[..], position.as_bytes()].concat())
    }

    fn position(&self, token: &str) -> Option<String> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(token).ok()?;
        let (checksum, position) = bytes.split_first_chunk::<4>()?;
        let position = String::from_utf8(position.to_vec()).ok()?;
        (*checksum == self.checksum(&position)).then_some(position)
    }

    fn checksum(&self, position: &str) -> [u8; 4] {
        let mut sum = self.asked.clone();
        sum.update(position.as_bytes());
        sum.finalize().to_be_bytes()
    }
}

/// Returns the members of input and answer that hold the token.
///
/// GetLogEvents has two in its answer, which say a direction too: they are its own. Those of Route 53 by the name of
/// `Marker` or `Start...` are documented as names and ids, which callers may make themselves.
pub fn members(operation: Operation) -> Option<(&'static str, &'static str)> {
    let of = |shape: Option<ShapeId>, names: &[&str]| {
        let members = &operation.model().shape(shape?).structure()?.members;
        members.iter().map(|member| member.name).find(|name| names.contains(name))
    };
    // "0", or what it answered before (API reference, DownloadDBLogFilePortion): a place in a file.
    if operation.name() == "DownloadDBLogFilePortion" {
        return None;
    }
    let (given, answered): (&[&str], &[&str]) = match operation.service() {
        Service::Route53 => (&["NextToken"], &["NextToken"]),
        Service::ElbV2 | Service::Kms => (&["Marker"], &["NextMarker"]),
        _ => (&["nextToken", "NextToken", "Marker"], &["nextToken", "NextToken", "Marker"]),
    };
    Some((of(operation.input(), given)?, of(operation.output(), answered)?))
}

/// How many are wanted may differ from page to page, nothing else.
const LIMITS: [&str; 8] =
    ["maxResults", "MaxResults", "limit", "Limit", "maxItems", "MaxItems", "MaxRecords", "PageSize"];

fn asked(call: &Call) -> crc32fast::Hasher {
    let mut sum = crc32fast::Hasher::new();
    for word in [call.operation.service().cli_name(), call.operation.name(), &call.region] {
        sum.update(word.as_bytes());
        sum.update(&[0]);
    }
    let others = call.input.iter().filter(|(name, _)| !LIMITS.contains(&name.as_str()));
    add_members(&mut sum, others.collect());
    sum
}

/// Adds members whatever their order is, which is the caller's.
fn add_members(sum: &mut crc32fast::Hasher, mut members: Vec<(&String, &Value)>) {
    members.sort_by_key(|(name, _)| *name);
    sum.update(b"{");
    for (name, value) in members {
        sum.update(name.as_bytes());
        sum.update(b"\0");
        add(sum, value);
    }
    sum.update(b"}");
}

fn add(sum: &mut crc32fast::Hasher, value: &Value) {
    match value {
        Value::Object(members) => add_members(sum, members.iter().collect()),
        Value::Array(items) => {
            sum.update(b"[");
            items.iter().for_each(|item| add(sum, item));
            sum.update(b"]");
        }
        value => {
            sum.update(value.to_string().as_bytes());
            sum.update(b"\0");
        }
    }
}

/// Refuses a token. The code is the one that the operation declares for it; the others are those that the services say
/// for any bad parameter, seen of IAM ("Invalid Marker.", trek10inc/awsets #21) and Auto Scaling's sister form of EC2's
/// words (aws-cli #1299).
fn refusal(operation: Operation, member: &str, token: &str) -> AwsError {
    let is_for_tokens =
        |error: &&Shape| ["NextToken", "Marker", "PaginationToken"].iter().any(|word| error.name.contains(word));
    if let Some(error) = operation.errors().find(is_for_tokens) {
        return AwsError::new(wire_code(error), format!("The specified {member} is not valid."));
    }
    match operation.service() {
        Service::Ecs => AwsError::invalid_parameter("Invalid token."),
        Service::Ecr => AwsError::invalid_parameter(
            "Invalid parameter at 'nextToken' failed to satisfy constraint: 'Invalid pagination token'",
        ),
        Service::Logs => AwsError::invalid_parameter("The specified nextToken is invalid."),
        Service::Ec2 => AwsError::new("InvalidNextToken", format!("The token '{token}' is invalid")),
        Service::ElbV2 => AwsError::new("ValidationError", format!("Marker '{token}' is not valid")),
        Service::Iam | Service::Sts => AwsError::new("ValidationError", "Invalid Marker."),
        Service::CloudWatch | Service::Rds => {
            AwsError::new("InvalidParameterValue", format!("The value for parameter {member} is not valid."))
        }
        Service::Route53 | Service::ServiceDiscovery => {
            AwsError::new("InvalidInput", format!("The specified {member} is not valid."))
        }
        Service::Acm
        | Service::Kms
        | Service::SecretsManager
        | Service::Ssm
        | Service::ApplicationAutoScaling
        | Service::Events
        | Service::Scheduler => AwsError::new("ValidationException", format!("The specified {member} is not valid.")),
    }
}

fn wire_code(error: &'static Shape) -> &'static str {
    error.error().and_then(|error| error.code).unwrap_or(error.name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn call(service: Service, operation: &str, region: &str, input: Value) -> Call {
        let Value::Object(input) = input else { panic!("an input is an object") };
        Call {
            operation: service.model().operation(operation).unwrap(),
            region: region.to_owned(),
            access_key: String::new(),
            authority: String::new(),
            input,
            request_id: String::new(),
        }
    }

    fn token(service: Service, operation: &str, input: Value, position: &str) -> String {
        let paged = open(&mut call(service, operation, "r", input)).unwrap().unwrap();
        let mut answer = Document::new();
        answer.insert(paged.answered.to_owned(), position.into());
        paged.seal(&mut answer);
        answer[paged.answered].as_str().unwrap().to_owned()
    }

    #[test]
    fn a_token_opens_its_own_list_and_no_other() {
        let given = token(Service::Ecs, "ListTasks", json!({"cluster": "a", "family": "f", "maxResults": 2}), "arn");
        let open_in = |region: &str, operation: &str, input: Value| {
            let mut call = call(Service::Ecs, operation, region, input);
            open(&mut call).map(|_| call.input["nextToken"].as_str().unwrap().to_owned()).map_err(|e| e.to_string())
        };
        let refused = Err("InvalidParameterException: Invalid token.".to_owned());
        // Another size, and another order of members, is the same list.
        let same = json!({"maxResults": 9, "family": "f", "nextToken": given, "cluster": "a"});
        assert_eq!(open_in("r", "ListTasks", same.clone()), Ok("arn".to_owned()));
        assert_eq!(open_in("q", "ListTasks", same), refused);
        for other in [
            json!({"cluster": "b", "family": "f", "nextToken": given}),
            json!({"cluster": "a", "nextToken": given}),
            json!({"cluster": "a", "family": "f", "nextToken": "arn"}),
            json!({"cluster": "a", "family": "f", "nextToken": format!("{given}A")}),
            json!({"cluster": "a", "family": "f", "nextToken": "ü"}),
        ] {
            assert_eq!(open_in("r", "ListTasks", other), refused);
        }
        assert_eq!(open_in("r", "ListServices", json!({"cluster": "a", "nextToken": given})), refused);
    }

    #[test]
    fn each_service_has_a_word_for_a_foreign_token_that_its_callers_know() {
        for operation in Service::all().flat_map(|service| service.model().operations()) {
            let service = operation.service();
            let Some((given, _)) = members(operation) else { continue };
            let mut one = call(service, operation.name(), "r", json!({given: "nonsense"}));
            let error = open(&mut one).unwrap_err();
            let is_declared = operation.errors().any(|shape| wire_code(shape) == error.code);
            assert!(
                is_declared || crate::check::is_common(service, &error.code) || service == Service::Ec2,
                "{service:?} {}: {error}",
                operation.name()
            );
        }
    }

    #[test]
    fn what_is_no_token_is_left_alone() {
        let mut own = call(Service::Logs, "GetLogEvents", "r", json!({"nextToken": "f/1/s"}));
        assert!(open(&mut own).unwrap().is_none());
        assert_eq!(own.input["nextToken"], "f/1/s");
        let mut id = call(Service::Route53, "ListHostedZones", "r", json!({"Marker": "Z1"}));
        assert!(open(&mut id).unwrap().is_none());
        let mut none = call(Service::Ecs, "ListClusters", "r", json!({"nextToken": ""}));
        assert!(open(&mut none).unwrap().is_some());
        assert!(none.input.is_empty());
    }

    proptest! {
        /// Page after page is the whole list, whatever is deleted behind the position.
        #[test]
        fn pages_are_the_list(keys in proptest::collection::btree_set("[a-z]{1,3}", 0..30), limit in 1_usize..8, falling: bool) {
            let mut rows: Vec<(String, String)> = keys.into_iter().map(|key| (key.clone(), key)).collect();
            let order = if falling { Order::Falling } else { Order::Rising };
            if falling {
                rows.reverse();
            }
            let whole: Vec<String> = rows.iter().map(|(key, _)| key.clone()).collect();
            let (mut seen, mut after) = (Vec::new(), None::<String>);
            loop {
                let Cut { items, next } = cut(rows.clone(), order, after.as_deref(), limit);
                prop_assert!(items.len() <= limit && (next.is_none() || items.len() == limit));
                rows.retain(|(key, _)| !items.contains(key));
                seen.extend(items);
                match next {
                    Some(next) => after = Some(next),
                    None => break,
                }
            }
            prop_assert_eq!(seen, whole);
        }

        #[test]
        fn no_text_makes_the_reader_panic(token in ".{1,40}") {
            let mut call = call(Service::Iam, "ListRoles", "r", json!({"Marker": token}));
            prop_assert_eq!(open(&mut call).unwrap_err().message, "Invalid Marker.");
        }
    }
}
