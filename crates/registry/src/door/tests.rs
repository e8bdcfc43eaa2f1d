//! ECR's answers and refusals, without the HTTP front.

use aws_model::{Answer, AwsError, Service};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::*;
use crate::{Digest, Options};

struct Ecr {
    registry: Registry,
    _dir: tempfile::TempDir,
}

fn ecr() -> Ecr {
    let dir = tempfile::tempdir().unwrap();
    let options = Options { host: "127.0.0.1:4566".into(), account: "123456789012".into(), anonymous: true };
    let images = ::images::ImageStore::open(&dir.path().join("images")).unwrap();
    let registry = Registry::open(store::Store::ephemeral().unwrap(), images, options).unwrap();
    Ecr { registry, _dir: dir }
}

impl Ecr {
    async fn call(&self, operation: &str, input: Value) -> Result<Value, AwsError> {
        let Value::Object(input) = input else { panic!("an input is an object") };
        let call = Call {
            operation: Service::Ecr.model().operation(operation).unwrap(),
            region: "eu-west-1".to_owned(),
            access_key: String::new(),
            authority: String::new(),
            input,
            request_id: String::new(),
        };
        match self.registry.call(call).await? {
            Answer::Document(document) => Ok(Value::Object(document)),
            Answer::Events(_) => panic!("{operation} answers events"),
        }
    }

    async fn ok(&self, operation: &str, input: Value) -> Value {
        self.call(operation, input).await.unwrap()
    }

    async fn refused(&self, operation: &str, input: Value) -> String {
        let error = self.call(operation, input).await.unwrap_err();
        format!("{} {}", error.status, error)
    }

    /// Uploads a layer through the API, in two parts.
    async fn layer(&self, bytes: &[u8]) -> Digest {
        let name = "app";
        let id = self.ok("InitiateLayerUpload", json!({"repositoryName": name})).await["uploadId"].clone();
        let (one, two) = bytes.split_at(bytes.len() / 2);
        for (first, part) in [(0, one), (one.len(), two)] {
            let input = json!({"repositoryName": name, "uploadId": id, "partFirstByte": first,
                "partLastByte": first + part.len() - 1, "layerPartBlob": STANDARD.encode(part)});
            self.ok("UploadLayerPart", input).await;
        }
        let digest = Digest::of(bytes);
        let input = json!({"repositoryName": name, "uploadId": id, "layerDigests": [digest]});
        assert_eq!(self.ok("CompleteLayerUpload", input).await["layerDigest"], json!(digest));
        digest
    }

    async fn manifest(&self, layer: &[u8]) -> String {
        let config = json!({"config": {}, "layer": String::from_utf8_lossy(layer)}).to_string();
        json!({"schemaVersion": 2, "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
            "config": {"mediaType": "application/vnd.docker.container.image.v1+json",
                "digest": self.layer(config.as_bytes()).await, "size": config.len()},
            "layers": [{"mediaType": "x", "digest": self.layer(layer).await, "size": layer.len()}]})
        .to_string()
    }
}

