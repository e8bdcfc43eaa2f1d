//! Which files does this program run from? The program itself, the libraries that it has mapped, the loader that mapped
//! them, and the certificates that it trusts.
//!
//! It is linked to the machine's C library, so it runs elsewhere only together with that. Whatever is mapped is known to
//! fit: it runs at this moment.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::GateError;

/// Where an image has its libraries.
pub(super) const LIBRARIES: &str = "lib";

/// Where an image has the program.
pub(super) const PROGRAM: &str = "managr";

/// Where an image has the certificates.
pub(super) const CERTIFICATES: &str = "etc/ssl/certs/ca-certificates.crt";

/// Where systems keep the certificates that they trust, in one file (openssl-probe and Go's crypto/x509 look there).
const BUNDLES: [&str; 5] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// What glibc before 2.34 opens by name when a host's address is asked for; later ones have it built in (NEWS of 2.34).
const OPENED_LATE: [&str; 3] = ["libnss_dns.so.2", "libnss_files.so.2", "libresolv.so.2"];

/// A program and what it needs, by the paths that an image has them at.
pub(super) struct Program {
    /// Contents.
    pub(super) files: BTreeMap<String, Vec<u8>>,
    /// Name of the loader among the libraries; none for a program that needs none.
    pub(super) loader: Option<String>,
}

/// Returns the beginning of the hash of the program that runs.
pub(super) fn fingerprint() -> Result<String, GateError> {
    Ok(hex::encode(Sha256::digest(own()?))[..12].to_owned())
}

/// The program by what runs, not by its name: a file of that name may be another one by now.
fn own() -> Result<Vec<u8>, GateError> {
    read(Path::new("/proc/self/exe"))
}

fn read(path: &Path) -> Result<Vec<u8>, GateError> {
    fs::read(path).map_err(|source| GateError::Read { path: path.to_owned(), source })
}

/// Reads the program that runs and everything that it runs from.
pub(super) fn ours() -> Result<Program, GateError> {
    let maps = Path::new("/proc/self/maps");
    let text = String::from_utf8_lossy(&read(maps)?).into_owned();
    let itself = fs::read_link("/proc/self/exe")
        .map_err(|source| GateError::Read { path: PathBuf::from("/proc/self/exe"), source })?;
    let mapped: Vec<PathBuf> = mapped(&text).into_iter().filter(|path| *path != itself).collect();
    let mut files = BTreeMap::from([(PROGRAM.to_owned(), own()?)]);
    let mut loader = None;
    for path in &mapped {
        if path.to_string_lossy().ends_with(" (deleted)") {
            let why = format!("{} was replaced while it runs; run the command again", path.display());
            return Err(GateError::Uncarried { why });
        }
        let bytes = read(path)?;
        for name in names(path) {
            if is_loader(&name) {
                loader = Some(name.clone());
            }
            files.insert(format!("{LIBRARIES}/{name}"), bytes.clone());
        }
    }
    if !mapped.is_empty() && loader.is_none() {
        let libraries: Vec<String> = mapped.iter().map(|path| path.display().to_string()).collect();
        let why = format!("it has mapped {} and no loader of a kind that is known", libraries.join(", "));
        return Err(GateError::Uncarried { why });
    }
    let beside =
        mapped.iter().filter(|path| names(path).iter().any(|name| name == "libc.so.6")).filter_map(|c| c.parent());
    for path in beside.flat_map(|libraries| OPENED_LATE.map(|name| libraries.join(name))) {
        if let (Ok(bytes), Some(name)) = (fs::read(&path), path.file_name()) {
            files.insert(format!("{LIBRARIES}/{}", name.to_string_lossy()), bytes);
        }
    }
    files.extend(certificates().map(|bytes| (CERTIFICATES.to_owned(), bytes)));
    Ok(Program { files, loader })
}

/// A machine that makes no TLS connections may have none.
fn certificates() -> Option<Vec<u8>> {
    let said = std::env::var_os("SSL_CERT_FILE").map(PathBuf::from);
    said.into_iter().chain(BUNDLES.map(PathBuf::from)).find_map(|path| fs::read(path).ok())
}

/// Returns the files that are mapped as code, each once, from what `/proc/PID/maps` says (proc(5)).
fn mapped(maps: &str) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = Vec::new();
    for line in maps.lines() {
        let mut words = line.splitn(6, ' ');
        let is_code = words.nth(1).is_some_and(|permissions| permissions.contains('x'));
        let path = words.nth(3).unwrap_or_default().trim_start();
        if is_code && path.starts_with('/') && !found.iter().any(|known| known == Path::new(path)) {
            found.push(PathBuf::from(path));
        }
    }
    found
}

/// Returns the names that a library has where it is: maps know the file, a program asks for the name of a link to it.
fn names(path: &Path) -> Vec<String> {
    let own = path.file_name().map(|name| name.to_string_lossy().into_owned());
    let around = path.parent().and_then(|parent| fs::read_dir(parent).ok()).into_iter().flatten().flatten();
    let links = around.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_symlink()));
    let leads = |entry: &fs::DirEntry| fs::canonicalize(entry.path()).is_ok_and(|file| file == path);
    let links = links.filter(leads).map(|entry| entry.file_name().to_string_lossy().into_owned());
    own.into_iter().chain(links).collect()
}

/// glibc's `ld-linux-x86-64.so.2`, `ld-linux-aarch64.so.1`, `ld-2.31.so`, and musl's `ld-musl-x86_64.so.1`.
fn is_loader(name: &str) -> bool {
    name.starts_with("ld-") && name.contains(".so")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_mapped_as_code_is_what_a_program_runs_from() {
        let maps = "\
55d0a0000000-55d0a1000000 r--p 00000000 08:01 123  /usr/bin/managr
55d0a1000000-55d0a2000000 r-xp 01000000 08:01 123  /usr/bin/managr
7f0000000000-7f0000001000 r-xp 00000000 08:01 9    /usr/lib/with a space/libc.so.6 (deleted)
7f0000002000-7f0000003000 r-xp 00002000 08:01 9    /usr/lib/with a space/libc.so.6 (deleted)
7f0000004000-7f0000005000 r--p 00000000 08:01 7    /usr/lib/locale/C.utf8/LC_CTYPE
7f0000006000-7f0000007000 r-xp 00000000 00:00 0    [vdso]
7f0000008000-7f0000009000 rwxp 00000000 00:00 0 
";
        let expected = ["/usr/bin/managr", "/usr/lib/with a space/libc.so.6 (deleted)"];
        assert_eq!(mapped(maps), expected.map(PathBuf::from));
    }

    #[test]
    fn loaders_of_both_c_libraries_are_known() {
        for name in ["ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1", "ld-2.31.so", "ld-musl-x86_64.so.1"] {
            assert!(is_loader(name), "{name}");
        }
        assert!(!is_loader("libc.so.6") && !is_loader("libld-x.so"));
    }

    #[test]
    fn this_program_can_be_carried() {
        let program = ours().unwrap();
        assert_eq!(program.files[PROGRAM], fs::read("/proc/self/exe").unwrap());
        assert!(program.loader.is_some_and(|loader| program.files.contains_key(&format!("{LIBRARIES}/{loader}"))));
        assert!(program.files.contains_key("lib/libc.so.6"));
        assert_eq!(fingerprint().unwrap().len(), 12);
    }
}
