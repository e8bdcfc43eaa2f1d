//! Turns a layer's tar into a directory that overlayfs can use as a lower one.
//!
//! Whiteouts become what overlayfs understands: `.wh.name` a 0:0 character device, an opaque
//! directory the xattr `trusted.overlay.opaque`. A layer is extracted without looking at
//! those below it, so it can be shared by every image that has it. An archive is never
//! trusted: no entry can reach outside of the target directory, none can take more memory, disk
//! or time than `limits.rs` gives it, and no device is made of it.

mod meter;
mod sparse;
mod tree;

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use sha2::{Digest as _, Sha256};
use tar::EntryType;

use crate::Digest;
use crate::limits::{Excess, Room};
use meter::{Meter, Metered};
use sparse::Sparse;
use tree::{Attributes, Node, Tree};

const BUFFER: usize = 256 * 1024;

/// Why a layer could not be extracted.
#[derive(Debug, thiserror::Error)]
pub enum ExtractError {
    /// An entry would have been written outside of the layer's directory.
    #[error("layer entry `{entry}` points outside of the layer")]
    Escapes {
        /// The entry's name.
        entry: String,
    },
    /// An entry of a kind or with values that make no file.
    #[error("layer entry `{entry}` is not usable: {what}")]
    Malformed {
        /// The entry's name.
        entry: String,
        /// What is wrong with it.
        what: String,
    },
    /// The archive or its compression is broken.
    #[error("could not read the layer's archive")]
    Archive {
        /// The decoder's words.
        #[source]
        source: io::Error,
    },
    /// The disk refused.
    #[error("could not write layer entry `{entry}`")]
    Place {
        /// The entry's name.
        entry: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The layer is, or would become, more than an image may.
    #[error("{excess}")]
    TooMuch {
        /// Which limit was met.
        excess: Excess,
    },
    /// The layer's content is not what the image's configuration says.
    #[error("layer content has digest `{actual}`, but the image says `{wanted}`")]
    DiffId {
        /// The configuration's `diff_id`.
        wanted: Digest,
        /// What the content has.
        actual: Digest,
    },
}

impl ExtractError {
    /// Returns whether a damaged blob could be the cause.
    pub(crate) fn may_be_corruption(&self) -> bool {
        !matches!(self, Self::Place { .. } | Self::TooMuch { .. })
    }
}

/// Extracts a layer (plain, gzip or zstd) into an existing empty directory; returns what it cost
/// the image: bytes of its archive and entries.
pub(crate) fn extract(blob: File, diff_id: &Digest, target: &Path, room: &Room) -> Result<(u64, u64), ExtractError> {
    let archive = |source| ExtractError::Archive { source };
    let place = |source| ExtractError::Place { entry: "/".to_owned(), source };
    let root = File::open(target).map_err(place)?;
    let meter = Meter::new(room, root.as_fd());
    let mut hashing = Hashing { inner: decoder(blob).map_err(archive)?, hasher: Sha256::new() };
    let mut buffered = BufReader::with_capacity(BUFFER, &mut hashing);
    let mut metered = Metered { inner: &mut buffered, meter: &meter };
    let unpacked = unpack(&mut metered, target, &meter)
        // What follows the end mark belongs to the content as well.
        .and_then(|()| io::copy(&mut metered, &mut io::sink()).map_err(archive));
    if let Err(error) = unpacked {
        // A limit first: what the decoder made of being stopped says less.
        return Err(meter.excess().map_or(error, |excess| ExtractError::TooMuch { excess }));
    }
    drop(buffered);
    let actual = Digest::from_hasher(hashing.hasher);
    if actual != *diff_id {
        return Err(ExtractError::DiffId { wanted: diff_id.clone(), actual });
    }
    Ok(meter.totals())
}

/// Chooses by the first bytes: media types of layers lie too often.
fn decoder(mut blob: File) -> io::Result<Box<dyn Read>> {
    let mut magic = Vec::new();
    Read::by_ref(&mut blob).take(4).read_to_end(&mut magic)?;
    io::Seek::rewind(&mut blob)?;
    Ok(match magic.as_slice() {
        [0x1f, 0x8b, ..] => Box::new(flate2::bufread::MultiGzDecoder::new(BufReader::with_capacity(BUFFER, blob))),
        [0x28, 0xb5, 0x2f, 0xfd] => Box::new(zstd::Decoder::new(blob)?),
        _ => Box::new(blob),
    })
}

struct Hashing<R> {
    inner: R,
    hasher: Sha256,
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.hasher.update(&buffer[..count]);
        Ok(count)
    }
}

