//! Reads ELB's `Conditions` and `Actions` into the types that the balancer acts on.
//!
//! The door of this module: past it a rule is valid. What the platform cannot do is refused
//! by name, never ignored.

use aws_model::{AwsError, Document};
use serde_json::Value;

use super::{Action, Cidr, Condition};

const MAX_VALUES: usize = 5;
const MAX_WILDCARDS: usize = 5;
const FIELDS: [&str; 6] =
    ["path-pattern", "host-header", "http-header", "http-request-method", "query-string", "source-ip"];

/// Reads a rule's conditions: `Field` + `Values`, or `Field` + its `...Config`.
///
/// # Errors
/// ELB's `ValidationError`, naming the field; `InvalidConfigurationRequest` for regular expressions.
pub fn read_conditions(list: &[Value]) -> Result<Vec<Condition>, AwsError> {
    let mut conditions = Vec::with_capacity(list.len());
    let (mut values, mut wildcards) = (0, 0);
    for item in list {
        let condition = read_condition(object(item, "Conditions")?)?;
        let patterns = texts(&condition);
        values += patterns.len();
        wildcards += patterns.iter().map(|p| p.matches(['*', '?']).count()).sum::<usize>();
        let once = |field: &str, seen: bool| {
            if seen {
                Err(validation(format!("Only one '{field}' condition can be specified per rule")))
            } else {
                Ok(())
            }
        };
        for earlier in &conditions {
            match (&condition, earlier) {
                (Condition::HostHeader(_), Condition::HostHeader(_)) => once("host-header", true)?,
                (Condition::PathPattern(_), Condition::PathPattern(_)) => once("path-pattern", true)?,
                (Condition::Method(_), Condition::Method(_)) => once("http-request-method", true)?,
                (Condition::SourceIp(_), Condition::SourceIp(_)) => once("source-ip", true)?,
                _ => {}
            }
        }
        conditions.push(condition);
    }
    if values > MAX_VALUES {
        return Err(validation(format!("Rules cannot have more than '{MAX_VALUES}' condition values")));
    }
    if wildcards > MAX_WILDCARDS {
        return Err(validation(format!("Rules cannot have more than '{MAX_WILDCARDS}' wildcards")));
    }
    Ok(conditions)
}

fn read_condition(document: &Document) -> Result<Condition, AwsError> {
    let field = text(document, "Field").unwrap_or_default();
    let config = match field.as_str() {
        "path-pattern" => "PathPatternConfig",
        "host-header" => "HostHeaderConfig",
        "http-header" => "HttpHeaderConfig",
        "http-request-method" => "HttpRequestMethodConfig",
        "query-string" => "QueryStringConfig",
        "source-ip" => "SourceIpConfig",
        "" => return Err(validation("A condition field must be specified")),
        other => {
            return Err(validation(format!("Condition field '{other}' must be one of '[{}]'", FIELDS.join(","))));
        }
    };
    let config_document = document.get(config).and_then(Value::as_object);
    let some = |d: &Document, name: &str| d.get(name).is_some_and(|v| v.as_array().is_none_or(|list| !list.is_empty()));
    if some(document, "RegexValues") || config_document.is_some_and(|c| some(c, "RegexValues")) {
        return Err(AwsError::new(
            "InvalidConfigurationRequest",
            format!("RegexValues of condition '{field}' is not supported by this platform"),
        ));
    }
    // An empty list is an absent one.
    let legacy = document.get("Values").filter(|_| some(document, "Values"));
    if legacy.is_some() && !matches!(field.as_str(), "path-pattern" | "host-header") {
        return Err(validation(format!("Condition field '{field}' must be given in '{config}', not in 'Values'")));
    }
    let listed = match (legacy, config_document) {
        (Some(_), Some(_)) => return Err(validation(format!("You cannot specify both 'Values' and '{config}'"))),
        (Some(values), None) => values.as_array(),
        (None, Some(config)) => config.get("Values").and_then(Value::as_array),
        (None, None) => None,
    };
    let listed = listed.filter(|l| !l.is_empty()).ok_or_else(|| validation("A condition value must be specified"))?;
    if field == "query-string" {
        return listed.iter().map(read_pair).collect::<Result<_, _>>().map(Condition::QueryString);
    }
    let values = listed.iter().map(|v| leaf(v).unwrap_or_default()).collect::<Vec<_>>();
    for value in &values {
        let longest = if field == "http-request-method" { 40 } else { 128 };
        if value.is_empty() || value.len() > longest {
            return Err(validation(format!(
                "The '{field}' value '{value}' must be between '1' and '{longest}' characters in length"
            )));
        }
        let bad = match field.as_str() {
            "host-header" => !value.chars().all(|c| c.is_ascii_alphanumeric() || "-.*?_:".contains(c)),
            "path-pattern" => !value.chars().all(|c| c.is_ascii_graphic()),
            "http-request-method" => !value.chars().all(|c| c.is_ascii_uppercase() || matches!(c, '-' | '_')),
            "source-ip" => Cidr::parse(value).is_none(),
            _ => value.chars().any(|c| c.is_ascii_control()),
        };
        if bad {
            return Err(validation(format!(
                "Condition value '{value}' contains a character that is not valid for '{field}'"
            )));
        }
    }
    Ok(match field.as_str() {
        "host-header" => Condition::HostHeader(values),
        "path-pattern" => Condition::PathPattern(values),
        "http-request-method" => Condition::Method(values),
        "source-ip" => Condition::SourceIp(values),
        _ => {
            let name = config_document.and_then(|c| text(c, "HttpHeaderName")).unwrap_or_default();
            if name.is_empty() || name.len() > 40 {
                return Err(validation("'HttpHeaderName' must be between '1' and '40' characters in length"));
            }
            if name.eq_ignore_ascii_case("host") {
                return Err(validation("'HttpHeaderName' cannot be 'Host'. Use the 'host-header' condition instead"));
            }
            Condition::HttpHeader(name, values)
        }
    })
}

