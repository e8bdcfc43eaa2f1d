//! What is found, listed, labelled, tagged, and refused.

use parameters::{ByPath, Filter, NewVersion, ParameterType, Put, Tag, Tier, TierAsked};

use crate::{ACCOUNT, NEEDLE, REGION, again, code, fresh, new, read, secure, text};

#[tokio::test]
async fn a_parameter_is_found_by_name_by_arn_and_by_version() {
    let parameters = fresh();
    parameters.put(REGION, new("/app/a", "one")).await.unwrap();
    parameters.put(REGION, again("/app/a", "two")).await.unwrap();
    parameters.put(REGION, new("flat", "three")).await.unwrap();
    let arn = parameters.describe(REGION, "/app/a").unwrap().arn(ACCOUNT);
    assert_eq!(arn, "arn:aws:ssm:us-east-1:123456789012:parameter/app/a");
    for (id, expected) in [
        ("/app/a", "2=two"),
        ("/app/a:1", "1=one"),
        (arn.as_str(), "2=two"),
        (&format!("{arn}:1"), "1=one"),
        ("arn:aws:ssm:us-east-1:123456789012:parameter/flat", "1=three"),
        ("/app/a:3", "ParameterVersionNotFound"),
        ("/app/a:blue", "ParameterVersionNotFound"),
        ("/app", "ParameterNotFound"),
        ("/flat", "1=three"),
        (&arn.replace(ACCOUNT, "999999999999"), "ParameterNotFound"),
        (&arn.replace(REGION, "eu-west-1"), "ParameterNotFound"),
    ] {
        assert_eq!(read(&parameters, id), expected, "{id}");
    }
    assert_eq!(parameters.get(REGION, "/app/a:1", true).unwrap().selector.as_deref(), Some(":1"));
    assert!(parameters.get("eu-west-1", "/app/a", true).is_err());
    let names: Vec<String> = ["/app/a:1", "nope", "flat"].map(str::to_owned).into();
    let found = parameters.get_all(REGION, &names, true).unwrap();
    assert_eq!((found.values.len(), found.invalid), (2, vec!["nope".to_owned()]));
}

#[tokio::test]
async fn what_a_new_version_does_not_say_stays() {
    let parameters = fresh();
    let described = NewVersion {
        description: Some("d".into()),
        allowed_pattern: Some(r"\d+".into()),
        tags: vec![Tag { key: "k".into(), value: "v".into() }],
        ..new("p", "1")
    };
    parameters.put(REGION, described).await.unwrap();
    assert_eq!(parameters.put(REGION, again("p", "2")).await.unwrap(), Put { version: 2, tier: Tier::Standard });
    let parameter = parameters.describe(REGION, "p").unwrap();
    assert_eq!(parameter.latest().description.as_deref(), Some("d"));
    assert_eq!(parameter.tags().len(), 1);
    assert_eq!(code(parameters.put(REGION, again("p", "x")).await), "ParameterPatternMismatchException");
    assert_eq!(read(&parameters, "p"), "2=2");
}

#[tokio::test]
async fn requests_that_aws_refuses_are_refused() {
    let parameters = fresh();
    parameters.put(REGION, new("p", "v")).await.unwrap();
    let tags = vec![Tag { key: "k".into(), value: String::new() }];
    for (request, expected) in [
        (new("p", "w"), "ParameterAlreadyExists"),
        (new("a/b", "v"), "ValidationException"),
        (new("n", ""), "ValidationException"),
        (new("n", "{{ssm:other}}"), "ValidationException"),
        (NewVersion { kind: None, ..new("n", "v") }, "ValidationException"),
        (again("n", "v"), "ValidationException"),
        (NewVersion { tags: tags.clone(), ..again("p", "v") }, "ValidationException"),
        (NewVersion { kind: Some(ParameterType::SecureString), ..again("p", "v") }, "HierarchyTypeMismatchException"),
        (NewVersion { key_id: Some("k".into()), ..new("n", "v") }, "ValidationException"),
        (NewVersion { data_type: Some("aws:ec2:image".into()), ..new("n", "v") }, "ValidationException"),
        (NewVersion { tags: [tags.clone(), tags].concat(), ..new("n", "v") }, "ValidationException"),
        (
            NewVersion { tier: Some(TierAsked::Exactly(Tier::Standard)), ..new("n", &"x".repeat(4097)) },
            "ValidationException",
        ),
    ] {
        let words = format!("{request:?}");
        assert_eq!(code(parameters.put(REGION, request).await), expected, "{words}");
    }
    assert_eq!((parameters.count(), read(&parameters, "p")), (1, "1=v".to_owned()));
}

