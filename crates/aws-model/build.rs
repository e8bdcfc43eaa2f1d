//! Packs the models of the services: read as text in the repository, small in the binary.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, clippy::disallowed_types)] // it is a build script

use std::io::Write;
use std::path::Path;

fn main() {
    let out = std::env::var("OUT_DIR").unwrap();
    println!("cargo::rerun-if-changed=models");
    for entry in std::fs::read_dir("models").unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let text = std::fs::read(&path).unwrap();
        let to = Path::new(&out).join(path.with_extension("z").file_name().unwrap());
        let mut packer = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
        packer.write_all(&text).unwrap();
        std::fs::write(to, packer.finish().unwrap()).unwrap();
    }
}
