#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use serde_json::{Value, json};

use super::Pattern;

fn matches(pattern: Value, event: Value) -> bool {
    let Value::Object(event) = event else { panic!("no object") };
    Pattern::parse(&pattern.to_string()).unwrap().matches(&event)
}

/// The example of the user guide ("Event patterns", "Comparison operators").
fn event() -> Value {
    json!({
        "version": "0",
        "detail-type": "EC2 Instance State-change Notification",
        "source": "aws.ec2",
        "time": "2017-10-02T16:24:49Z",
        "resources": ["arn:aws:ec2:us-east-1:123456789012:instance/i-0"],
        "detail": {
            "c-count": 5, "d-count": 3, "x-limit": 301.8, "source-ip": "10.0.0.33", "state": "running",
            "name": "", "user": null, "path": "/a/lib/b.png", "v6": "2001:db8::1", "flag": true,
            "responsibleUsers": [],
        },
    })
}

#[test]
fn each_comparison_means_what_the_guide_says() {
    let detail = |field: &str, item: Value| matches(json!({"detail": {field: [item]}}), event());
    let yes = [
        ("state", json!("running")),
        ("name", json!("")),
        ("user", json!(null)),
        ("flag", json!(true)),
        ("c-count", json!(5)),
        ("c-count", json!(5.0)),
        ("state", json!({"prefix": "run"})),
        ("state", json!({"prefix": {"equals-ignore-case": "RUN"}})),
        ("state", json!({"suffix": "ing"})),
        ("state", json!({"suffix": {"equals-ignore-case": "ING"}})),
        ("state", json!({"equals-ignore-case": "RUNNING"})),
        ("state", json!({"anything-but": "initializing"})),
        ("state", json!({"anything-but": ["stopped", "overloaded"]})),
        ("c-count", json!({"anything-but": [1, 2]})),
        ("state", json!({"anything-but": {"prefix": "init"}})),
        ("state", json!({"anything-but": {"prefix": ["init", "stop"]}})),
        ("state", json!({"anything-but": {"suffix": ".png"}})),
        ("state", json!({"anything-but": {"equals-ignore-case": ["STOPPED"]}})),
        ("state", json!({"anything-but": {"wildcard": "*stop*"}})),
        ("c-count", json!({"anything-but": "5"})),
        ("c-count", json!({"numeric": [">", 0, "<=", 5]})),
        ("d-count", json!({"numeric": ["<", 10]})),
        ("x-limit", json!({"numeric": ["=", 3.018e2]})),
        ("source-ip", json!({"cidr": "10.0.0.0/24"})),
        ("source-ip", json!({"cidr": "0.0.0.0/0"})),
        ("v6", json!({"cidr": "2001:db8::/32"})),
        ("path", json!({"wildcard": "*/lib/*.png"})),
        ("path", json!({"wildcard": "/a/lib/b.png"})),
        ("c-count", json!({"exists": true})),
        ("e-count", json!({"exists": false})),
        ("responsibleUsers", json!({"exists": false})),
    ];
    let no = [
        ("state", json!("run")),
        ("state", json!(5)),
        ("c-count", json!("5")),
        ("user", json!("")),
        ("state", json!({"prefix": "RUN"})),
        ("c-count", json!({"prefix": "5"})),
        ("state", json!({"anything-but": ["running", "stopped"]})),
        ("state", json!({"anything-but": {"prefix": "run"}})),
        ("state", json!({"anything-but": {"wildcard": ["*stop*", "*nn*"]}})),
        ("e-count", json!({"anything-but": 1})),
        ("c-count", json!({"anything-but": 5})),
        ("c-count", json!({"numeric": [">", 5]})),
        ("state", json!({"numeric": ["<", 5]})),
        ("source-ip", json!({"cidr": "10.0.1.0/24"})),
        ("source-ip", json!({"cidr": "::/0"})),
        ("state", json!({"cidr": "0.0.0.0/0"})),
        ("path", json!({"wildcard": "/lib/*"})),
        ("state", json!({"wildcard": "run*unning"})),
        ("c-count", json!({"exists": false})),
        ("e-count", json!({"exists": true})),
    ];
    for (field, item) in yes {
        assert!(detail(field, item.clone()), "{field} is {item}");
    }
    for (field, item) in no {
        assert!(!detail(field, item.clone()), "{field} is not {item}");
    }
}

#[test]
fn fields_are_joined_by_and_lists_by_or_and_or_says_or() {
    let both = json!({"source": ["aws.s3", "aws.ec2"], "detail": {"state": ["running"]}});
    assert!(matches(both, event()));
    assert!(!matches(json!({"source": ["aws.ec2"], "detail": {"state": ["stopped"]}}), event()));
    let or =
        |a: Value, b: Value| json!({"source": ["aws.ec2"], "detail": {"$or": [{"c-count": [a]}, {"d-count": [b]}]}});
    assert!(matches(or(json!(5), json!(0)), event()) && matches(or(json!(0), json!(3)), event()));
    assert!(!matches(or(json!(0), json!(0)), event()));
    // Within one another, and beside each other.
    let nested = json!({"$or": [{"source": ["x"]}, {"detail": {"state": ["running"]}, "$or": [{"version": ["9"]}, {"version": ["0"]}]}]});
    assert!(matches(nested, event()));
    // A field that is called so.
    assert!(matches(json!({"$or": {"a": [1]}}), json!({"$or": {"a": 1}})));
    assert!(matches(json!({"$or": [{"prefix": "a"}, {"prefix": "b"}]}), json!({"$or": "bee"})));
}