/// What hides lower layers. Written last: in the same archive it may stand before or after
/// an entry of the same name, which it does not hide.
#[derive(Default)]
struct Hidden {
    names: BTreeSet<PathBuf>,
    below: BTreeSet<PathBuf>,
}

fn unpack(reader: impl Read, target: &Path, meter: &Meter<'_>) -> Result<(), ExtractError> {
    let archive = |source| ExtractError::Archive { source };
    let mut tree = Tree::open(target).map_err(|source| ExtractError::Place { entry: "/".to_owned(), source })?;
    let mut hidden = Hidden::default();
    let mut buffer = vec![0; BUFFER];
    let mut archived = tar::Archive::new(reader);
    let mut entries = archived.entries().map_err(archive)?;
    loop {
        meter.begin_preamble();
        let Some(entry) = entries.next() else { break };
        let mut entry = entry.map_err(archive)?;
        meter.begin_content().map_err(archive)?;
        if entry.header().entry_type() != EntryType::XGlobalHeader {
            place(&mut entry, &mut tree, &mut hidden, &mut buffer, meter)?;
        }
        // What we did not read of it must not be taken for the next one's preamble.
        io::copy(&mut entry, &mut io::sink()).map_err(archive)?;
    }
    let place = |path: &Path| {
        let entry = shown(path.as_os_str().as_bytes());
        move |source| ExtractError::Place { entry, source }
    };
    for path in &hidden.below {
        tree.make_opaque(path).map_err(place(path))?;
    }
    for path in &hidden.names {
        tree.hide(path).map_err(place(path))?;
    }
    if let Some((count, first)) = tree.left_out() {
        tracing::warn!(count, first = %first.display(), "left device nodes out of a layer");
    }
    tree.finish().map_err(place(target))
}

/// Puts one entry where it belongs.
fn place(
    entry: &mut tar::Entry<'_, impl Read>,
    tree: &mut Tree,
    hidden: &mut Hidden,
    buffer: &mut [u8],
    meter: &Meter<'_>,
) -> Result<(), ExtractError> {
    let archive = |source| ExtractError::Archive { source };
    let raw = entry.path_bytes().into_owned();
    let name = shown(&raw);
    meter.check_name(raw.len()).map_err(archive)?;
    // Before anything else: whatever becomes of the entry, its bytes and holes are walked.
    let sparse = Sparse::of(entry, meter).map_err(archive)?;
    match &sparse {
        Some(sparse) => meter.take_apparent(sparse.size),
        None => meter.expect(entry.size()),
    }
    .map_err(archive)?;
    let path = inside(&raw).ok_or_else(|| ExtractError::Escapes { entry: name.clone() })?;
    if hidden.takes(&path, &name, meter)? {
        return Ok(());
    }
    let attributes = attributes(entry, &name)?;
    let node = node(entry, &raw, &name)?;
    match &node {
        // Left out entries are kept in memory until the layer is done, as directories are.
        Node::Directory | Node::LeftOut => meter.remember(raw.len()).map_err(archive)?,
        Node::Symlink(target) => meter.check_name(target.len()).map_err(archive)?,
        Node::HardLink(target) => meter.check_name(target.as_os_str().len()).map_err(archive)?,
        Node::File | Node::Device(..) => {}
    }
    let content = Content { entry, buffer, sparse };
    tree.place(&path, node, &attributes, content).map_err(|error| match error {
        Placing::Disk(source) => ExtractError::Place { entry: name, source },
        Placing::Archive(source) => ExtractError::Archive { source },
    })
}

