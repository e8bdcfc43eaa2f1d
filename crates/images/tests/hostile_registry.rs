//! A pull from a registry that answers without an end takes no more than a manifest or a configuration may be.
#![allow(clippy::unwrap_used)] // helpers of tests are tests

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use images::{Credentials, Digest, ImageStore, PullError};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Answers manifests with this, or without an end; every blob without an end.
async fn registry(manifest: Option<String>) -> (SocketAddr, Arc<AtomicU64>) {
    let door = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, sent) = (door.local_addr().unwrap(), Arc::<AtomicU64>::default());
    let count = Arc::clone(&sent);
    tokio::spawn(async move {
        loop {
            let (socket, _) = door.accept().await.unwrap();
            tokio::spawn(answer(socket, manifest.clone(), Arc::clone(&count)));
        }
    });
    (address, sent)
}

async fn answer(mut socket: TcpStream, manifest: Option<String>, sent: Arc<AtomicU64>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let Ok(byte) = socket.read_u8().await else { return };
        head.push(byte);
    }
    match manifest.filter(|_| String::from_utf8_lossy(&head).contains("/manifests/")) {
        Some(text) => {
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", text.len());
            let _ = socket.write_all(format!("{head}{text}").as_bytes()).await;
        }
        None => {
            let piece = format!("10000\r\n{}\r\n", " ".repeat(0x10000));
            let _ = socket.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").await;
            while socket.write_all(piece.as_bytes()).await.is_ok() {
                sent.fetch_add(piece.len() as u64, Ordering::SeqCst);
            }
        }
    }
}

async fn pull(manifest: Option<String>) -> (PullError, u64) {
    let (address, sent) = registry(manifest).await;
    let dir = tempfile::tempdir().unwrap();
    let store = ImageStore::open(dir.path()).unwrap();
    let reference = format!("{address}/a/b:t").parse().unwrap();
    let error = store.pull(&reference, &Credentials::Anonymous, &|_| {}).await.unwrap_err();
    (error, sent.load(Ordering::SeqCst))
}

/// Four MiB for the document, and what lies in sockets' buffers.
const BOUND: u64 = 20 << 20;

#[tokio::test(flavor = "multi_thread")]
async fn a_manifest_an_index_and_a_configuration_have_an_end() {
    let (error, sent) = pull(None).await;
    assert!(matches!(error, PullError::Answer { .. }), "{error:?}");
    assert!(sent < BOUND, "{sent}");

    let digest = Digest::of(b"x");
    let config = json!({"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest, "size": 1000});
    let manifest = json!({"schemaVersion": 2, "config": config, "layers": []});
    let (error, sent) = pull(Some(manifest.to_string())).await;
    assert!(matches!(error, PullError::Size { .. }), "{error:?}");
    assert!(sent < BOUND, "{sent}");

    let platform = |architecture| json!({"os": "linux", "architecture": architecture});
    let entry = |architecture| {
        json!({"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": digest, "size": 1,
            "platform": platform(architecture)})
    };
    let entries = [entry("amd64"), entry("arm64")];
    let index =
        json!({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": entries});
    // What it answers for the digest is the index again: not what the digest says.
    let (error, _) = pull(Some(index.to_string())).await;
    assert!(matches!(error, PullError::Answer { .. }), "{error:?}");
}
