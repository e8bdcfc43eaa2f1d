//! Rules of Secrets Manager that only its requests can show.

use std::sync::Arc;

use aws_model::{Answer, Service};
use store::Store;

use super::*;

async fn call(secrets: &Secrets, operation: &str, input: Value) -> Result<Value, String> {
    let Value::Object(input) = input else { panic!("an input is an object") };
    let call = Call {
        operation: Service::SecretsManager.model().operation(operation).unwrap(),
        region: "eu-west-1".into(),
        access_key: String::new(),
        authority: String::new(),
        input,
        request_id: String::new(),
    };
    match secrets.call(call).await {
        Ok(Answer::Document(document)) => Ok(Value::Object(document)),
        Ok(Answer::Events(_)) => panic!("no stream"),
        Err(error) => Err(error.to_string()),
    }
}

fn secrets() -> Secrets {
    Secrets::open(Store::ephemeral().unwrap(), None, "123456789012", Arc::new(|| 0)).unwrap()
}

#[test]
fn rows_stand_in_the_order_of_their_names() {
    assert!(OPERATIONS.is_sorted());
}

#[tokio::test]
async fn a_batch_is_by_names_or_by_filters_and_only_these_have_pages() {
    let secrets = secrets();
    for name in ["app/a", "app/b", "other"] {
        call(&secrets, "CreateSecret", json!({"Name": name, "SecretString": name})).await.unwrap();
    }
    let refused = async |input| call(&secrets, "BatchGetSecretValue", input).await.unwrap_err();
    let words = "InvalidParameterException: 'Filters' must be specified when 'MaxResults' is provided.";
    assert_eq!(refused(json!({"SecretIdList": ["app/a"], "MaxResults": 1})).await, words);
    let words = "InvalidParameterException: Either 'SecretIdList' or 'Filters' must be provided, but not both.";
    assert_eq!(refused(json!({})).await, words);
    let filters = json!([{"Key": "name", "Values": ["app"]}]);
    assert_eq!(refused(json!({"SecretIdList": ["app/a"], "Filters": filters})).await, words);
    let first = call(&secrets, "BatchGetSecretValue", json!({"Filters": filters, "MaxResults": 1})).await.unwrap();
    let next = json!({"Filters": filters, "MaxResults": 1, "NextToken": first["NextToken"]});
    let second = call(&secrets, "BatchGetSecretValue", next).await.unwrap();
    assert_eq!(second.get("NextToken"), None);
    let mut values = [&first, &second].map(|page| page["SecretValues"][0]["SecretString"].as_str().unwrap());
    values.sort_unstable();
    assert_eq!(values, ["app/a", "app/b"]);
}

#[tokio::test]
async fn a_token_used_again_with_another_value_is_told_by_its_secret_and_never_by_a_value() {
    let secrets = secrets();
    let token = "t".repeat(32);
    let with = |value: &str| json!({"SecretId": "s", "SecretString": value, "ClientRequestToken": token});
    let made = call(&secrets, "CreateSecret", json!({"Name": "s"})).await.unwrap();
    call(&secrets, "PutSecretValue", with("one")).await.unwrap();
    // The same once more is the same version.
    assert_eq!(call(&secrets, "PutSecretValue", with("one")).await.unwrap()["VersionId"], json!(token));
    for operation in ["PutSecretValue", "UpdateSecret"] {
        let told = call(&secrets, operation, with("hunter2")).await.unwrap_err();
        assert_eq!(
            told,
            format!(
                "ResourceExistsException: You can't use ClientRequestToken {token} because that value is already in \
                 use for a version of secret {}.",
                made["ARN"].as_str().unwrap()
            )
        );
    }
}