/// Returns a name as it can stand in a message: an archive's may be as long as its author likes.
fn shown(name: &[u8]) -> String {
    const LONGEST: usize = 256;
    let text = String::from_utf8_lossy(&name[..name.len().min(LONGEST)]);
    if name.len() > LONGEST { format!("{text}…") } else { text.into_owned() }
}

/// Which side broke while an entry's content was copied.
enum Placing {
    Disk(io::Error),
    Archive(io::Error),
}

impl From<io::Error> for Placing {
    fn from(error: io::Error) -> Self {
        Self::Disk(error)
    }
}

impl From<rustix::io::Errno> for Placing {
    fn from(error: rustix::io::Errno) -> Self {
        Self::Disk(error.into())
    }
}

/// The bytes of the entry at hand.
struct Content<'a, R> {
    entry: &'a mut R,
    buffer: &'a mut [u8],
    sparse: Option<Sparse>,
}

impl<R: Read> Content<'_, R> {
    fn copy_to(self, file: &mut File) -> Result<(), Placing> {
        match &self.sparse {
            Some(sparse) => sparse.copy(self.entry, self.buffer, file),
            None => copy(self.entry, self.buffer, file),
        }
    }
}

fn copy(from: &mut impl Read, buffer: &mut [u8], file: &mut File) -> Result<(), Placing> {
    loop {
        let count = from.read(buffer).map_err(Placing::Archive)?;
        if count == 0 {
            return Ok(());
        }
        io::Write::write_all(file, &buffer[..count])?;
    }
}

/// Returns the path below the layer's root, or `None` if it climbs.
fn inside(raw: &[u8]) -> Option<PathBuf> {
    let mut clean = PathBuf::new();
    for component in Path::new(OsStr::from_bytes(raw)).components() {
        match component {
            Component::Normal(part) => clean.push(part),
            Component::RootDir | Component::CurDir => {}
            Component::ParentDir | Component::Prefix(_) => return None,
        }
    }
    Some(clean)
}

impl Hidden {
    /// Returns whether the entry was a whiteout (or one of aufs's own files) and is dealt with.
    fn takes(&mut self, path: &Path, name: &str, meter: &Meter<'_>) -> Result<bool, ExtractError> {
        let remember = || meter.remember(path.as_os_str().len()).map_err(|source| ExtractError::Archive { source });
        if path.components().any(|c| c.as_os_str().as_bytes().starts_with(b".wh..wh.")) {
            if path.file_name() == Some(OsStr::new(".wh..wh..opq")) {
                remember()?;
                self.below.insert(path.parent().map(Path::to_owned).unwrap_or_default());
            }
            return Ok(true);
        }
        let Some(victim) = path.file_name().and_then(|n| n.as_bytes().strip_prefix(b".wh.")) else {
            return Ok(false);
        };
        if matches!(victim, b"" | b"." | b"..") {
            return Err(ExtractError::Malformed { entry: name.to_owned(), what: "whiteout of nothing".to_owned() });
        }
        remember()?;
        self.names.insert(path.with_file_name(OsStr::from_bytes(victim)));
        Ok(true)
    }
}

