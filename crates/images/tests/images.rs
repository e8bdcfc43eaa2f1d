//! Whole images through the store: unpacked once, shared, leased, swept. Needs root.
#![allow(clippy::unwrap_used)] // helpers of tests are tests

use std::collections::HashSet;
use std::path::Path;

use images::{Digest, ImageStore, UnpackError};
use serde_json::json;

/// Makes a layer of files; a name that ends in `/` is a directory.
fn layer(files: &[(&str, &str)]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o755);
        header.set_size(content.len() as u64);
        if name.ends_with('/') {
            header.set_entry_type(tar::EntryType::Directory);
        }
        builder.append_data(&mut header, name, content.as_bytes()).unwrap();
    }
    builder.into_inner().unwrap()
}

/// Stores an image of these layers and returns its manifest's digest.
async fn image(store: &ImageStore, layers: &[Vec<u8>]) -> Digest {
    let mut descriptors = Vec::new();
    let mut diff_ids = Vec::new();
    for layer in layers {
        let blob = zstd::encode_all(&layer[..], 1).unwrap();
        let size = blob.len();
        let digest = store.put_document(blob.into(), None).await.unwrap();
        descriptors
            .push(json!({"mediaType": "application/vnd.oci.image.layer.v1.tar+zstd", "digest": digest, "size": size}));
        diff_ids.push(Digest::of(layer));
    }
    let config = json!({"os": "linux", "architecture": "amd64", "config": {"Cmd": ["/bin/x"]},
        "rootfs": {"type": "layers", "diff_ids": diff_ids}});
    let size = config.to_string().len();
    let config = store.put_document(config.to_string().into(), None).await.unwrap();
    let manifest = json!({"schemaVersion": 2,
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": config, "size": size},
        "layers": descriptors});
    store.put_document(manifest.to_string().into(), None).await.unwrap()
}

fn blob_path(dir: &Path, digest: &Digest) -> std::path::PathBuf {
    dir.join("blobs/sha256").join(&digest.hex()[..2]).join(digest.hex())
}

