//! Images, mounts, other files, and files that are wrong.

use super::{composed, container, left, with};
use crate::Folder;
use crate::compose::read;

fn images(composed: &crate::compose::Composed) -> Vec<String> {
    let one = |(name, image)| {
        let text = toml::to_string(image).unwrap();
        format!("{name}: {}", text.lines().filter(|line| !line.is_empty()).collect::<Vec<_>>().join("; "))
    };
    composed.manifest.images.iter().map(one).collect()
}

#[test]
fn builds_of_both_syntaxes_each_once() {
    let composed = composed(
        "name: t
services:
  web: { build: { context: ., dockerfile: ./docker/Dockerfile, target: prod, args: [A=1, B], platforms: [linux/amd64, linux/arm64] } }
  worker: { build: { context: ./, dockerfile: docker/Dockerfile, target: prod, args: { A: 1 }, platforms: [linux/amd64] } }
  front: { build: front/, image: 'ghcr.io/me/front:2' }
  copy: { image: ghcr.io/me/front }
  same: { build: { context: front } }
  api: { build: { context: api, dockerfile: Dockerfile, no_cache: true } }
  far: { build: 'https://example.com/x.git' }
  out: { build: ../x, image: 'y:1' }
",
    );
    assert_eq!(
        images(&composed),
        [
            "web: dockerfile = \"docker/Dockerfile\"; target = \"prod\"; platform = \"linux/amd64\"; [args]; A = \"1\"",
            "front: context = \"front\"; repository = \"me/front\"",
            "api: context = \"api\"",
        ]
    );
    for (name, image) in
        [("web", "web"), ("worker", "web"), ("copy", "front"), ("same", "front"), ("api", "api"), ("out", "y:1")]
    {
        assert_eq!(container(&composed, name).image, image, "{name}");
    }
    let told = left(&composed);
    for line in [
        "3 services.web.build.args.B: its value comes from the shell that runs Compose",
        "3 services.web.build.platforms: an image is built for one platform; the first was taken",
        "5 services.front.image: it is pushed to the repository `me/front` of ECR, with the tag of the stage",
        "8 services.api.build.no_cache: the builder's own cache is used",
        "9 services.far: it cannot be built from here, so it was not carried",
        "10 services.out.build.context: its context is outside of the folder",
    ] {
        assert!(told.contains(&line.to_owned()), "{line} is not in {told:#?}");
    }
}

#[test]
fn a_dockerfile_in_the_file_becomes_one_beside_the_manifest() {
    let composed =
        composed("name: t\nservices:\n  a:\n    build:\n      dockerfile_inline: |\n        FROM x\n        RUN y\n");
    assert_eq!(composed.files, [("Dockerfile.a".to_owned(), "FROM x\nRUN y\n".to_owned())]);
    assert_eq!(images(&composed), ["a: dockerfile = \"Dockerfile.a\""]);
}

#[test]
fn mounts_of_every_kind() {
    let composed = with(
        "name: t
services:
  a:
    image: nginx:1.27
    volumes:
      - data.v1:/data
      - /anonymous
      - data.v1:/ro:ro
      - ./conf/site.conf:/etc/nginx/conf.d/site.conf:ro
      - ./state:/state
      - /var/run/docker.sock:/var/run/docker.sock
      - ~/x:/y
      - { type: tmpfs, target: /t, tmpfs: { size: 1048576 } }
      - { type: volume, source: data.v1, target: /v, volume: { subpath: x } }
      - { type: npipe, target: /p }
  b:
    build: ./b
    volumes: ['./b:/app', './other:/other']
",
        &[("conf/site.conf", "server { proxy_pass http://b:3000; }\n")],
    );
    let a = container(&composed, "a");
    let mounted: Vec<String> =
        a.volumes.iter().map(|(name, mount)| format!("{name}={} {}", mount.path(), mount.is_read_only())).collect();
    assert_eq!(
        mounted,
        [
            "data-v1=/data false",
            "a-anonymous=/anonymous false",
            "a-ro=/ro true",
            "a-state=/state false",
            "a-v=/v false"
        ]
    );
    assert_eq!(a.tmpfs.get("/t"), Some(&deploy_core::manifest::Tmpfs::Size(1)));
    assert_eq!(a.image, "a");
    assert_eq!(composed.files[0].1, "FROM nginx:1.27\nCOPY conf/site.conf /etc/nginx/conf.d/site.conf\n");
    let told = left(&composed);
    for part in [
        "10 services.a.volumes: Fargate has nothing of this machine: `./state` was left here",
        "11 services.a.volumes: there is no Docker on Fargate",
        "12 services.a.volumes: Fargate has nothing of this machine: `~/x` is outside of the folder",
        "14 services.a.volumes.volume.subpath: ECS has no such option",
        "15 services.a.volumes: Fargate has no such mount",
        "18 services.b.volumes: `./b` at `/app`: its image is built with the code in it",
        "18 services.b.volumes: `./other` at `/other`: Fargate has nothing of this machine: COPY it",
        "1 services.a.volumes: it names another container: write `server { proxy_pass http://127.0.0.1:3000; }`",
    ] {
        assert!(told.iter().any(|told| told.starts_with(part)), "{part} is not in {told:#?}");
    }
}

