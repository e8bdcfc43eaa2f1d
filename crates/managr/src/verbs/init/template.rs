//! The templates, their files, and when each is written.

use std::fmt;
use std::path::{Path, PathBuf};

use clap::ValueEnum;

use super::answers::Answers;

/// What an application is made with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Template {
    /// Django under gunicorn, behind nginx
    Django,
    /// Ruby on Rails
    Rails,
    /// A Node.js server
    Node,
    /// Files, served by nginx
    Static,
}

/// A file to write.
#[derive(Debug)]
pub(super) struct File {
    pub(super) path: PathBuf,
    pub(super) text: &'static str,
    pub(super) is_program: bool,
}

/// Something of the application that is not there yet.
#[derive(Debug)]
pub(super) struct Missing {
    file: &'static str,
    command: &'static str,
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "there is no {} yet, and the Dockerfile needs it: {}", self.file, self.command)
    }
}

macro_rules! texts {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../../../templates/", $name)))),*]
    };
}

/// Every file, by its path below `templates`.
const TEXTS: &[(&str, &str)] = texts![
    "django/managr.toml",
    "django/Dockerfile",
    "django/start",
    "django/migrate",
    "django/proxy.Dockerfile",
    "django/nginx.conf",
    "django/dockerignore",
    "django/env.local.example",
    "django/sample/manage.py",
    "django/sample/requirements.txt",
    "django/sample/settings.py",
    "django/sample/urls.py",
    "django/sample/wsgi.py",
    "rails/managr.toml",
    "rails/Dockerfile",
    "rails/start",
    "rails/migrate",
    "rails/dockerignore",
    "rails/env.local.example",
    "node/managr.toml",
    "node/Dockerfile",
    "node/dockerignore",
    "node/env.local.example",
    "node/sample/package.json",
    "node/sample/package-lock.json",
    "node/sample/server.js",
    "static/managr.toml",
    "static/Dockerfile",
    "static/nginx.conf",
    "static/dockerignore",
    "static/sample/index.html",
];

impl Template {
    /// Returns the names of all.
    pub(super) fn names(between: &str) -> String {
        let names = Self::value_variants().iter().filter_map(ValueEnum::to_possible_value);
        names.map(|value| value.get_name().to_owned()).collect::<Vec<_>>().join(between)
    }

    /// Returns the name.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Django => "django",
            Self::Rails => "rails",
            Self::Node => "node",
            Self::Static => "static",
        }
    }

    /// Returns the port that an application listens on unless it says otherwise.
    pub(super) fn port(self) -> u16 {
        match self {
            Self::Django => 8000,
            Self::Rails | Self::Node => 3000,
            Self::Static => 8080,
        }
    }

    /// Returns the path that tells whether an application is well; Rails has one of its own.
    pub(super) fn health(self) -> &'static str {
        if self == Self::Rails { "/up" } else { "/health" }
    }

    /// Returns whether there is code that may have a worker and a database.
    pub(super) fn has_code(self) -> bool {
        self != Self::Static
    }

    /// Returns the package of Django's settings: that of the application which is there, or `config`.
    pub(super) fn module(self, directory: &Path) -> String {
        let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
        let mut packages: Vec<String> = entries
            .filter(|entry| entry.path().join("wsgi.py").is_file())
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect();
        packages.sort_unstable();
        packages.into_iter().next().unwrap_or_else(|| "config".to_owned())
    }

    /// Returns the files to write to a directory.
    pub(super) fn files(self, directory: &Path, answers: &Answers) -> Vec<File> {
        let has = |name: &str| directory.join(name).exists();
        let mut files: Vec<(&str, &str)> = vec![("managr.toml", "managr.toml")];
        // What Rails makes itself since 7.1 is as good as ours.
        if self != Self::Rails || !has("Dockerfile") {
            files.extend([("Dockerfile", "Dockerfile"), (".dockerignore", "dockerignore")]);
        }
        if self.has_code() {
            files.push((".env.local.example", "env.local.example"));
        }
        let module = |name: &str| format!("{}/{name}", answers.module);
        let package = [module("__init__.py"), module("settings.py"), module("urls.py"), module("wsgi.py")];
        match self {
            Self::Django => {
                files.extend([
                    ("docker/start", "start"),
                    ("docker/migrate", "migrate"),
                    ("proxy/Dockerfile", "proxy.Dockerfile"),
                    ("proxy/nginx.conf", "nginx.conf"),
                ]);
                if !has("manage.py") {
                    files.extend([("manage.py", "sample/manage.py"), ("requirements.txt", "sample/requirements.txt")]);
                    let texts = ["", "sample/settings.py", "sample/urls.py", "sample/wsgi.py"];
                    files.extend(package.iter().map(String::as_str).zip(texts));
                }
            }
            Self::Rails => files.extend([("docker/start", "start"), ("docker/migrate", "migrate")]),
            Self::Node if !has("package.json") => files.extend([
                ("package.json", "sample/package.json"),
                ("package-lock.json", "sample/package-lock.json"),
                ("server.js", "sample/server.js"),
            ]),
            Self::Node => {}
            Self::Static => {
                files.push(("nginx.conf", "nginx.conf"));
                if !has("public") {
                    files.push(("public/index.html", "sample/index.html"));
                }
            }
        }
        let file = |(path, text): (&str, &str)| File {
            path: directory.join(path),
            text: self.text(text),
            is_program: path.starts_with("docker/") || path == "manage.py",
        };
        files.into_iter().map(file).collect()
    }

    /// Returns the text of a file of this template; that without a name is empty.
    fn text(self, name: &str) -> &'static str {
        let path = format!("{}/{name}", self.name());
        let known = TEXTS.iter().find(|(known, _)| *known == path).map(|(_, text)| *text);
        known
            .or_else(|| name.is_empty().then_some(""))
            .unwrap_or_else(|| unreachable!("`{path}` is a file of a template"))
    }

    /// Returns what the Dockerfile needs and is not there, once the files are written.
    pub(super) fn missing(self, directory: &Path) -> Vec<Missing> {
        let needed: &[(&'static str, &'static str)] = match self {
            Self::Django => &[("requirements.txt", "pip freeze > requirements.txt")],
            Self::Rails => {
                &[("Gemfile", "rails new . --skip-docker --database=postgresql"), ("Gemfile.lock", "bundle lock")]
            }
            Self::Node => {
                &[("package-lock.json", "npm install"), ("server.js", "say in it which program is the server")]
            }
            Self::Static => &[("public", "put the files there")],
        };
        let missing = needed.iter().filter(|(file, _)| !directory.join(file).exists());
        missing.map(|(file, command)| Missing { file, command }).collect()
    }
}
