//! Patterns against messages: a line each.

use super::*;

fn check(pattern: &str, matching: &[&str], others: &[&str]) {
    let parsed = Pattern::parse(pattern).unwrap();
    for message in matching {
        assert!(parsed.matches(message), "`{pattern}` must match `{message}`");
    }
    for message in others {
        assert!(!parsed.matches(message), "`{pattern}` must not match `{message}`");
    }
}

#[test]
fn terms_match_as_the_user_guide_says() {
    check("", &["anything", ""], &[]);
    check("ERROR", &["[ERROR 400] BAD REQUEST"], &["error", "WARN"]);
    check("ERROR REQUEST", &["REQUEST after ERROR"], &["ERROR only"]);
    check("\"ERROR 400\"", &["[ERROR 400]"], &["ERROR and 400"]);
    check("ERROR -EXITING", &["ERROR 1"], &["ERROR EXITING", "fine"]);
    check("-\"two words\"", &["two other words"], &["my two words"]);
    check("?ERROR ?WARN", &["an ERROR", "a WARN"], &["INFO"]);
    check("?ERROR REQUEST", &["a REQUEST"], &["an ERROR"]);
    check(r#""say \"hi\"""#, &[r#"they say "hi""#], &["they say hi"]);
    check("%5[0-9]{2}%", &["status 503"], &["status 404"]);
    check("ERROR -%time ?out%", &["ERROR x"], &["ERROR timeout", "x"]);
}

#[test]
fn json_is_matched_by_its_members() {
    let event = r#"{"eventType":"UpdateTrail","sourceIPAddress":"111.111.111.111","arrayKey":["value","another value"],
        "objectList":[{"name":"a","id":1},{"name":"b","id":2}],"SomeObject":null,"ThisFlag":true,"latency":12.5,
        "a-b":{"c_d":{"e.f":"x"}},"empty":""}"#;
    let yes = |pattern: &str| check(pattern, &[event], &["not JSON", "{}"]);
    let no = |pattern: &str| check(pattern, &[], &[event]);
    yes("{ $.eventType = \"UpdateTrail\" }");
    yes("{$.eventType=UpdateTrail}");
    yes("{ $.eventType = Update* && $.eventType = *Trail }");
    yes("{ $.eventType = %^Up.*il$% }");
    yes("{ $.sourceIPAddress != 123.123.* }");
    yes("{ $.arrayKey[0] = \"value\" }");
    yes("{ $.arrayKey[*] = \"another value\" }");
    yes("{ $.objectList[1].id = 2 }");
    yes("{ $.objectList[*].id >= 2 }");
    yes("{ $.SomeObject IS NULL }");
    yes("{ $.ThisFlag IS TRUE }");
    yes("{ $.ThisFlag = true }");
    yes("{ $.a-b.c_d['e.f'] = x }");
    yes("{ $.latency > 12 && $.latency <= 1.25e1 }");
    yes("{ ($.eventType = \"x\" || $.latency > 1) && $.ThisFlag IS TRUE }");
    yes("{ $.eventType = \"x\" && $.eventType = \"y\" || $.latency = 12.5 }");
    check("{ $.SomeOtherObject NOT EXISTS }", &[event, "{}", r#"{"a":1}"#], &["x", r#"{"SomeOtherObject":1}"#]);
    no("{ $.eventType = \"x\" && ($.eventType = \"y\" || $.latency = 12.5) }");
    no("{ $.arrayKey = \"value\" }");
    no("{ $.eventType > 1 }");
    no("{ $.missing != 1 }");
    no("{ $.SomeObject NOT EXISTS }");
    no("{ $.ThisFlag IS FALSE }");
    no("{ $.objectList[2].id = 3 }");
    no("{ $.EventType = \"UpdateTrail\" }");
}

#[test]
fn fields_between_spaces_are_matched_by_place() {
    let event = r#"127.0.0.1 Prod frank [10/Oct/2000:13:25:15 -0700] "GET /index.html HTTP/1.0" 404 1534"#;
    let yes = |pattern: &str| check(pattern, &[event], &["too short"]);
    yes("[ip, server, username, timestamp, request, status_code, bytes > 1000]");
    yes("[ip, ..., status_code = 4*, bytes]");
    yes("[ip, server, username, timestamp, request =*.html*, status_code = 404, ...]");
    yes("[ip, server, username, timestamp, request =*.html*, status_code = 404 || status_code = 410, bytes > 1000]");
    check("[..., status_code, bytes]", &[event, "too short"], &["short"]);
    check("[w1=ERROR || w1=%WARN%, w2]", &["ERROR x", "aWARNb y"], &["INFO x", "ERROR", "ERROR x y"]);
    check("[ip=%127\\.0\\.0\\.[1-9]%, ...]", &[event], &["10.0.0.1 x"]);
    check("[a != b*, ...]", &["c d"], &["bc d"]);
    let found = Pattern::parse("[ip, identity, user_id, timestamp, request, status_code, size]").unwrap();
    let found = found.extract(event).unwrap();
    assert_eq!(found["$timestamp"], "10/Oct/2000:13:25:15 -0700");
    assert_eq!(found["$request"], "GET /index.html HTTP/1.0");
    assert_eq!(found.len(), 7);
}

#[test]
fn what_is_not_understood_is_refused() {
    for pattern in [
        "a:b",
        "\"open",
        "-",
        "? x",
        "--x",
        "%(%",
        "%open",
        "{ $.a }",
        "{ $.a = 1",
        "{ a = 1 }",
        "{ $.a = }",
        "{ $ = 1 }",
        "{ $.a < x }",
        "{ ($.a = 1 }",
        "{ $.a = 1 $.b = 2 }",
        "[a b]",
        "[a, , b]",
        "[a",
        "[..., a, ...]",
        "[a > x]",
    ] {
        let refused = Pattern::parse(pattern).unwrap_err().to_string();
        assert!(refused.starts_with("Invalid filter pattern: "), "{pattern}: {refused}");
    }
}

proptest::proptest! {
    #[test]
    fn no_pattern_and_no_message_make_it_panic(pattern in "[\\[{]?[ $.a*%\"\\\\=<>&|()\\[\\],0-9é-]{0,24}[\\]}]?", message in ".{0,40}") {
        if let Ok(pattern) = Pattern::parse(&pattern) {
            pattern.extract(&message);
        }
    }
}
