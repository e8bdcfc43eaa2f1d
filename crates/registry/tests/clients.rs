//! The tools that people use: skopeo, buildah and podman push, pull, copy and list. Needs root
//! and the Debian packages skopeo, buildah, podman and busybox.
#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use std::path::Path;

use common::{Served, serve, serve_in};
use images::Digest;
use registry::ImageId;
use serde_json::Value;

/// Client storage of its own for each test, so that nothing of the host is touched.
struct Tools {
    dir: tempfile::TempDir,
}

impl Tools {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("auth.json"), "{}").unwrap();
        Self { dir }
    }

    fn path(&self, name: &str) -> String {
        self.dir.path().join(name).to_str().unwrap().to_owned()
    }

    /// Runs a tool and returns what it printed; fails the test if it fails.
    async fn run(&self, tool: &str, args: &[&str]) -> String {
        let (ok, output) = self.attempt(tool, args).await;
        assert!(ok, "{tool} {args:?}: {output}");
        output
    }

    async fn attempt(&self, tool: &str, args: &[&str]) -> (bool, String) {
        let mut command = tokio::process::Command::new(tool);
        if tool != "skopeo" {
            let (root, run) = (self.path("storage"), self.path("run"));
            command.args(["--root", &root, "--runroot", &run, "--storage-driver", "vfs"]);
        }
        command.args(args).env("REGISTRY_AUTH_FILE", self.path("auth.json")).kill_on_drop(true);
        let output = command.output().await.unwrap_or_else(|error| panic!("{tool}: {error}"));
        let words = [output.stdout, output.stderr].map(|b| String::from_utf8_lossy(&b).trim().to_owned());
        (output.status.success(), words.join("\n").trim().to_owned())
    }

    /// Makes the image `localhost/app` of busybox, two layers.
    async fn build(&self) {
        let base = self.run("buildah", &["from", "--name", "base", "scratch"]).await;
        assert_eq!(base, "base");
        self.run("buildah", &["copy", "base", "/bin/busybox", "/bin/sh"]).await;
        self.run("buildah", &["config", "--cmd", "/bin/sh", "--env", "A=b", "--user", "7", "base"]).await;
        self.run("buildah", &["commit", "--quiet", "base", "localhost/base"]).await;
        self.run("buildah", &["from", "--name", "app", "localhost/base"]).await;
        let file = self.path("motd");
        std::fs::write(&file, "hello\n").unwrap();
        self.run("buildah", &["copy", "app", &file, "/etc/motd"]).await;
        self.run("buildah", &["commit", "--quiet", "app", "localhost/app"]).await;
    }
}

