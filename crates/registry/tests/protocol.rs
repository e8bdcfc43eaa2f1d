//! The distribution protocol over a real socket.
#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use common::{ACCOUNT, layer, serve, serve_in, until};
use images::{Credentials, Digest, PullError, Reference, media};
use registry::Lookup;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

#[tokio::test]
async fn the_base_says_that_this_is_a_registry() {
    let served = serve().await;
    let answer = served.send("GET", "/v2/", &[], "").await;
    assert_eq!((answer.verdict().as_str(), answer.header("docker-distribution-api-version")), ("200", "registry/2.0"));
    assert_eq!(served.send("GET", "/v2/_catalog", &[], "").await.json(), json!({"repositories": []}));
}

#[tokio::test]
async fn credentials_are_those_of_ecr_or_none_where_none_are_wanted() {
    let basic = |pair: &str| {
        use base64::Engine;
        format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair))
    };
    for (anonymous, header, wanted) in [
        (true, None, "200"),
        (false, None, "401 UNAUTHORIZED"),
        (false, Some(basic("AWS:anything")), "200"),
        (true, Some(basic("root:x")), "401 UNAUTHORIZED"),
        (true, Some("Bearer x".to_owned()), "401 UNAUTHORIZED"),
    ] {
        let served = serve_in(tempfile::tempdir().unwrap(), anonymous).await;
        let headers: Vec<_> = header.iter().map(|h| ("authorization", h.as_str())).collect();
        let answer = served.send("GET", "/v2/", &headers, "").await;
        assert_eq!(answer.verdict(), wanted, "{header:?}");
        assert_eq!(answer.header("www-authenticate").is_empty(), wanted == "200");
    }
}

#[tokio::test]
async fn a_push_needs_a_repository_and_is_told_so_in_ecrs_words() {
    let served = serve().await;
    let answer = served.send("POST", "/v2/no/such/blobs/uploads/", &[], "").await;
    assert_eq!(answer.verdict(), "404 NAME_UNKNOWN");
    let words = format!("The repository with name 'no/such' does not exist in the registry with id '{ACCOUNT}'");
    assert_eq!(answer.json()["errors"][0]["message"], words);
    assert_eq!(served.send("POST", "/v2/UPPER/blobs/uploads/", &[], "").await.verdict(), "400 NAME_INVALID");
}

#[tokio::test]
async fn pieces_must_come_in_order_and_a_push_can_be_taken_up_again() {
    let served = serve().await;
    served.create("app/server").await;
    let begun = served.send("POST", "/v2/app/server/blobs/uploads/", &[], "").await;
    assert_eq!((begun.verdict().as_str(), begun.header("range")), ("202", "0-0"));
    let at = begun.header("location").to_owned();

    let piece = served.send("PATCH", &at, &[("content-range", "0-3")], "abcd").await;
    assert_eq!((piece.verdict().as_str(), piece.header("range")), ("202", "0-3"));
    let disorder = served.send("PATCH", &at, &[("content-range", "8-9")], "ij").await;
    assert_eq!((disorder.verdict().as_str(), disorder.header("range")), ("416 BLOB_UPLOAD_INVALID", "0-3"));
    let lie = served.send("PATCH", &at, &[("content-range", "4-9")], "ef").await;
    assert_eq!(lie.verdict(), "400 SIZE_INVALID");
    let status = served.send("GET", &at, &[], "").await;
    assert_eq!((status.verdict().as_str(), status.header("range")), ("204", "0-3"));
    assert_eq!(served.send("PATCH", &at, &[], "efgh").await.verdict(), "202");

    let digest = Digest::of(b"abcdefghij");
    let done = served.send("PUT", &format!("{at}?digest={digest}"), &[("content-range", "8-9")], "ij").await;
    assert_eq!(done.verdict(), "201");
    assert_eq!(done.header("location"), format!("/v2/app/server/blobs/{digest}"));
    assert_eq!(served.send("GET", &at, &[], "").await.verdict(), "404 BLOB_UPLOAD_UNKNOWN");
    assert_eq!(served.send("GET", done.header("location"), &[], "").await.body, "abcdefghij");
    assert_eq!(served.unfinished(), 0);
}

