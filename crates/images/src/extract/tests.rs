//! What a layer becomes on the disk. Needs root, as the platform does: owners, devices and
//! `trusted.` attributes are the point.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{FileTypeExt, MetadataExt};

use tar::{Builder, Header};

use super::*;
use crate::limits::Limits;

/// One entry of an archive under construction, raw: names are not made safe.
pub(super) struct TarEntry<'a> {
    pub(super) name: &'a str,
    pub(super) kind: EntryType,
    pub(super) mode: u32,
    pub(super) link: &'a str,
    pub(super) content: &'a [u8],
    pub(super) owner: u64,
    pub(super) pax: &'a [(&'a str, &'a [u8])],
}

pub(super) fn entry<'a>(name: &'a str, kind: EntryType) -> TarEntry<'a> {
    TarEntry { name, kind, mode: 0o644, link: "", content: b"", owner: 0, pax: &[] }
}

pub(super) fn file<'a>(name: &'a str, content: &'a str) -> TarEntry<'a> {
    TarEntry { content: content.as_bytes(), ..entry(name, EntryType::Regular) }
}

pub(super) fn dir(name: &str) -> TarEntry<'_> {
    TarEntry { mode: 0o755, ..entry(name, EntryType::Directory) }
}

pub(super) fn link<'a>(name: &'a str, kind: EntryType, target: &'a str) -> TarEntry<'a> {
    TarEntry { link: target, ..entry(name, kind) }
}

pub(super) fn archive(entries: &[TarEntry<'_>]) -> Vec<u8> {
    let mut builder = Builder::new(Vec::new());
    for e in entries {
        builder.append_pax_extensions(e.pax.iter().copied()).unwrap();
        let mut header = Header::new_gnu();
        header.as_old_mut().name[..e.name.len()].copy_from_slice(e.name.as_bytes());
        header.as_old_mut().linkname[..e.link.len()].copy_from_slice(e.link.as_bytes());
        header.set_entry_type(e.kind);
        header.set_mode(e.mode);
        header.set_uid(e.owner);
        header.set_gid(e.owner);
        header.set_mtime(1_000_000_000);
        header.set_size(e.content.len() as u64);
        // A device's numbers stand where a link has its target.
        let numbers = e.link.split_once(':').and_then(|(a, b)| Some((a.parse().ok()?, b.parse().ok()?)));
        let (major, minor) = numbers.unwrap_or((1, 3));
        header.set_device_major(major).unwrap();
        header.set_device_minor(minor).unwrap();
        header.set_cksum();
        builder.append(&header, e.content).unwrap();
    }
    builder.into_inner().unwrap()
}

pub(super) fn extract_bytes(bytes: &[u8], diff_id: &Digest) -> (tempfile::TempDir, Result<(), ExtractError>) {
    extract_within(bytes, diff_id, Limits::DEFAULT)
}

pub(super) fn extract_within(
    bytes: &[u8],
    diff_id: &Digest,
    limits: Limits,
) -> (tempfile::TempDir, Result<(), ExtractError>) {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("fs")).unwrap();
    fs::write(dir.path().join("blob"), bytes).unwrap();
    let result =
        extract(File::open(dir.path().join("blob")).unwrap(), diff_id, &dir.path().join("fs"), &Room::new(limits));
    (dir, result.map(drop))
}