fn read_pair(pair: &Value) -> Result<(Option<String>, String), AwsError> {
    let pair = object(pair, "QueryStringConfig.Values")?;
    let value = text(pair, "Value")
        .filter(|v| !v.is_empty())
        .ok_or_else(|| validation("A query string condition must have a 'Value'"))?;
    Ok((text(pair, "Key").filter(|k| !k.is_empty()), value))
}

fn texts(condition: &Condition) -> Vec<&str> {
    match condition {
        Condition::HostHeader(v)
        | Condition::PathPattern(v)
        | Condition::HttpHeader(_, v)
        | Condition::Method(v)
        | Condition::SourceIp(v) => v.iter().map(String::as_str).collect(),
        Condition::QueryString(v) => v.iter().map(|(_, value)| value.as_str()).collect(),
    }
}

/// Reads a rule's or a listener's actions; the last one must route.
///
/// # Errors
/// ELB's `ValidationError` or `InvalidLoadBalancerAction`, naming the member.
pub fn read_actions(list: &[Value]) -> Result<Vec<Action>, AwsError> {
    if list.is_empty() {
        return Err(validation("An action must be specified"));
    }
    if list.len() > 1 {
        return Err(AwsError::new(
            "TooManyActions",
            "Exactly one 'forward', 'redirect' or 'fixed-response' action must be specified",
        ));
    }
    list.iter().map(|item| read_action(object(item, "Actions")?)).collect()
}

fn read_action(document: &Document) -> Result<Action, AwsError> {
    match text(document, "Type").unwrap_or_default().as_str() {
        "forward" => read_forward(document),
        "redirect" => read_redirect(document),
        "fixed-response" => read_fixed_response(document),
        "" => Err(validation("An action type must be specified")),
        other => Err(validation(format!(
            "Action type '{other}' must be one of 'redirect,fixed-response,forward,authenticate-oidc,authenticate-cognito'"
        ))),
    }
}

fn read_forward(document: &Document) -> Result<Action, AwsError> {
    let direct = text(document, "TargetGroupArn").filter(|arn| !arn.is_empty());
    let listed = document
        .get("ForwardConfig")
        .and_then(|c| c.get("TargetGroups"))
        .and_then(Value::as_array)
        .filter(|l| !l.is_empty());
    let sticky = document.get("ForwardConfig").and_then(|c| c.get("TargetGroupStickinessConfig"));
    if sticky.and_then(Value::as_object).and_then(|c| text(c, "Enabled")).is_some_and(|v| v == "true") {
        return Err(AwsError::new(
            "InvalidLoadBalancerAction",
            "TargetGroupStickinessConfig is not supported by this platform; set stickiness on the target group",
        ));
    }
    let Some(listed) = listed else {
        let arn = direct.ok_or_else(|| validation("A target group ARN must be specified for a 'forward' action"))?;
        return Ok(Action::Forward(vec![(arn, 1)]));
    };
    if listed.len() > 5 {
        return Err(AwsError::new("TooManyTargetGroups", "A 'forward' action can name at most '5' target groups"));
    }
    let mut groups = Vec::with_capacity(listed.len());
    for tuple in listed {
        let tuple = object(tuple, "ForwardConfig.TargetGroups")?;
        let arn = text(tuple, "TargetGroupArn")
            .ok_or_else(|| validation("A target group ARN must be specified for a 'forward' action"))?;
        // One group alone takes everything whatever it weighs unless it is turned off.
        let weight =
            match text(tuple, "Weight") {
                None => 1,
                Some(weight) => weight.parse().ok().filter(|w| *w <= 999).ok_or_else(|| {
                    validation(format!("The weight '{weight}' must be between '0' and '999' inclusive"))
                })?,
            };
        if groups.iter().any(|(known, _)| *known == arn) {
            return Err(validation(format!("Target group '{arn}' is listed twice in one 'forward' action")));
        }
        groups.push((arn, weight));
    }
    if let Some(direct) = direct
        && (groups.len() != 1 || groups[0].0 != direct)
    {
        return Err(AwsError::new(
            "InvalidLoadBalancerAction",
            "You can specify both 'TargetGroupArn' and 'ForwardConfig' only if they name the same single target group",
        ));
    }
    Ok(Action::Forward(groups))
}

