//! What an image is made of, as one hash: an image whose ingredients did not change is not
//! built again.
//!
//! The ingredients: every file of the context that `.dockerignore` leaves in (path, kind,
//! executable bit, contents), the Dockerfile, the arguments, target and platform, and the
//! ids of the base images as they are in the tool's storage.

use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::ignore::Ignore;
use super::{BuildError, Recipe};

/// Returns the hash of a recipe's ingredients, in hexadecimal. `bases` are the base images'
/// references and ids.
///
/// # Errors
/// [`BuildError::Read`] with the file that could not be read.
pub fn of(recipe: &Recipe, bases: &[(String, String)]) -> Result<String, BuildError> {
    let mut hash = Sha256::new();
    let mut field = |name: &str, value: &[u8]| {
        // Lengths keep neighbours apart: ("a", "bc") is not ("ab", "c").
        hash.update((name.len() as u64).to_le_bytes());
        hash.update(name);
        hash.update((value.len() as u64).to_le_bytes());
        hash.update(value);
    };
    field("dockerfile", &read(&recipe.dockerfile)?);
    field("target", recipe.target.as_deref().unwrap_or("").as_bytes());
    field("platform", recipe.platform.as_deref().unwrap_or("").as_bytes());
    for (name, value) in &recipe.args {
        field(&format!("arg {name}"), value.as_bytes());
    }
    for (reference, id) in bases {
        field(&format!("base {reference}"), id.as_bytes());
    }
    let ignore = ignore_rules(recipe);
    for (path, file) in files(&recipe.context, &ignore)? {
        field(&path, file.kind.as_bytes());
        field("", &file.digest);
    }
    Ok(hex::encode(hash.finalize()))
}

/// Returns the references after `FROM` that name an image, in order and once each.
pub fn base_images(dockerfile: &str) -> Vec<String> {
    let mut stages: Vec<String> = Vec::new();
    let mut bases: Vec<String> = Vec::new();
    for line in dockerfile.lines() {
        let mut words = line.split_whitespace().filter(|word| !word.starts_with("--"));
        if !words.next().is_some_and(|word| word.eq_ignore_ascii_case("FROM")) {
            continue;
        }
        let Some(image) = words.next() else { continue };
        let is_image = image != "scratch" && !image.contains('$') && !stages.iter().any(|s| s == image);
        if is_image && !bases.iter().any(|base| base == image) {
            bases.push(image.to_owned());
        }
        if words.next().is_some_and(|word| word.eq_ignore_ascii_case("AS")) {
            stages.extend(words.next().map(str::to_owned));
        }
    }
    bases
}

fn ignore_rules(recipe: &Recipe) -> Ignore {
    let beside = PathBuf::from(format!("{}.dockerignore", recipe.dockerfile.display()));
    let candidates = [beside, recipe.context.join(".containerignore"), recipe.context.join(".dockerignore")];
    let text = candidates.iter().find_map(|path| fs::read_to_string(path).ok());
    text.map_or_else(Ignore::default, |text| Ignore::parse(&text))
}

struct FileDigest {
    kind: &'static str,
    digest: Vec<u8>,
}

/// Returns the files of a context, sorted by path.
fn files(context: &Path, ignore: &Ignore) -> Result<Vec<(String, FileDigest)>, BuildError> {
    let mut found = Vec::new();
    let mut open = vec![String::new()];
    while let Some(directory) = open.pop() {
        let at = context.join(&directory);
        let failed = |source| BuildError::Read { path: at.clone(), source };
        for entry in fs::read_dir(&at).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = if directory.is_empty() { name } else { format!("{directory}/{name}") };
            let ignored = ignore.ignores(&path);
            let kind = entry.file_type().map_err(failed)?;
            if kind.is_dir() && (!ignored || !ignore.can_skip_directories()) {
                open.push(path.clone());
            }
            if !ignored {
                found.push((path, entry_of(&entry.path(), kind)?));
            }
        }
    }
    found.sort_by(|(a, _), (b, _)| a.cmp(b));
    Ok(found)
}

fn entry_of(path: &Path, kind: fs::FileType) -> Result<FileDigest, BuildError> {
    let failed = |source| BuildError::Read { path: path.to_owned(), source };
    if kind.is_symlink() {
        let target = fs::read_link(path).map_err(failed)?;
        return Ok(FileDigest { kind: "link", digest: target.to_string_lossy().into_owned().into_bytes() });
    }
    if !kind.is_file() {
        return Ok(FileDigest { kind: if kind.is_dir() { "directory" } else { "other" }, digest: Vec::new() });
    }
    let executable = fs::metadata(path).map_err(failed)?.permissions().mode() & 0o111 != 0;
    let digest = digest_of(path).map_err(failed)?;
    Ok(FileDigest { kind: if executable { "program" } else { "file" }, digest })
}

fn digest_of(path: &Path) -> io::Result<Vec<u8>> {
    let mut file = fs::File::open(path)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hash.finalize().to_vec()),
            n => hash.update(&buffer[..n]),
        }
    }
}

fn read(path: &Path) -> Result<Vec<u8>, BuildError> {
    fs::read(path).map_err(|source| BuildError::Read { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context(files: &[(&str, &str)]) -> (tempfile::TempDir, Recipe) {
        let dir = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let recipe = Recipe {
            name: "x".into(),
            context: dir.path().to_owned(),
            dockerfile: dir.path().join("Dockerfile"),
            target: None,
            platform: None,
            args: Vec::new(),
        };
        (dir, recipe)
    }

    #[test]
    fn every_ingredient_counts_and_nothing_else() {
        let (dir, mut recipe) =
            context(&[("Dockerfile", "FROM scratch"), (".dockerignore", "out"), ("a", "1"), ("out/b", "2")]);
        let first = of(&recipe, &[]).unwrap();
        assert_eq!(of(&recipe, &[]).unwrap(), first, "the same twice");

        fs::write(dir.path().join("out/b"), "3").unwrap();
        assert_eq!(of(&recipe, &[]).unwrap(), first, "ignored files do not count");

        let mut seen = vec![first];
        let mut is_new = |hash: String| {
            assert!(!seen.contains(&hash));
            seen.push(hash);
        };
        fs::write(dir.path().join("a"), "2").unwrap();
        is_new(of(&recipe, &[]).unwrap());
        fs::set_permissions(dir.path().join("a"), fs::Permissions::from_mode(0o755)).unwrap();
        is_new(of(&recipe, &[]).unwrap());
        fs::rename(dir.path().join("a"), dir.path().join("c")).unwrap();
        is_new(of(&recipe, &[]).unwrap());
        recipe.args.push(("K".into(), "v".into()));
        is_new(of(&recipe, &[]).unwrap());
        is_new(of(&recipe, &[("debian".into(), "sha256:1".into())]).unwrap());
    }

    #[test]
    fn a_missing_dockerfile_is_named() {
        let (_dir, recipe) = context(&[("a", "1")]);
        let message = of(&recipe, &[]).unwrap_err().to_string();
        assert!(message.contains("Dockerfile"), "{message}");
    }

    #[test]
    fn base_images_are_what_from_names() {
        let text = "# c\nARG V=1\nFROM --platform=linux/amd64 node:20 AS build\nRUN x\nfrom build as two\n\
                    FROM localhost/base\nFROM scratch\nFROM python:${V}\nFROM node:20\n";
        assert_eq!(base_images(text), ["node:20", "localhost/base"]);
    }
}