#[tokio::test]
async fn a_wrong_digest_or_a_cancelled_push_leaves_nothing() {
    let served = serve().await;
    served.create("app").await;
    let wrong = Digest::of(b"else");
    let answer = served.send("POST", &format!("/v2/app/blobs/uploads/?digest={wrong}"), &[], "abc").await;
    assert_eq!(answer.verdict(), "400 DIGEST_INVALID");
    let answer = served.send("POST", "/v2/app/blobs/uploads/?digest=sha256:..", &[], "abc").await;
    assert_eq!(answer.verdict(), "400 DIGEST_INVALID");

    let begun = served.send("POST", "/v2/app/blobs/uploads/", &[], "").await;
    let at = begun.header("location");
    served.send("PATCH", at, &[], "abc").await;
    assert_eq!(served.send("DELETE", at, &[], "").await.verdict(), "204");
    assert_eq!(served.send("PATCH", at, &[], "abc").await.verdict(), "404 BLOB_UPLOAD_UNKNOWN");
    assert_eq!((served.unfinished(), served.usage()), (0, (0, 0)));
}

#[tokio::test]
async fn blobs_are_read_whole_and_in_part() {
    let served = serve().await;
    served.create("app").await;
    let digest = served.push_blob("app", b"0123456789").await;
    let at = format!("/v2/app/blobs/{digest}");
    let head = served.send("HEAD", &at, &[], "").await;
    assert_eq!((head.header("content-length"), head.header("docker-content-digest")), ("10", digest.as_str()));
    assert!(head.body.is_empty());
    let part = served.send("GET", &at, &[("range", "bytes=2-4")], "").await;
    assert_eq!(
        (part.status.as_u16(), part.header("content-range"), &part.body[..]),
        (206, "bytes 2-4/10", &b"234"[..])
    );
    let outside = served.send("GET", &at, &[("range", "bytes=10-")], "").await;
    assert_eq!((outside.status.as_u16(), outside.header("content-range")), (416, "bytes */10"));
    let other = served.send("GET", &format!("/v2/app/blobs/{}", Digest::of(b"?")), &[], "").await;
    assert_eq!(other.verdict(), "404 BLOB_UNKNOWN");
}

#[tokio::test]
async fn a_blob_is_another_repositorys_until_it_is_mounted() {
    let served = serve().await;
    served.create("one").await;
    served.create("two").await;
    let digest = served.push_blob("one", b"shared layer").await;
    let two = format!("/v2/two/blobs/{digest}");
    assert_eq!(served.send("HEAD", &two, &[], "").await.status, 404);
    let unknown = Digest::of(b"unknown");
    let answer = served.send("POST", &format!("/v2/two/blobs/uploads/?mount={unknown}&from=one"), &[], "").await;
    assert_eq!(answer.verdict(), "202", "not there: an ordinary upload begins");
    let answer = served.send("POST", &format!("/v2/two/blobs/uploads/?mount={digest}&from=one"), &[], "").await;
    assert_eq!((answer.verdict().as_str(), answer.header("location")), ("201", two.as_str()));
    assert_eq!(served.send("GET", &two, &[], "").await.body, "shared layer");
    assert_eq!(served.usage().0, 1, "mounted, not copied");
}

#[tokio::test]
async fn manifests_are_checked_before_they_are_taken() {
    let served = serve().await;
    served.create("app").await;
    let mut manifest = served.manifest("app", b"layer").await;
    let good = manifest.clone();
    manifest["layers"][0]["digest"] = json!(Digest::of(b"never pushed"));
    assert_eq!(served.push_manifest("app", "v1", &manifest).await.verdict(), "404 MANIFEST_BLOB_UNKNOWN");
    let wrong = Digest::of(b"wrong");
    assert_eq!(served.push_manifest("app", wrong.as_str(), &good).await.verdict(), "400 DIGEST_INVALID");
    assert_eq!(served.push_manifest("app", "-bad", &good).await.verdict(), "400 TAG_INVALID");
    let answer =
        served.send("PUT", "/v2/app/manifests/v1", &[("content-type", media::OCI_INDEX)], good.to_string()).await;
    assert_eq!(answer.verdict(), "400 MANIFEST_INVALID");
    assert_eq!(served.send("PUT", "/v2/app/manifests/v1", &[], "{").await.verdict(), "400 MANIFEST_INVALID");
    let big = vec![b' '; 5 << 20];
    assert_eq!(served.send("PUT", "/v2/app/manifests/v1", &[], big).await.verdict(), "413 MANIFEST_INVALID");
    assert_eq!(served.send("GET", "/v2/app/manifests/v1", &[], "").await.verdict(), "404 MANIFEST_UNKNOWN");

    let answer = served.push_manifest("app", "v1", &good).await;
    assert_eq!(answer.verdict(), "201");
    let digest = Digest::of(good.to_string().as_bytes());
    for reference in ["v1", digest.as_str()] {
        let got = served.send("GET", &format!("/v2/app/manifests/{reference}"), &[], "").await;
        assert_eq!((got.header("content-type"), &got.body[..]), (media::OCI_MANIFEST, good.to_string().as_bytes()));
        let head = served.send("HEAD", &format!("/v2/app/manifests/{reference}"), &[], "").await;
        assert_eq!(head.header("docker-content-digest"), digest.as_str());
        assert_eq!(head.header("content-length"), good.to_string().len().to_string());
    }
}

