//! Unpacking and a disk that has no room for it. Needs root: see `testhost::small_disk`.
#![allow(clippy::unwrap_used)] // helpers of tests are tests

use std::path::Path;

use images::{Digest, ImageStore};
use serde_json::json;

fn layer(name: &str, bytes: usize) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_mode(0o755);
    header.set_size(bytes as u64);
    builder.append_data(&mut header, name, &vec![b'x'; bytes][..]).unwrap();
    builder.into_inner().unwrap()
}

async fn image(store: &ImageStore, layers: &[Vec<u8>]) -> Digest {
    let mut descriptors = Vec::new();
    for layer in layers {
        let blob = zstd::encode_all(&layer[..], 1).unwrap();
        let size = blob.len();
        let digest = store.put_document(blob.into(), None).await.unwrap();
        descriptors.push(json!({"digest": digest, "size": size}));
    }
    let diff_ids: Vec<_> = layers.iter().map(|l| Digest::of(l)).collect();
    let config = json!({"rootfs": {"type": "layers", "diff_ids": diff_ids}}).to_string();
    let size = config.len();
    let config = store.put_document(config.into(), None).await.unwrap();
    let manifest = json!({"schemaVersion": 2, "config": {"digest": config, "size": size}, "layers": descriptors});
    store.put_document(manifest.to_string().into(), None).await.unwrap()
}

fn entries(dir: &Path) -> usize {
    std::fs::read_dir(dir).unwrap().count()
}

#[tokio::test]
async fn an_image_that_does_not_fit_leaves_room_and_no_layer() {
    let Some(dir) = testhost::small_disk(64, "an_image_that_does_not_fit_leaves_room_and_no_layer") else { return };
    let dir = dir.as_path();
    let store = ImageStore::open(dir).unwrap();
    // The first fits and stays while its image may still be had; the second does not.
    let digest = image(&store, &[layer("small", 8 << 20), layer("large", 200 << 20)]).await;
    let error = store.ensure_unpacked(&digest).await.unwrap_err();
    let words = std::error::Error::source(&error).map(|e| format!("{e} {:?}", e.source()));
    assert!(words.as_ref().is_some_and(|w| w.contains("would be left on the disk")), "{error}: {words:?}");
    assert_eq!((entries(&dir.join("l")), entries(&dir.join("tmp"))), (0, 0));
    // And with that gone, what does fit is unpacked.
    let digest = image(&store, &[layer("small", 8 << 20)]).await;
    store.ensure_unpacked(&digest).await.unwrap();
    assert_eq!(entries(&dir.join("l")), 1);
}