#[tokio::test]
async fn repositories_are_made_described_in_pages_and_deleted() {
    let ecr = ecr();
    for name in ["b/x", "a", "c"] {
        let name = if name == "a" {
            "aa"
        } else if name == "c" {
            "cc"
        } else {
            name
        };
        ecr.ok("CreateRepository", json!({"repositoryName": name})).await;
    }
    let one = &ecr.ok("DescribeRepositories", json!({"repositoryNames": ["b/x"]})).await["repositories"][0];
    assert_eq!(one["repositoryArn"], "arn:aws:ecr:eu-west-1:123456789012:repository/b/x");
    assert_eq!(one["repositoryUri"], "127.0.0.1:4566/b/x");
    assert_eq!(one["encryptionConfiguration"], json!({"encryptionType": "AES256"}));
    assert!(one["createdAt"].as_f64().unwrap() > 1e9);

    let mut names = Vec::new();
    let mut input = json!({"maxResults": 2});
    loop {
        let page = ecr.ok("DescribeRepositories", input.clone()).await;
        names.extend(page["repositories"].as_array().unwrap().iter().map(|r| r["repositoryName"].clone()));
        match page.get("nextToken") {
            Some(token) => input["nextToken"] = token.clone(),
            None => break,
        }
    }
    assert_eq!(names, ["aa", "b/x", "cc"]);

    assert_eq!(
        ecr.refused("CreateRepository", json!({"repositoryName": "aa"})).await,
        "400 RepositoryAlreadyExistsException: The repository with name 'aa' already exists in the registry with id '123456789012'"
    );
    let words = ecr.refused("DescribeRepositories", json!({"repositoryNames": ["none"]})).await;
    assert!(words.starts_with("400 RepositoryNotFoundException: The repository with name 'none'"), "{words}");
    let words = ecr.refused("DescribeRepositories", json!({"registryId": "999999999999"})).await;
    assert!(words.contains("RepositoryNotFoundException"), "{words}");
    let kms = json!({"repositoryName": "kms", "encryptionConfiguration": {"encryptionType": "KMS"}});
    let kms = ecr.ok("CreateRepository", kms).await["repository"]["encryptionConfiguration"].clone();
    assert!(kms["kmsKey"].as_str().unwrap().starts_with("arn:aws:kms:eu-west-1:123456789012:key/"), "{kms}");
    let deleted = ecr.ok("DeleteRepository", json!({"repositoryName": "aa"})).await;
    assert_eq!(deleted["repository"]["repositoryName"], "aa");
}

#[tokio::test]
async fn an_image_goes_in_through_the_api_and_out_again() {
    let ecr = ecr();
    ecr.ok("CreateRepository", json!({"repositoryName": "app"})).await;
    let manifest = ecr.manifest(b"layer bytes").await;
    let put = json!({"repositoryName": "app", "imageManifest": manifest, "imageTag": "v1"});
    let image = ecr.ok("PutImage", put.clone()).await["image"].clone();
    let digest = Digest::of(manifest.as_bytes());
    assert_eq!(image["imageId"], json!({"imageDigest": digest, "imageTag": "v1"}));
    assert!(ecr.refused("PutImage", put).await.contains("ImageAlreadyExistsException"));
    let again = json!({"repositoryName": "app", "imageManifest": manifest, "imageTag": "v2"});
    ecr.ok("PutImage", again).await;

    let detail = ecr.ok("DescribeImages", json!({"repositoryName": "app", "imageIds": [{"imageTag": "v2"}]})).await;
    let detail = &detail["imageDetails"][0];
    assert_eq!(detail["imageTags"], json!(["v1", "v2"]));
    assert_eq!(detail["imageManifestMediaType"], "application/vnd.docker.distribution.manifest.v2+json");
    assert_eq!(detail["artifactMediaType"], "application/vnd.docker.container.image.v1+json");
    assert!(detail["imageSizeInBytes"].as_u64().unwrap() > 11 && detail["imagePushedAt"].as_f64().unwrap() > 1e9);

    let listed = ecr.ok("ListImages", json!({"repositoryName": "app", "filter": {"tagStatus": "TAGGED"}})).await;
    assert_eq!(listed["imageIds"].as_array().unwrap().len(), 2);
    let listed = ecr.ok("ListImages", json!({"repositoryName": "app", "filter": {"tagStatus": "UNTAGGED"}})).await;
    assert_eq!(listed["imageIds"], json!([]));

    let ids = json!([{"imageTag": "v1"}, {"imageTag": "none"}, {}]);
    let got = ecr.ok("BatchGetImage", json!({"repositoryName": "app", "imageIds": ids})).await;
    assert_eq!(got["images"][0]["imageManifest"], manifest);
    let codes: Vec<_> =
        got["failures"].as_array().unwrap().iter().map(|f| f["failureCode"].as_str().unwrap()).collect();
    assert_eq!(codes, ["ImageNotFound", "MissingDigestAndTag"]);
    assert_eq!(
        ecr.refused("DescribeImages", json!({"repositoryName": "app", "imageIds": [{"imageTag": "none"}]})).await,
        "400 ImageNotFoundException: The image with imageId {imageDigest:'null', imageTag:'none'} does not exist within \
         the repository with name 'app' in the registry with id '123456789012'"
    );

    assert!(
        ecr.refused("DeleteRepository", json!({"repositoryName": "app"})).await.contains("RepositoryNotEmptyException")
    );
    let by_tag = |tag: &str| json!({"repositoryName": "app", "imageIds": [{"imageTag": tag}]});
    let gone = ecr.ok("BatchDeleteImage", by_tag("v1")).await;
    assert_eq!(gone["imageIds"], json!([{"imageDigest": digest, "imageTag": "v1"}]));
    ecr.ok("DescribeImages", by_tag("v2")).await;
    ecr.ok("BatchDeleteImage", by_tag("v2")).await;
    let left = ecr.ok("DescribeImages", json!({"repositoryName": "app"})).await;
    assert_eq!(left["imageDetails"], json!([]), "the last tag takes the image along");
}

