//! What a hostile layer may cost: every limit is met, in bounded memory, time and disk, and says so.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, Instant};

use super::tests::*;
use super::*;
use crate::limits::Limits;

/// An archive whose entry of `kind` announces `size` bytes and is followed by zeros without end.
struct Endless {
    head: io::Cursor<Vec<u8>>,
    read: u64,
}

impl Endless {
    fn of(kind: EntryType, size: u64) -> Self {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_path("x").unwrap();
        header.set_size(size);
        header.set_cksum();
        Self { head: io::Cursor::new(header.as_bytes().to_vec()), read: 0 }
    }
}

impl Read for Endless {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = match self.head.read(buffer)? {
            0 => {
                buffer.fill(b'a');
                buffer.len()
            }
            count => count,
        };
        self.read += count as u64;
        Ok(count)
    }
}

fn refused_after(mut source: Endless, limits: Limits) -> (String, u64) {
    let dir = tempfile::tempdir().unwrap();
    let root = File::open(dir.path()).unwrap();
    let room = Room::new(limits);
    let meter = Meter::new(&room, root.as_fd());
    let result = unpack(Metered { inner: &mut source, meter: &meter }, dir.path(), &meter);
    result.unwrap_err();
    (meter.excess().expect("a limit was met").to_string(), source.read)
}

#[test]
fn a_name_of_a_gigabyte_is_refused_before_it_is_in_memory() {
    for kind in [EntryType::GNULongName, EntryType::GNULongLink, EntryType::XHeader] {
        let (words, read) = refused_after(Endless::of(kind, 1 << 30), Limits::DEFAULT);
        assert!(words.contains("1048576 bytes in the names and extended headers of one entry"), "{words}");
        assert!(read < 4 << 20, "{kind:?}: {read} bytes were read");
    }
}

#[test]
fn a_name_that_no_system_call_takes_is_refused_and_not_repeated() {
    let name = "n/".repeat(10_000);
    for pax in [("path", name.as_bytes()), ("linkpath", name.as_bytes())] {
        let pax = [pax];
        let words = refused(&[TarEntry { pax: &pax, ..link("l", EntryType::Symlink, "x") }]);
        assert!(words.contains("4095 bytes in the name of an entry"), "{words}");
        assert!(words.len() < 400, "{} bytes", words.len());
    }
    let long = "m".repeat(300);
    let words = refused(&[TarEntry { pax: &[("path", long.as_bytes())], ..entry("x", EntryType::Block) }, dir("..")]);
    assert!(words.len() < 400, "{words}");
}

#[test]
fn a_layer_ends_at_its_bytes_however_they_are_packed() {
    testhost::needs_root!();
    let limits = Limits { layer_bytes: 1 << 20, ..Limits::DEFAULT };
    // By its own word, before a byte of it is written.
    let (words, read) = refused_after(Endless::of(EntryType::Regular, 1 << 40), limits);
    assert!(words.contains("the layer has more than 1048576 bytes"), "{words}");
    assert!(read < 64 << 10, "{read}");
    // Content of what has none, an image-wide header, and what follows the end mark.
    for kind in [EntryType::Directory, EntryType::XGlobalHeader, EntryType::Symlink] {
        let (_, read) = refused_after(Endless::of(kind, 1 << 40), limits);
        assert!(read < 4 << 20, "{kind:?}: {read}");
    }
    let mut bytes = archive(&[file("f", "x")]);
    bytes.resize(3 << 20, 0);
    let (_dir, result) = extract_within(&zstd::encode_all(&bytes[..], 1).unwrap(), &Digest::of(&bytes), limits);
    assert!(matches!(result, Err(ExtractError::TooMuch { .. })), "{result:?}");
}

#[test]
fn a_layer_ends_at_its_entries_and_at_the_names_it_makes_us_keep() {
    testhost::needs_root!();
    let limits = Limits { layer_entries: 10, remembered_bytes: 1000, ..Limits::DEFAULT };
    let check = |name: &dyn Fn(usize) -> String, make: &dyn Fn(&str) -> TarEntry<'_>, count: usize, expected: &str| {
        let names: Vec<String> = (0..count).map(name).collect();
        let entries: Vec<_> = names.iter().map(|n| make(n)).collect();
        let bytes = archive(&entries);
        let (_dir, result) = extract_within(&bytes, &Digest::of(&bytes), limits);
        let words = result.map_err(|error| error.to_string());
        match &words {
            Ok(()) => assert_eq!(expected, ""),
            Err(words) => assert!(!expected.is_empty() && words.contains(expected), "{words}"),
        }
    };
    check(&|n| format!("f{n}"), &|n| file(n, ""), 11, "10 entries");
    check(&|n| format!("f{n}"), &|n| file(n, ""), 10, "");
    check(&|n| format!("{n}{}", "d".repeat(90)), &dir, 10 + 1, "10 entries");
    check(&|n| format!("{n}{}/", "d".repeat(98)), &dir, 10, "");
    let longer = Limits { layer_entries: 100, ..limits };
    let names: Vec<String> = (0..20).map(|n| format!(".wh.{n}{}", "d".repeat(80))).collect();
    let bytes = archive(&names.iter().map(|n| file(n, "")).collect::<Vec<_>>());
    let (_dir, result) = extract_within(&bytes, &Digest::of(&bytes), longer);
    assert!(matches!(result, Err(ExtractError::TooMuch { .. })), "{result:?}");
}

