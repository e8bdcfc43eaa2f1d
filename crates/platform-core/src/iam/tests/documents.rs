//! Which documents are policies, and what is said of those that are none.

use serde_json::{Value, json};

use super::super::document::{encoded, inline, managed, trust};
use super::{READ, TRUST};

fn words(got: Result<(), aws_model::AwsError>) -> String {
    got.map_or_else(|error| error.message, |()| "fine".to_owned())
}

/// A permissions policy whose one statement is changed; null takes a member away.
fn check(changes: Value, want: &str) {
    let mut statement = json!({"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/*"});
    for (name, value) in changes.as_object().unwrap() {
        statement[name] = value.clone();
    }
    statement.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    let document = json!({"Version": "2012-10-17", "Statement": [statement]}).to_string();
    assert_eq!(words(managed(&document)), want, "{document}");
}

#[test]
fn a_statement_says_what_may_be_done_to_what() {
    check(json!({}), "fine");
    check(json!({"Sid": "One", "Action": ["s3:*", "*"], "Resource": "*"}), "fine");
    check(json!({"Action": null, "NotAction": "iam:*"}), "fine");
    check(json!({"Resource": null, "NotResource": ["arn:aws-cn:s3:::b", "*"]}), "fine");
    check(
        json!({"Condition": {"ForAnyValue:StringLikeIfExists": {"aws:TagKeys": ["a"]}, "Bool": {"x:y": true}}}),
        "fine",
    );
    check(json!({"Action": null}), "Policy statement must contain actions.");
    check(json!({"Action": []}), "Policy statement must contain actions.");
    check(json!({"Resource": null}), "Policy statement must contain resources.");
    check(json!({"Principal": "*"}), "Policy document should not specify a principal.");
    check(json!({"Action": "GetObject"}), "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.");
    check(json!({"Action": "s3:Get:Object"}), "Actions/Condition can contain only one colon.");
    check(json!({"Action": "s 3:Get"}), "Vendor s 3 is not valid");
    check(json!({"Resource": "bucket"}), "Resource bucket must be in ARN format or \"*\".");
    check(json!({"Resource": "arn:moon:s3:::b"}), "Partition \"moon\" is not valid for resource \"arn:moon:s3:::b\".");
    check(json!({"Resource": "arn:aws:s3"}), "Resource vendor must be fully qualified and cannot contain regexes.");
    for bad in [
        json!({"Effect": null}),
        json!({"Effect": "allow"}),
        json!({"Effects": "Allow"}),
        json!({"Sid": 1}),
        json!({"Action": 1}),
        json!({"NotAction": "s3:*"}),
        json!({"NotResource": "*"}),
        json!({"Condition": []}),
        json!({"Condition": {"Equals": {"a": "b"}}}),
        json!({"Condition": {"StringEquals": "b"}}),
    ] {
        check(bad, "Syntax errors in policy.");
    }
}

#[test]
fn a_document_is_one_with_a_version_and_statements_of_different_names() {
    let check = |text: &str, want: &str| assert_eq!(words(managed(text)), want, "{text}");
    check(READ, "fine");
    check("", "Syntax errors in policy.");
    check("[]", "Syntax errors in policy.");
    check("{", "Syntax errors in policy.");
    check(r#"{"Version":"2012-10-17"}"#, "Syntax errors in policy.");
    check(r#"{"Version":"2012-10-17","Statement":[]}"#, "Syntax errors in policy.");
    check(&READ.replace("2012", "2020"), "Syntax errors in policy.");
    check(&READ.replace("\"Version\"", "\"Versions\""), "Syntax errors in policy.");
    check(&READ.replace("2012-10-17", "2008-10-17"), "Policy document must be version 2012-10-17 or greater.");
    assert_eq!(words(inline(&READ.replace("2012-10-17", "2008-10-17"))), "fine");
    let one = r#"{"Sid":"A","Effect":"Allow","Action":"*","Resource":"*"}"#;
    let twice = format!(r#"{{"Version":"2012-10-17","Statement":[{one},{one}]}}"#);
    check(&twice, "Statement IDs (SID) in a single policy must be unique.");
    let long = READ.replace("s3:Get*", &format!("s3:{}", "G".repeat(6_144)));
    check(&long, "Cannot exceed quota for PolicySize: 6144");
    check(&READ.replace(",", &format!(",{}", " ".repeat(7_000))), "fine");
}

#[test]
fn trust_names_who_and_never_what() {
    let check = |from: &str, to: &str, want: &str| {
        let text = TRUST.replace(from, to);
        assert!(text != TRUST, "{from}");
        assert_eq!(words(trust(&text)), want, "{text}");
    };
    let service = r#"{"Service":"ecs-tasks.amazonaws.com"}"#;
    assert_eq!(words(trust(TRUST)), "fine");
    for principal in [
        r#""*""#,
        r#"{"AWS":"123456789012"}"#,
        r#"{"AWS":["arn:aws:iam::123456789012:root","*"]}"#,
        r#"{"Federated":"arn:aws:iam::123456789012:oidc-provider/x"}"#,
    ] {
        check(service, principal, "fine");
    }
    check(service, r#"{"AWS":"bob"}"#, r#"Invalid principal in policy: "AWS":"bob""#);
    check(service, r#"{"Service":["ecs"]}"#, r#"Invalid principal in policy: "SERVICE":"ecs""#);
    check(service, r#"{"Who":"bob"}"#, "Syntax errors in policy.");
    check(r#""Principal":{"Service":"ecs-tasks.amazonaws.com"},"#, "", "Missing required field Principal");
    check(r#""Action""#, r#""Resource":"*","Action""#, "Has prohibited field Resource");
    check("sts:AssumeRole", "s3:GetObject", "AssumeRole policy may only specify STS AssumeRole actions.");
    check("sts:AssumeRole\"", "sts:AssumeRole\",\"Sid\":\"x\"", "fine");
}

#[test]
fn a_document_in_an_answer_has_no_reserved_character() {
    assert_eq!(encoded("a-b_c.d~ é\n{\"/\""), "a-b_c.d~%20%C3%A9%0A%7B%22%2F%22");
}