#[tokio::test]
async fn tags_that_must_not_move_do_not() {
    let ecr = ecr();
    let filters = json!([{"filterType": "WILDCARD", "filter": "dev-*"}]);
    ecr.ok(
        "CreateRepository",
        json!({"repositoryName": "app", "imageTagMutability": "IMMUTABLE_WITH_EXCLUSION",
        "imageTagMutabilityExclusionFilters": filters}),
    )
    .await;
    let (one, two) = (ecr.manifest(b"one").await, ecr.manifest(b"two").await);
    let put = |manifest: &str, tag: &str| json!({"repositoryName": "app", "imageManifest": manifest, "imageTag": tag});
    ecr.ok("PutImage", put(&one, "v1")).await;
    assert!(
        ecr.refused("PutImage", put(&two, "v1"))
            .await
            .starts_with("400 ImageTagAlreadyExistsException: The image tag 'v1'")
    );
    ecr.ok("PutImage", put(&one, "dev-1")).await;
    ecr.ok("PutImage", put(&two, "dev-1")).await;
    let change = json!({"repositoryName": "app", "imageTagMutability": "MUTABLE"});
    assert_eq!(ecr.ok("PutImageTagMutability", change).await["imageTagMutability"], "MUTABLE");
    ecr.ok("PutImage", put(&two, "v1")).await;
}

#[tokio::test]
async fn layers_are_checked_and_refused_as_ecr_does() {
    let ecr = ecr();
    ecr.ok("CreateRepository", json!({"repositoryName": "app"})).await;
    let digest = ecr.layer(b"some layer").await;
    let other = Digest::of(b"other");
    let input = json!({"repositoryName": "app", "layerDigests": [digest, other, "nonsense"]});
    let found = ecr.ok("BatchCheckLayerAvailability", input).await;
    assert_eq!(found["layers"][0], json!({"layerDigest": digest, "layerAvailability": "AVAILABLE", "layerSize": 10}));
    assert_eq!(found["layers"][1]["layerAvailability"], "UNAVAILABLE");
    assert_eq!(found["failures"][0]["failureCode"], "InvalidLayerDigest");
    let url = ecr.ok("GetDownloadUrlForLayer", json!({"repositoryName": "app", "layerDigest": digest})).await;
    assert_eq!(url["downloadUrl"], format!("http://127.0.0.1:4566/v2/app/blobs/{digest}"));
    let missing = json!({"repositoryName": "app", "layerDigest": other});
    assert!(ecr.refused("GetDownloadUrlForLayer", missing).await.contains("LayersNotFoundException"));

    let id = ecr.ok("InitiateLayerUpload", json!({"repositoryName": "app"})).await["uploadId"].clone();
    let part = |first: u64| {
        json!({"repositoryName": "app", "uploadId": id, "partFirstByte": first,
        "partLastByte": first + 2, "layerPartBlob": STANDARD.encode("abc")})
    };
    let complete = |digest: &Digest| json!({"repositoryName": "app", "uploadId": id, "layerDigests": [digest]});
    assert!(ecr.refused("CompleteLayerUpload", complete(&other)).await.contains("EmptyUploadException"));
    assert!(ecr.refused("UploadLayerPart", part(5)).await.contains("InvalidLayerPartException"));
    ecr.ok("UploadLayerPart", part(0)).await;
    assert!(ecr.refused("CompleteLayerUpload", complete(&other)).await.contains("InvalidLayerException"));
    assert!(ecr.refused("UploadLayerPart", part(3)).await.contains("UploadNotFoundException"));
    let dangling = json!({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {"digest": other, "size": 1}, "layers": []})
    .to_string();
    let put = json!({"repositoryName": "app", "imageManifest": dangling});
    assert!(ecr.refused("PutImage", put).await.contains("LayersNotFoundException"));
    let untyped = r#"{"schemaVersion":2,"config":{"mediaType":"x","digest":"D","size":1},"layers":[]}"#;
    let untyped = json!({"repositoryName": "app", "imageManifest": untyped.replace('D', digest.as_str())});
    let words = ecr.refused("PutImage", untyped.clone()).await;
    assert_eq!(words, "400 InvalidParameterException: image manifest mediatype not provided in manifest or parameter");
    let mut typed = untyped;
    typed["imageManifestMediaType"] = "application/vnd.docker.distribution.manifest.v2+json".into();
    ecr.ok("PutImage", typed).await;
    let nonsense = json!({"repositoryName": "app", "imageManifest": "{}"});
    assert!(ecr.refused("PutImage", nonsense).await.contains("InvalidParameterException"));
}