#[test]
fn what_is_said_of_an_array_is_true_of_one_element() {
    let people = json!({"employees": [{"first": "Anna", "last": "Smith"}, {"first": "Bob", "last": "Jones"}]});
    let who = |first: &str, last: &str| json!({"employees": {"first": [first], "last": [last]}});
    assert!(matches(who("Anna", "Smith"), people.clone()));
    assert!(!matches(who("Anna", "Jones"), people.clone()));
    assert!(matches(json!({"resources": ["a", "z"]}), json!({"resources": ["b", "a"]})));
    assert!(matches(json!({"a": {"b": [2]}}), json!({"a": [[{"b": 1}], [{"b": 2}]]})));
    assert!(!matches(json!({"employees": {"last": [{"exists": false}]}}), people));
}

#[test]
fn what_is_no_pattern_is_refused_with_the_reason() {
    let refused = |pattern: Value| Pattern::parse(&pattern.to_string()).unwrap_err();
    let cases = [
        (json!([]), "Filter is not an object"),
        (json!({}), "Empty objects are not allowed"),
        (json!({"a": {}}), "Empty objects are not allowed"),
        (json!({"a": []}), "Empty arrays are not allowed"),
        (json!({"a": "b"}), "\"a\" must be an object or an array"),
        (json!({"a": [[1]]}), "Match value must be String, number, true, false, or null"),
        (json!({"a": [{}]}), "Match expression name not found"),
        (json!({"a": [{"like": 1}]}), "Unrecognized match type like"),
        (json!({"a": [{"prefix": 1}]}), "prefix match pattern must be a string"),
        (json!({"a": [{"prefix": "a", "suffix": "b"}]}), "Only one key allowed in match expression"),
        (json!({"a": [{"exists": "true"}]}), "exists match pattern must be either true or false."),
        (json!({"a": [{"numeric": 1}]}), "Value of numeric must be an array."),
        (json!({"a": [{"numeric": []}]}), "Invalid member in numeric match: ]"),
        (json!({"a": [{"numeric": ["=", "1"]}]}), "Value of equals must be numeric"),
        (json!({"a": [{"numeric": ["~", 1]}]}), "Unrecognized numeric range operator: ~"),
        (json!({"a": [{"numeric": ["<", 1, ">", 0]}]}), "Too many elements in numeric expression"),
        (json!({"a": [{"numeric": [">", 1, ">", 0]}]}), "Bad numeric range operator: >"),
        (json!({"a": [{"numeric": [">", 1, "<", 0]}]}), "Bottom must be less than top"),
        (json!({"a": [{"numeric": [">", 6e9]}]}), "Value must be between -5.0E9 and 5.0E9, inclusive"),
        (json!({"a": [{"anything-but": []}]}), "either all values are number or string"),
        (json!({"a": [{"anything-but": [1, "a"]}]}), "either all values are number or string"),
        (
            json!({"a": [{"anything-but": null}]}),
            "Value of anything-but must be an array or single string/number value.",
        ),
        (json!({"a": [{"anything-but": {"numeric": 1}}]}), "Unsupported anything-but pattern: numeric"),
        (json!({"a": [{"anything-but": {"prefix": ""}}]}), "Null prefix/suffix not allowed"),
        (json!({"a": [{"wildcard": "a**b"}]}), "Consecutive wildcard characters at pos 2"),
        (json!({"a": [{"wildcard": "a\\b"}]}), "Invalid escape character at pos 1"),
        (json!({"a": [{"cidr": "10.0.0.0"}]}), "Malformed CIDR"),
        (json!({"a": [{"cidr": "10.0.0.0/33"}]}), "Malformed CIDR"),
    ];
    for (pattern, words) in cases {
        assert!(refused(pattern.clone()).contains(words), "{pattern}: {}", refused(pattern.clone()));
    }
    assert!(Pattern::parse("{").unwrap_err().contains("Invalid JSON"));
    let or = json!({"$or": (0..11).map(|n| json!({"a": [n]})).collect::<Vec<_>>()});
    let many = json!({"x": or, "y": or, "z": or});
    assert!(refused(many).contains("too complex"));
}