#[tokio::test]
async fn a_hundred_versions_are_kept_and_a_labelled_oldest_one_is_not_dropped() {
    let parameters = fresh();
    parameters.put(REGION, new("p", "1")).await.unwrap();
    for n in 2..=101 {
        assert_eq!(parameters.put(REGION, again("p", &n.to_string())).await.unwrap().version, n);
    }
    assert_eq!(read(&parameters, "p:1"), "ParameterVersionNotFound");
    assert_eq!(read(&parameters, "p:2"), "2=2");
    parameters.label(REGION, "p", Some(2), vec!["keep".into()]).await.unwrap();
    let refused = parameters.put(REGION, again("p", "102")).await.unwrap_err();
    assert_eq!(refused.code(), "ParameterMaxVersionLimitExceeded");
    assert!(refused.to_string().contains("Version 2, the oldest version"), "{refused}");
    parameters.label(REGION, "p", None, vec!["keep".into()]).await.unwrap();
    assert_eq!(parameters.put(REGION, again("p", "102")).await.unwrap().version, 102);
    assert_eq!(read(&parameters, "p:keep"), "101=101");

    let (mut seen, mut token) = (Vec::new(), None::<String>);
    loop {
        let page = parameters.history(REGION, "p", true, Some(30), token.as_deref()).unwrap();
        seen.extend(page.items.iter().map(|got| got.version.number));
        token = page.next;
        if token.is_none() {
            break;
        }
    }
    assert_eq!(seen, (3..=102).collect::<Vec<_>>());
    assert_eq!(code(parameters.delete(REGION, "p:102").await), "ParameterNotFound", "no single version is deleted");
    parameters.delete(REGION, "p").await.unwrap();
    assert_eq!(code(parameters.delete(REGION, "p").await), "ParameterNotFound");
    assert_eq!(parameters.put(REGION, new("p", "anew")).await.unwrap().version, 1);
}

#[tokio::test]
async fn labels_move_and_those_that_are_not_allowed_are_named() {
    let parameters = fresh();
    parameters.put(REGION, new("p", "one")).await.unwrap();
    parameters.put(REGION, again("p", "two")).await.unwrap();
    let label = |version, labels: &[&str]| {
        parameters.label(REGION, "p", version, labels.iter().map(|l| l.to_string()).collect())
    };
    let made = label(Some(1), &["blue", "1st", "awsome", "SSM", "a b"]).await.unwrap();
    assert_eq!((made.version, made.invalid.join(" ")), (1, "1st awsome SSM a b".to_owned()));
    assert_eq!(read(&parameters, "p:blue"), "1=one");
    assert_eq!(label(None, &["blue"]).await.unwrap().version, 2);
    assert_eq!(read(&parameters, "p:blue"), "2=two");
    assert_eq!(code(label(Some(9), &["x"]).await), "ParameterVersionNotFound");
    let ten: Vec<String> = (0..10).map(|n| format!("l{n}")).collect();
    let ten: Vec<&str> = ten.iter().map(String::as_str).collect();
    assert_eq!(code(label(None, &ten).await), "ParameterVersionLabelLimitExceeded");
    label(Some(1), &ten).await.unwrap();
    let gone = parameters.unlabel(REGION, "p", 1, vec!["l0".into(), "blue".into()]).await.unwrap();
    assert_eq!((gone.done.join(" "), gone.invalid.join(" ")), ("l0".to_owned(), "blue".to_owned()));
    assert_eq!(read(&parameters, "p:l0"), "ParameterVersionNotFound");
}

