//! Writes a Query service's answers by one rule: objects are elements, lists are `<member>`
//! elements, everything else is text; nulls are left out.

use aws_model::AwsError;
use serde_json::Value;

use aws_model::Service;

/// Returns the document that answers `operation`.
pub(crate) fn response(service: Service, operation: &str, request_id: &str, result: &Value) -> String {
    let mut out = String::with_capacity(512);
    out.push_str("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<");
    out.push_str(operation);
    out.push_str("Response xmlns=\"");
    out.push_str(service.xml_namespace());
    out.push_str("\"><");
    out.push_str(operation);
    out.push_str("Result>");
    content(&mut out, result);
    out.push_str("</");
    out.push_str(operation);
    out.push_str("Result><ResponseMetadata><RequestId>");
    text(&mut out, request_id);
    out.push_str("</RequestId></ResponseMetadata></");
    out.push_str(operation);
    out.push_str("Response>");
    out
}

/// Returns the document of a refused call. `namespace` is empty for a service we do not serve.
pub(crate) fn error(namespace: &str, error: &AwsError, request_id: &str) -> String {
    let fault = if error.status < 500 { "Sender" } else { "Receiver" };
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ErrorResponse");
    if !namespace.is_empty() {
        out.push_str(" xmlns=\"");
        out.push_str(namespace);
        out.push('"');
    }
    out.push_str("><Error><Type>");
    out.push_str(fault);
    out.push_str("</Type>");
    code_and_message(&mut out, error);
    out.push_str("</Error><RequestId>");
    text(&mut out, request_id);
    out.push_str("</RequestId></ErrorResponse>");
    out
}

/// Returns the error document of EC2, whose protocol wraps it differently.
pub(crate) fn ec2_error(error: &AwsError, request_id: &str) -> String {
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Response><Errors><Error>");
    code_and_message(&mut out, error);
    out.push_str("</Error></Errors><RequestID>");
    text(&mut out, request_id);
    out.push_str("</RequestID></Response>");
    out
}

/// Returns the error document of S3 and its kin: a bare `<Error>`.
pub(crate) fn bare_error(error: &AwsError, request_id: &str) -> String {
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error>");
    code_and_message(&mut out, error);
    out.push_str("<RequestId>");
    text(&mut out, request_id);
    out.push_str("</RequestId></Error>");
    out
}

fn code_and_message(out: &mut String, error: &AwsError) {
    out.push_str("<Code>");
    text(out, &error.code);
    out.push_str("</Code><Message>");
    text(out, &error.message);
    out.push_str("</Message>");
}

fn content(out: &mut String, value: &Value) {
    match value {
        Value::Null => {}
        Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Value::Number(number) => out.push_str(&number.to_string()),
        Value::String(value) => text(out, value),
        Value::Array(items) => items.iter().for_each(|item| element(out, "member", item)),
        Value::Object(members) => members.iter().for_each(|(name, value)| element(out, name, value)),
    }
}

fn element(out: &mut String, name: &str, value: &Value) {
    if value.is_null() {
        return;
    }
    out.push('<');
    out.push_str(name);
    out.push('>');
    content(out, value);
    out.push_str("</");
    out.push_str(name);
    out.push('>');
}

/// Escapes; what XML 1.0 cannot carry at all becomes U+FFFD.
fn text(out: &mut String, value: &str) {
    for c in value.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\r' => out.push_str("&#13;"), // a bare one would be read back as a line feed
            '\t' | '\n' => out.push(c),
            '\u{0}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            _ => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn writes_objects_lists_and_leaves() {
        let value = json!({"A": [{"B": 1, "C": true}, "x"], "D": null, "E": {"F": "<&\">\u{1}\r"}, "G": []});
        let mut out = String::new();
        content(&mut out, &value);
        assert_eq!(
            out,
            "<A><member><B>1</B><C>true</C></member><member>x</member></A>\
             <E><F>&lt;&amp;&quot;&gt;\u{fffd}&#13;</F></E><G></G>"
        );
    }

    #[test]
    fn wraps_answers_and_errors_as_the_query_protocol_does() {
        let answer = response(Service::Sts, "GetCallerIdentity", "id", &json!({"Account": "1"}));
        assert!(answer.ends_with(
            "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><GetCallerIdentityResult>\
             <Account>1</Account></GetCallerIdentityResult><ResponseMetadata><RequestId>id</RequestId>\
             </ResponseMetadata></GetCallerIdentityResponse>"
        ));
        let refused = error("n", &AwsError::new("InvalidAction", "no <X>"), "id");
        assert!(refused.ends_with(
            "<ErrorResponse xmlns=\"n\"><Error><Type>Sender</Type><Code>InvalidAction</Code>\
             <Message>no &lt;X&gt;</Message></Error><RequestId>id</RequestId></ErrorResponse>"
        ));
    }
}