fn extracted(entries: &[TarEntry<'_>]) -> (tempfile::TempDir, PathBuf) {
    let bytes = archive(entries);
    let (dir, result) = extract_bytes(&bytes, &Digest::of(&bytes));
    result.unwrap();
    let root = dir.path().join("fs");
    (dir, root)
}

pub(super) fn refused(entries: &[TarEntry<'_>]) -> String {
    let bytes = archive(entries);
    let (dir, result) = extract_bytes(&bytes, &Digest::of(&bytes));
    assert!(!dir.path().join("escaped").exists(), "something was written outside");
    result.unwrap_err().to_string()
}

fn is_opaque(path: &Path) -> bool {
    let mut value = [0; 4];
    rustix::fs::getxattr(path, "trusted.overlay.opaque", &mut value).is_ok_and(|n| &value[..n] == b"y")
}

fn is_whiteout(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|m| m.file_type().is_char_device() && m.rdev() == 0)
}

#[test]
fn owner_mode_and_time_are_those_of_the_archive() {
    testhost::needs_root!();
    let (_dir, root) = extracted(&[
        TarEntry { mode: 0o1777, ..dir("tmp/") },
        TarEntry { mode: 0o4755, owner: 1234, ..file("tmp/su", "x") },
        file("tmp/later", "changes the directory's time"),
    ]);
    let su = fs::metadata(root.join("tmp/su")).unwrap();
    assert_eq!((su.uid(), su.gid(), su.mode() & 0o7777, su.mtime()), (1234, 1234, 0o4755, 1_000_000_000));
    let tmp = fs::metadata(root.join("tmp")).unwrap();
    assert_eq!((tmp.mode() & 0o7777, tmp.mtime()), (0o1777, 1_000_000_000));
}

#[test]
fn capabilities_and_fractions_of_seconds_come_from_the_extended_header() {
    testhost::needs_root!();
    let capability = b"\x01\0\0\x02\0\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
    let pax: &[(&str, &[u8])] = &[
        ("SCHILY.xattr.security.capability", capability),
        ("SCHILY.xattr.trusted.overlay.redirect", b"/etc"),
        ("mtime", b"1000000000.25"),
        ("uid", b"3000000"),
    ];
    let (_dir, root) = extracted(&[TarEntry { pax, mode: 0o755, ..file("ping", "x") }]);
    let mut value = [0; 64];
    let n = rustix::fs::getxattr(root.join("ping"), "security.capability", &mut value).unwrap();
    assert_eq!(&value[..n], capability);
    assert!(rustix::fs::getxattr(root.join("ping"), "trusted.overlay.redirect", &mut value).is_err());
    let meta = fs::metadata(root.join("ping")).unwrap();
    assert_eq!((meta.mtime_nsec(), meta.uid()), (250_000_000, 3_000_000));
}

#[test]
fn links_of_both_kinds_and_pipes_are_made() {
    testhost::needs_root!();
    let (_dir, root) = extracted(&[
        dir("bin"),
        file("bin/busybox", "bb"),
        link("bin/sh", EntryType::Link, "/bin/busybox"),
        link("bin/ls", EntryType::Symlink, "/bin/busybox"),
        entry("pipe", EntryType::Fifo),
    ]);
    assert_eq!(fs::metadata(root.join("bin/sh")).unwrap().ino(), fs::metadata(root.join("bin/busybox")).unwrap().ino());
    assert_eq!(fs::read_link(root.join("bin/ls")).unwrap(), Path::new("/bin/busybox"));
    assert!(fs::metadata(root.join("pipe")).unwrap().file_type().is_fifo());
}

#[test]
fn no_device_is_made_and_what_leans_on_one_is_left_out_too() {
    testhost::needs_root!();
    let (_dir, root) = extracted(&[
        dir("dev"),
        TarEntry { mode: 0o666, ..entry("dev/null", EntryType::Char) },
        link("dev/disk", EntryType::Block, "254:0"),
        link("dev/same", EntryType::Link, "dev/disk"),
        link("dev/again", EntryType::Link, "dev/same"),
        link("dev/soft", EntryType::Symlink, "disk"),
        file("was-a-file", "x"),
        entry("was-a-file", EntryType::Char),
        entry("becomes-a-file", EntryType::Block),
        file("becomes-a-file", "x"),
        link("linked", EntryType::Link, "becomes-a-file"),
        link("hidden", EntryType::Char, "0:0"),
        file("last", "x"),
    ]);
    let names = |path: &Path| {
        let mut names: Vec<_> = fs::read_dir(path).unwrap().map(|e| e.unwrap().file_name()).collect();
        names.sort();
        names
    };
    assert_eq!(names(&root), ["becomes-a-file", "dev", "hidden", "last", "linked"]);
    assert_eq!(names(&root.join("dev")), ["soft"]);
    assert!(is_whiteout(&root.join("hidden")), "overlayfs's own mark stays");
    assert_eq!(fs::read_to_string(root.join("linked")).unwrap(), "x");
}

#[test]
fn whiteouts_hide_lower_layers_and_never_their_own() {
    testhost::needs_root!();
    let (_dir, root) = extracted(&[
        dir("etc"),
        entry("etc/.wh.gone", EntryType::Regular),
        entry("etc/.wh.mine", EntryType::Regular),
        file("etc/mine", "kept"),
        dir("etc/conf.d"),
        file("etc/conf.d/a", "kept"),
        entry("etc/.wh.conf.d", EntryType::Regular),
        entry("var/cache/.wh..wh..opq", EntryType::Regular),
        entry(".wh..wh.plnk/1.2", EntryType::Regular),
    ]);
    assert!(is_whiteout(&root.join("etc/gone")));
    assert_eq!(fs::read_to_string(root.join("etc/mine")).unwrap(), "kept");
    assert!(is_opaque(&root.join("etc/conf.d")) && root.join("etc/conf.d/a").exists());
    assert!(is_opaque(&root.join("var/cache")) && !is_opaque(&root.join("var")));
    assert_eq!(fs::metadata(root.join("var")).unwrap().mode() & 0o7777, 0o755);
    let names: Vec<_> = fs::read_dir(&root).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert!(!names.iter().any(|n| n.as_bytes().starts_with(b".wh.")), "{names:?}");
}

#[test]
fn a_later_entry_replaces_an_earlier_one_of_another_kind() {
    testhost::needs_root!();
    let (_dir, root) = extracted(&[
        dir("a"),
        file("a/inner", "1"),
        file("a", "now a file"),
        file("b", "1"),
        dir("b"),
        file("b/inner", "2"),
        link("c", EntryType::Symlink, "/nowhere"),
        file("c", "not through the link"),
    ]);
    assert_eq!(fs::read_to_string(root.join("a")).unwrap(), "now a file");
    assert_eq!(fs::read_to_string(root.join("b/inner")).unwrap(), "2");
    assert_eq!(fs::read_to_string(root.join("c")).unwrap(), "not through the link");
}

#[test]
fn no_entry_reaches_outside() {
    testhost::needs_root!();
    assert!(refused(&[file("../escaped", "x")]).contains("outside"));
    assert!(refused(&[file("a/../../escaped", "x")]).contains("outside"));
    assert!(refused(&[link("passwd", EntryType::Link, "../../../etc/passwd")]).contains("outside"));
    assert!(refused(&[file("a/.wh...", "x")]).contains("whiteout"));

    // Absolute names and symbolic links are read as from the layer's own root.
    let (dir, root) = extracted(&[
        file("/escaped", "x"),
        dir("deep"),
        link("up", EntryType::Symlink, "../.."),
        file("up/escaped-too", "x"),
        link("abs", EntryType::Symlink, "/deep"),
        file("abs/file", "x"),
    ]);
    assert!(root.join("escaped").exists() && root.join("escaped-too").exists() && root.join("deep/file").exists());
    assert!(!dir.path().join("escaped-too").exists());
}

#[test]
fn gzip_in_members_zstd_and_plain_give_the_same_tree() {
    testhost::needs_root!();
    let bytes = archive(&[dir("d"), file("d/f", &"content ".repeat(1000))]);
    let gzip = |part: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(part).unwrap();
        encoder.finish().unwrap()
    };
    let (first, second) = bytes.split_at(700);
    let members = [gzip(first), gzip(second)].concat();
    for blob in [bytes.clone(), gzip(&bytes), members, zstd::encode_all(&bytes[..], 1).unwrap()] {
        let (dir, result) = extract_bytes(&blob, &Digest::of(&bytes));
        result.unwrap();
        assert_eq!(fs::read_to_string(dir.path().join("fs/d/f")).unwrap().len(), 8000);
    }
}

