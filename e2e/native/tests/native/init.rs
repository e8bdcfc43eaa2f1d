//! What `managr init` writes is built and serves: files behind nginx, as a user without rights.
//!
//! The base image is the one of the examples (`cargo xtask images`): there is no Docker Hub here.

use std::fs;
use std::process::{Command, Output, Stdio};

use e2e_native::platform::{Platform, binary, free_port, get, until};

const BASE: &str = "localhost/managr-base:bookworm";

fn run(platform: &Platform, args: &[&str]) -> Output {
    let mut command = Command::new(binary());
    command.args(args).current_dir(platform.dir.path()).stdin(Stdio::null());
    command.env("MANAGR_ENDPOINT", platform.endpoint()).env("MANAGR_DATA_DIR", platform.data());
    let output = command.output().expect("the binary runs");
    assert!(output.status.success(), "{args:?}: {output:#?}\n{}", platform.log());
    output
}

#[tokio::test]
async fn the_static_template_is_built_and_serves() {
    testhost::needs_root!();
    let platform = Platform::start().await;
    run(&platform, &["init", "--template", "static", "--name", "site", "--dir", "site"]);
    let directory = platform.dir.path().join("site");
    let manifest = directory.join("managr.toml");
    let port = free_port();
    let text = fs::read_to_string(&manifest).expect("init wrote a manifest");
    let based = text.replace("[images.web]", &format!("[images.web]\nargs = {{ NGINX = \"{BASE}\" }}\n"));
    let text = based.replace("port = 8080\n", &format!("port = 8080\nlistener = {port}\n"));
    assert!(text.contains(BASE) && text.contains(&port.to_string()), "{text}");
    fs::write(&manifest, text).expect("the test's directory is writable");

    run(&platform, &["up", "--detach", "--builder", "buildah", "--file", "site/managr.toml"]);
    let page = format!("http://127.0.0.1:{port}");
    let root = format!("{page}/");
    let home = until("the page is there", &platform, || get(&root)).await;
    assert!(home.contains("<h1>site</h1>"), "{home}");
    assert_eq!(get(&format!("{page}/health")).await.as_deref(), Some("ok\n"));
    assert_eq!(get(&format!("{page}/nope")).await, None);
    let who =
        run(&platform, &["connect", "local", "--file", "site/managr.toml", "--", "grep", "Uid", "/proc/1/status"]);
    assert_eq!(String::from_utf8_lossy(&who.stdout).split_whitespace().nth(1), Some("101"), "{who:?}");
    run(&platform, &["down", "--file", "site/managr.toml"]);
    forget(&platform);
}

/// Takes what was built out of the builder's storage.
fn forget(platform: &Platform) {
    let built = format!("reference=127.0.0.1:{}/*/*", platform.port);
    let listed =
        Command::new("buildah").args(["images", "--quiet", "--filter", &built]).output().expect("buildah runs");
    let ids = String::from_utf8_lossy(&listed.stdout).into_owned();
    let removed = Command::new("buildah").args(["rmi", "--force"]).args(ids.split_whitespace()).output();
    assert!(removed.is_ok_and(|out| out.status.success()), "{ids}");
}