#[tokio::test]
async fn tags_and_policies_are_kept() {
    let ecr = ecr();
    ecr.ok("CreateRepository", json!({"repositoryName": "app", "tags": [{"Key": "a", "Value": "1"}]})).await;
    let arn = "arn:aws:ecr:eu-west-1:123456789012:repository/app";
    let new = json!([{"Key": "a", "Value": "2"}, {"Key": "b", "Value": "3"}]);
    ecr.ok("TagResource", json!({"resourceArn": arn, "tags": new})).await;
    assert_eq!(ecr.ok("ListTagsForResource", json!({"resourceArn": arn})).await["tags"], new);
    ecr.ok("UntagResource", json!({"resourceArn": arn, "tagKeys": ["a"]})).await;
    assert_eq!(ecr.ok("ListTagsForResource", json!({"resourceArn": arn})).await["tags"][0]["Key"], "b");
    let many: Vec<_> = (0..51).map(|n| json!({"Key": n.to_string(), "Value": ""})).collect();
    assert!(
        ecr.refused("TagResource", json!({"resourceArn": arn, "tags": many})).await.contains("TooManyTagsException")
    );
    assert!(
        ecr.refused("ListTagsForResource", json!({"resourceArn": "arn:x"})).await.contains("InvalidParameterException")
    );

    let name = json!({"repositoryName": "app"});
    let lifecycle = r#"{"rules":[{"rulePriority":1,"selection":{"tagStatus":"any","countType":"imageCountMoreThan","countNumber":1},"action":{"type":"expire"}}]}"#;
    let policy = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"ecr:*"}]}"#;
    for part in [r#""Principal":"*","#, r#","Action":"ecr:*""#] {
        let set = json!({"repositoryName": "app", "policyText": policy.replace(part, "")});
        assert_eq!(
            ecr.refused("SetRepositoryPolicy", set).await,
            "400 InvalidParameterException: Invalid parameter at 'PolicyText' failed to satisfy constraint: 'Invalid \
             repository policy provided'"
        );
    }
    for (put, get, delete, member, text, missing) in [
        (
            "PutLifecyclePolicy",
            "GetLifecyclePolicy",
            "DeleteLifecyclePolicy",
            "lifecyclePolicyText",
            lifecycle,
            "LifecyclePolicyNotFoundException",
        ),
        (
            "SetRepositoryPolicy",
            "GetRepositoryPolicy",
            "DeleteRepositoryPolicy",
            "policyText",
            policy,
            "RepositoryPolicyNotFoundException",
        ),
    ] {
        assert!(ecr.refused(get, name.clone()).await.contains(missing));
        assert!(
            ecr.refused(put, json!({"repositoryName": "app", member: "nonsense"}))
                .await
                .contains("InvalidParameterException")
        );
        ecr.ok(put, json!({"repositoryName": "app", member: text})).await;
        assert_eq!(ecr.ok(get, name.clone()).await[member], text);
        assert_eq!(ecr.ok(delete, name.clone()).await[member], text);
        assert!(ecr.refused(delete, name.clone()).await.contains(missing));
    }
}

#[tokio::test]
async fn the_token_is_one_that_docker_login_takes() {
    let token = ecr().ok("GetAuthorizationToken", json!({})).await["authorizationData"][0].clone();
    let decoded = STANDARD.decode(token["authorizationToken"].as_str().unwrap()).unwrap();
    assert!(decoded.starts_with(b"AWS:") && decoded.len() > 20);
    assert_eq!(token["proxyEndpoint"], "http://127.0.0.1:4566");
}

