//! `managr init`: what each template writes is a manifest that is right; nothing is overwritten.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use deploy_core::Facts;

use crate::pty::Pty;
use crate::sandbox::Sandbox;

const TEMPLATES: [&str; 4] = ["django", "rails", "node", "static"];

/// Returns the files below a directory, by path.
fn files(directory: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = vec![directory.to_owned()];
    while let Some(at) = open.pop() {
        for entry in fs::read_dir(at).unwrap().map(Result::unwrap) {
            match entry.file_type().unwrap().is_dir() {
                true => open.push(entry.path()),
                false => found.push(entry.path().strip_prefix(directory).unwrap().display().to_string()),
            }
        }
    }
    found.sort_unstable();
    found
}

#[test]
fn what_every_template_writes_passes_the_check() {
    let all = ["--database", "--worker", "run 'a b'", "--staging", "s.example.com", "--prod", "p.example.com"];
    for template in TEMPLATES {
        for more in [&[][..], &all] {
            let more = if template == "static" && !more.is_empty() { &more[3..] } else { more };
            let sandbox = Sandbox::new();
            let args = [&["init", "--template", template, "--name", "my-shop"], more].concat();
            let run = sandbox.run(&args);
            assert_eq!((run.code, run.out.as_str()), (Some(0), ""), "{args:?}\n{}", run.transcript());
            let check = sandbox.run(&["check"]);
            assert_eq!(check.code, Some(0), "{args:?}\n{}", check.transcript());
            for name in files(sandbox.path()) {
                let text = fs::read_to_string(sandbox.path().join(&name)).unwrap();
                assert!(!text.contains("{{") && !text.contains("#: "), "{template}/{name} is not filled in:\n{text}");
            }
            let text = fs::read_to_string(sandbox.path().join("managr.toml")).unwrap();
            let manifest = deploy_core::parse("managr.toml", &text).unwrap();
            let stages: &[&str] = if more.is_empty() { &["local"] } else { &["local", "staging", "prod"] };
            for stage in stages {
                let facts = Facts { tag: Some("v1".to_owned()), ..Facts::local("127.0.0.1:4566") };
                assert_eq!(
                    deploy_core::desired(&manifest, stage, &facts).unwrap().refusals(),
                    [],
                    "{template} {stage}"
                );
            }
        }
    }
}