async fn pushed(served: &Served, tools: &Tools) -> Digest {
    served.create("thinknimble/managr/server").await;
    tools.build().await;
    let target = format!("docker://{}/thinknimble/managr/server:v1", served.host);
    tools.run("buildah", &["push", "--tls-verify=false", "localhost/app", &target]).await;
    served.registry.resolve("thinknimble/managr/server", "v1").unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn buildah_pushes_what_the_platform_unpacks_and_stores_it_once() {
    testhost::needs_root!();
    let (served, tools) = (serve().await, Tools::new());
    let digest = pushed(&served, &tools).await;
    let once = served.usage();
    assert_eq!(once.0, 4, "manifest, configuration, two layers");

    let unpacked = served.registry.images().ensure_unpacked(&digest).await.unwrap();
    assert_eq!((unpacked.lower_dirs.len(), unpacked.config.user.as_str()), (2, "7"));
    assert_eq!(unpacked.config.cmd, ["/bin/sh"]);
    assert!(unpacked.config.env.contains(&"A=b".to_owned()));
    assert_eq!(std::fs::read_to_string(unpacked.lower_dirs[0].join("etc/motd")).unwrap(), "hello\n");
    assert_eq!(std::fs::read(unpacked.lower_dirs[1].join("bin/sh")).unwrap(), std::fs::read("/bin/busybox").unwrap());

    // Pushed again, and under other names: nothing more on the disk.
    served.create("copy").await;
    let target = format!("docker://{}/copy:v1", served.host);
    tools.run("buildah", &["push", "--tls-verify=false", "localhost/app", &target]).await;
    assert_eq!(served.registry.resolve("copy", "v1"), Some(digest));
    assert_eq!((served.usage(), served.unfinished()), (once, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn skopeo_copies_inspects_lists_and_deletes() {
    testhost::needs_root!();
    let (served, tools) = (serve().await, Tools::new());
    let digest = pushed(&served, &tools).await;
    served.create("mirror").await;
    let once = served.usage();
    let from = format!("docker://{}/thinknimble/managr/server:v1", served.host);
    let to = format!("docker://{}/mirror:v2", served.host);
    let both = ["--src-tls-verify=false", "--dest-tls-verify=false"];
    tools.run("skopeo", &[&["copy", "--all"], &both[..], &[&from, &to]].concat()).await;
    assert_eq!((served.registry.resolve("mirror", "v2"), served.usage()), (Some(digest.clone()), once));

    let inspected = tools.run("skopeo", &["inspect", "--tls-verify=false", &to]).await;
    let inspected: Value = serde_json::from_str(&inspected).unwrap();
    assert_eq!(
        (inspected["Digest"].as_str(), inspected["Layers"].as_array().map(Vec::len)),
        (Some(digest.as_str()), Some(2))
    );
    let tags =
        tools.run("skopeo", &["list-tags", "--tls-verify=false", &format!("docker://{}/mirror", served.host)]).await;
    assert_eq!(serde_json::from_str::<Value>(&tags).unwrap()["Tags"], serde_json::json!(["v2"]));

    // Out again, and in as another form of manifest with other layers (zstd).
    let layout = format!("oci:{}:v2", tools.path("layout"));
    tools.run("skopeo", &["copy", "--src-tls-verify=false", &to, &layout]).await;
    // Another server, for skopeo would rather mount the layers that it knows to be here.
    let zstd = tools.path("zstd");
    let args = ["copy", "--dest-compress", "--dest-compress-format=zstd", &layout, &format!("dir:{zstd}")];
    tools.run("skopeo", &args).await;
    let manifest = std::fs::read_to_string(format!("{zstd}/manifest.json")).unwrap();
    assert!(manifest.contains("tar+zstd"), "{manifest}");
    let target = format!("docker://{}/mirror:zstd", served.host);
    tools
        .run("skopeo", &["copy", "--preserve-digests", "--dest-tls-verify=false", &format!("dir:{zstd}"), &target])
        .await;
    let schema2 = format!("docker://{}/mirror:schema2", served.host);
    tools.run("skopeo", &["copy", "--format=v2s2", "--dest-tls-verify=false", &layout, &schema2]).await;
    for tag in ["zstd", "schema2"] {
        let digest = served.registry.resolve("mirror", tag).unwrap();
        let unpacked = served.registry.images().ensure_unpacked(&digest).await.unwrap();
        assert!(unpacked.lower_dirs[0].join("etc/motd").exists(), "{tag}");
    }
    let layers = std::fs::read_dir(served.dir.path().join("images/l")).unwrap().count();
    assert_eq!(layers, 2, "one directory per content, however it was compressed");

    tools.run("skopeo", &["delete", "--tls-verify=false", &to]).await;
    assert_eq!(served.registry.resolve("mirror", "v2"), None);
    assert!(served.registry.resolve("thinknimble/managr/server", "v1").is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn podman_logs_in_pushes_and_pulls() {
    let (served, tools) = (serve_in(tempfile::tempdir().unwrap(), false).await, Tools::new());
    tools.build().await;
    served.create("app").await;
    let image = format!("{}/app:v1", served.host);
    let (ok, words) = tools.attempt("podman", &["push", "--tls-verify=false", "localhost/app", &image]).await;
    assert!(!ok && words.to_lowercase().contains("unauthorized"), "{words}");
    let login = ["login", "--tls-verify=false", "--username", "AWS", "--password", "token", &served.host];
    tools.run("podman", &login).await;
    tools.run("podman", &["push", "--tls-verify=false", "localhost/app", &image]).await;
    let digest = served.registry.resolve("app", "v1").unwrap();

    let other = Tools::new();
    std::fs::copy(tools.path("auth.json"), other.path("auth.json")).unwrap();
    other.run("podman", &["pull", "--quiet", "--tls-verify=false", &format!("{}/app@{digest}", served.host)]).await;
    let listed = other.run("podman", &["images", "--digests", "--format", "{{.Digest}}"]).await;
    assert_eq!(listed, digest.as_str());

    let nowhere = format!("{}/no/such:v1", served.host);
    let (ok, words) = tools.attempt("podman", &["push", "--tls-verify=false", "localhost/app", &nowhere]).await;
    assert!(!ok && words.contains("The repository with name 'no/such' does not exist"), "{words}");
}

#[tokio::test(flavor = "multi_thread")]
async fn deleting_the_last_image_empties_the_disk() {
    testhost::needs_root!();
    let (served, tools) = (serve().await, Tools::new());
    let name = "thinknimble/managr/server";
    let digest = pushed(&served, &tools).await;
    drop(served.registry.images().ensure_unpacked(&digest).await.unwrap());
    let id = ImageId { digest: None, tag: Some("v1".to_owned()) };
    let (deleted, failures) = served.registry.delete_images(name, &[id]).await.unwrap();
    assert_eq!((deleted.len(), failures.len()), (1, 0));
    served.registry.sweep().await.unwrap();
    let left = |dir: &Path| std::fs::read_dir(dir).unwrap().count();
    let images = served.dir.path().join("images");
    assert_eq!((served.usage().0, left(&images.join("l")), left(&images.join("tmp"))), (0, 0, 0));
}