fn read_redirect(document: &Document) -> Result<Action, AwsError> {
    let config = document
        .get("RedirectConfig")
        .and_then(Value::as_object)
        .ok_or_else(|| validation("A redirect action must have a 'RedirectConfig'"))?;
    let status = match text(config, "StatusCode").as_deref() {
        Some("HTTP_301") => 301,
        _ => 302,
    };
    let part = |name: &str, default: &str| text(config, name).unwrap_or_else(|| default.to_owned());
    let (protocol, port) = (part("Protocol", "#{protocol}"), part("Port", "#{port}"));
    let (host, path, query) = (part("Host", "#{host}"), part("Path", "/#{path}"), part("Query", "#{query}"));
    if !["HTTP", "HTTPS", "#{protocol}"].contains(&protocol.as_str()) {
        return Err(validation(format!(
            "The redirect protocol '{protocol}' must be one of 'HTTP,HTTPS,#{{protocol}}'"
        )));
    }
    if port != "#{port}" && !port.parse::<u16>().is_ok_and(|p| p > 0) {
        return Err(validation(format!("The redirect port '{port}' must be between '1' and '65535' or '#{{port}}'")));
    }
    if !path.starts_with('/') {
        return Err(validation(format!("The redirect path '{path}' must begin with '/'")));
    }
    if (protocol.as_str(), host.as_str(), port.as_str(), path.as_str())
        == ("#{protocol}", "#{host}", "#{port}", "/#{path}")
    {
        return Err(validation(
            "The redirect configuration must modify at least one of 'protocol', 'host', 'port' or 'path' to avoid a redirect loop",
        ));
    }
    if [&host, &path, &query].iter().any(|p| p.len() > 128 || p.chars().any(|c| c.is_ascii_control())) {
        return Err(validation("The redirect host, path and query must each be at most '128' printable characters"));
    }
    Ok(Action::Redirect { status, protocol, host, port, path, query })
}

fn read_fixed_response(document: &Document) -> Result<Action, AwsError> {
    const TYPES: [&str; 5] = ["text/plain", "text/css", "text/html", "application/javascript", "application/json"];
    let config = document
        .get("FixedResponseConfig")
        .and_then(Value::as_object)
        .ok_or_else(|| validation("A fixed-response action must have a 'FixedResponseConfig'"))?;
    let code = text(config, "StatusCode").unwrap_or_default();
    let status: u16 = code
        .parse()
        .ok()
        .filter(|s| matches!(s, 200..=299 | 400..=599))
        .ok_or_else(|| validation(format!("The fixed-response status code '{code}' must be 2XX, 4XX or 5XX")))?;
    let content_type = text(config, "ContentType").filter(|t| !t.is_empty());
    if let Some(kind) = &content_type
        && !TYPES.contains(&kind.as_str())
    {
        return Err(validation(format!("The content type '{kind}' must be one of '{}'", TYPES.join(","))));
    }
    let body = text(config, "MessageBody");
    if body.as_ref().is_some_and(|b| b.len() > 1024) {
        return Err(validation("The fixed-response message body must be at most '1024' characters in length"));
    }
    Ok(Action::FixedResponse { status, content_type, body })
}

fn validation(message: impl Into<String>) -> AwsError {
    AwsError::new("ValidationError", message)
}

fn object<'v>(value: &'v Value, what: &str) -> Result<&'v Document, AwsError> {
    value.as_object().ok_or_else(|| validation(format!("'{what}' must be a list of structures")))
}

/// Query leaves are strings; callers inside the process may hand over numbers.
fn leaf(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        _ => None,
    }
}

