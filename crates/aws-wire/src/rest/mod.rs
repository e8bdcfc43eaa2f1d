//! The REST protocols: which operation a method and a path are, and what its path, query, headers and body say
//! (Smithy, "HTTP binding traits").

mod path;

use aws_model::model::{Kind, Location, Member, Model, Operation, ShapeId, Structure, TimeFormat};
use aws_model::{AwsError, Document, Protocol};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::HeaderMap;
use serde_json::Value;

use crate::xml;
use crate::{json, leaf, time};

pub use path::{Labels, find};

/// What a request says besides its method.
pub struct Request<'r> {
    /// What its path says: see [`find`].
    pub labels: Labels,
    /// The query's decoded pairs.
    pub query: &'r [(String, String)],
    /// The headers.
    pub headers: &'r HeaderMap,
    /// The body.
    pub body: &'r [u8],
}

/// Reads an operation's input.
///
/// # Errors
/// When a part of it is not what the model says, in the words of its protocol.
pub fn read(protocol: Protocol, operation: Operation, request: Request<'_>) -> Result<Document, AwsError> {
    let model = operation.model();
    let input = operation.input().map(|id| (id, model.shape(id)));
    let Some((id, Kind::Structure(structure))) = input.map(|(id, shape)| (id, &shape.kind)) else {
        return Ok(Document::new());
    };
    let mut document = body(protocol, model, (id, structure), request.body)?;
    for member in &structure.members {
        let value = match member.location {
            Some(Location::Path) => {
                let label = request.labels.iter().find(|(name, _)| *name == member.wire_name());
                label.map(|(_, text)| one(model, member, text)).transpose()?.flatten()
            }
            Some(Location::Query) => of_query(model, structure, member, request.query)?,
            Some(Location::Header) => {
                let text = request.headers.get(member.wire_name()).and_then(|value| value.to_str().ok());
                text.map(|text| of_header(model, member, text)).transpose()?.flatten()
            }
            Some(Location::Headers) => of_headers(member, request.headers),
            Some(Location::Status) | None => None,
        };
        if let Some(value) = value {
            document.insert(member.name.to_owned(), value);
        }
    }
    Ok(document)
}

fn one(model: &'static Model, member: &Member, text: &str) -> Result<Option<Value>, AwsError> {
    read_leaf(model, member.shape, member.name, text)
}

fn read_leaf(model: &'static Model, id: ShapeId, name: &str, text: &str) -> Result<Option<Value>, AwsError> {
    leaf::read(&model.shape(id).kind, text)
        .map_err(|want| AwsError::new("InvalidInput", format!("{name} must be {want}")))
}

/// A list has its name once for each item; a map has whatever no other member is called.
fn of_query(
    model: &'static Model,
    structure: &Structure,
    member: &Member,
    pairs: &[(String, String)],
) -> Result<Option<Value>, AwsError> {
    let mut named = pairs.iter().filter(|(name, _)| name == member.wire_name()).map(|(_, text)| text);
    match &model.shape(member.shape).kind {
        Kind::List { item, .. } => {
            let read =
                |text: &String| Ok(read_leaf(model, *item, member.name, text)?.unwrap_or_else(|| Value::from("")));
            let items = named.map(read).collect::<Result<Vec<_>, AwsError>>()?;
            Ok((!items.is_empty()).then_some(Value::Array(items)))
        }
        Kind::Map { .. } => {
            let is_bound = |name: &str| {
                let mut members = structure.members.iter();
                members.any(|m| m.location == Some(Location::Query) && m.name != member.name && m.wire_name() == name)
            };
            let mut entries = Document::new();
            for (name, text) in pairs.iter().filter(|(name, _)| !is_bound(name)) {
                entries.insert(name.clone(), Value::from(text.as_str()));
            }
            Ok((!entries.is_empty()).then_some(Value::Object(entries)))
        }
        _ => named.next().map(|text| one(model, member, text)).transpose().map(Option::flatten),
    }
}

fn of_header(model: &'static Model, member: &Member, text: &str) -> Result<Option<Value>, AwsError> {
    match &model.shape(member.shape).kind {
        Kind::List { item, .. } => {
            let read = |text: &str| Ok(read_leaf(model, *item, member.name, text.trim())?.unwrap_or_default());
            text.split(',').map(read).collect::<Result<_, AwsError>>().map(Value::Array).map(Some)
        }
        _ => one(model, member, text),
    }
}

/// All headers with a prefix, without it.
fn of_headers(member: &Member, headers: &HeaderMap) -> Option<Value> {
    let prefix = member.location_name.unwrap_or_default().to_ascii_lowercase();
    let entry = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
        Some((name.as_str().strip_prefix(&prefix)?.to_owned(), Value::from(value.to_str().ok()?)))
    };
    let entries: Document = headers.iter().filter_map(entry).collect();
    (!entries.is_empty()).then_some(Value::Object(entries))
}

