//! Reads the Query protocol's XML as a tree of values.
//!
//! One rule, the mirror of the one by which it is written: elements are members, a parent
//! whose children are all a list's items ([`Items`]) is a list, text is a string.

use aws_model::Document;
use quick_xml::Reader;
use quick_xml::events::Event;
use serde_json::Value;

/// An element that is open.
/// What items of lists are called.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Items {
    /// `<member>`.
    Member,
    /// `<item>`, as EC2 has it.
    Item,
    /// Like the list, in the singular: `<VPCs><VPC>`, as Route 53 has it.
    Singular,
    /// Like the list, as RDS has it: most in the singular, some in words of their own.
    Named,
}

impl Items {
    fn is_item(self, list: &str, name: &str) -> bool {
        match self {
            Self::Member => name == "member",
            Self::Item => name == "item",
            Self::Named => crate::query::singular(list) == name,
            Self::Singular => list.strip_suffix('s') == Some(name),
        }
    }
}

#[derive(Default)]
struct Open {
    name: String,
    text: String,
    members: Vec<(String, Value)>,
}

impl Open {
    fn close(self, items: Items) -> (String, Value) {
        let value = if self.members.is_empty() {
            Value::String(self.text.trim().to_owned())
        } else if self.members.iter().all(|(name, _)| items.is_item(&self.name, name)) {
            Value::Array(self.members.into_iter().map(|(_, value)| value).collect())
        } else {
            Value::Object(self.members.into_iter().collect())
        };
        (self.name, value)
    }
}

/// Returns the document's root element: its name and its members.
///
/// # Errors
/// What is wrong with the text, in words.
pub(crate) fn read(text: &str, items: Items) -> Result<(String, Document), String> {
    let mut reader = Reader::from_str(text);
    let mut open: Vec<Open> = vec![Open::default()];
    loop {
        let event = reader.read_event().map_err(|error| error.to_string())?;
        let top = open.last_mut().ok_or("an element closes that was not open")?;
        match event {
            Event::Start(tag) => open.push(Open { name: local_name(tag.local_name().as_ref()), ..Open::default() }),
            Event::Empty(tag) => {
                top.members.push((local_name(tag.local_name().as_ref()), Value::String(String::new())));
            }
            Event::End(_) => {
                let (name, value) = open.pop().ok_or("an element closes that was not open")?.close(items);
                open.last_mut().ok_or("an element closes that was not open")?.members.push((name, value));
            }
            Event::Text(part) => top.text.push_str(&part.decode().map_err(|error| error.to_string())?),
            Event::CData(part) => top.text.push_str(&part.decode().map_err(|error| error.to_string())?),
            Event::GeneralRef(reference) => top.text.push(character(&reference)?),
            Event::Eof => break,
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
        }
    }
    let [outside] = &mut open[..] else { return Err("the text ends inside an element".to_owned()) };
    match outside.members.pop() {
        Some((name, Value::Object(members))) => Ok((name, members)),
        Some((name, _)) => Ok((name, Document::new())),
        None => Err("there is no element".to_owned()),
    }
}

fn local_name(name: &[u8]) -> String {
    String::from_utf8_lossy(name).into_owned()
}

fn character(reference: &quick_xml::events::BytesRef<'_>) -> Result<char, String> {
    if let Some(c) = reference.resolve_char_ref().map_err(|error| error.to_string())? {
        return Ok(c);
    }
    let name = reference.decode().map_err(|error| error.to_string())?;
    match &*name {
        "amp" => Ok('&'),
        "lt" => Ok('<'),
        "gt" => Ok('>'),
        "quot" => Ok('"'),
        "apos" => Ok('\''),
        other => Err(format!("unknown entity `&{other};`")),
    }
}

/// Returns the items of a list member; an absent or empty element is an empty list.
pub fn items<'a>(document: &'a Document, name: &str) -> &'a [Value] {
    document.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn elements_lists_and_text() {
        let text = r#"<?xml version="1.0"?>
            <DescribeResponse xmlns="http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/">
              <DescribeResult><LoadBalancers>
                <member><Name>a &amp; b&#33;</Name><Zones/></member>
              </LoadBalancers></DescribeResult>
            </DescribeResponse>"#;
        let (name, root) = read(text, Items::Member).unwrap();
        assert_eq!(name, "DescribeResponse");
        assert_eq!(
            Value::Object(root),
            json!({"DescribeResult": {"LoadBalancers": [{"Name": "a & b!", "Zones": ""}]}})
        );
    }

    #[test]
    fn each_protocol_names_items_in_its_way() {
        let items_of = |text: &str, items: Items| read(text, items).unwrap().1["set"].as_array().map(Vec::len);
        assert_eq!(items_of("<R><set><item><a>1</a></item></set></R>", Items::Item), Some(1));
        let (_, zone) =
            read("<R><VPCs><VPC><VPCId>v</VPCId></VPC></VPCs><VPC><Id>1</Id></VPC></R>", Items::Singular).unwrap();
        let (_, rds) = read(
            "<R><DBInstances><DBInstance><VpcSecurityGroups><VpcSecurityGroupMembership><Status>active</Status>\
             </VpcSecurityGroupMembership></VpcSecurityGroups><TagList/></DBInstance></DBInstances></R>",
            Items::Named,
        )
        .unwrap();
        let instance = json!({ "VpcSecurityGroups": [{ "Status": "active" }], "TagList": "" });
        assert_eq!(Value::Object(rds), json!({ "DBInstances": [instance] }));
        assert_eq!(Value::Object(zone), json!({"VPCs": [{"VPCId": "v"}], "VPC": {"Id": "1"}}));
    }

    #[test]
    fn an_absent_and_an_empty_list_have_no_items() {
        let (_, root) = read("<R><A/><B><member>1</member></B></R>", Items::Member).unwrap();
        assert_eq!((items(&root, "A").len(), items(&root, "B").len(), items(&root, "C").len()), (0, 1, 0));
    }

    #[test]
    fn broken_text_is_refused() {
        for text in ["", "plain", "<a>", "<a></b>", "<a>&nope;</a>"] {
            assert!(read(text, Items::Member).is_err(), "{text}");
        }
    }
}