#[tokio::test]
async fn an_immutable_tag_stays_where_it_is() {
    let served = serve().await;
    served.create_as("app", "IMMUTABLE").await;
    let first = served.push_image("app", "v1", b"one").await;
    let other = served.manifest("app", b"two").await;
    let refused = served.push_manifest("app", "v1", &other).await;
    assert_eq!(refused.verdict(), "400 TAG_INVALID");
    assert_eq!(served.push_manifest("app", "v2", &other).await.verdict(), "201");
    assert_eq!(served.push_image("app", "v1", b"one").await, first, "the same again is no change");
}

#[tokio::test]
async fn tags_are_listed_in_pages() {
    let served = serve().await;
    served.create("app").await;
    for tag in ["c", "a", "b", "e", "d"] {
        served.push_image("app", tag, b"layer").await;
    }
    let first = served.send("GET", "/v2/app/tags/list?n=2", &[], "").await;
    assert_eq!(first.json(), json!({"name": "app", "tags": ["a", "b"]}));
    assert_eq!(first.header("link"), "</v2/app/tags/list?n=2&last=b>; rel=\"next\"");
    let rest = served.send("GET", "/v2/app/tags/list?last=b", &[], "").await;
    assert_eq!((rest.json()["tags"].clone(), rest.header("link")), (json!(["c", "d", "e"]), ""));
    assert_eq!(served.send("GET", "/v2/app/tags/list?n=x", &[], "").await.verdict(), "400 SIZE_INVALID");
    assert_eq!(served.send("GET", "/v2/none/tags/list", &[], "").await.verdict(), "404 NAME_UNKNOWN");
}

#[tokio::test]
async fn referrers_are_found_by_subject_and_type() {
    let served = serve().await;
    served.create("app").await;
    let subject = served.push_image("app", "v1", b"layer").await;
    for (kind, annotations) in [("application/sbom", json!({"by": "us"})), ("application/signature", json!({}))] {
        let mut artifact = served.manifest("app", kind.as_bytes()).await;
        artifact["artifactType"] = json!(kind);
        artifact["annotations"] = annotations;
        artifact["subject"] = json!({"mediaType": media::OCI_MANIFEST, "digest": subject, "size": 1});
        let digest = Digest::of(artifact.to_string().as_bytes());
        let answer = served.push_manifest("app", digest.as_str(), &artifact).await;
        assert_eq!((answer.verdict().as_str(), answer.header("oci-subject")), ("201", subject.as_str()));
    }
    let at = format!("/v2/app/referrers/{subject}");
    let all = served.send("GET", &at, &[], "").await;
    assert_eq!(all.header("content-type"), media::OCI_INDEX);
    assert_eq!(all.json()["manifests"].as_array().unwrap().len(), 2);
    let some = served.send("GET", &format!("{at}?artifactType=application/sbom"), &[], "").await;
    assert_eq!(some.header("oci-filters-applied"), "artifactType");
    let found = some.json()["manifests"].clone();
    assert_eq!((found.as_array().unwrap().len(), &found[0]["annotations"]["by"]), (1, &json!("us")));
    let none = served.send("GET", &format!("/v2/app/referrers/{}", Digest::of(b"?")), &[], "").await;
    assert_eq!((none.verdict().as_str(), none.json()["manifests"].clone()), ("200", json!([])));
}

#[tokio::test]
async fn an_index_needs_its_images_and_keeps_them() {
    let served = serve().await;
    served.create("app").await;
    let image = served.push_image("app", "amd64", b"layer").await;
    let entry = |digest: &Digest| {
        json!({"mediaType": media::OCI_MANIFEST, "digest": digest, "size": 1,
        "platform": {"os": "linux", "architecture": "amd64"}})
    };
    let index =
        |digest: &Digest| json!({"schemaVersion": 2, "mediaType": media::OCI_INDEX, "manifests": [entry(digest)]});
    let dangling = served.push_manifest("app", "all", &index(&Digest::of(b"?"))).await;
    assert_eq!(dangling.verdict(), "404 MANIFEST_BLOB_UNKNOWN");
    assert_eq!(served.push_manifest("app", "all", &index(&image)).await.verdict(), "201");
    let by_digest = format!("/v2/app/manifests/{image}");
    assert_eq!(served.send("DELETE", &by_digest, &[], "").await.verdict(), "403 DENIED");
    let index_digest = served.registry.resolve("app", "all").unwrap();
    assert_eq!(served.send("DELETE", &format!("/v2/app/manifests/{index_digest}"), &[], "").await.verdict(), "202");
    assert_eq!(served.send("DELETE", &by_digest, &[], "").await.verdict(), "202");
}