fn text(document: &Document, name: &str) -> Option<String> {
    document.get(name).and_then(leaf)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn conditions(list: Value) -> Result<Vec<Condition>, String> {
        read_conditions(list.as_array().unwrap()).map_err(|e| e.to_string())
    }
    fn actions(list: Value) -> Result<Vec<Action>, String> {
        read_actions(list.as_array().unwrap()).map_err(|e| e.to_string())
    }

    #[test]
    fn both_forms_of_a_condition_mean_the_same() {
        let legacy = conditions(json!([{"Field": "path-pattern", "Values": ["/api/*"]}])).unwrap();
        let config =
            conditions(json!([{"Field": "path-pattern", "PathPatternConfig": {"Values": ["/api/*"]}}])).unwrap();
        assert_eq!(legacy, config);
        assert_eq!(legacy, [Condition::PathPattern(vec!["/api/*".into()])]);
        let header = json!([{"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": "X-A", "Values": ["1"]}}]);
        assert_eq!(conditions(header).unwrap(), [Condition::HttpHeader("X-A".into(), vec!["1".into()])]);
        let query = json!([{"Field": "query-string", "QueryStringConfig": {"Values": [{"Key": "v", "Value": "1"}, {"Value": "2"}]}}]);
        assert_eq!(
            conditions(query).unwrap(),
            [Condition::QueryString(vec![(Some("v".into()), "1".into()), (None, "2".into())])]
        );
    }

    #[test]
    fn a_condition_that_cannot_hold_is_refused_by_name() {
        let refused = |list: Value, word: &str| {
            let error = conditions(list).unwrap_err();
            assert!(error.contains(word), "{error} should name {word}");
        };
        refused(json!([{"Values": ["x"]}]), "condition field");
        refused(json!([{"Field": "colour", "Values": ["x"]}]), "'colour'");
        refused(json!([{"Field": "path-pattern"}]), "condition value");
        refused(json!([{"Field": "host-header", "Values": ["a b"]}]), "'a b'");
        refused(json!([{"Field": "source-ip", "SourceIpConfig": {"Values": ["10.0.0.1"]}}]), "10.0.0.1");
        refused(json!([{"Field": "path-pattern", "RegexValues": ["^/a"]}]), "RegexValues");
        refused(json!([{"Field": "path-pattern", "Values": ["/1", "/2", "/3", "/4", "/5", "/6"]}]), "'5'");
        let twice = json!([{"Field": "path-pattern", "Values": ["/a"]}, {"Field": "path-pattern", "Values": ["/b"]}]);
        refused(twice, "Only one 'path-pattern'");
    }

    #[test]
    fn actions_are_read_with_elbs_defaults() {
        let weighted = json!([{"Type": "forward", "ForwardConfig": {"TargetGroups": [
            {"TargetGroupArn": "a", "Weight": "3"}, {"TargetGroupArn": "b", "Weight": "0"}]}}]);
        assert_eq!(actions(weighted).unwrap(), [Action::Forward(vec![("a".into(), 3), ("b".into(), 0)])]);
        let both = json!([{"Type": "forward", "TargetGroupArn": "a", "ForwardConfig": {"TargetGroups": [{"TargetGroupArn": "a"}]}}]);
        assert_eq!(actions(both).unwrap(), [Action::Forward(vec![("a".into(), 1)])]);
        let redirect = json!([{"Type": "redirect", "RedirectConfig": {"Protocol": "HTTPS", "Port": "443", "StatusCode": "HTTP_301"}}]);
        assert_eq!(
            actions(redirect).unwrap(),
            [Action::Redirect {
                status: 301,
                protocol: "HTTPS".into(),
                host: "#{host}".into(),
                port: "443".into(),
                path: "/#{path}".into(),
                query: "#{query}".into()
            }]
        );
    }

    #[test]
    fn an_action_that_cannot_run_is_refused_by_name() {
        let refused = |list: Value, word: &str| {
            let error = actions(list).unwrap_err();
            assert!(error.contains(word), "{error} should name {word}");
        };
        refused(json!([]), "action must be specified");
        refused(json!([{"Type": "forward"}]), "target group ARN");
        refused(json!([{"Type": "redirect", "RedirectConfig": {"StatusCode": "HTTP_301"}}]), "loop");
        refused(json!([{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "302"}}]), "'302'");
        refused(json!([{"Type": "sing"}]), "'sing'");
        let heavy = json!([{"Type": "forward", "ForwardConfig": {"TargetGroups": [{"TargetGroupArn": "a", "Weight": "1000"}]}}]);
        refused(heavy, "'1000'");
    }
}