#[tokio::test]
async fn lists_by_path_by_filter_and_by_page() {
    let parameters = fresh();
    for name in ["/app/dev/a", "/app/dev/b", "/app/dev/deep/c", "/app/prod/a", "/application", "flat"] {
        parameters.put(REGION, new(name, name)).await.unwrap();
    }
    parameters.put(REGION, secure("/app/dev/key", NEEDLE)).await.unwrap();
    parameters.put(REGION, again("/app/dev/a", "second")).await.unwrap();
    parameters.put("eu-west-1", new("/app/dev/elsewhere", "v")).await.unwrap();
    parameters.label(REGION, "/app/dev/a", Some(1), vec!["live".into()]).await.unwrap();
    parameters.tag(REGION, "flat", vec![Tag { key: "team".into(), value: "x".into() }]).await.unwrap();

    let filter = |key: &str, option: &str, value: &str| Filter {
        key: key.into(),
        option: Some(option.to_owned()).filter(|o| !o.is_empty()),
        values: Some(value.to_owned()).filter(|v| !v.is_empty()).into_iter().collect(),
    };
    let below = |path: &str, recursive, filters| match parameters
        .by_path(REGION, ByPath { path: path.into(), recursive, filters, ..ByPath::default() })
    {
        Ok(page) => page.items.iter().map(text).collect::<Vec<_>>().join(" "),
        Err(error) => error.code().to_owned(),
    };
    assert_eq!(below("/app/dev", false, vec![]), "second /app/dev/b sealed");
    assert_eq!(below("/app/", true, vec![]), "second /app/dev/b /app/dev/deep/c sealed /app/prod/a");
    assert_eq!(below("/app", true, vec![filter("Type", "", "SecureString")]), "sealed");
    assert_eq!(below("/app", true, vec![filter("Label", "Equals", "live")]), "/app/dev/a");
    assert_eq!(below("/app", true, vec![filter("Label", "BeginsWith", "l")]), "InvalidFilterOption");
    assert_eq!(below("/app", true, vec![filter("Name", "", "a")]), "InvalidFilterKey");
    assert_eq!(below("app", true, vec![]), "ValidationException");

    let names = |key: &str, option: &str, value: &str| match parameters.list(
        REGION,
        vec![filter(key, option, value)],
        None,
        None,
    ) {
        Ok(page) => page.items.iter().map(|p| p.name().to_owned()).collect::<Vec<_>>().join(" "),
        Err(error) => error.code().to_owned(),
    };
    assert_eq!(names("Name", "", "/flat"), "flat");
    assert_eq!(names("Name", "BeginsWith", "app/prod"), "/app/prod/a");
    assert_eq!(names("Name", "Contains", "deep"), "/app/dev/deep/c");
    assert_eq!(names("Path", "", "/app/prod"), "/app/prod/a");
    assert_eq!(names("Path", "Recursive", "/app/dev"), "/app/dev/a /app/dev/b /app/dev/deep/c /app/dev/key");
    assert_eq!(names("Type", "BeginsWith", "Secure"), "/app/dev/key");
    assert_eq!(names("KeyId", "", "alias/aws/ssm"), "/app/dev/key");
    assert_eq!(names("tag:team", "", ""), "flat");
    assert_eq!(names("tag:team", "", "y"), "");
    assert_eq!(names("Label", "", "live"), "InvalidFilterKey");
    assert_eq!(names("Path", "Equals", "/app"), "InvalidFilterOption");
    assert_eq!(names("Type", "", "Nonsense"), "InvalidFilterValue");
    assert_eq!(names("Tier", "", ""), "InvalidFilterValue");
    let twice = vec![filter("Name", "", "a"), filter("Type", "", "String"), filter("Name", "", "b")];
    let told = parameters.list(REGION, twice, None, None).unwrap_err();
    assert_eq!(told.code(), "InvalidFilterKey");
    assert!(told.to_string().starts_with("The following filter is duplicated in the request: Name. "), "{told}");

    let (mut seen, mut token) = (Vec::new(), None);
    loop {
        let query = ByPath { path: "/".into(), recursive: true, max: Some(2), token, ..ByPath::default() };
        let page = parameters.by_path(REGION, query).unwrap();
        assert!(page.items.len() <= 2);
        seen.extend(page.items.iter().map(|got| got.parameter.name().to_owned()));
        token = page.next;
        if token.is_none() {
            break;
        }
        // What goes away between two pages shifts nothing.
        let _ = parameters.delete(REGION, "/app/dev/a").await;
    }
    assert_eq!(seen.len(), 7);
}

#[tokio::test]
async fn tags_are_changed_by_key() {
    let parameters = fresh();
    parameters.put(REGION, new("p", "v")).await.unwrap();
    let tag = |key: &str, value: &str| vec![Tag { key: key.into(), value: value.into() }];
    parameters.tag(REGION, "p", tag("a", "1")).await.unwrap();
    parameters.tag(REGION, "p", tag("a", "2")).await.unwrap();
    assert_eq!(parameters.describe(REGION, "p").unwrap().tags(), tag("a", "2"));
    parameters.untag(REGION, "p", vec!["a".into(), "b".into()]).await.unwrap();
    assert!(parameters.describe(REGION, "p").unwrap().tags().is_empty());
    assert_eq!(code(parameters.tag(REGION, "nope", tag("a", "1")).await), "InvalidResourceId");
    let many = (0..51).map(|n| Tag { key: n.to_string(), value: String::new() }).collect();
    assert_eq!(code(parameters.tag(REGION, "p", many).await), "TooManyTagsError");
    assert_eq!(code(parameters.tag(REGION, "p", tag("aws:x", "1")).await), "ValidationException");
}
