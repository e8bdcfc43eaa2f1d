//! An image of one layer: the same files give the same bytes, whenever and wherever it is made.

use std::io::{self, Write};

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::program::{CERTIFICATES, LIBRARIES, PROGRAM, Program};

/// The form of its manifest (OCI image specification, "manifest").
pub(super) const MANIFEST_TYPE: &str = "application/vnd.oci.image.manifest.v1+json";

/// An image, ready to be pushed.
pub(super) struct Image {
    /// The blobs with their digests: the layer and the configuration.
    pub(super) blobs: [(String, Vec<u8>); 2],
    /// The manifest.
    pub(super) manifest: String,
}

/// Makes the image of a program; `architecture` is in Go's words (`amd64`).
pub(super) fn of(program: &Program, architecture: &str) -> io::Result<Image> {
    let tar = archive(program)?;
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed.write_all(&tar)?;
    let layer = packed.finish()?;
    let diff = digest(&tar);
    drop(tar);
    // The loader is called by itself: it need not be where the program looks for it, nor know this system's paths.
    let loader = program
        .loader
        .iter()
        .flat_map(|loader| [format!("/{LIBRARIES}/{loader}"), "--library-path".to_owned(), format!("/{LIBRARIES}")]);
    let entry: Vec<String> = loader.chain([format!("/{PROGRAM}")]).collect();
    let config = json!({
        "architecture": architecture,
        "os": "linux",
        "config": { "Entrypoint": entry, "Env": [format!("SSL_CERT_FILE=/{CERTIFICATES}")] },
        "rootfs": { "type": "layers", "diff_ids": [diff] },
    });
    let config = config.to_string().into_bytes();
    let part = |kind: &str, bytes: &[u8]| {
        json!({
            "mediaType": format!("application/vnd.oci.image.{kind}"), "digest": digest(bytes), "size": bytes.len(),
        })
    };
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "config": part("config.v1+json", &config),
        "layers": [part("layer.v1.tar+gzip", &layer)],
    });
    Ok(Image { blobs: [(digest(&layer), layer), (digest(&config), config)], manifest: manifest.to_string() })
}

pub(super) fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}

/// Directories first, then files by name; with no owner and no time.
fn archive(program: &Program) -> io::Result<Vec<u8>> {
    let mut archive = tar::Builder::new(Vec::new());
    let mut directories: Vec<String> = Vec::new();
    for path in program.files.keys() {
        for (at, _) in path.match_indices('/') {
            let directory = path[..=at].to_owned();
            if !directories.contains(&directory) {
                directories.push(directory);
            }
        }
    }
    let mut add = |path: &str, kind: tar::EntryType, bytes: &[u8]| {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(if path == CERTIFICATES { 0o644 } else { 0o755 });
        header.set_mtime(0);
        header.set_size(bytes.len() as u64);
        archive.append_data(&mut header, path, bytes)
    };
    for directory in &directories {
        add(directory, tar::EntryType::Directory, &[])?;
    }
    for (path, bytes) in &program.files {
        add(path, tar::EntryType::Regular, bytes)?;
    }
    archive.into_inner()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::Value;

    use super::*;

    fn program(loader: Option<&str>) -> Program {
        let files =
            [(PROGRAM, "program"), (CERTIFICATES, "trusted"), ("lib/ld-x.so", "loader"), ("lib/libc.so.6", "c")];
        Program {
            files: files.map(|(path, text)| (path.to_owned(), text.as_bytes().to_vec())).into_iter().collect(),
            loader: loader.map(str::to_owned),
        }
    }

    #[test]
    fn the_same_program_is_the_same_image() {
        let (one, other) = (of(&program(None), "amd64").unwrap(), of(&program(None), "amd64").unwrap());
        assert_eq!((&one.manifest, &one.blobs), (&other.manifest, &other.blobs));
        let mut changed = program(None);
        changed.files.insert(PROGRAM.to_owned(), b"another".to_vec());
        assert_ne!(of(&changed, "amd64").unwrap().manifest, one.manifest);
    }

    #[test]
    fn a_manifest_names_what_is_there_and_the_loader_is_called() {
        let image = of(&program(Some("ld-x.so")), "arm64").unwrap();
        let manifest: Value = serde_json::from_str(&image.manifest).unwrap();
        let named = [&manifest["layers"][0], &manifest["config"]]
            .map(|part| (part["digest"].as_str().unwrap().to_owned(), part["size"].as_u64().unwrap()));
        let there = image.blobs.clone().map(|(digest, bytes)| (digest, bytes.len() as u64));
        assert_eq!(named, there);
        let config: Value = serde_json::from_slice(&image.blobs[1].1).unwrap();
        assert_eq!(config["config"]["Entrypoint"], json!(["/lib/ld-x.so", "--library-path", "/lib", "/managr"]));
        assert_eq!((&config["architecture"], &config["os"]), (&json!("arm64"), &json!("linux")));
        let mut layer = tar::Archive::new(flate2::read::GzDecoder::new(&image.blobs[0].1[..]));
        let found: BTreeMap<String, u32> = layer
            .entries()
            .unwrap()
            .map(|entry| entry.map(|e| (e.path().unwrap().display().to_string(), e.header().mode().unwrap())).unwrap())
            .collect();
        let files: Vec<&str> = found.keys().map(String::as_str).collect();
        assert_eq!(
            files,
            ["etc/", "etc/ssl/", "etc/ssl/certs/", CERTIFICATES, "lib/", "lib/ld-x.so", "lib/libc.so.6", "managr"]
        );
        assert_eq!((found["managr"], found[CERTIFICATES]), (0o755, 0o644));
    }

    #[test]
    fn a_program_without_libraries_is_called_itself() {
        let image = of(&program(None), "amd64").unwrap();
        let config: Value = serde_json::from_slice(&image.blobs[1].1).unwrap();
        assert_eq!(config["config"]["Entrypoint"], json!(["/managr"]));
    }
}
