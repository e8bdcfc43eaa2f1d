//! A copy is the same, whole or not there.

use std::os::unix::fs::{FileExt as _, MetadataExt as _, PermissionsExt as _, symlink};

use proptest::prelude::*;

use super::*;

fn copy_of(what: What, fill: impl FnOnce(&Path)) -> (tempfile::TempDir, Result<Copied, CopyError>) {
    let dir = tempfile::tempdir().unwrap();
    let from = dir.path().join("from");
    fs::create_dir(&from).unwrap();
    fill(&from);
    let copied = folder(&from, &dir.path().join("to"), what, &mut |_, _| {});
    (dir, copied)
}

/// Names, modes, owners and contents of everything below a folder.
fn seen(root: &Path) -> Vec<(PathBuf, u32, u32, Vec<u8>)> {
    let mut all = Vec::new();
    let mut next = vec![root.to_owned()];
    while let Some(path) = next.pop() {
        let metadata = fs::symlink_metadata(&path).unwrap();
        let bytes = if metadata.is_dir() {
            next.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
            Vec::new()
        } else {
            fs::read(&path).unwrap()
        };
        all.push((path.strip_prefix(root).unwrap().to_owned(), metadata.mode(), metadata.uid(), bytes));
    }
    all.sort();
    all
}

#[test]
fn owners_modes_contents_and_empty_folders_come_over() {
    let (dir, copied) = copy_of(What::Whole, |from| {
        fs::create_dir_all(from.join("base/1")).unwrap();
        fs::create_dir(from.join("empty")).unwrap();
        fs::write(from.join("base/1/16384"), vec![7; 100_000]).unwrap();
        fs::write(from.join("nothing"), "").unwrap();
        fs::set_permissions(from, fs::Permissions::from_mode(0o700)).unwrap();
        fs::set_permissions(from.join("nothing"), fs::Permissions::from_mode(0o640)).unwrap();
        if nix_root() {
            std::os::unix::fs::chown(from.join("base/1/16384"), Some(4242), Some(4243)).unwrap();
        }
    });
    let copied = copied.unwrap();
    assert_eq!(seen(&dir.path().join("from")), seen(&dir.path().join("to")));
    assert_eq!(copied.files, 2);
    assert_eq!(copied.bytes, 100_000);
    assert!(!part(&dir.path().join("to")).exists());
}

fn nix_root() -> bool {
    rustix::process::geteuid().is_root()
}

#[test]
fn holes_stay_holes() {
    let (dir, copied) = copy_of(What::Whole, |from| {
        let file = fs::File::create(from.join("sparse")).unwrap();
        file.write_all_at(b"begin", 0).unwrap();
        file.write_all_at(b"middle", 64 << 20).unwrap();
        file.set_len(128 << 20).unwrap();
    });
    let copied = copied.unwrap();
    let (from, to) = (dir.path().join("from/sparse"), dir.path().join("to/sparse"));
    assert_eq!(fs::read(from).unwrap(), fs::read(&to).unwrap());
    assert!(fs::metadata(&to).unwrap().blocks() * 512 < 1 << 20, "it takes no more than it holds");
    assert!(copied.bytes < 1 << 20, "{copied:?}");
}

#[test]
fn what_was_cut_off_is_begun_again_and_what_is_whole_is_left() {
    let dir = tempfile::tempdir().unwrap();
    let (from, to) = (dir.path().join("from"), dir.path().join("to"));
    fs::create_dir(&from).unwrap();
    fs::write(from.join("a"), "new").unwrap();
    // As a process that was killed leaves it: half of an older state, and a file that is there no more.
    fs::create_dir(part(&to)).unwrap();
    fs::write(part(&to).join("a"), "ol").unwrap();
    fs::write(part(&to).join("gone"), "x").unwrap();
    folder(&from, &to, What::Whole, &mut |_, _| {}).unwrap();
    assert_eq!(seen(&from), seen(&to));

    fs::write(from.join("a"), "newer").unwrap();
    assert_eq!(folder(&from, &to, What::Whole, &mut |_, _| {}).unwrap().files, 0);
    assert_eq!(fs::read(to.join("a")).unwrap(), b"new", "a snapshot does not change any more");
    remove(&to).unwrap();
    remove(&to).unwrap();
    assert!(!to.exists() && !part(&to).exists());
}

#[test]
fn a_tablespace_elsewhere_is_refused_and_nothing_has_the_name() {
    let (dir, copied) = copy_of(What::Live, |from| {
        fs::create_dir(from.join("pg_tblspc")).unwrap();
        symlink("/etc", from.join("pg_tblspc/16400")).unwrap();
    });
    let words = copied.unwrap_err().to_string();
    assert!(words.contains("16400") && words.contains("tablespace"), "{words}");
    assert!(!dir.path().join("to").exists());
}

#[test]
fn of_a_server_that_runs_only_what_belongs_to_a_backup_is_taken() {
    let fill = |from: &Path| {
        for dir in ["pg_wal/archive_status", "base/1", "global", "pg_replslot/slot"] {
            fs::create_dir_all(from.join(dir)).unwrap();
        }
        for file in [
            "postmaster.pid",
            "backup_label.old",
            "pg_wal/000000010000000000000001",
            "base/1/1259",
            "base/1/pg_internal.init",
            "global/pg_control",
            "PG_VERSION",
        ] {
            fs::write(from.join(file), file).unwrap();
        }
    };
    let names = |what| {
        let (dir, copied) = copy_of(what, fill);
        copied.unwrap();
        let all = seen(&dir.path().join("to"));
        all.into_iter().map(|(path, ..)| path.display().to_string()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(names(What::Live), " PG_VERSION base base/1 base/1/1259 global global/pg_control pg_replslot pg_wal");
    let stopped = names(What::Stopped);
    assert!(stopped.contains("pg_wal/000000010000000000000001"), "{stopped}");
    assert!(!stopped.contains("postmaster.pid"), "{stopped}");
}

#[test]
fn progress_grows_and_ends_at_all() {
    let dir = tempfile::tempdir().unwrap();
    let from = dir.path().join("from");
    fs::create_dir(&from).unwrap();
    (0..5).for_each(|n| fs::write(from.join(n.to_string()), vec![1; 5000]).unwrap());
    let mut told = Vec::new();
    folder(&from, &dir.path().join("to"), What::Whole, &mut |done, all| told.push((done, all))).unwrap();
    assert!(told.is_sorted(), "{told:?}");
    assert_eq!(told.last(), Some(&(25_000, 25_000)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    /// Whatever the way, and wherever the holes are.
    #[test]
    fn every_way_copies_the_same(
        stretches in prop::collection::vec((0_u64..40, 1_usize..20_000), 0..6),
        len in 0_u64..200_000,
        way in prop::sample::select(vec![Way::Reflink, Way::Kernel, Way::Plain]),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (dir.path().join("a"), dir.path().join("b"));
        let source = fs::File::create(&from).unwrap();
        for (page, bytes) in stretches {
            source.write_all_at(&vec![0xa5; bytes], page * 8192).unwrap();
        }
        source.set_len(len).unwrap();
        let mut tried = way;
        file::copy(&from, &to, &mut tried).unwrap();
        prop_assert!(tried >= way);
        prop_assert_eq!(fs::read(&from).unwrap(), fs::read(&to).unwrap());
    }
}