fn count(path: std::path::PathBuf) -> usize {
    std::fs::read_dir(path).unwrap().count()
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_callers_share_one_extraction_and_the_topmost_layer_is_first() {
    testhost::needs_root!();
    let dir = tempfile::tempdir().unwrap();
    let store = ImageStore::open(dir.path()).unwrap();
    let (base, top) = (layer(&[("base", "1")]), layer(&[("top", "2")]));
    let one = image(&store, &[base.clone(), top.clone(), base.clone()]).await;
    let two = image(&store, &[base, top]).await;
    let calls = (0..8).map(|n| {
        let (store, digest) = (store.clone(), if n % 2 == 0 { one.clone() } else { two.clone() });
        tokio::spawn(async move { store.ensure_unpacked(&digest).await.unwrap() })
    });
    let done = futures_util::future::join_all(calls).await;
    assert_eq!(count(dir.path().join("l")), 2);
    assert_eq!(count(dir.path().join("tmp")), 0);
    let first = done[0].as_ref().unwrap();
    assert_eq!(
        (first.layers.len(), first.lower_dirs.len()),
        (3, 2),
        "a repeated layer is mounted once, where it is uppermost"
    );
    assert!(first.lower_dirs[0].join("base").exists());
    let second = done[1].as_ref().unwrap();
    assert!(second.lower_dirs[0].join("top").exists() && second.lower_dirs[1].join("base").exists());
    assert_eq!(second.config.cmd, ["/bin/x"]);
}

#[tokio::test]
async fn the_lower_directories_mount_as_an_overlay() {
    testhost::needs_root!();
    let dir = tempfile::tempdir().unwrap();
    let store = ImageStore::open(dir.path()).unwrap();
    let digest = image(
        &store,
        &[
            layer(&[("etc/", ""), ("etc/old", "1"), ("etc/keep", "1"), ("cache/", ""), ("cache/x", "1")]),
            layer(&[("etc/", ""), ("etc/.wh.old", ""), ("cache/", ""), ("cache/.wh..wh..opq", ""), ("cache/y", "2")]),
        ],
    )
    .await;
    let unpacked = store.ensure_unpacked(&digest).await.unwrap();
    let at = dir.path().join("mnt");
    std::fs::create_dir(&at).unwrap();
    let lower: Vec<_> = unpacked.lower_dirs.iter().map(|d| d.to_str().unwrap()).collect();
    let options = format!("ro,lowerdir={}", lower.join(":"));
    // In a mount namespace of its own, so that nothing is left behind however the test ends.
    let script =
        format!("mount -t overlay overlay -o '{options}' '{0}' && cd '{0}' && find . -type f | sort", at.display());
    let output = std::process::Command::new("unshare").args(["-m", "sh", "-ec", &script]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(String::from_utf8_lossy(&output.stdout), "./cache/y\n./etc/keep\n");
}

#[tokio::test]
async fn a_corrupt_layer_is_named_and_removed_and_leaves_nothing_unpacked() {
    testhost::needs_root!();
    let dir = tempfile::tempdir().unwrap();
    let store = ImageStore::open(dir.path()).unwrap();
    let content = layer(&[("f", "1")]);
    let digest = image(&store, std::slice::from_ref(&content)).await;
    let blob = Digest::of(&zstd::encode_all(&content[..], 1).unwrap());
    std::fs::write(blob_path(dir.path(), &blob), "rot").unwrap();
    let error = store.ensure_unpacked(&digest).await.unwrap_err();
    assert!(error.to_string().contains("was corrupt on the disk"), "{error}");
    assert_eq!((count(dir.path().join("l")), count(dir.path().join("tmp"))), (0, 0));
    let error = store.ensure_unpacked(&digest).await.unwrap_err();
    assert!(error.to_string().contains("is not in the image store"), "{error}");
    // The same image again heals it.
    image(&store, &[content]).await;
    store.ensure_unpacked(&digest).await.unwrap();
}

#[tokio::test]
async fn an_index_without_this_machine_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let store = ImageStore::open(dir.path()).unwrap();
    let index = json!({"schemaVersion": 2, "manifests": [
        {"digest": Digest::of(b"x"), "size": 1, "platform": {"os": "linux", "architecture": "s390x"}}]});
    let digest = store.put_document(index.to_string().into(), None).await.unwrap();
    assert!(matches!(store.ensure_unpacked(&digest).await, Err(UnpackError::Platform { .. })));
}

#[tokio::test]
async fn the_sweep_takes_what_has_neither_root_nor_lease() {
    testhost::needs_root!();
    let dir = tempfile::tempdir().unwrap();
    let store = ImageStore::open(dir.path()).unwrap();
    let shared = layer(&[("shared", "1")]);
    let kept = image(&store, std::slice::from_ref(&shared)).await;
    let gone = image(&store, &[shared, layer(&[("own", "2")])]).await;
    let lease = store.ensure_unpacked(&gone).await.unwrap().lease;
    let roots = HashSet::from([kept.clone()]);

    let sweep = || {
        let roots = roots.clone();
        store.sweep(move || roots)
    };
    // Just written and no manifest's yet: promised.
    assert_eq!(sweep().await.unwrap().blobs, 0);
    let all: Vec<Digest> = all_blobs(dir.path());
    store.keep(&all);
    assert_eq!(sweep().await.unwrap().blobs, 0, "on lease");
    assert_eq!(count(dir.path().join("l")), 2);

    drop(lease);
    let swept = sweep().await.unwrap();
    assert_eq!((swept.blobs, swept.layers), (3, 1), "manifest, configuration and own layer");
    store.ensure_unpacked(&kept).await.unwrap();
    assert_eq!(sweep().await.unwrap().blobs, 0);
    assert_eq!(count(dir.path().join("tmp")), 0);
}

#[tokio::test]
async fn a_blob_that_a_client_was_told_of_outlives_the_sweep() {
    let dir = tempfile::tempdir().unwrap();
    let store = ImageStore::open(dir.path()).unwrap();
    let digest = store.put_document("layer".into(), None).await.unwrap();
    store.keep([&digest]);
    let asked = store.clone();
    let told = digest.clone();
    // The client asks while the sweep is under way.
    let swept = store
        .sweep(move || {
            asked.stat(&told).unwrap();
            HashSet::new()
        })
        .await
        .unwrap();
    assert_eq!(swept.blobs, 0);
    assert!(store.stat(&digest).is_some());
}

fn all_blobs(dir: &Path) -> Vec<Digest> {
    let shards = std::fs::read_dir(dir.join("blobs/sha256")).unwrap();
    shards
        .flat_map(|s| std::fs::read_dir(s.unwrap().path()).unwrap())
        .map(|e| format!("sha256:{}", e.unwrap().file_name().to_str().unwrap()).parse().unwrap())
        .collect()
}

fn files_of(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        words = format!("{words}: {inner}");
        cause = inner.source();
    }
    words
}