#[test]
fn it_tells_what_it_wrote_and_what_comes_next() {
    let sandbox = Sandbox::new();
    insta::assert_snapshot!(sandbox.run(&["init", "--template", "django", "--name", "shop"]).transcript(), @"
    exit 0
    --- out
    --- err
    wrote managr.toml for shop:
      managr.toml
      Dockerfile
      .dockerignore
      .env.local.example
      docker/start
      docker/migrate
      proxy/Dockerfile
      proxy/nginx.conf
      manage.py
      requirements.txt
      config/__init__.py
      config/settings.py
      config/urls.py
      config/wsgi.py
    next: managr up
    ");
    let start = sandbox.path().join("docker/start");
    assert_eq!(fs::metadata(start).unwrap().permissions().mode() & 0o777, 0o755);
    insta::assert_snapshot!(sandbox.run(&["init", "--template", "rails", "--dir", "blog"]).transcript(), @"
    exit 0
    --- out
    --- err
    wrote blog/managr.toml for blog:
      blog/managr.toml
      blog/Dockerfile
      blog/.dockerignore
      blog/.env.local.example
      blog/docker/start
      blog/docker/migrate
    there is no Gemfile yet, and the Dockerfile needs it: rails new . --skip-docker --database=postgresql
    there is no Gemfile.lock yet, and the Dockerfile needs it: bundle lock
    next: cd blog && managr up
    ");
}

#[test]
fn nothing_is_overwritten_and_nothing_is_written_beside_what_is_there() {
    let sandbox = Sandbox::new();
    assert_eq!(sandbox.run(&["init", "--template", "node"]).code, Some(0));
    let before = files(sandbox.path());
    insta::assert_snapshot!(sandbox.run(&["init", "--template", "static", "--name", "x"]).transcript(), @"
    exit 2
    --- out
    --- err
    error: some of the files are there already; nothing was written
      managr.toml
      Dockerfile
      .dockerignore
      hint: move them away, or write to another directory with --dir
    ");
    assert_eq!(files(sandbox.path()), before);
    // A link that points nowhere is there too.
    let sandbox = Sandbox::new();
    std::os::unix::fs::symlink("nowhere", sandbox.path().join("Dockerfile")).unwrap();
    assert_eq!(sandbox.run(&["init", "--template", "node"]).code, Some(2));
    assert_eq!(files(sandbox.path()), ["Dockerfile"]);
}

#[test]
fn code_that_is_there_is_taken_as_it_is() {
    let sandbox = Sandbox::new();
    for (name, text) in
        [("manage.py", ""), ("requirements.txt", "Django\n"), ("mysite/wsgi.py", ""), ("mysite/settings.py", "")]
    {
        sandbox.write(name, text);
    }
    assert_eq!(sandbox.run(&["init", "--template", "django", "--name", "x"]).code, Some(0));
    let text = |name: &str| fs::read_to_string(sandbox.path().join(name)).unwrap();
    assert!(text("Dockerfile").contains("\"mysite.wsgi\""));
    assert!(text("managr.toml").contains("\"mysite.settings\""));
    assert_eq!((text("manage.py").as_str(), sandbox.path().join("config").exists()), ("", false));

    // Rails writes a Dockerfile itself.
    let sandbox = Sandbox::new();
    for (name, text) in [("Gemfile", ""), ("Gemfile.lock", ""), ("Dockerfile", "FROM own\n"), (".dockerignore", "")] {
        sandbox.write(name, text);
    }
    assert_eq!(sandbox.run(&["init", "--template", "rails", "--name", "x"]).code, Some(0));
    assert_eq!(fs::read_to_string(sandbox.path().join("Dockerfile")).unwrap(), "FROM own\n");
}

#[test]
fn without_a_terminal_a_template_must_be_named() {
    let sandbox = Sandbox::new();
    insta::assert_snapshot!(sandbox.run(&["init"]).transcript(), @"
    exit 2
    --- out
    --- err
    error: without a terminal nothing can be asked: name a template
      hint: managr init --template django|rails|node|static
    ");
    for args in [
        &["--name", "My Shop"][..],
        &["--health-path", "health"],
        &["--port", "80"],
        &["--staging", "nohost"],
        &["--prod", "a b.c"],
    ] {
        let run = sandbox.run(&[&["init", "--template", "node"], args].concat());
        assert_eq!(run.code, Some(2), "{args:?}\n{}", run.transcript());
    }
    assert_eq!(sandbox.run(&["init", "--template", "static", "--database"]).code, Some(2));
    assert!(files(sandbox.path()).is_empty());
}

#[test]
fn on_a_terminal_it_asks_and_asks_again() {
    let sandbox = Sandbox::new();
    let mut pty = Pty::spawn(sandbox.command(&["init", "--dir", "My Site"]).env("NO_COLOR", "1"));
    for (question, answer) in [
        ("name of the application [my-site]: ", "Not This"),
        ("name of the application [my-site]: ", ""),
        ("static) [django]: ", "perl"),
        ("static) [django]: ", "node"),
        ("listens on [3000]: ", "4000"),
        ("it is well [/health]: ", "/up"),
        ("worker, if there is one: ", "node worker.js"),
        ("PostgreSQL (y/n) [n]: ", "y"),
        ("staging, if there is one: ", ""),
        ("prod, if there is one: ", "www.example.com"),
    ] {
        pty.wait_for(question);
        pty.type_in(&format!("{answer}\r"));
    }
    let (status, shown) = pty.end();
    assert_eq!(status.code(), Some(0), "{shown}");
    let text = fs::read_to_string(sandbox.path().join("My Site/managr.toml")).unwrap();
    for line in [
        "app = \"my-site\"",
        "port = 4000",
        "command = [\"node\", \"worker.js\"]",
        "host = \"www.example.com\"",
        "image = \"postgres:17\"",
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
    assert!(!text.contains("[stages.staging]"));
    assert_eq!(sandbox.run(&["check", "--file", "My Site/managr.toml"]).code, Some(0));
}

#[test]
fn an_input_that_ends_writes_nothing() {
    let sandbox = Sandbox::new();
    let mut pty = Pty::spawn(&sandbox.command(&["init"]));
    pty.wait_for("name of the application");
    pty.type_in("\u{4}");
    let (status, _) = pty.end();
    assert_eq!(status.code(), Some(6));
    assert!(files(sandbox.path()).is_empty());
}