#[tokio::test]
async fn deleting_an_image_frees_what_only_it_used() {
    let served = serve().await;
    served.create("app").await;
    let kept = served.push_image("app", "kept", b"shared").await;
    let mut manifest = served.manifest("app", b"shared").await;
    let own = served.push_blob("app", b"own layer").await;
    manifest["annotations"] = json!({"other": "image"});
    manifest["layers"].as_array_mut().unwrap().push(json!({"mediaType": "x", "digest": own, "size": 9}));
    served.push_manifest("app", "gone", &manifest).await;
    assert_eq!(served.usage().0, 5);
    // Having been read by a client holds nothing back.
    assert_eq!(served.send("GET", &format!("/v2/app/blobs/{own}"), &[], "").await.verdict(), "200");

    assert_eq!(served.send("DELETE", "/v2/app/manifests/gone", &[], "").await.verdict(), "202");
    assert_eq!(served.send("GET", "/v2/app/manifests/gone", &[], "").await.verdict(), "404 MANIFEST_UNKNOWN");
    let gone = Digest::of(manifest.to_string().as_bytes());
    assert_eq!(served.send("GET", &format!("/v2/app/manifests/{gone}"), &[], "").await.verdict(), "200");
    assert_eq!(served.send("DELETE", &format!("/v2/app/manifests/{gone}"), &[], "").await.verdict(), "202");
    until("the own layer and manifest are swept", || served.usage().0 == 3).await;
    assert_eq!(served.send("GET", &format!("/v2/app/blobs/{own}"), &[], "").await.verdict(), "404 BLOB_UNKNOWN");
    assert_eq!(served.send("GET", &format!("/v2/app/manifests/{kept}"), &[], "").await.verdict(), "200");
}

