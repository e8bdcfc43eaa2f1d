//! What a name means: one level with a slash or without, what is no name, and what is a secret's.

use aws_model::{Answer, Call, Door, Service};
use parameters::Parameters;
use secrets::{NewSecret, NewVersion, Removal, SecretText, SecretValue, Secrets};
use serde_json::{Value, json};
use store::Store;

use crate::{ACCOUNT, REGION, again, code, fresh, new, now, read};

#[tokio::test]
async fn a_name_of_one_level_is_the_same_with_a_slash() {
    let parameters = fresh();
    parameters.put(REGION, new("/x", "one")).await.unwrap();
    assert_eq!((read(&parameters, "x"), read(&parameters, "/x")), ("1=one".into(), "1=one".into()));
    assert_eq!(code(parameters.put(REGION, new("x", "two")).await), "ParameterAlreadyExists");
    parameters.put(REGION, again("x", "two")).await.unwrap();
    assert_eq!(read(&parameters, "/x:2"), "2=two");
    assert_eq!(parameters.names(), ["x"], "the name is kept without it");
    // A path is another thing with a slash and without: without one it is none.
    parameters.put(REGION, new("/a/b", "deep")).await.unwrap();
    assert_eq!(read(&parameters, "a/b"), "ValidationException");
    assert_eq!(code(parameters.delete(REGION, "a/b").await), "ParameterNotFound");
    parameters.delete(REGION, "/x").await.unwrap();
    assert_eq!(read(&parameters, "x"), "ParameterNotFound");
}

#[tokio::test]
async fn what_is_no_name_is_refused_as_one() {
    let parameters = fresh();
    for bad in ["{a}-b", "a b", "/a//b", "x:1:2", "x:", ""] {
        assert_eq!(read(&parameters, bad), "ValidationException", "{bad}");
    }
    parameters.put(REGION, new("x", "one")).await.unwrap();
    let names: Vec<String> = ["x", "{a}-b", "x", "none"].map(str::to_owned).into();
    let found = parameters.get_all(REGION, &names, false).unwrap();
    assert_eq!(found.values.len(), 1, "twice is once");
    assert_eq!(found.invalid, ["{a}-b", "none"]);
}

async fn call(parameters: &Parameters, name: &str, input: Value) -> Result<Value, String> {
    let Value::Object(input) = input else { panic!("no document") };
    let call = Call {
        operation: Service::Ssm.model().operation(name).unwrap(),
        region: REGION.into(),
        access_key: "test".into(),
        authority: "localhost".into(),
        input,
        request_id: "r".into(),
    };
    match parameters.call(call).await {
        Ok(Answer::Document(document)) => Ok(Value::Object(document)),
        Ok(Answer::Events(_)) => panic!("no stream"),
        Err(error) => Err(format!("{}: {}", error.code, error.message)),
    }
}

fn text(value: &str) -> SecretValue {
    SecretValue::Text(SecretText::new(value))
}

#[tokio::test]
async fn public_parameters_of_aws_are_refused_by_name_and_none_is_made_up() {
    let parameters = fresh();
    let image = "/aws/service/ecs/optimized-ami/amazon-linux-2023/recommended";
    let latest = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64";
    for name in [image, latest] {
        let told = call(&parameters, "GetParameter", json!({"Name": name})).await.unwrap_err();
        let words = "It is a public parameter of AWS; managr's platform keeps none of these";
        assert!(told.starts_with(&format!("ParameterNotFound: Parameter {name} not found. {words}")), "{told}");
    }
    let many = call(&parameters, "GetParameters", json!({"Names": [image, latest]})).await.unwrap();
    assert_eq!(many, json!({"Parameters": [], "InvalidParameters": [image, latest]}));
    let below = json!({"Path": "/aws/service/ecs", "Recursive": true});
    assert_eq!(call(&parameters, "GetParametersByPath", below).await.unwrap(), json!({"Parameters": []}));
}

/// A secret `app/db` with an earlier value and one now.
async fn with_secret() -> (Secrets, Parameters) {
    let store = Store::ephemeral().unwrap();
    let secrets = Secrets::open(store.clone(), None, ACCOUNT, now()).unwrap();
    let parameters = Parameters::open(store, &secrets, ACCOUNT, now()).unwrap();
    let first = NewSecret { name: "app/db".into(), value: Some(text("first")), ..NewSecret::default() };
    secrets.create(REGION, first).await.unwrap();
    let second = NewVersion { token: None, value: text("second"), stages: Vec::new() };
    secrets.put(REGION, "app/db", second).await.unwrap();
    (secrets, parameters)
}