#[test]
fn content_that_is_not_what_the_image_says_is_refused() {
    testhost::needs_root!();
    let bytes = archive(&[file("f", "x")]);
    let (_dir, result) = extract_bytes(&bytes, &Digest::of(b"something else"));
    assert!(matches!(result, Err(ExtractError::DiffId { .. })));
    let (_dir, result) = extract_bytes(&bytes[..600], &Digest::of(&bytes));
    assert!(matches!(result, Err(ExtractError::Archive { .. } | ExtractError::DiffId { .. })));
}

proptest::proptest! {
    /// Whatever an archive's names and links are, nothing appears beside the layer's directory.
    #[test]
    fn hostile_archives_stay_inside(
        entries in proptest::collection::vec(
            (
                proptest::sample::select(vec!["a", "a/b", "a/b/c", "/a", "../a", "a/../../b", "b", "b/a", ".wh.a", "a/.wh..wh..opq", "b/../.."]),
                0_u8..4,
                proptest::sample::select(vec!["..", "../..", "/", "a", "/a/b", "../../b", "."]),
            ),
            0..12,
        )
    ) {
        let entries: Vec<_> = entries.iter().map(|(name, kind, target)| match kind {
            0 => file(name, "x"),
            1 => dir(name),
            2 => link(name, EntryType::Symlink, target),
            _ => link(name, EntryType::Link, target),
        }).collect();
        let bytes = archive(&entries);
        let (dir, _) = extract_bytes(&bytes, &Digest::of(&bytes));
        let beside: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
        proptest::prop_assert_eq!(beside.len(), 2);
    }
}
