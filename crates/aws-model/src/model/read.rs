//! Reads a packed model: `models/SERVICE.json`, as `tools/from_botocore.py` writes it.
//!
//! The text of a model is kept for the life of the process, once for each service that is asked for: names are pieces
//! of it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::Read;
use std::sync::OnceLock;

use serde::Deserialize;

use super::{
    ErrorTrait, Kind, Location, Member, Model, OperationRow, Page, Pattern, Shape, ShapeId, Structure, TimeFormat,
};
use crate::service::Service;

#[derive(Deserialize)]
struct File<'t> {
    #[serde(borrow)]
    names: Vec<&'t str>,
    #[serde(borrow)]
    operations: BTreeMap<&'t str, OperationText<'t>>,
    #[serde(borrow)]
    shapes: BTreeMap<&'t str, ShapeText<'t>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OperationText<'t> {
    #[serde(borrow)]
    input: Option<&'t str>,
    #[serde(borrow)]
    output: Option<&'t str>,
    #[serde(default)]
    #[serde(borrow)]
    errors: Vec<&'t str>,
    #[serde(borrow)]
    wrapper: Option<&'t str>,
    #[serde(borrow)]
    root: Option<&'t str>,
    #[serde(borrow)]
    xmlns: Option<&'t str>,
    #[serde(borrow)]
    method: Option<&'t str>,
    #[serde(borrow)]
    path: Option<&'t str>,
    status: Option<u16>,
    #[serde(default)]
    unsigned: bool,
    #[serde(borrow)]
    page: Option<PageText<'t>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMore<'t> {
    One(#[serde(borrow)] &'t str),
    More(#[serde(borrow)] Vec<&'t str>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PageText<'t> {
    #[serde(borrow)]
    given: Option<OneOrMore<'t>>,
    #[serde(borrow)]
    answered: Option<OneOrMore<'t>>,
    #[serde(borrow)]
    limit: Option<&'t str>,
    #[serde(borrow)]
    result: Option<OneOrMore<'t>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ShapeText<'t> {
    #[serde(rename = "type")]
    #[serde(borrow)]
    kind: &'t str,
    min: Option<f64>,
    max: Option<f64>,
    #[serde(default)]
    sensitive: bool,
    #[serde(default)]
    #[serde(borrow)]
    members: Vec<MemberText<'t>>,
    #[serde(borrow)]
    payload: Option<&'t str>,
    #[serde(default)]
    union: bool,
    #[serde(default)]
    event: bool,
    #[serde(borrow)]
    error: Option<ErrorText<'t>>,
    #[serde(borrow)]
    item: Option<&'t str>,
    #[serde(borrow)]
    key: Option<&'t str>,
    #[serde(borrow)]
    name: Option<&'t str>,
    #[serde(borrow)]
    key_name: Option<&'t str>,
    #[serde(default)]
    flat: bool,
    #[serde(default, rename = "enum")]
    #[serde(borrow)]
    words: Vec<&'t str>,
    #[serde(borrow)]
    pattern: Option<Cow<'t, str>>,
    #[serde(borrow)]
    time: Option<&'t str>,
    #[serde(default, rename = "streaming")]
    _streaming: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ErrorText<'t> {
    #[serde(borrow)]
    code: Option<&'t str>,
    status: Option<u16>,
    #[serde(default)]
    fault: bool,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum MemberText<'t> {
    Plain(#[serde(borrow)] &'t str, #[serde(borrow)] &'t str),
    Flagged(#[serde(borrow)] &'t str, #[serde(borrow)] &'t str, #[serde(borrow)] Flags<'t>),
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct Flags<'t> {
    #[serde(default)]
    req: bool,
    #[serde(borrow)]
    name: Option<&'t str>,
    #[serde(borrow)]
    at: Option<&'t str>,
    #[serde(default)]
    token: bool,
    #[serde(borrow)]
    query: Option<&'t str>,
    #[serde(borrow)]
    time: Option<&'t str>,
    #[serde(default)]
    flat: bool,
    #[serde(default, rename = "streaming")]
    _streaming: bool,
}

impl Model {
    /// Unpacks a model that was built into the program.
    ///
    /// # Panics
    /// When the program was built from a damaged model; a test reads them all.
    pub(crate) fn unpack(service: Service, packed: &[u8]) -> Self {
        let mut text = String::new();
        flate2::read::ZlibDecoder::new(packed)
            .read_to_string(&mut text)
            .expect("a model is packed by the build script");
        // Once for each service: see the head of this file.
        Self::of_text(service, Box::leak(text.into_boxed_str()))
    }

    /// Reads a model's text: what the packed ones hold, and what tests of the protocols write.
    ///
    /// # Panics
    /// When it is no model.
    pub fn of_text(service: Service, text: &'static str) -> Self {
        let file: File<'static> = serde_json::from_str(text).unwrap_or_else(|e| panic!("{}: {e}", service.cli_name()));
        let ids = file.shapes.keys().zip(0..).map(|(name, number)| (*name, ShapeId(number)));
        let by_name: BTreeMap<&'static str, ShapeId> = ids.collect();
        let id = |name: &str| by_name[name];
        let operations = file.operations.into_iter().map(|(name, text)| (name, text.row(name, &id))).collect();
        let shapes = file.shapes.into_iter().map(|(name, text)| text.shape(name, &id)).collect();
        Self { service, names: file.names, operations, shapes, by_name }
    }
}

impl OperationText<'static> {
    fn row(self, name: &'static str, id: &impl Fn(&str) -> ShapeId) -> OperationRow {
        let many = |names: Option<OneOrMore<'static>>| match names {
            None => Vec::new(),
            Some(OneOrMore::One(name)) => vec![name],
            Some(OneOrMore::More(names)) => names,
        };
        OperationRow {
            name,
            input: self.input.map(id),
            output: self.output.map(id),
            errors: self.errors.into_iter().map(id).collect(),
            wrapper: self.wrapper,
            root: self.root,
            xmlns: self.xmlns,
            method: self.method.unwrap_or("POST"),
            path: self.path.unwrap_or("/"),
            status: self.status.unwrap_or(200),
            unsigned: self.unsigned,
            page: self.page.map(|page| Page {
                given: many(page.given),
                answered: many(page.answered),
                limit: page.limit,
                result: many(page.result),
            }),
        }
    }
}

impl ShapeText<'static> {
    fn shape(self, name: &'static str, id: &impl Fn(&str) -> ShapeId) -> Shape {
        let item = || id(self.item.expect("a list or a map has items"));
        let kind = match self.kind {
            "structure" => Kind::Structure(Structure {
                members: self.members.into_iter().map(|member| member.member(id)).collect(),
                payload: self.payload,
                is_union: self.union,
                is_event_stream: self.event,
                error: self.error.map(|error| ErrorTrait {
                    code: error.code,
                    status: error.status,
                    is_fault: error.fault,
                }),
            }),
            "list" => Kind::List { item: item(), item_name: self.name, is_flat: self.flat },
            "map" => Kind::Map {
                key: id(self.key.expect("a map has keys")),
                item: item(),
                key_name: self.key_name,
                item_name: self.name,
                is_flat: self.flat,
            },
            "string" | "character" => Kind::Text {
                words: self.words,
                pattern: self.pattern.map(|text| Pattern { text: text.into_owned(), compiled: OnceLock::new() }),
            },
            "integer" => Kind::Integer,
            "long" => Kind::Long,
            "double" | "float" => Kind::Double,
            "boolean" => Kind::Boolean,
            "timestamp" => Kind::Timestamp(time(self.time)),
            "blob" => Kind::Blob,
            other => panic!("a shape of type {other}"),
        };
        Shape { name, kind, min: self.min, max: self.max, is_sensitive: self.sensitive }
    }
}

impl MemberText<'static> {
    fn member(self, id: &impl Fn(&str) -> ShapeId) -> Member {
        let (name, shape, flags) = match self {
            Self::Plain(name, shape) => (name, shape, Flags::default()),
            Self::Flagged(name, shape, flags) => (name, shape, flags),
        };
        Member {
            name,
            shape: id(shape),
            is_required: flags.req,
            location_name: flags.name,
            location: flags.at.map(|at| match at {
                "uri" => Location::Path,
                "querystring" => Location::Query,
                "header" => Location::Header,
                "headers" => Location::Headers,
                "statusCode" => Location::Status,
                other => panic!("a member in {other}"),
            }),
            is_idempotency_token: flags.token,
            query_name: flags.query,
            time: time(flags.time),
            is_flat: flags.flat,
        }
    }
}

fn time(name: Option<&str>) -> Option<TimeFormat> {
    name.map(|name| match name {
        "iso8601" => TimeFormat::Iso8601,
        "unixTimestamp" => TimeFormat::Seconds,
        "rfc822" => TimeFormat::Http,
        other => panic!("an instant as {other}"),
    })
}
