//! Makes the local base images that the examples' Dockerfiles name, from Debian packages.
//!
//! Each image carries the recipe that made it as a label; one whose recipe has not changed is kept.

use std::path::Path;

use crate::shell::{Fault, Run, cmd, say};
use crate::tree::Tree;

const SUITE: &str = "bookworm";
const RECIPE_LABEL: &str = "managr.recipe";

/// What the Debian base holds.
const DEBIAN: &str =
    "busybox-static,curl,gunicorn,nginx-light,python3-django,python3-msgpack,python3-psycopg2,python3-whitenoise";

/// What the base of databases holds. Its PostgreSQL is where the official image has it.
const POSTGRES: &str = "postgresql-15";

/// Left out of that: the compiler that PostgreSQL's just-in-time compilation needs, two thirds of the image, and what is
/// left out of the other. PostgreSQL goes on without it.
const EXCLUDED_POSTGRES: [&str; 7] = [
    "/usr/share/doc/*",
    "/usr/share/i18n/*",
    "/usr/share/man/*",
    "/usr/share/locale/*",
    "/usr/lib/postgresql/*/lib/bitcode/*",
    "/usr/lib/x86_64-linux-gnu/libLLVM*",
    "/usr/lib/x86_64-linux-gnu/libz3*",
];

/// Debian's package makes a database of its own, which nobody would use.
const NO_CLUSTER: &str = r#"rm -rf "$1"/var/lib/postgresql/15 "$1"/etc/postgresql/15"#;

/// Left out of it; Django's translations are 20 MB that an English example does not read.
const EXCLUDED: [&str; 4] =
    ["/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*", "/usr/lib/python3/dist-packages/*.mo"];

/// Makes the bases that are missing or were made by another recipe.
pub(crate) fn ensure(tree: &Tree) -> Result<(), Fault> {
    let debian = recipe(DEBIAN, &EXCLUDED);
    base("managr-base", &debian, |name, recipe| bootstrap(tree, &["--include", DEBIAN], &EXCLUDED, name, recipe))?;
    base("managr-postgres", &recipe(POSTGRES, &EXCLUDED_POSTGRES), |name, recipe| {
        let options = ["--include", POSTGRES, "--customize-hook", NO_CLUSTER];
        bootstrap(tree, &options, &EXCLUDED_POSTGRES, name, recipe)
    })?;
    base("managr-esbuild", &format!("{debian} and esbuild"), |name, recipe| {
        let files = unpacked(tree, "esbuild")?;
        let program = files.join("usr/bin/esbuild");
        let from = reference("managr-base");
        commit(&from, name, recipe, |container| {
            buildah(&["copy", "--quiet", container]).arg(&program).arg("/usr/bin/esbuild").read()
        })
    })?;
    base("managr-busybox", &format!("busybox-static of {SUITE}"), |name, recipe| {
        let files = unpacked(tree, "busybox-static")?;
        // Debian 13 has the package's files where the system has them since /usr was merged.
        let busybox = [files.join("usr/bin/busybox"), files.join("bin/busybox")].into_iter().find(|path| path.exists());
        let busybox = busybox.ok_or_else(|| Fault::Wrong(format!("no busybox in {}", files.display())))?;
        let root = tree.scratch("busybox")?;
        // busybox knows its own applets and links them.
        let bin = root.join("bin");
        std::fs::create_dir_all(&bin).map_err(Fault::path(&bin))?;
        std::fs::copy(&busybox, bin.join("busybox")).map_err(Fault::path(&busybox))?;
        for applet in cmd(&busybox, &["--list"]).read()?.lines().filter(|applet| *applet != "busybox") {
            let link = bin.join(applet);
            if link.symlink_metadata().is_err() {
                std::os::unix::fs::symlink("busybox", &link).map_err(Fault::path(&link))?;
            }
        }
        commit("scratch", name, recipe, |container| buildah(&["copy", "--quiet", container]).arg(&root).arg("/").read())
    })
}

fn recipe(packages: &str, excluded: &[&str]) -> String {
    format!("mmdebstrap {SUITE} {packages} without {}", excluded.join(","))
}

/// Makes a base of Debian packages and what they need.
fn bootstrap(tree: &Tree, options: &[&str], excluded: &[&str], name: &str, recipe: &str) -> Result<(), Fault> {
    let scratch = tree.scratch("base")?;
    let tar = scratch.join("base.tar");
    let mut bootstrap = cmd("mmdebstrap", &["--quiet", "--variant=minbase"]).words(options);
    for path in excluded {
        bootstrap = bootstrap.arg(format!("--dpkgopt=path-exclude={path}"));
    }
    bootstrap.arg(SUITE).arg(&tar).run()?;
    commit("scratch", name, recipe, |container| buildah(&["add", "--quiet", container]).arg(&tar).arg("/").read())?;
    std::fs::remove_file(&tar).map_err(Fault::path(&tar))
}

fn reference(name: &str) -> String {
    format!("localhost/{name}:{SUITE}")
}

fn base(name: &str, recipe: &str, make: impl FnOnce(&str, &str) -> Result<(), Fault>) -> Result<(), Fault> {
    let name = reference(name);
    let format = format!("--format={{{{index .OCIv1.Config.Labels \"{RECIPE_LABEL}\"}}}}");
    let made_by = buildah(&["inspect", "--type=image"]).arg(format).arg(&name).answer();
    if made_by.as_deref() == Some(recipe) {
        return Ok(());
    }
    say(format!("making base image {name}"));
    make(&name, recipe)
}

/// Commits an image made by `fill` from `from`.
fn commit(from: &str, name: &str, recipe: &str, fill: impl FnOnce(&str) -> Result<String, Fault>) -> Result<(), Fault> {
    let container = buildah(&["from", "--pull-never", from]).read()?;
    let made = fill(&container).and_then(|_| {
        buildah(&["config", "--cmd=/bin/sh"])
            .arg("--env=PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
            .arg(format!("--label={RECIPE_LABEL}={recipe}"))
            .arg(&container)
            .run()?;
        buildah(&["commit", "--quiet", &container, name]).read().map(drop)
    });
    let removed = buildah(&["rm", &container]).read().map(drop);
    made.and(removed)
}

fn buildah(words: &[&str]) -> Run {
    cmd("buildah", words)
}

/// Returns a directory with the files of a Debian package, downloaded and unpacked, not installed.
fn unpacked(tree: &Tree, package: &str) -> Result<std::path::PathBuf, Fault> {
    let scratch = tree.scratch(package)?;
    say(format!("downloading Debian package {package} (unpacked below target, not installed)"));
    if cmd("apt-get", &["-qq", "download", package]).dir(&scratch).answer().is_none() {
        // No list of packages yet on a machine where nothing had to be installed.
        cmd("apt-get", &["-qq", "update"]).run()?;
        cmd("apt-get", &["-qq", "download", package]).dir(&scratch).run()?;
    }
    let archive = newest_archive(&scratch)?;
    let files = scratch.join("files");
    cmd("dpkg-deb", &["-x"]).arg(&archive).arg(&files).run()?;
    Ok(files)
}

fn newest_archive(folder: &Path) -> Result<std::path::PathBuf, Fault> {
    let entries = std::fs::read_dir(folder).map_err(Fault::path(folder))?;
    let archives =
        entries.flatten().map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|e| e == "deb"));
    archives
        .max_by_key(|path| path.metadata().and_then(|m| m.modified()).ok())
        .ok_or_else(|| Fault::Wrong(format!("apt-get download left no package in {}", folder.display())))
}