const NAME: &str = "/aws/reference/secretsmanager/app/db";

#[tokio::test]
async fn a_secret_is_read_by_the_name_of_a_parameter() {
    let (secrets, parameters) = with_secret().await;
    let got = call(&parameters, "GetParameter", json!({"Name": NAME, "WithDecryption": true})).await.unwrap();
    let got = &got["Parameter"];
    assert_eq!((&got["Name"], &got["Type"], &got["Version"]), (&json!(NAME), &json!("SecureString"), &json!(0)));
    assert_eq!((&got["Value"], got.get("DataType"), got.get("Selector")), (&json!("second"), None, None));
    assert_eq!(got["ARN"], json!(secrets.describe(REGION, "app/db").unwrap().arn));
    let source: Value = serde_json::from_str(got["SourceResult"].as_str().unwrap()).unwrap();
    assert_eq!((&source["name"], &source["secretString"]), (&json!("app/db"), &json!("second")));

    let old = format!("{NAME}:AWSPREVIOUS");
    let got = call(&parameters, "GetParameter", json!({"Name": old, "WithDecryption": true})).await.unwrap();
    assert_eq!((&got["Parameter"]["Value"], &got["Parameter"]["Selector"]), (&json!("first"), &json!(":AWSPREVIOUS")));
    let id = secrets.get(REGION, "app/db", None, Some("AWSPREVIOUS")).unwrap().version.id;
    let by_id = format!("{NAME}:{id}");
    let got = call(&parameters, "GetParameter", json!({"Name": by_id, "WithDecryption": true})).await.unwrap();
    assert_eq!(got["Parameter"]["Value"], "first");
    assert_eq!(parameters.value_from(REGION, NAME).unwrap().expose(), "second", "for a container too");
}

#[tokio::test]
async fn a_reference_that_cannot_be_answered_is_refused_in_awss_words() {
    let (secrets, parameters) = with_secret().await;
    let refused = async |name: &str, decrypt: bool| {
        call(&parameters, "GetParameter", json!({"Name": name, "WithDecryption": decrypt})).await.unwrap_err()
    };
    let words = "ValidationException: WithDecryption flag must be True for retrieving a Secret Manager secret.";
    assert_eq!(refused(NAME, false).await, words);
    let missing = "ParameterNotFound: An error occurred (ParameterNotFound) when referencing Secrets Manager: Secret";
    let none = format!("{NAME}none");
    assert_eq!(refused(&none, true).await, format!("{missing} aws/reference/secretsmanager/app/dbnonenull not found."));
    let stage = format!("{NAME}:NONE");
    assert_eq!(refused(&stage, true).await, format!("{missing} aws/reference/secretsmanager/app/db:NONE not found."));
    for bad in [":", ":a:b"] {
        assert!(refused(&format!("{NAME}{bad}"), false).await.contains("for referencing a version/label  <name>"));
    }
    let input = json!({"Names": [NAME, none, NAME, "x"], "WithDecryption": true});
    parameters.put(REGION, new("x", "plain")).await.unwrap();
    let many = call(&parameters, "GetParameters", input).await.unwrap();
    let values: Vec<&Value> = many["Parameters"].as_array().unwrap().iter().map(|one| &one["Value"]).collect();
    assert_eq!((values, &many["InvalidParameters"]), (vec![&json!("plain"), &json!("second")], &json!([none])));
    secrets.delete(REGION, "app/db", Removal::After(7)).await.unwrap();
    assert_eq!(refused(NAME, true).await, "ValidationException: Invalid Request to Secrets Manager");
    // Nothing else knows such names.
    let listed = call(&parameters, "GetParametersByPath", json!({"Path": "/aws/reference"})).await.unwrap();
    assert_eq!(listed["Parameters"], json!([]));
    let describe = json!({"ParameterFilters": [{"Key": "Path", "Values": ["/aws"]}]});
    assert!(
        call(&parameters, "DescribeParameters", describe).await.unwrap_err().contains("Filters for common parameters")
    );
    let describe = json!({"ParameterFilters": [{"Key": "Name"}]});
    let words = "InvalidFilterValue: The following filter values are missing : null for filter key Name.";
    assert_eq!(call(&parameters, "DescribeParameters", describe).await.unwrap_err(), words);
}