#[test]
fn extends_of_this_file_and_of_another() {
    let text = "name: t
services:
  base: { image: 'x:1', environment: { A: base, B: base }, user: root, expose: [1] }
  mid: { extends: { service: base }, environment: [B=mid], expose: [1, 2] }
  top: { extends: mid, command: run, depends_on: [mid] }
  far: { extends: { service: common, file: common.yml } }
  lost: { extends: { service: x, file: none.yml }, image: 'x:1' }
";
    let composed = with(text, &[("common.yml", "services:\n  common: { image: 'c:1', init: true }\n")]);
    let top = container(&composed, "top");
    assert_eq!(
        (top.image.as_str(), top.user.as_deref(), top.command.as_ref().unwrap().len()),
        ("x:1", Some("root"), 1)
    );
    assert_eq!((container(&composed, "far").image.as_str(), container(&composed, "far").init), ("c:1", Some(true)));
    assert_eq!(composed.manifest.variables.get("A").unwrap().value(), "base");
    assert_eq!(composed.manifest.variables.get("B").unwrap().value(), "mid");
    assert!(left(&composed).contains(&"7 services.lost.extends: the file `none.yml` is not in the folder".to_owned()));
    let circle = Folder::from([("c.yml".to_owned(), "services:\n  a: {extends: b}\n  b: {extends: a}\n".to_owned())]);
    let error = read(&circle, "c.yml").unwrap_err().to_string();
    assert!(error.contains("extends itself"), "{error}");
}

#[test]
fn what_stands_beside_the_services_is_told() {
    let text = "version: '3'
services:
  a: { image: 'x:1' }
volumes: { v: { driver: nfs } }
networks: { n: {} }
configs: { c: { file: x } }
include: [other.yml]
servces: {}
";
    let told: Vec<String> = left(&with(text, &[("compose.override.yml", "")]));
    let whats: Vec<&str> = told.iter().filter_map(|told| told.split_once(' ')?.1.split(": ").next()).collect();
    assert_eq!(
        whats,
        ["name", "volumes.v.driver", "networks.n", "configs.c", "include", "servces", "compose.override.yml"]
    );
}

#[test]
fn a_file_that_cannot_be_read_says_where_and_never_what() {
    let error = |text: &str| {
        let folder = Folder::from([("c.yml".to_owned(), text.to_owned())]);
        read(&folder, "c.yml").unwrap_err().to_string()
    };
    assert_eq!(read(&Folder::new(), "c.yml").unwrap_err().to_string(), "there is no `c.yml`");
    assert!(error("services:\n  a: [\n").starts_with("c.yml:"), "{}", error("services:\n  a: [\n"));
    assert_eq!(
        error("services:\n  a:\n    image: ${X\n"),
        "c.yml:3: `${` has no `}` in `services.a.image`; write `$$` for a dollar sign"
    );
    assert_eq!(error("services: {}\n"), "`c.yml` has no service that can be carried");
    assert_eq!(
        error("services:\n  a: {}\n"),
        "`c.yml` has no service that can be carried; services.a (c.yml:2): it has neither `image` nor `build`, so it was not carried"
    );
}

#[test]
fn the_name_of_the_application_is_one_that_aws_takes() {
    for (name, expected) in [("shop", "shop"), ("My_Shop", "my-shop"), ("1x", "x"), ("-", "app")] {
        let composed = composed(&format!("name: '{name}'\nservices:\n  a: {{ image: 'x:1' }}\n"));
        assert_eq!(composed.manifest.app, expected);
        assert!(composed.has_name);
    }
    let unnamed = with("services:\n  a: { image: 'x:1' }\n", &[]);
    assert_eq!((unnamed.manifest.app.as_str(), unnamed.has_name), ("app", false));
}