#[tokio::test]
async fn an_image_in_two_repositories_is_stored_once() {
    let served = serve().await;
    served.create("one").await;
    served.create("two").await;
    served.push_image("one", "v1", b"layer").await;
    let once = served.usage();
    served.push_image("two", "v1", b"layer").await;
    served.push_image("two", "v2", b"layer").await;
    assert_eq!(served.usage(), once);
    served.registry.delete_repository("one", true).await.unwrap();
    served.registry.sweep().await.unwrap();
    assert_eq!(served.usage(), once, "the other repository still has it");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_in_the_middle_of_a_push_leaves_nothing_and_loses_nothing() {
    let served = serve().await;
    served.create("app").await;
    let digest = served.push_image("app", "v1", b"layer").await;
    let begun = served.send("POST", "/v2/app/blobs/uploads/", &[], "").await;
    let at = begun.header("location").to_owned();

    // Half of a body, and the connection stays open.
    let mut stream = tokio::net::TcpStream::connect(&served.host).await.unwrap();
    let head = format!("PATCH {at} HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\nonly some bytes");
    stream.write_all(head.as_bytes()).await.unwrap();
    let tmp = served.dir.path().join("images/tmp");
    let has_bytes = || std::fs::read_dir(&tmp).unwrap().any(|e| e.unwrap().metadata().unwrap().len() > 0);
    until("the first bytes are on the disk", has_bytes).await;

    let served = served.restart().await;
    assert_eq!(served.unfinished(), 0);
    assert_eq!(served.send("PATCH", &at, &[], "more").await.verdict(), "404 BLOB_UPLOAD_UNKNOWN");
    assert_eq!(served.registry.resolve("app", "v1"), Some(digest.clone()));
    assert_eq!(served.send("GET", &format!("/v2/app/manifests/{digest}"), &[], "").await.verdict(), "200");
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest).await;
    assert!(rest.is_empty(), "the broken push was never acknowledged");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_hangs_up_may_go_on_with_the_same_upload() {
    let served = serve().await;
    served.create("app").await;
    let at = served.send("POST", "/v2/app/blobs/uploads/", &[], "").await.header("location").to_owned();
    let mut stream = tokio::net::TcpStream::connect(&served.host).await.unwrap();
    let head = format!("PATCH {at} HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\nabcd");
    stream.write_all(head.as_bytes()).await.unwrap();
    let tmp = served.dir.path().join("images/tmp");
    until("the bytes are on the disk", || {
        std::fs::read_dir(&tmp).unwrap().any(|e| e.unwrap().metadata().unwrap().len() == 4)
    })
    .await;
    drop(stream);
    let id = at.rsplit_once('/').unwrap().1.to_owned();
    let upload = served.registry.upload("app", &id).unwrap();
    until("the upload is free again", || upload.size() == Some(4)).await;
    let digest = Digest::of(b"abcdef");
    let done = served.send("PUT", &format!("{at}?digest={digest}"), &[("content-range", "4-5")], "ef").await;
    assert_eq!(done.verdict(), "201");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_pulled_from_another_registry_is_the_one_pushed_there() {
    testhost::needs_root!();
    let there = serve().await;
    there.create("app").await;
    let digest = there.push_image("app", "v1", &layer("bin/app", &vec![7; 300_000])).await;
    let here = serve().await;
    let images = here.registry.images();
    let pull = async |name: &str| {
        let reference: Reference = format!("{}/{name}", there.host).parse().unwrap();
        let credentials = Credentials::Password { user: "AWS".into(), password: "x".into() };
        images.pull(&reference, &credentials, &|_| {}).await
    };
    let (spawned, reference) = (images.clone(), format!("{}/app:v1", there.host).parse::<Reference>().unwrap());
    let pulled = tokio::spawn(async move { spawned.pull(&reference, &Credentials::Anonymous, &|_| {}).await });
    assert_eq!(pulled.await.unwrap().unwrap(), digest);
    assert_eq!(pull("app:v1").await.unwrap(), digest);
    assert_eq!(pull(&format!("app@{digest}")).await.unwrap(), digest);
    assert_eq!(here.usage(), there.usage());
    let unpacked = images.ensure_unpacked(&digest).await.unwrap();
    assert_eq!(std::fs::metadata(unpacked.lower_dirs[0].join("bin/app")).unwrap().len(), 300_000);
    drop(unpacked);
    here.registry.sweep().await.unwrap();
    assert_eq!(here.usage(), there.usage(), "a pulled image is kept");

    for (name, wanted) in [("app:none", "not found"), ("none:v1", "not found")] {
        let error = pull(name).await.unwrap_err();
        assert!(matches!(error, PullError::NotFound { .. }), "{wanted}: {error:?}");
    }
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let reference: Reference = format!("{closed}/app").parse().unwrap();
    let error = images.pull(&reference, &Credentials::Anonymous, &|_| {}).await.unwrap_err();
    assert!(matches!(error, PullError::Unreachable { .. }), "{error:?}");

    let guarded = serve_in(tempfile::tempdir().unwrap(), false).await;
    guarded.create("app").await;
    let reference: Reference = format!("{}/app", guarded.host).parse().unwrap();
    let error = images.pull(&reference, &Credentials::Anonymous, &|_| {}).await.unwrap_err();
    assert!(matches!(error, PullError::Unauthorized { .. }), "{error:?}");
}

#[tokio::test]
async fn references_to_this_registry_need_no_network() {
    let served = serve().await;
    served.create("app/server").await;
    let digest = served.push_image("app/server", "v1", b"layer").await;
    let port = served.host.rsplit_once(':').unwrap().1;
    let look_up = |text: String| served.registry.look_up(&text.parse().unwrap());
    for own in [
        format!("{}/app/server:v1", served.host),
        format!("localhost:{port}/app/server:v1"),
        format!("{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com/app/server:v1"),
        format!("{}/app/server:other@{digest}", served.host),
    ] {
        assert!(matches!(look_up(own.clone()), Lookup::Here { digest: d, .. } if d == digest), "{own}");
    }
    match look_up(format!("{}/app/none", served.host)) {
        Lookup::Missing { message, .. } => {
            assert!(message.starts_with("The repository with name 'app/none'"), "{message}")
        }
        other => panic!("{other:?}"),
    }
    match look_up(format!("{}/app/server", served.host)) {
        Lookup::Missing { message, .. } => assert!(message.contains("imageTag:'latest'"), "{message}"),
        other => panic!("{other:?}"),
    }
    for other in ["nginx".to_owned(), "999999999999.dkr.ecr.us-east-1.amazonaws.com/app/server:v1".to_owned()] {
        assert!(matches!(look_up(other), Lookup::Elsewhere(_)));
    }
}
