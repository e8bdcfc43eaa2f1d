//! A registry on a real socket, and a plain HTTP client for it.
#![allow(clippy::unwrap_used, dead_code, missing_docs, unreachable_pub)]

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use images::{Digest, ImageStore};
use registry::{NewRepository, Options, Registry};
use serde_json::{Value, json};

pub const ACCOUNT: &str = "123456789012";

pub struct Served {
    pub registry: Registry,
    pub host: String,
    pub dir: tempfile::TempDir,
    server: tokio::task::JoinHandle<()>,
}

pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// `404 NAME_UNKNOWN`, or the status alone.
    pub fn verdict(&self) -> String {
        let code = serde_json::from_slice::<Value>(&self.body).ok();
        let code = code.and_then(|v| Some(v["errors"][0]["code"].as_str()?.to_owned())).unwrap_or_default();
        format!("{} {code}", self.status.as_u16()).trim().to_owned()
    }
}

pub async fn serve() -> Served {
    serve_in(tempfile::tempdir().unwrap(), true).await
}

pub async fn serve_in(dir: tempfile::TempDir, anonymous: bool) -> Served {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = listener.local_addr().unwrap().to_string();
    // After a restart, a file operation of the aborted server may still hold the locks for a moment.
    let images = opened(|| ImageStore::open(&dir.path().join("images"))).await;
    let store = opened(|| store::Store::open(dir.path())).await;
    let options = Options { host: host.clone(), account: ACCOUNT.to_owned(), anonymous };
    let registry = Registry::open(store, images, options).unwrap();
    let serving = registry.clone();
    let server = tokio::spawn(async move {
        let mut connections = tokio::task::JoinSet::new();
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let registry = serving.clone();
            connections.spawn(async move {
                let service = hyper::service::service_fn(move |request| {
                    let registry = registry.clone();
                    async move { Ok::<_, std::convert::Infallible>(registry.handle(request).await) }
                });
                let builder = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
                let _ = builder.serve_connection(TokioIo::new(stream), service).await;
            });
        }
    });
    Served { registry, host, dir, server }
}

impl Served {
    /// Kills the server as a crash would, and serves the same directory again.
    pub async fn restart(self) -> Served {
        self.server.abort();
        let _ = self.server.await;
        drop(self.registry);
        serve_in(self.dir, true).await
    }

    pub async fn create(&self, name: &str) {
        self.create_as(name, "MUTABLE").await;
    }

    pub async fn create_as(&self, name: &str, mutability: &str) {
        let new = NewRepository {
            name: name.to_owned(),
            mutability: mutability.to_owned(),
            exclusions: Vec::new(),
            scan_on_push: false,
            encryption: json!({"encryptionType": "AES256"}),
            tags: Vec::new(),
        };
        self.registry.create_repository(new).await.unwrap();
    }

    pub async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Answer {
        let path = path.strip_prefix(&format!("http://{}", self.host)).unwrap_or(path);
        let stream = tokio::net::TcpStream::connect(&self.host).await.unwrap();
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let mut request = Request::builder().method(method).uri(path).header("host", &self.host);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = sender.send_request(request.body(Full::new(body.into())).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    pub async fn push_blob(&self, name: &str, bytes: &[u8]) -> Digest {
        let digest = Digest::of(bytes);
        let path = format!("/v2/{name}/blobs/uploads/?digest={digest}");
        let answer = self.send("POST", &path, &[], bytes.to_vec()).await;
        assert_eq!(answer.verdict(), "201");
        digest
    }

    /// Pushes an image of one layer and returns its manifest's digest.
    pub async fn push_image(&self, name: &str, tag: &str, layer: &[u8]) -> Digest {
        let answer = self.push_manifest(name, tag, &self.manifest(name, layer).await).await;
        assert_eq!(answer.verdict(), "201");
        answer.header("docker-content-digest").parse().unwrap()
    }

    pub async fn manifest(&self, name: &str, layer: &[u8]) -> Value {
        let diff_id = Digest::of(layer);
        let config = json!({"os": "linux", "architecture": "amd64", "config": {},
            "rootfs": {"type": "layers", "diff_ids": [diff_id]}});
        let config = config.to_string();
        json!({
            "schemaVersion": 2,
            "mediaType": images::media::OCI_MANIFEST,
            "config": {"mediaType": "application/vnd.oci.image.config.v1+json",
                "digest": self.push_blob(name, config.as_bytes()).await, "size": config.len()},
            "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar",
                "digest": self.push_blob(name, layer).await, "size": layer.len()}],
        })
    }

    pub async fn push_manifest(&self, name: &str, reference: &str, manifest: &Value) -> Answer {
        let media_type = manifest["mediaType"].as_str().unwrap().to_owned();
        let path = format!("/v2/{name}/manifests/{reference}");
        self.send("PUT", &path, &[("content-type", &media_type)], manifest.to_string()).await
    }

    pub fn unfinished(&self) -> usize {
        std::fs::read_dir(self.dir.path().join("images/tmp")).unwrap().count()
    }

    pub fn usage(&self) -> (usize, u64) {
        self.registry.images().usage()
    }
}

/// Waits until a condition holds; a test that waits in vain ends by nextest's timeout or here.
/// Opens something that a process holds alone, once it is let go.
async fn opened<T, E: std::fmt::Debug>(open: impl Fn() -> Result<T, E>) -> T {
    let begun = std::time::Instant::now();
    loop {
        match open() {
            Ok(opened) => return opened,
            Err(error) => assert!(begun.elapsed().as_secs() < 20, "never opened: {error:?}"),
        }
        tokio::task::yield_now().await;
    }
}

pub async fn until(what: &str, condition: impl Fn() -> bool) {
    let wait = async {
        while !condition() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), wait).await.unwrap_or_else(|_| panic!("never: {what}"));
}

/// A plain layer with one file.
pub fn layer(name: &str, content: &[u8]) -> Vec<u8> {
    let mut header = tar::Header::new_gnu();
    header.set_mode(0o755);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(content.len() as u64);
    let mut builder = tar::Builder::new(Vec::new());
    builder.append_data(&mut header, name, content).unwrap();
    builder.into_inner().unwrap()
}