#[test]
fn the_table_is_in_the_order_of_its_names_and_of_what_aws_has() {
    assert!(ROWS.is_sorted_by_key(|(name, _)| *name));
    for (name, _) in ROWS {
        assert!(Service::Ecr.model().operation(name).is_some(), "{name}");
    }
}

#[tokio::test]
async fn a_lifecycle_is_previewed_and_then_carried_out() {
    let ecr = ecr();
    ecr.ok("CreateRepository", json!({"repositoryName": "app"})).await;
    let name = json!({"repositoryName": "app"});
    let put =
        |manifest: String, tag: &str| json!({"repositoryName": "app", "imageManifest": manifest, "imageTag": tag});
    for tag in ["old", "new"] {
        ecr.ok("PutImage", put(ecr.manifest(tag.as_bytes()).await, tag)).await;
        let at = crate::now();
        while crate::now() == at {
            tokio::task::yield_now().await; // the next push is of another instant
        }
    }
    let policy = r#"{"rules":[{"rulePriority":7,"selection":{"tagStatus":"any","countType":"imageCountMoreThan","countNumber":1},"action":{"type":"expire"}}]}"#;
    assert!(
        ecr.refused("StartLifecyclePolicyPreview", name.clone()).await.contains("LifecyclePolicyNotFoundException")
    );
    let refused = ecr.refused("GetLifecyclePolicyPreview", name.clone()).await;
    assert!(refused.contains("LifecyclePolicyPreviewNotFoundException"), "{refused}");
    let start = json!({"repositoryName": "app", "lifecyclePolicyText": policy});
    assert_eq!(ecr.ok("StartLifecyclePolicyPreview", start.clone()).await["status"], "IN_PROGRESS");
    let preview = ecr.ok("GetLifecyclePolicyPreview", name.clone()).await;
    assert_eq!(preview["status"], "COMPLETE");
    assert_eq!(preview["summary"], json!({"expiringImageTotalCount": 1}));
    let image = &preview["previewResults"][0];
    assert_eq!((&image["imageTags"], &image["appliedRulePriority"]), (&json!(["old"]), &json!(7)));
    assert_eq!(ecr.registry.expire_images().await.unwrap(), 0, "a preview deletes nothing, and is no policy");

    ecr.ok("PutLifecyclePolicy", start).await;
    assert_eq!(ecr.ok("GetLifecyclePolicy", name.clone()).await["lastEvaluatedAt"], 0, "it was not carried out yet");
    assert_eq!(ecr.registry.expire_images().await.unwrap(), 1);
    assert!(ecr.ok("GetLifecyclePolicy", name.clone()).await["lastEvaluatedAt"].as_f64().unwrap() > 1e9);
    let left = ecr.ok("ListImages", name).await["imageIds"].clone();
    assert_eq!(left.as_array().unwrap().iter().map(|id| &id["imageTag"]).collect::<Vec<_>>(), ["new"]);
    let wrong =
        json!({"repositoryName": "app", "lifecyclePolicyText": policy.replace("any", "untagged").replace('7', "0")});
    let words = ecr.refused("PutLifecyclePolicy", wrong).await;
    assert!(words.contains("Lifecycle policy validation failure: rule 0"), "{words}");
}

