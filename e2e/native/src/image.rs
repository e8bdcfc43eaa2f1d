//! Small images, made here and pushed through the registry's own protocol.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::platform::{Platform, beside};

fn digest(bytes: &[u8]) -> String {
    let hash = Sha256::digest(bytes);
    format!("sha256:{}", hash.iter().map(|b| format!("{b:02x}")).collect::<String>())
}

/// Returns busybox, which Debian's package `busybox-static` puts there.
fn busybox() -> PathBuf {
    let path = PathBuf::from("/bin/busybox");
    assert!(path.exists(), "/bin/busybox is missing: apt-get install busybox-static");
    path
}

/// Pushes an image of busybox (with all that a shell script needs) and returns its reference.
pub async fn push_busybox(platform: &Platform, repository: &str) -> String {
    push(platform, repository, &busybox_with(&[]), &json!({"Cmd": ["/bin/sh"], "Env": ["PATH=/bin"]})).await
}

/// Pushes an image of busybox and these scripts, by their paths, which runs as `run` says, and returns its reference.
pub async fn push_scripts(platform: &Platform, repository: &str, scripts: &[(&str, &str)], run: &Value) -> String {
    push(platform, repository, &busybox_with(scripts), run).await
}

/// Returns a layer of busybox and these scripts.
fn busybox_with(scripts: &[(&str, &str)]) -> Vec<u8> {
    let tools = [
        "sh", "sleep", "echo", "cat", "httpd", "wget", "id", "env", "ls", "kill", "mkdir", "touch", "true", "false",
        "nc", "trap", "date", "head", "tail", "yes", "dd", "test", "[", "stty", "base64", "wc",
    ];
    let mut archive = tar::Builder::new(Vec::new());
    let add_dir = |archive: &mut tar::Builder<Vec<u8>>, path: &str, mode: u32| {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Directory);
        header.set_mode(mode);
        header.set_size(0);
        archive.append_data(&mut header, path, std::io::empty()).expect("memory is writable");
    };
    for (path, mode) in [("bin/", 0o755), ("etc/", 0o755), ("tmp/", 0o1777), ("www/", 0o755)] {
        add_dir(&mut archive, path, mode);
    }
    let mut add = |path: &str, bytes: &[u8], mode: u32| {
        let mut header = tar::Header::new_gnu();
        header.set_mode(mode);
        header.set_size(bytes.len() as u64);
        archive.append_data(&mut header, path, bytes).expect("memory is writable");
    };
    add("bin/busybox", &std::fs::read(busybox()).expect("busybox is readable"), 0o755);
    add("etc/passwd", b"root:x:0:0::/:/bin/sh\nweb:x:101:101::/:/bin/sh\n", 0o644);
    add("etc/group", b"root:x:0:\nweb:x:101:\n", 0o644);
    add("www/index.html", b"hello\n", 0o644);
    for (path, text) in scripts {
        add(path.trim_start_matches('/'), text.as_bytes(), 0o755);
    }
    for tool in tools {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Symlink);
        header.set_mode(0o777);
        header.set_size(0);
        archive.append_link(&mut header, format!("bin/{tool}"), "busybox").expect("memory is writable");
    }
    archive.into_inner().expect("memory is writable")
}

/// Pushes an image of the example `hello`, which runs as its Dockerfile says, and returns its reference.
pub async fn push_hello(platform: &Platform, repository: &str) -> String {
    let run = json!({"Entrypoint": ["/hello"], "Env": ["PORT=8000"], "User": "65532:65532"});
    push(platform, repository, &hello(), &run).await
}

/// Pushes an image of the example `hello`, and returns its reference. It has no way to be graceful: its
/// stop signal is SIGKILL, so that whatever is in flight when it is stopped is lost.
pub async fn push_abrupt_hello(platform: &Platform, repository: &str) -> String {
    let run = json!({"Entrypoint": ["/hello"], "StopSignal": "SIGKILL"});
    push(platform, repository, &hello(), &run).await
}

/// Pushes an image of one program of this repository, which is its entry point, and returns its reference.
pub async fn push_program(platform: &Platform, repository: &str, program: &Path) -> String {
    push(platform, repository, &layer_of(program, "program"), &json!({"Entrypoint": ["/program"]})).await
}

/// Returns a layer of the example `hello` and the libraries that it is loaded with.
fn hello() -> Vec<u8> {
    layer_of(&beside("hello"), "hello")
}

/// Returns a layer of a program, under a name, and the libraries that it is loaded with.
fn layer_of(program: &Path, name: &str) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    archive.append_path_with_name(program, name).expect("the program is readable");
    for library in libraries(program) {
        let inside = library.strip_prefix("/").expect("libraries are named in full");
        let real = library.canonicalize().expect("a library that ldd names is there");
        archive.append_path_with_name(real, inside).expect("a library is readable");
    }
    archive.into_inner().expect("memory is writable")
}

/// Returns the files that a program is loaded with.
fn libraries(program: &Path) -> Vec<PathBuf> {
    let listed = Command::new("ldd").arg(program).output().expect("ldd runs");
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    listed.lines().filter_map(|line| line.split_whitespace().find(|w| w.starts_with('/'))).map(PathBuf::from).collect()
}

/// Pushes one layer and what its containers run, and returns the image's reference.
async fn push(platform: &Platform, repository: &str, layer: &[u8], run: &Value) -> String {
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(layer).expect("memory is writable");
    let packed = packed.finish().expect("memory is writable");
    let config = json!({
        "architecture": "amd64", "os": "linux",
        "config": run,
        "rootfs": {"type": "layers", "diff_ids": [digest(layer)]},
    })
    .to_string()
    .into_bytes();
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest(&config), "size": config.len()},
        "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", "digest": digest(&packed), "size": packed.len()}],
    })
    .to_string()
    .into_bytes();

    let made = platform.try_call(&aws::ECR, "CreateRepository", json!({ "repositoryName": repository })).await;
    assert!(made.as_ref().err().is_none_or(|e| e.is("RepositoryAlreadyExistsException")), "{made:?}");
    let _ = rustls::crypto::ring::default_provider().install_default(); // a second installation is refused, and that is fine
    let http = reqwest::Client::new();
    let base = format!("{}/v2/{repository}", platform.endpoint());
    for blob in [packed, config] {
        let url = format!("{base}/blobs/uploads/?digest={}", digest(&blob));
        let answer = http.post(url).body(blob).send().await.expect("the registry answers");
        assert_eq!(answer.status().as_u16(), 201, "blob");
    }
    let sent = http
        .put(format!("{base}/manifests/1"))
        .header("content-type", "application/vnd.oci.image.manifest.v1+json")
        .body(manifest)
        .send()
        .await
        .expect("the registry answers");
    assert_eq!(sent.status().as_u16(), 201, "manifest");
    format!("127.0.0.1:{}/{repository}:1", platform.port)
}