/// A sparse file: data of one block at each offset, and this size.
fn sparse(name: &str, offsets: &[u64], size: u64) -> Vec<u8> {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(EntryType::GNUSparse);
    header.set_path(name).unwrap();
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(offsets.len() as u64 * 512);
    let mut parts: Vec<(u64, u64)> = offsets.iter().map(|o| (*o, 512)).collect();
    parts.push((size, 0));
    let octal = |field: &mut [u8; 12], value: u64| {
        if value < 1 << 33 {
            field.copy_from_slice(format!("{value:011o}\0").as_bytes());
        } else {
            field.fill(0);
            field[0] = 0x80;
            field[4..].copy_from_slice(&value.to_be_bytes());
        }
    };
    let fill = |slots: &mut [tar::GnuSparseHeader], parts: &mut Vec<(u64, u64)>| {
        for slot in slots.iter_mut() {
            if parts.is_empty() {
                break;
            }
            let (offset, length) = parts.remove(0);
            octal(&mut slot.offset, offset);
            octal(&mut slot.numbytes, length);
        }
    };
    let gnu = header.as_gnu_mut().unwrap();
    fill(&mut gnu.sparse, &mut parts);
    octal(&mut gnu.realsize, size);
    gnu.set_is_extended(!parts.is_empty());
    header.set_cksum();
    let mut bytes = header.as_bytes().to_vec();
    while !parts.is_empty() {
        let mut more = tar::GnuExtSparseHeader::new();
        fill(&mut more.sparse, &mut parts);
        more.set_is_extended(!parts.is_empty());
        bytes.extend_from_slice(more.as_bytes());
    }
    for (n, _) in offsets.iter().enumerate() {
        bytes.extend([b'A' + (n % 26) as u8; 512]);
    }
    bytes
}

#[test]
fn holes_stay_holes_wherever_the_map_of_them_is() {
    testhost::needs_root!();
    for count in [0_u64, 1, 3, 4, 5, 24, 25, 26, 60] {
        let size = 3 << 30;
        let offsets: Vec<u64> = (0..count).map(|n| 4096 + n * (40 << 20)).collect();
        let mut bytes = sparse("disk.img", &offsets, size);
        bytes.extend(archive(&[file("after", "x")]));
        let (dir, result) = extract_bytes(&bytes, &Digest::of(&bytes));
        result.unwrap();
        let path = dir.path().join("fs/disk.img");
        let found = fs::metadata(&path).unwrap();
        assert_eq!(found.len(), size);
        assert!(found.blocks() * 512 <= (count + 1) * 8192, "{count} parts take {} bytes", found.blocks() * 512);
        let mut file = File::open(path).unwrap();
        for (n, offset) in offsets.iter().enumerate() {
            let mut block = [0; 514];
            io::Seek::seek(&mut file, io::SeekFrom::Start(offset - 1)).unwrap();
            file.read_exact(&mut block).unwrap();
            let letter = b'A' + (n % 26) as u8;
            assert!(block[0] == 0 && block[513] == 0 && block[1..513].iter().all(|b| *b == letter), "part {n}");
        }
        assert_eq!(fs::read_to_string(dir.path().join("fs/after")).unwrap(), "x");
    }
}

#[test]
fn holes_are_bounded_too_also_where_nobody_wants_the_file() {
    for name in ["disk.img", ".wh.disk.img", ".wh..wh.plnk"] {
        let bytes = sparse(name, &[4096], 8 << 40);
        let begun = Instant::now();
        let (_dir, result) = extract_bytes(&bytes, &Digest::of(&bytes));
        assert!(result.unwrap_err().to_string().contains("holes included"));
        assert!(begun.elapsed() < Duration::from_secs(5));
    }
}

#[test]
fn no_tree_is_deeper_than_can_be_removed() {
    // Each entry's own name is short: the links lead on.
    let mut entries = Vec::new();
    let deep = "d/".repeat(200);
    let (down, up): (Vec<String>, Vec<String>) =
        (0..20).map(|n| (format!("l{n}/{deep}"), format!("l{n}/{deep}").trim_end_matches('/').to_owned())).unzip();
    let links: Vec<String> = (1..20).map(|n| format!("l{n}")).collect();
    entries.push(dir("l0"));
    for n in 0..19 {
        let pax: &'static [(&str, &[u8])] = Box::leak(Box::new([("path", down[n].clone().leak().as_bytes())]));
        entries.push(TarEntry { pax, ..dir("x") });
        let target: &'static [(&str, &[u8])] = Box::leak(Box::new([("linkpath", up[n].clone().leak().as_bytes())]));
        entries.push(TarEntry { pax: target, ..link(&links[n], EntryType::Symlink, "x") });
    }
    let words = refused(&entries);
    assert!(words.contains("could not write layer entry"), "{words}");
}
