//! Documents told by scenarios.
#![allow(clippy::unwrap_used)]

use serde_json::{Value, json};

use crate::account::Account;

const SHELL: &str = r#"{"schemaVersion":"2.2","description":"says hello","parameters":{"who":{"type":"String","default":"you","description":"whom"},"more":{"type":"StringList","default":["a"]}},"mainSteps":[{"action":"aws:runShellScript","name":"s","inputs":{"runCommand":["echo {{who}}"]}}]}"#;

fn create(account: &mut Account, name: &str, more: Value) -> Result<Value, String> {
    let mut input = json!({"Name": name, "Content": SHELL});
    input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    account.call("CreateDocument", input).map(|answer| answer["DocumentDescription"].clone())
}

#[test]
fn a_document_tells_what_its_content_says() {
    let mut account = Account::new();
    let made = create(&mut account, "hello", json!({"Tags": [{"Key": "a", "Value": "b"}]})).unwrap();
    for (member, want) in [
        ("DocumentType", json!("Command")),
        ("SchemaVersion", json!("2.2")),
        ("Description", json!("says hello")),
        ("PlatformTypes", json!(["Linux", "MacOS"])),
        ("DocumentVersion", json!("1")),
        ("Status", json!("Active")),
        ("Owner", json!("123456789012")),
        ("Tags", json!([{"Key": "a", "Value": "b"}])),
    ] {
        assert_eq!(made[member], want, "{member}");
    }
    assert_eq!(
        made["Parameters"][0],
        json!({"Name": "who", "Type": "String", "Description": "whom", "DefaultValue": "you"})
    );
    assert_eq!(made["Parameters"][1], json!({"Name": "more", "Type": "StringList", "DefaultValue": r#"["a"]"#}));
    assert_eq!(made["Hash"].as_str().unwrap().len(), 64);
    assert_eq!(account.call("DescribeDocument", json!({"Name": "hello"})).unwrap()["Document"], made);
    assert_eq!(account.call("GetDocument", json!({"Name": "hello"})).unwrap()["Content"], SHELL);
    let arn = "arn:aws:ssm:us-east-1:123456789012:document/hello";
    assert!(account.call("GetDocument", json!({"Name": arn})).is_ok());
    assert!(create(&mut account, "hello", json!({})).unwrap_err().starts_with("DocumentAlreadyExists"));
    account.region = "eu-west-1";
    let refused = account.refused("GetDocument", json!({"Name": "hello"}));
    assert_eq!(refused, "InvalidDocument: Document with name hello does not exist.");
}

#[test]
fn what_is_no_document_is_refused() {
    let mut account = Account::new();
    let mut check = |more: Value, want: &str| {
        let got = create(&mut account, "doc", more.clone()).unwrap_err();
        assert!(got.starts_with(want), "{more}: {got}");
    };
    check(json!({"Content": "{"}), "InvalidDocumentContent: JSON not well-formed. at Line: 1");
    check(json!({"Content": "[]"}), "InvalidDocumentContent");
    check(json!({"Content": "{}"}), "InvalidDocumentContent: The document has no schemaVersion.");
    check(
        json!({"DocumentType": "Session"}),
        "InvalidDocumentSchemaVersion: Schema version 2.2 is not supported for Session",
    );
    check(json!({"DocumentFormat": "YAML", "Content": "a: [b"}), "InvalidDocumentContent: YAML");
    check(json!({"Content": " ".repeat(65_537)}), "MaxDocumentSizeExceeded");
    check(json!({"Attachments": []}), "ValidationException: Attachments is not supported");
    check(json!({"Name": "AWS-Mine"}), "ValidationException: Document name AWS-Mine has a prefix");
}

#[test]
fn versions_are_added_named_chosen_and_deleted() {
    let mut account = Account::new();
    create(&mut account, "doc", json!({"VersionName": "first"})).unwrap();
    let update = |content: &str| json!({"Name": "doc", "Content": content, "DocumentVersion": "$LATEST"});
    assert!(account.refused("UpdateDocument", update(SHELL)).starts_with("DuplicateDocumentContent"));
    let second = SHELL.replace("hello", "goodbye");
    let mut named = update(&second);
    named["VersionName"] = json!("first");
    assert!(account.refused("UpdateDocument", named).starts_with("DuplicateDocumentVersionName"));
    let made = account.call("UpdateDocument", update(&second)).unwrap()["DocumentDescription"].clone();
    assert_eq!(
        (&made["DocumentVersion"], &made["LatestVersion"], &made["DefaultVersion"]),
        (&json!("2"), &json!("2"), &json!("1"))
    );
    let mut content = |which: Value| {
        let mut input = json!({"Name": "doc"});
        input.as_object_mut().unwrap().extend(which.as_object().unwrap().clone());
        account.call("GetDocument", input).map(|got| got["DocumentVersion"].clone())
    };
    assert_eq!(content(json!({})), Ok(json!("1")));
    assert_eq!(content(json!({"DocumentVersion": "$LATEST"})), Ok(json!("2")));
    assert_eq!(content(json!({"VersionName": "first"})), Ok(json!("1")));
    assert!(
        content(json!({"DocumentVersion": "2", "VersionName": "first"}))
            .unwrap_err()
            .starts_with("InvalidDocumentVersion")
    );
    assert!(content(json!({"DocumentVersion": "9"})).unwrap_err().starts_with("InvalidDocumentVersion"));
    account.call("UpdateDocumentDefaultVersion", json!({"Name": "doc", "DocumentVersion": "2"})).unwrap();
    assert!(
        account
            .refused("DeleteDocument", json!({"Name": "doc", "DocumentVersion": "2"}))
            .starts_with("InvalidDocumentOperation")
    );
    account.call("DeleteDocument", json!({"Name": "doc", "DocumentVersion": "1"})).unwrap();
    let left = account.call("ListDocumentVersions", json!({"Name": "doc"})).unwrap();
    assert_eq!(
        (left["DocumentVersions"].as_array().unwrap().len(), &left["DocumentVersions"][0]["IsDefaultVersion"]),
        (1, &json!(true))
    );
    account.call("DeleteDocument", json!({"Name": "doc"})).unwrap();
    assert!(account.refused("DescribeDocument", json!({"Name": "doc"})).starts_with("InvalidDocument"));
}

#[test]
fn yaml_is_read_and_told_as_json_to_who_asks() {
    let mut account = Account::new();
    let yaml = "schemaVersion: '1.0'\ndescription: a shell\nsessionType: Standard_Stream\ninputs: {}\n";
    let more = json!({"Content": yaml, "DocumentFormat": "YAML", "DocumentType": "Session"});
    let made = create(&mut account, "shell", more).unwrap();
    assert_eq!((&made["Description"], &made["SchemaVersion"]), (&json!("a shell"), &json!("1.0")));
    assert_eq!(account.call("GetDocument", json!({"Name": "shell"})).unwrap()["Content"], yaml);
    let got = account.call("GetDocument", json!({"Name": "shell", "DocumentFormat": "JSON"})).unwrap();
    let read: Value = serde_json::from_str(got["Content"].as_str().unwrap()).unwrap();
    assert_eq!((&read["sessionType"], &got["DocumentFormat"]), (&json!("Standard_Stream"), &json!("JSON")));
}

#[test]
fn documents_are_listed_by_filter_and_page_and_shared_ones_stay() {
    let mut account = Account::new();
    for name in ["one", "other", "two"] {
        create(&mut account, name, json!({"Tags": [{"Key": "n", "Value": name}]})).unwrap();
    }
    let mut names = |input: Value| match account.call("ListDocuments", input) {
        Ok(page) => {
            let names = page["DocumentIdentifiers"].as_array().unwrap().iter();
            let names: Vec<&str> = names.map(|one| one["Name"].as_str().unwrap()).collect();
            format!("{} {}", names.join(","), page.get("NextToken").map_or("", |token| token.as_str().unwrap()))
        }
        Err(error) => error,
    };
    let by = |key: &str, value: &str| json!({"Filters": [{"Key": key, "Values": [value]}]});
    assert_eq!(names(json!({"MaxResults": 2})), "one,other other");
    assert_eq!(names(json!({"MaxResults": 2, "NextToken": "other"})), "two ");
    assert_eq!(names(by("Name", "o")), "one,other ");
    assert_eq!(names(by("tag:n", "two")), "two ");
    assert_eq!(names(by("DocumentType", "Session")), " ");
    assert_eq!(names(by("Owner", "Self")), "one,other,two ");
    assert_eq!(names(by("Owner", "Amazon")), " ");
    assert!(names(by("Colour", "red")).starts_with("InvalidFilterKey"));
    let share = |member: &str, ids: Value| json!({"Name": "one", "PermissionType": "Share", member: ids});
    account.call("ModifyDocumentPermission", share("AccountIdsToAdd", json!(["210987654321"]))).unwrap();
    let told = account.call("DescribeDocumentPermission", json!({"Name": "one", "PermissionType": "Share"})).unwrap();
    assert_eq!(told["AccountIds"], json!(["210987654321"]));
    assert!(account.refused("DeleteDocument", json!({"Name": "one"})).starts_with("InvalidDocumentOperation"));
    account.call("ModifyDocumentPermission", share("AccountIdsToRemove", json!(["210987654321"]))).unwrap();
    account.call("DeleteDocument", json!({"Name": "one"})).unwrap();
}