fn node(entry: &tar::Entry<'_, impl Read>, raw: &[u8], name: &str) -> Result<Node, ExtractError> {
    let malformed = |what: String| ExtractError::Malformed { entry: name.to_owned(), what };
    let header = entry.header();
    let link = || entry.link_name_bytes().ok_or_else(|| malformed("link without a target".to_owned()));
    let device = || {
        let number = |n: io::Result<Option<u32>>| n.ok().flatten().ok_or_else(|| malformed("device number".to_owned()));
        Ok::<_, ExtractError>(rustix::fs::makedev(number(header.device_major())?, number(header.device_minor())?))
    };
    Ok(match header.entry_type() {
        // Archives of 1979 mark a directory by its slash alone.
        EntryType::Regular if raw.ends_with(b"/") => Node::Directory,
        EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => Node::File,
        EntryType::Directory => Node::Directory,
        EntryType::Symlink => Node::Symlink(link()?.into_owned()),
        EntryType::Link => {
            let target = link()?;
            Node::HardLink(
                inside(&target)
                    .ok_or_else(|| ExtractError::Escapes { entry: format!("{name} -> {}", shown(&target)) })?,
            )
        }
        // No device: it is overlayfs's own mark for a hidden name.
        EntryType::Char if device()? == 0 => Node::Device(rustix::fs::FileType::CharacterDevice, 0),
        // A container finds its devices in /dev, which is made for it. One in an image
        // could only be one of the host's. Rootless Docker leaves them out as well
        // (moby: pkg/archive, createTarFile).
        EntryType::Char | EntryType::Block => Node::LeftOut,
        EntryType::Fifo => Node::Device(rustix::fs::FileType::Fifo, 0),
        other => return Err(malformed(format!("entry type {other:?}"))),
    })
}

fn attributes(entry: &mut tar::Entry<'_, impl Read>, name: &str) -> Result<Attributes, ExtractError> {
    let malformed = |what: &str| ExtractError::Malformed { entry: name.to_owned(), what: what.to_owned() };
    let mut mtime = None;
    let mut xattrs = Vec::new();
    if let Some(extensions) = entry.pax_extensions().map_err(|_| malformed("extended header"))? {
        for extension in extensions.flatten() {
            let key = extension.key().unwrap_or_default();
            if let Some(attribute) = key.strip_prefix("SCHILY.xattr.").filter(|a| is_kept(a)) {
                xattrs.push((attribute.to_owned(), extension.value_bytes().to_vec()));
            } else if key == "mtime" {
                mtime = extension.value().ok().and_then(timestamp);
            }
        }
    }
    let header = entry.header();
    let old = header.as_old();
    let id = |value: io::Result<u64>, field: &[u8], what: &str| {
        let value = value.ok().or_else(|| is_blank(field).then_some(0));
        // The last value means "leave it" to the kernel.
        value.and_then(|id| u32::try_from(id).ok()).filter(|id| *id != u32::MAX).ok_or_else(|| malformed(what))
    };
    let mode = header.mode().ok().or_else(|| is_blank(&old.mode).then_some(0));
    Ok(Attributes {
        uid: id(header.uid(), &old.uid, "owner")?,
        gid: id(header.gid(), &old.gid, "group")?,
        mode: mode.ok_or_else(|| malformed("mode"))? & 0o7777,
        mtime: mtime.unwrap_or((i64::try_from(header.mtime().unwrap_or(0)).unwrap_or(0), 0)),
        xattrs,
    })
}

/// Capabilities, ACLs and the user's own attributes are part of an image. Overlay's own
/// (which would redirect a lookup) and this host's security labels are not.
fn is_kept(attribute: &str) -> bool {
    attribute == "security.capability"
        || attribute.starts_with("system.posix_acl_")
        || (attribute.starts_with("user.") && !attribute.starts_with("user.overlay."))
}

/// A field that was never filled in is a zero, as other readers of archives have it.
fn is_blank(field: &[u8]) -> bool {
    field.iter().all(|b| matches!(b, 0 | b' '))
}

/// Reads `seconds[.fraction]`.
fn timestamp(text: &str) -> Option<(i64, u32)> {
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, ""));
    let nanos = format!("{:0<9}", fraction.get(..9).unwrap_or(fraction)).parse().ok()?;
    Some((seconds.parse().ok()?, nanos))
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_limits;