#[tokio::test]
async fn an_image_is_bounded_as_a_whole_and_its_layers_go_with_it() {
    testhost::needs_root!();
    let dir = tempfile::tempdir().unwrap();
    let limits = images::Limits { image_bytes: 3 << 20, ..images::Limits::DEFAULT };
    let store = ImageStore::open_with(dir.path(), limits).unwrap();
    let big = |name| layer(&[(name, &"x".repeat(1 << 20))]);
    let fits = image(&store, &[big("a"), big("b")]).await;
    let unpacked = store.ensure_unpacked(&fits).await.unwrap();
    // A layer that another image brought is charged as well; one that stands twice is charged once.
    let twice = image(&store, &[big("a"), big("b"), big("a")]).await;
    store.ensure_unpacked(&twice).await.unwrap();
    let three = image(&store, &[big("a"), big("b"), big("c")]).await;
    let words = files_of(&store.ensure_unpacked(&three).await.unwrap_err());
    assert!(words.contains("the image has more than 3145728 bytes in all its layers"), "{words}");
    assert!(words.contains(three.as_str()), "{words}");
    assert_eq!(count(dir.path().join("l")), 2, "those of the image that is in use");
    assert_eq!(count(dir.path().join("tmp")), 0);
    // Who has more room says so.
    store.ensure_unpacked_within(&three, 8 << 20).await.unwrap();
    drop(unpacked);
}

#[tokio::test]
async fn a_manifest_that_lies_about_a_layers_size_is_refused() {
    testhost::needs_root!();
    let dir = tempfile::tempdir().unwrap();
    let store = ImageStore::open(dir.path()).unwrap();
    let good = image(&store, &[layer(&[("f", "x")])]).await;
    let bytes = std::fs::read(blob_path(dir.path(), &good)).unwrap();
    let mut manifest: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
    manifest["layers"][0]["size"] = json!(7);
    let digest = store.put_document(manifest.to_string().into(), None).await.unwrap();
    let words = files_of(&store.ensure_unpacked(&digest).await.unwrap_err());
    assert!(words.contains("but the manifest says 7"), "{words}");
    store.ensure_unpacked(&good).await.unwrap();
}

#[tokio::test]
async fn a_manifest_that_calls_a_layer_its_configuration_costs_nobody_the_layer() {
    let dir = tempfile::tempdir().unwrap();
    let store = ImageStore::open(dir.path()).unwrap();
    let big = store.put_document(vec![0; 17 << 20].into(), None).await.unwrap();
    let manifest = json!({"schemaVersion": 2, "config": {"digest": big, "size": 17 << 20}, "layers": []});
    let digest = store.put_document(manifest.to_string().into(), None).await.unwrap();
    let words = files_of(&store.ensure_unpacked(&digest).await.unwrap_err());
    assert!(words.contains("bytes in its configuration"), "{words}");
    assert!(store.read_document(&big).is_err());
    assert!(store.stat(&big).is_some(), "it is what its name says, and stays");
    assert_eq!(store.sweep(move || HashSet::from([digest])).await.unwrap().blobs, 0);
}

#[tokio::test]
async fn documents_are_bounded_by_count_and_size() {
    let dir = tempfile::tempdir().unwrap();
    let limits = images::Limits { layers: 2, manifest_bytes: 4096, ..images::Limits::DEFAULT };
    let store = ImageStore::open_with(dir.path(), limits).unwrap();
    let one = layer(&[("f", "x")]);
    let digest = image(&store, &[one.clone(), one.clone(), one]).await;
    let words = files_of(&store.ensure_unpacked(&digest).await.unwrap_err());
    assert!(words.contains("more than 2 layers"), "{words}");
    let long = json!({"schemaVersion": 2, "manifests": [], "annotations": {"a": "x".repeat(5000)}});
    let digest = store.put_document(long.to_string().into(), None).await.unwrap();
    let words = files_of(&store.ensure_unpacked(&digest).await.unwrap_err());
    assert!(words.contains("more than 4096 bytes in its manifest"), "{words}");
}