#[tokio::test]
async fn nothing_is_said_to_have_been_scanned() {
    let ecr = ecr();
    let id = json!({"imageTag": "v1"});
    for (name, on_push) in [("app", false), ("checked", true)] {
        let scanning = json!({"scanOnPush": on_push});
        ecr.ok("CreateRepository", json!({"repositoryName": name, "imageScanningConfiguration": scanning})).await;
    }
    let index = json!({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": []});
    let put = |name: &str| json!({"repositoryName": name, "imageManifest": index.to_string(), "imageTag": "v1"});
    ecr.ok("PutImage", put("app")).await;
    ecr.ok("PutImage", put("checked")).await;
    let image = |name: &str| json!({"repositoryName": name, "imageId": id});
    let words = ecr.refused("DescribeImageScanFindings", image("app")).await;
    assert!(words.contains("ScanNotFoundException"), "{words}");
    assert_eq!(ecr.ok("DescribeImageScanFindings", image("checked")).await["imageScanStatus"]["status"], "FAILED");
    assert_eq!(ecr.ok("StartImageScan", image("app")).await["imageScanStatus"]["status"], "FAILED");
    let found = ecr.ok("DescribeImageScanFindings", image("app")).await;
    assert!(found["imageScanStatus"]["description"].as_str().unwrap().contains("no scanner"), "{found}");
    assert!(found.get("imageScanFindings").is_none());

    let get = || ecr.ok("GetRegistryScanningConfiguration", json!({}));
    assert_eq!(get().await["scanningConfiguration"], json!({"scanType": "BASIC", "rules": []}));
    let filters = json!([{"filter": "ap*", "filterType": "WILDCARD"}]);
    let rules = |frequency: &str| json!({"rules": [{"scanFrequency": frequency, "repositoryFilters": filters}]});
    let words = ecr.refused("PutRegistryScanningConfiguration", rules("CONTINUOUS_SCAN")).await;
    assert!(words.contains("InvalidParameterException"), "{words}");
    ecr.ok("PutRegistryScanningConfiguration", rules("SCAN_ON_PUSH")).await;
    let names = json!({"repositoryNames": ["app", "none"]});
    let applied = ecr.ok("BatchGetRepositoryScanningConfiguration", names).await;
    assert_eq!(applied["scanningConfigurations"][0]["appliedScanFilters"], filters);
    assert_eq!(applied["failures"][0]["failureCode"], "REPOSITORY_NOT_FOUND");
}

#[tokio::test]
async fn the_registry_s_own_settings_are_kept() {
    let ecr = ecr();
    assert_eq!(ecr.ok("DescribeRegistry", json!({})).await["replicationConfiguration"], json!({"rules": []}));
    let replication = json!({"rules": [{"destinations": [{"region": "eu-west-2", "registryId": "123456789012"}]}]});
    ecr.ok("PutReplicationConfiguration", json!({"replicationConfiguration": replication})).await;
    assert_eq!(ecr.ok("DescribeRegistry", json!({})).await["replicationConfiguration"], replication);

    assert!(ecr.refused("GetRegistryPolicy", json!({})).await.contains("RegistryPolicyNotFoundException"));
    let policy = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"ecr:*"}]}"#;
    assert!(ecr.refused("PutRegistryPolicy", json!({"policyText": "{}"})).await.contains("Invalid registry policy"));
    ecr.ok("PutRegistryPolicy", json!({"policyText": policy})).await;
    assert_eq!(ecr.ok("GetRegistryPolicy", json!({})).await["policyText"], policy);

    let rule = json!({"ecrRepositoryPrefix": "hub", "upstreamRegistryUrl": "registry-1.docker.io"});
    let made = ecr.ok("CreatePullThroughCacheRule", rule.clone()).await;
    assert_eq!(made["upstreamRegistry"], "docker-hub");
    assert!(ecr.refused("CreatePullThroughCacheRule", rule).await.contains("AlreadyExistsException"));
    let other = json!({"ecrRepositoryPrefix": "xx", "upstreamRegistryUrl": "example.com"});
    assert!(ecr.refused("CreatePullThroughCacheRule", other).await.contains("UnsupportedUpstreamRegistryException"));
    let arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:ecr-pullthroughcache/hub";
    ecr.ok("UpdatePullThroughCacheRule", json!({"ecrRepositoryPrefix": "hub", "credentialArn": arn})).await;
    let rules = ecr.ok("DescribePullThroughCacheRules", json!({})).await["pullThroughCacheRules"].clone();
    assert_eq!((rules.as_array().unwrap().len(), &rules[0]["credentialArn"]), (1, &json!(arn)));
    ecr.ok("DeletePullThroughCacheRule", json!({"ecrRepositoryPrefix": "hub"})).await;
    let gone = json!({"ecrRepositoryPrefixes": ["hub"]});
    assert!(ecr.refused("DescribePullThroughCacheRules", gone).await.contains("RuleNotFoundException"));
    ecr.registry.clear().await.unwrap();
    assert!(ecr.refused("GetRegistryPolicy", json!({})).await.contains("RegistryPolicyNotFoundException"));
}