fn body(
    protocol: Protocol,
    model: &'static Model,
    (id, structure): (ShapeId, &'static Structure),
    body: &[u8],
) -> Result<Document, AwsError> {
    let is_xml = protocol == Protocol::RestXml;
    let Some(payload) = structure.payload.and_then(|name| structure.member(name)) else {
        let is_body = |member: &Member| member.location.is_none();
        if body.is_empty() || !structure.members.iter().any(is_body) {
            return Ok(Document::new());
        }
        if is_xml {
            return xml::read::members(model, structure, xml::read::tree(body)?, is_body);
        }
        let mut document = Value::Object(json::read(body)?);
        from_json(model, id, None, &mut document);
        return aws_model::call::document(document);
    };
    let value = match &model.shape(payload.shape).kind {
        _ if body.is_empty() => None,
        Kind::Blob => Some(BASE64_STANDARD.encode(body).into()),
        Kind::Text { .. } => Some(String::from_utf8_lossy(body).into()),
        _ if is_xml => xml::read::value(model, payload.shape, xml::read::tree(body)?)?,
        _ => {
            let mut value = Value::Object(json::read(body)?);
            from_json(model, payload.shape, None, &mut value);
            Some(value)
        }
    };
    Ok(value.into_iter().map(|value| (payload.name.to_owned(), value)).collect())
}

/// Gives members their names in documents, and makes instants that stand as text numbers; what the model does not have
/// stays.
fn from_json(model: &'static Model, id: ShapeId, format: Option<TimeFormat>, value: &mut Value) {
    match (&model.shape(id).kind, value) {
        (Kind::Structure(structure), Value::Object(members)) => {
            for member in &structure.members {
                if member.wire_name() != member.name
                    && let Some(value) = members.remove(member.wire_name())
                {
                    members.insert(member.name.to_owned(), value);
                }
                if let Some(value) = members.get_mut(member.name) {
                    from_json(model, member.shape, member.time, value);
                }
            }
        }
        (Kind::List { item, .. }, Value::Array(items)) => {
            items.iter_mut().for_each(|value| from_json(model, *item, None, value));
        }
        (Kind::Map { item, .. }, Value::Object(entries)) => {
            entries.values_mut().for_each(|value| from_json(model, *item, None, value));
        }
        (Kind::Timestamp(own), value @ Value::String(_))
            if matches!(format.or(*own), Some(TimeFormat::Iso8601 | TimeFormat::Http)) =>
        {
            if let Some(instant) = value.as_str().and_then(time::read) {
                *value = instant;
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_model::Service;

    fn check(method: &str, target: &str, body: &str, expected: &str) {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let got = match find(Service::Route53, method, path) {
            None => "nothing".to_owned(),
            Some((operation, labels)) => {
                let query = crate::query::pairs(query);
                let request = Request { labels, query: &query, headers: &HeaderMap::new(), body: body.as_bytes() };
                match read(Protocol::RestXml, operation, request) {
                    Ok(document) => format!("{} {}", operation.name(), Value::Object(document)),
                    Err(error) => format!("{} {error}", operation.name()),
                }
            }
        };
        assert_eq!(got, expected, "{method} {target}");
    }

    #[test]
    fn path_query_and_body_are_one_document() {
        let zones = "/2013-04-01/hostedzone";
        check("GET", &format!("{zones}/Z1"), "", r#"GetHostedZone {"Id":"Z1"}"#);
        check("DELETE", &format!("{zones}/Z1"), "", r#"DeleteHostedZone {"Id":"Z1"}"#);
        check(
            "GET",
            &format!("{zones}?maxitems=5&marker=a%2Fb"),
            "",
            r#"ListHostedZones {"Marker":"a/b","MaxItems":"5"}"#,
        );
        check(
            "GET",
            "/2013-04-01/tags/hostedzone/Z%201",
            "",
            r#"ListTagsForResource {"ResourceType":"hostedzone","ResourceId":"Z 1"}"#,
        );
        let change = "<?xml version=\"1.0\"?><ChangeResourceRecordSetsRequest xmlns=\"https://route53.amazonaws.com/doc/\
                      2013-04-01/\"><ChangeBatch><Comment>a &amp; b</Comment><Changes><Change><Action>UPSERT</Action>\
                      <ResourceRecordSet><Name>x.local</Name><Type>A</Type><TTL>60</TTL><ResourceRecords><ResourceRecord>\
                      <Value>10.0.0.1</Value></ResourceRecord></ResourceRecords></ResourceRecordSet></Change></Changes>\
                      </ChangeBatch></ChangeResourceRecordSetsRequest>";
        check(
            "POST",
            &format!("{zones}/Z1/rrset/"),
            change,
            r#"ChangeResourceRecordSets {"ChangeBatch":{"Comment":"a & b","Changes":[{"Action":"UPSERT","ResourceRecordSet":{"Name":"x.local","Type":"A","TTL":60,"ResourceRecords":[{"Value":"10.0.0.1"}]}}]},"HostedZoneId":"Z1"}"#,
        );
    }

    #[test]
    fn what_no_operation_is_called_by_is_none() {
        for (method, path) in
            [("GET", "/"), ("PUT", "/2013-04-01/hostedzone/Z"), ("GET", "/2013-04-01/hostedzone/Z/x/y")]
        {
            check(method, path, "", "nothing");
        }
    }

    #[test]
    fn xml_that_is_broken_or_declares_entities_is_refused() {
        let words = "CreateHostedZone MalformedXML: the body is not the XML that is expected: ";
        let refused = |body: &str, why: &str| check("POST", "/2013-04-01/hostedzone", body, &format!("{words}{why}"));
        refused("plain", "it is not one whole element");
        refused("<a>", "it is not one whole element");
        refused("<!DOCTYPE a [<!ENTITY e \"x\">]><a><Name>&e;</Name></a>", "an entity that XML does not have");
        refused(&"<a>".repeat(100), "the body is nested deeper than 64");
        refused(
            "<a><HostedZoneConfig><PrivateZone>x</PrivateZone></HostedZoneConfig></a>",
            "PrivateZone must be true or false",
        );
        check(
            "POST",
            "/2013-04-01/hostedzone",
            "<a><Name/><Unknown>1</Unknown></a>",
            r#"CreateHostedZone {"Name":""}"#,
        );
        check("POST", "/2013-04-01/hostedzone", "", "CreateHostedZone {}");
    }
}