/// The same once more, plainly: from the pattern down, element by element. It knows nothing of what is absent within an
/// array, so events of the property have that only outside of arrays.
fn plainly(pattern: &Value, event: Option<&Value>) -> bool {
    match (pattern, event) {
        (Value::Object(fields), Some(Value::Array(items))) if !fields.is_empty() => {
            let within = has_objects_in_arrays(&Value::Array(items.clone()));
            if within { items.iter().any(|item| plainly(pattern, Some(item))) } else { plainly(pattern, None) }
        }
        (Value::Object(fields), event) => fields.iter().all(|(name, inner)| match name.as_str() {
            "$or" => inner.as_array().unwrap().iter().any(|choice| plainly(choice, event)),
            _ => plainly(inner, event.and_then(|event| event.get(name))),
        }),
        (Value::Array(items), event) => items.iter().any(|item| one(item, event)),
        _ => unreachable!(),
    }
}

fn one(item: &Value, value: Option<&Value>) -> bool {
    if let Some(Value::Array(values)) = value {
        let is_empty = !values.iter().any(has_leaf);
        return if is_empty {
            one(item, None)
        } else {
            values.iter().any(|value| has_leaf(value) && one(item, Some(value)))
        };
    }
    let leaf = value.filter(|value| !value.is_object());
    let Value::Object(test) = item else { return leaf == Some(item) };
    let (name, wanted) = test.iter().next().unwrap();
    let Some(leaf) = leaf else { return name == "exists" && wanted == false };
    let text = leaf.as_str();
    let begins = |part: &Value| text.is_some_and(|text| text.starts_with(part.as_str().unwrap()));
    match name.as_str() {
        "exists" => wanted == true,
        "prefix" => begins(wanted),
        "suffix" => text.is_some_and(|text| text.ends_with(wanted.as_str().unwrap())),
        "numeric" => leaf.as_f64().is_some_and(|number| number > wanted[1].as_f64().unwrap()),
        "wildcard" => {
            let (front, back) = wanted.as_str().unwrap().split_once('*').unwrap();
            let fits = |text: &str| text.len() >= front.len() + back.len();
            text.is_some_and(|text| fits(text) && text.starts_with(front) && text.ends_with(back))
        }
        "anything-but" => match wanted {
            Value::Array(items) => !items.contains(leaf),
            Value::Object(inner) => !begins(&inner["prefix"]),
            one => one != leaf,
        },
        _ => unreachable!(),
    }
}

fn has_leaf(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.iter().any(has_leaf),
        Value::Object(_) => false,
        _ => true,
    }
}

fn leaf() -> impl Strategy<Value = Value> {
    prop_oneof![
        "[ab]{0,3}".prop_map(Value::from),
        (-2..3_i64).prop_map(Value::from),
        Just(Value::Null),
        any::<bool>().prop_map(Value::from)
    ]
}

fn tested() -> impl Strategy<Value = Value> {
    let text = || "[ab]{1,2}".prop_map(Value::from);
    prop_oneof![
        leaf(),
        text().prop_map(|text| json!({"prefix": text})),
        text().prop_map(|text| json!({"suffix": text})),
        (-2..3).prop_map(|number| json!({"numeric": [">", number]})),
        ("[ab]{0,2}\\*[ab]{0,2}").prop_map(|form| json!({"wildcard": form})),
        any::<bool>().prop_map(|exists| json!({"exists": exists})),
        text().prop_map(|text| json!({"anything-but": text})),
        proptest::collection::vec(text(), 1..3).prop_map(|texts| json!({"anything-but": texts})),
        text().prop_map(|text| json!({"anything-but": {"prefix": text}})),
    ]
}

const NAMES: [&str; 3] = ["x", "y", "z"];

fn object_of(values: impl Strategy<Value = Value> + Clone, least: usize) -> impl Strategy<Value = Value> {
    proptest::collection::btree_map(proptest::sample::select(&NAMES[..]), values, least..3)
        .prop_map(|members| members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

fn patterns() -> impl Strategy<Value = Value> {
    let list = proptest::collection::vec(tested(), 1..3).prop_map(Value::from);
    let any = list.prop_recursive(3, 12, 3, |inner| object_of(inner, 1).boxed());
    let plain = object_of(any, 1).boxed();
    let or = (plain.clone(), plain.clone(), plain.clone()).prop_map(|(a, b, mut whole)| {
        whole["$or"] = json!([a, b]);
        whole
    });
    prop_oneof![plain, or]
}

fn events() -> impl Strategy<Value = Value> {
    let any = leaf().prop_recursive(3, 16, 3, |inner| {
        prop_oneof![
            2 => object_of(inner.clone(), 0).boxed(),
            1 => proptest::collection::vec(inner, 0..3).prop_map(Value::from).boxed(),
        ]
    });
    object_of(any, 0)
}

fn says_absent(pattern: &Value) -> bool {
    pattern.to_string().contains(r#""exists":false"#)
}

fn has_objects_in_arrays(event: &Value) -> bool {
    match event {
        Value::Array(items) => items.iter().any(|item| item.is_object() || has_objects_in_arrays(item)),
        Value::Object(members) => members.values().any(has_objects_in_arrays),
        _ => false,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn the_plain_restatement_agrees(pattern in patterns(), event in events()) {
        prop_assume!(!(says_absent(&pattern) && has_objects_in_arrays(&event)));
        let expected = plainly(&pattern, Some(&event));
        prop_assert_eq!(matches(pattern, event), expected);
    }
}
