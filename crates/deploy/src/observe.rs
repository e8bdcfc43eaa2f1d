//! Reads what there is, through the API only. Absence is an answer, not an error.

use std::collections::BTreeSet;

use aws::{CallError, Client, ECR, ECS, ELB, LOGS, SECRETS, SSM, items};
use aws_model::Document;
use serde_json::{Value, json};

/// Returns a JSON object as a document.
pub(crate) fn object(value: Value) -> Document {
    match value {
        Value::Object(members) => members,
        other => panic!("a call's input is an object, not {other}"),
    }
}

/// Returns a text member, or nothing.
pub fn text<'a>(document: &'a Document, name: &str) -> &'a str {
    document.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn first(document: &Document, list: &str) -> Option<Document> {
    items(document, list).first().and_then(Value::as_object).cloned()
}

/// Returns why RunTask placed nothing, in ECS's words.
pub(crate) fn first_failure(answer: &Document) -> String {
    let failure = first(answer, "failures").unwrap_or_default();
    let words = [text(&failure, "reason"), text(&failure, "detail")];
    words.iter().filter(|word| !word.is_empty()).copied().collect::<Vec<_>>().join(": ")
}

/// Turns "there is no such thing" into `None`.
fn absent<T>(result: Result<T, CallError>, codes: &[&str]) -> Result<Option<T>, CallError> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.code().is_some_and(|code| codes.contains(&code)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Returns a cluster that is ACTIVE.
///
/// # Errors
/// See [`CallError`].
pub async fn cluster(client: &Client, name: &str) -> Result<Option<Document>, CallError> {
    let answer = client.call(&ECS, "DescribeClusters", object(json!({ "clusters": [name] }))).await?;
    Ok(first(&answer, "clusters").filter(|cluster| text(cluster, "status") == "ACTIVE"))
}

/// Returns a cluster that is ACTIVE, with everything that ECS tells of it only when asked.
///
/// # Errors
/// See [`CallError`].
pub(crate) async fn cluster_whole(client: &Client, name: &str) -> Result<Option<Document>, CallError> {
    let input = object(json!({ "clusters": [name], "include": ["SETTINGS", "CONFIGURATIONS", "TAGS"] }));
    let answer = client.call(&ECS, "DescribeClusters", input).await?;
    Ok(first(&answer, "clusters").filter(|cluster| text(cluster, "status") == "ACTIVE"))
}

/// Returns a service, whatever its status, unless there is none or it is INACTIVE.
///
/// # Errors
/// See [`CallError`].
pub async fn service(client: &Client, cluster: &str, name: &str) -> Result<Option<Document>, CallError> {
    Ok(services(client, cluster, &[name.to_owned()]).await?.into_iter().next())
}

/// Returns those of at most ten services that there are and that are not INACTIVE.
///
/// # Errors
/// See [`CallError`].
pub async fn services(client: &Client, cluster: &str, names: &[String]) -> Result<Vec<Document>, CallError> {
    let input = object(json!({ "cluster": cluster, "services": names }));
    let codes = ["ClusterNotFoundException", "ServiceNotFoundException"];
    let answer = absent(client.call(&ECS, "DescribeServices", input).await, &codes)?;
    let found = answer.iter().flat_map(|answer| items(answer, "services")).filter_map(Value::as_object);
    Ok(found.filter(|service| text(service, "status") != "INACTIVE").cloned().collect())
}

/// Returns a revision (`family`, `family:revision` or an ARN).
///
/// # Errors
/// See [`CallError`].
pub async fn task_definition(client: &Client, name: &str) -> Result<Option<Document>, CallError> {
    described(client, object(json!({ "taskDefinition": name }))).await
}

/// Returns a revision with its tags, as RegisterTaskDefinition takes them: they travel beside a
/// description, and who registers it again without them loses them.
///
/// # Errors
/// See [`CallError`].
pub async fn task_definition_with_tags(client: &Client, name: &str) -> Result<Option<Document>, CallError> {
    described(client, object(json!({ "taskDefinition": name, "include": ["TAGS"] }))).await
}

async fn described(client: &Client, input: Document) -> Result<Option<Document>, CallError> {
    // ECS has no code of its own for this: ClientException "Unable to describe task definition."
    let answer = absent(client.call(&ECS, "DescribeTaskDefinition", input).await, &["ClientException"])?;
    Ok(answer.and_then(|mut answer| {
        let tags = answer.remove("tags").filter(|tags| tags.as_array().is_some_and(|tags| !tags.is_empty()));
        let Some(Value::Object(mut found)) = answer.remove("taskDefinition") else { return None };
        found.extend(tags.map(|tags| ("tags".to_owned(), tags)));
        Some(found)
    }))
}

/// Returns a service's tasks, the stopped ones too as long as ECS remembers them.
///
/// # Errors
/// See [`CallError`].
pub async fn tasks(client: &Client, cluster: &str, service: &str) -> Result<Vec<Document>, CallError> {
    let mut arns: Vec<Value> = Vec::new();
    for desired in ["RUNNING", "STOPPED"] {
        let mut input = object(json!({ "cluster": cluster, "serviceName": service, "desiredStatus": desired }));
        loop {
            let codes = ["ClusterNotFoundException", "ServiceNotFoundException"];
            let answer = absent(client.call(&ECS, "ListTasks", input.clone()).await, &codes)?.unwrap_or_default();
            arns.extend(items(&answer, "taskArns").iter().cloned());
            if !aws::go_on(&mut input, &answer) {
                break;
            }
        }
    }
    let mut tasks = Vec::with_capacity(arns.len());
    // DescribeTasks takes at most 100 at once.
    for chunk in arns.chunks(100) {
        let input = object(json!({ "cluster": cluster, "tasks": chunk }));
        let answer = client.call(&ECS, "DescribeTasks", input).await?;
        tasks.extend(items(&answer, "tasks").iter().filter_map(Value::as_object).cloned());
    }
    Ok(tasks)
}

/// Returns the health of a target group's targets.
///
/// # Errors
/// See [`CallError`].
pub async fn targets(client: &Client, group_arn: &str) -> Result<Vec<Document>, CallError> {
    let input = object(json!({ "TargetGroupArn": group_arn }));
    let answer = absent(client.call(&ELB, "DescribeTargetHealth", input).await, &["TargetGroupNotFound"])?;
    let found = answer.iter().flat_map(|answer| items(answer, "TargetHealthDescriptions"));
    Ok(found.filter_map(Value::as_object).cloned().collect())
}

/// Returns a load balancer by name.
///
/// # Errors
/// See [`CallError`].
pub async fn load_balancer(client: &Client, name: &str) -> Result<Option<Document>, CallError> {
    let input = object(json!({ "Names": [name] }));
    let answer = absent(client.call(&ELB, "DescribeLoadBalancers", input).await, &["LoadBalancerNotFound"])?;
    Ok(answer.and_then(|answer| first(&answer, "LoadBalancers")))
}

/// Returns a load balancer by ARN.
///
/// # Errors
/// See [`CallError`].
pub(crate) async fn load_balancer_by_arn(client: &Client, arn: &str) -> Result<Option<Document>, CallError> {
    let input = object(json!({ "LoadBalancerArns": [arn] }));
    let answer = absent(client.call(&ELB, "DescribeLoadBalancers", input).await, &["LoadBalancerNotFound"])?;
    Ok(answer.and_then(|answer| first(&answer, "LoadBalancers")))
}

/// Returns all certificates of a listener, the default one too.
///
/// # Errors
/// See [`CallError`].
pub(crate) async fn listener_certificates(client: &Client, listener_arn: &str) -> Result<Vec<Document>, CallError> {
    let input = object(json!({ "ListenerArn": listener_arn }));
    client.pages(&ELB, "DescribeListenerCertificates", input, "Certificates").await
}

/// Returns a target group by name.
///
/// # Errors
/// See [`CallError`].
pub async fn target_group(client: &Client, name: &str) -> Result<Option<Document>, CallError> {
    let input = object(json!({ "Names": [name] }));
    let answer = absent(client.call(&ELB, "DescribeTargetGroups", input).await, &["TargetGroupNotFound"])?;
    Ok(answer.and_then(|answer| first(&answer, "TargetGroups")))
}

/// Returns an attribute of a target group.
///
/// # Errors
/// See [`CallError`].
pub async fn target_group_attribute(client: &Client, arn: &str, key: &str) -> Result<Option<String>, CallError> {
    let input = object(json!({ "TargetGroupArn": arn }));
    let answer = client.call(&ELB, "DescribeTargetGroupAttributes", input).await?;
    let mut attributes = items(&answer, "Attributes").iter().filter_map(Value::as_object);
    Ok(attributes.find(|attribute| text(attribute, "Key") == key).map(|attribute| text(attribute, "Value").to_owned()))
}

/// Returns a load balancer's listeners.
///
/// # Errors
/// See [`CallError`].
pub async fn listeners(client: &Client, load_balancer_arn: &str) -> Result<Vec<Document>, CallError> {
    let input = object(json!({ "LoadBalancerArn": load_balancer_arn }));
    let found = client.pages(&ELB, "DescribeListeners", input, "Listeners").await;
    Ok(absent(found, &["ListenerNotFound", "LoadBalancerNotFound"])?.unwrap_or_default())
}

/// Returns a listener's rules, the default one too.
///
/// # Errors
/// See [`CallError`].
pub async fn rules(client: &Client, listener_arn: &str) -> Result<Vec<Document>, CallError> {
    client.pages(&ELB, "DescribeRules", object(json!({ "ListenerArn": listener_arn })), "Rules").await
}

/// Returns the target groups that a load balancer routes to.
///
/// # Errors
/// See [`CallError`].
pub async fn target_groups_of(client: &Client, load_balancer_arn: &str) -> Result<Vec<Document>, CallError> {
    let input = object(json!({ "LoadBalancerArn": load_balancer_arn }));
    let found = client.pages(&ELB, "DescribeTargetGroups", input, "TargetGroups").await;
    Ok(absent(found, &["LoadBalancerNotFound"])?.unwrap_or_default())
}

/// Returns a target group by ARN.
///
/// # Errors
/// See [`CallError`].
pub async fn target_group_by_arn(client: &Client, arn: &str) -> Result<Option<Document>, CallError> {
    let input = object(json!({ "TargetGroupArns": [arn] }));
    let found = client.pages(&ELB, "DescribeTargetGroups", input, "TargetGroups").await;
    Ok(absent(found, &["TargetGroupNotFound"])?.unwrap_or_default().into_iter().next())
}

/// Returns a repository.
///
/// # Errors
/// See [`CallError`].
pub async fn repository(client: &Client, name: &str) -> Result<Option<Document>, CallError> {
    let input = object(json!({ "repositoryNames": [name] }));
    let answer = absent(client.call(&ECR, "DescribeRepositories", input).await, &["RepositoryNotFoundException"])?;
    Ok(answer.and_then(|answer| first(&answer, "repositories")))
}

/// Returns the digest that a tag of a repository points at.
///
/// # Errors
/// See [`CallError`].
pub async fn image_digest(client: &Client, repository: &str, tag: &str) -> Result<Option<String>, CallError> {
    let found = image(client, repository, json!({ "imageTag": tag })).await?;
    Ok(found.map(|image| text(&image, "imageDigest").to_owned()).filter(|digest| !digest.is_empty()))
}

/// Returns an image of a repository by `{"imageTag": ...}` or `{"imageDigest": ...}`.
///
/// # Errors
/// See [`CallError`].
pub async fn image(client: &Client, repository: &str, id: Value) -> Result<Option<Document>, CallError> {
    let input = object(json!({ "repositoryName": repository, "imageIds": [id] }));
    let codes = ["ImageNotFoundException", "RepositoryNotFoundException"];
    let answer = absent(client.call(&ECR, "DescribeImages", input).await, &codes)?;
    Ok(answer.and_then(|answer| first(&answer, "imageDetails")))
}

/// Returns a secret's description.
///
/// # Errors
/// See [`CallError`].
pub async fn secret(client: &Client, name: &str) -> Result<Option<Document>, CallError> {
    let input = object(json!({ "SecretId": name }));
    absent(client.call(&SECRETS, "DescribeSecret", input).await, &["ResourceNotFoundException"])
}

/// Returns a secret's current text; none if it has no value.
///
/// # Errors
/// See [`CallError`].
pub async fn secret_text(client: &Client, name: &str) -> Result<Option<String>, CallError> {
    let input = object(json!({ "SecretId": name }));
    let answer = absent(client.call(&SECRETS, "GetSecretValue", input).await, &["ResourceNotFoundException"])?;
    Ok(answer.map(|answer| text(&answer, "SecretString").to_owned()))
}

/// Returns the keys of the JSON object that a secret holds now; none if it has no value.
///
/// Values are forgotten here, and a text that is no object has no keys: a parser's words would quote it.
///
/// # Errors
/// See [`CallError`].
pub async fn secret_keys(client: &Client, name: &str) -> Result<Option<BTreeSet<String>>, CallError> {
    let value = secret_text(client, name).await?;
    let keys =
        |text: String| serde_json::from_str::<Document>(&text).map(|object| object.into_iter().map(|(key, _)| key));
    Ok(value.map(|text| keys(text).map(Iterator::collect).unwrap_or_default()))
}

/// Returns whether there is a parameter of this name. Described, not read: the value is not needed.
///
/// # Errors
/// See [`CallError`].
pub async fn has_parameter(client: &Client, name: &str) -> Result<bool, CallError> {
    let filter = json!({ "Key": "Name", "Option": "Equals", "Values": [name] });
    let answer = client.call(&SSM, "DescribeParameters", object(json!({ "ParameterFilters": [filter] }))).await?;
    Ok(!items(&answer, "Parameters").is_empty())
}

/// Returns whether there is a log group of this name.
///
/// # Errors
/// See [`CallError`].
pub async fn has_log_group(client: &Client, name: &str) -> Result<bool, CallError> {
    Ok(log_group(client, name).await?.is_some())
}

/// Returns a log group by name.
///
/// # Errors
/// See [`CallError`].
pub(crate) async fn log_group(client: &Client, name: &str) -> Result<Option<Document>, CallError> {
    let mut input = object(json!({ "logGroupNamePrefix": name }));
    loop {
        let answer = client.call(&LOGS, "DescribeLogGroups", input.clone()).await?;
        let mut groups = items(&answer, "logGroups").iter().filter_map(Value::as_object);
        if let Some(group) = groups.find(|group| text(group, "logGroupName") == name) {
            return Ok(Some(group.clone()));
        }
        // Some emulators write the token of the last page as null.
        if !aws::go_on(&mut input, &answer) {
            return Ok(None);
        }
    }
}
