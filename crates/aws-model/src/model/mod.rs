//! The official model of a service: which operations it has, and what their inputs, answers and errors look like.
//!
//! Shapes are held in one vector and name each other by number, so that a walk looks nothing up.

mod read;

use std::collections::BTreeMap;
use std::sync::OnceLock;

use fancy_regex::Regex;

use crate::service::Service;

/// The model of one service.
#[derive(Debug)]
pub struct Model {
    service: Service,
    names: Vec<&'static str>,
    operations: BTreeMap<&'static str, OperationRow>,
    shapes: Vec<Shape>,
    by_name: BTreeMap<&'static str, ShapeId>,
}

/// A shape of a model, by its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ShapeId(u32);

#[derive(Debug)]
struct OperationRow {
    name: &'static str,
    input: Option<ShapeId>,
    output: Option<ShapeId>,
    errors: Vec<ShapeId>,
    wrapper: Option<&'static str>,
    root: Option<&'static str>,
    xmlns: Option<&'static str>,
    method: &'static str,
    path: &'static str,
    status: u16,
    unsigned: bool,
    page: Option<Page>,
}

/// How an operation's answers are cut into pages (botocore's `paginators-1.json`). Members are JMESPath there, and
/// plain names in nearly all.
#[derive(Debug)]
pub struct Page {
    /// Members of the input that say where to go on.
    pub given: Vec<&'static str>,
    /// Members of the answer that do.
    pub answered: Vec<&'static str>,
    /// Member of the input that says how many; not all have one.
    pub limit: Option<&'static str>,
    /// Members of the answer that are cut.
    pub result: Vec<&'static str>,
}

/// An operation whose shapes are known.
#[derive(Debug, Clone, Copy)]
pub struct Operation {
    model: &'static Model,
    row: &'static OperationRow,
}

/// What a value looks like.
#[derive(Debug)]
pub struct Shape {
    /// Its name in the model.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// Fewest characters, bytes, items or entries; least number.
    pub min: Option<f64>,
    /// Most characters, bytes, items or entries; greatest number.
    pub max: Option<f64>,
    /// Whether a value must not be shown.
    pub is_sensitive: bool,
}

/// What a shape is.
#[derive(Debug)]
pub enum Kind {
    /// An object with these members.
    Structure(Structure),
    /// A list.
    List {
        /// What its items are.
        item: ShapeId,
        /// What an item is called in XML and in Query, if not `member`.
        item_name: Option<&'static str>,
        /// Whether items stand beside each other without a list around them.
        is_flat: bool,
    },
    /// An object with any keys.
    Map {
        /// What its keys are.
        key: ShapeId,
        /// What its values are.
        item: ShapeId,
        /// What a key is called in XML and in Query, if not `key`.
        key_name: Option<&'static str>,
        /// What a value is called there, if not `value`.
        item_name: Option<&'static str>,
        /// Whether entries stand beside each other without a map around them.
        is_flat: bool,
    },
    /// Text.
    Text {
        /// The values that it can have; empty if it can have any.
        words: Vec<&'static str>,
        /// The expression that it must match as a whole.
        pattern: Option<Pattern>,
    },
    /// A whole number of 32 bits.
    Integer,
    /// A whole number of 64 bits.
    Long,
    /// A number.
    Double,
    /// True or false.
    Boolean,
    /// An instant; in documents a number of seconds since the Unix epoch, as JSON carries it.
    Timestamp(Option<TimeFormat>),
    /// Bytes; in documents a text in base64, as JSON carries them.
    Blob,
}

/// The members of a structure.
#[derive(Debug)]
pub struct Structure {
    /// In the order of the model.
    pub members: Vec<Member>,
    /// The member that is the whole body, in the REST protocols.
    pub payload: Option<&'static str>,
    /// Whether exactly one member is there.
    pub is_union: bool,
    /// Whether its members are events of a stream.
    pub is_event_stream: bool,
    /// If it is an error: how it is reported.
    pub error: Option<ErrorTrait>,
}

/// How an error is reported.
#[derive(Debug)]
pub struct ErrorTrait {
    /// Its code in Query, if that is not the shape's name.
    pub code: Option<&'static str>,
    /// Its HTTP status, if the model says one.
    pub status: Option<u16>,
    /// Whether the service is to blame.
    pub is_fault: bool,
}

/// A member of a structure.
#[derive(Debug)]
pub struct Member {
    /// Its name in documents.
    pub name: &'static str,
    /// What it is.
    pub shape: ShapeId,
    /// Whether it must be there.
    pub is_required: bool,
    /// What it is called on the wire, if not by its name.
    pub location_name: Option<&'static str>,
    /// Where it stands in the REST protocols, if not in the body.
    pub location: Option<Location>,
    /// Whether a client makes one up if it is not said.
    pub is_idempotency_token: bool,
    /// What it is called in EC2's requests, if not by its wire name with a capital letter.
    pub query_name: Option<&'static str>,
    /// How an instant is written here.
    pub time: Option<TimeFormat>,
    /// Whether a list here stands without a list around it.
    pub is_flat: bool,
}

/// Where a member of the REST protocols stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Location {
    /// In the path.
    Path,
    /// In the query.
    Query,
    /// In a header.
    Header,
    /// In all headers with a prefix.
    Headers,
    /// It is the answer's status.
    Status,
}

/// How an instant is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeFormat {
    /// `2026-11-30T14:00:00Z`.
    Iso8601,
    /// Seconds since the Unix epoch.
    Seconds,
    /// `Mon, 30 Nov 2026 14:00:00 GMT`.
    Http,
}

/// An expression, compiled when it is first used.
#[derive(Debug)]
pub struct Pattern {
    text: String,
    compiled: OnceLock<Option<Regex>>,
}

impl Pattern {
    /// Returns the expression as the model has it.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether a text matches as a whole, as Java's `matches` does. An expression that cannot be compiled refuses
    /// nothing; a test finds every one of those.
    pub fn matches(&self, text: &str) -> bool {
        self.compiled().is_none_or(|regex| regex.is_match(text).unwrap_or(true))
    }

    /// Returns it as Rust writes it. It is written for Java, whose texts are of UTF-16: a range of surrogates is everything
    /// beyond the first plane.
    pub fn expression(&self) -> String {
        let text = self.text.replace(r"\uD800\uDC00-\uDBFF\uDFFF", r"\x{10000}-\x{10FFFF}");
        text.replace(r"\p{Print}", "[[:print:]]")
    }

    fn compiled(&self) -> Option<&Regex> {
        let compile = || Regex::new(&format!("\\A(?:{})\\z", self.expression())).ok();
        self.compiled.get_or_init(compile).as_ref()
    }
}

impl Model {
    /// Returns the names of all operations of the service, in order.
    pub fn names(&self) -> &[&'static str] {
        &self.names
    }

    /// Whether the service has an operation of this name, described here or not.
    pub fn has(&self, operation: &str) -> bool {
        self.names.binary_search(&operation).is_ok()
    }

    /// Returns an operation whose shapes are here.
    pub fn operation(&'static self, name: &str) -> Option<Operation> {
        self.operations.get(name).map(|row| Operation { model: self, row })
    }

    /// Returns the operations whose shapes are here.
    pub fn operations(&'static self) -> impl Iterator<Item = Operation> {
        self.operations.values().map(move |row| Operation { model: self, row })
    }

    /// Returns the shape with an id of this model.
    pub fn shape(&self, id: ShapeId) -> &Shape {
        &self.shapes[id.0 as usize]
    }

    /// Returns a shape by its name in the model.
    pub fn shape_named(&self, name: &str) -> Option<&Shape> {
        self.by_name.get(name).map(|id| self.shape(*id))
    }

    /// Returns the place of a shape by its name in the model.
    pub fn shape_id(&self, name: &str) -> Option<ShapeId> {
        self.by_name.get(name).copied()
    }

    /// Returns all shapes.
    pub fn shapes(&self) -> impl Iterator<Item = &Shape> {
        self.shapes.iter()
    }

    /// Returns the service that this model describes.
    pub fn service(&self) -> Service {
        self.service
    }
}

impl Operation {
    /// Returns its name, e.g. `DescribeServices`.
    pub fn name(self) -> &'static str {
        self.row.name
    }

    /// Returns the model that it is of.
    pub fn model(self) -> &'static Model {
        self.model
    }

    /// Returns the service that it is of.
    pub fn service(self) -> Service {
        self.model.service
    }

    /// Returns the shape of its input; a few have none.
    pub fn input(self) -> Option<ShapeId> {
        self.row.input
    }

    /// Returns the shape of its answer, if it answers anything.
    pub fn output(self) -> Option<ShapeId> {
        self.row.output
    }

    /// Returns the errors that it declares.
    pub fn errors(self) -> impl Iterator<Item = &'static Shape> {
        self.row.errors.iter().map(move |id| self.model.shape(*id))
    }

    /// Returns the element around a Query answer's members.
    pub fn wrapper(self) -> Option<&'static str> {
        self.row.wrapper
    }

    /// Returns the name and the namespace of the element around a REST-XML request's members.
    pub fn root(self) -> (Option<&'static str>, Option<&'static str>) {
        (self.row.root, self.row.xmlns)
    }

    /// Returns the HTTP method.
    pub fn method(self) -> &'static str {
        self.row.method
    }

    /// Returns the path of the REST protocols, with `{Member}` and `{Member+}`; and a fixed query, if it has one.
    pub fn path(self) -> &'static str {
        self.row.path
    }

    /// Returns the HTTP status of an answer.
    pub fn status(self) -> u16 {
        self.row.status
    }

    /// Whether a client need not sign it.
    pub fn is_unsigned(self) -> bool {
        self.row.unsigned
    }

    /// Returns how its answers are cut into pages, if they are.
    pub fn page(self) -> Option<&'static Page> {
        self.row.page.as_ref()
    }
}

impl Shape {
    /// Returns the members, if it is a structure.
    pub fn structure(&self) -> Option<&Structure> {
        match &self.kind {
            Kind::Structure(structure) => Some(structure),
            _ => None,
        }
    }

    /// If it is an error: the code that JSON tells, which is the shape's name.
    pub fn error(&self) -> Option<&ErrorTrait> {
        self.structure()?.error.as_ref()
    }
}

impl Structure {
    /// Returns a member by its name in documents.
    pub fn member(&self, name: &str) -> Option<&Member> {
        self.members.iter().find(|member| member.name == name)
    }
}

impl Member {
    /// Returns its name on the wire.
    pub fn wire_name(&self) -> &'static str {
        self.location_name.unwrap_or(self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pattern_can_be_compiled() {
        let mut count = 0;
        for service in Service::all() {
            for shape in service.model().shapes() {
                if let Kind::Text { pattern: Some(pattern), .. } = &shape.kind {
                    assert!(pattern.compiled().is_some(), "{} {}: {}", service.cli_name(), shape.name, pattern.text);
                    count += 1;
                }
            }
        }
        assert!(count > 100, "{count}");
    }

    #[test]
    fn a_pattern_is_of_the_whole_text() {
        let pattern = Pattern { text: "a|b+".into(), compiled: OnceLock::new() };
        let got: Vec<bool> = ["a", "bb", "ab", "a\n", ""].iter().map(|text| pattern.matches(text)).collect();
        assert_eq!(got, [true, true, false, false, false]);
    }
}
