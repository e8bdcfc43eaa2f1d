//! Puts nodes into a directory tree that may contain hostile symbolic links.
//!
//! Every path is resolved by the kernel as if the tree were the root (`openat2` with
//! `RESOLVE_IN_ROOT`), and the last component is never followed.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use rustix::fs::{AtFlags, CWD, Dev, FileType, Gid, Mode, OFlags, ResolveFlags, Timespec, Timestamps, Uid, XattrFlags};
use rustix::io::Errno;

use super::{Content, Placing};
use crate::limits::Limits;

const DIRECTORY: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// What an entry becomes.
pub(super) enum Node {
    File,
    Directory,
    Symlink(Vec<u8>),
    /// To another path of the same layer.
    HardLink(PathBuf),
    Device(FileType, Dev),
    /// Nothing, in place of what had the name.
    LeftOut,
}

/// What an entry has besides its content. Times are seconds and nanoseconds since the epoch.
pub(super) struct Attributes {
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) mode: u32,
    pub(super) mtime: (i64, u32),
    pub(super) xattrs: Vec<(String, Vec<u8>)>,
}

/// The tree under construction.
pub(super) struct Tree {
    root: Rc<OwnedFd>,
    /// The root's own path, as the kernel tells it.
    at: PathBuf,
    /// The directory used last: archives list a directory's entries together.
    recent: Option<(PathBuf, Rc<OwnedFd>)>,
    /// Directories get their times last, because filling them changes these.
    directories: Vec<(PathBuf, (i64, u32))>,
    /// Entries that were not made, and links to them.
    left_out: BTreeSet<PathBuf>,
}

impl Tree {
    pub(super) fn open(root: &Path) -> io::Result<Self> {
        let root = Rc::new(rustix::fs::openat(CWD, root, DIRECTORY, Mode::empty())?);
        let at = fs::read_link(proc_path(&root))?;
        Ok(Self { root, at, recent: None, directories: Vec::new(), left_out: BTreeSet::new() })
    }

    /// Makes one entry; a later entry of the same name replaces an earlier one.
    pub(super) fn place(
        &mut self,
        path: &Path,
        node: Node,
        attributes: &Attributes,
        content: Content<'_, impl Read>,
    ) -> Result<(), Placing> {
        let Some(name) = path.file_name() else {
            // The layer's own root.
            self.dress(&Rc::clone(&self.root), OsStr::new("."), attributes, false)?;
            self.directories.push((PathBuf::new(), attributes.mtime));
            return Ok(());
        };
        let parent = self.parent(path)?;
        match node {
            Node::File => self.place_file(&parent, name, attributes, content)?,
            Node::Directory => {
                self.make_directory(&parent, name)?;
                self.dress(&parent, name, attributes, false)?;
                self.directories.push((path.to_owned(), attributes.mtime));
            }
            Node::Symlink(target) => {
                let target = OsString::from_vec(target);
                self.replacing(&parent, name, || rustix::fs::symlinkat(&target, &*parent, name))?;
                self.dress(&parent, name, attributes, true)?;
            }
            Node::HardLink(target) => {
                let file = target.file_name().ok_or(Errno::INVAL)?.to_owned();
                let from = self.resolve(target.parent().unwrap_or(Path::new("")))?;
                if target == path {
                    return Ok(()); // some builders link a file to itself
                }
                if self.left_out.contains(&target) && !is_there(&from, &file) {
                    return Ok(self.leave_out(&parent, path, name)?);
                }
                self.replacing(&parent, name, || rustix::fs::linkat(&*from, &file, &*parent, name, AtFlags::empty()))?;
            }
            Node::LeftOut => self.leave_out(&parent, path, name)?,
            Node::Device(kind, device) => {
                self.replacing(&parent, name, || rustix::fs::mknodat(&*parent, name, kind, Mode::empty(), device))?;
                self.dress(&parent, name, attributes, false)?;
            }
        }
        Ok(())
    }

    fn place_file(
        &mut self,
        parent: &OwnedFd,
        name: &OsStr,
        attributes: &Attributes,
        content: Content<'_, impl Read>,
    ) -> Result<(), Placing> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file =
            self.replacing(parent, name, || rustix::fs::openat(parent, name, flags, Mode::from_raw_mode(0o600)))?;
        let mut file = File::from(file);
        content.copy_to(&mut file)?;
        rustix::fs::fchown(&file, Some(Uid::from_raw(attributes.uid)), Some(Gid::from_raw(attributes.gid)))?;
        rustix::fs::fchmod(&file, Mode::from_raw_mode(attributes.mode))?;
        for (key, value) in &attributes.xattrs {
            optional(key, rustix::fs::fsetxattr(&file, key.as_str(), value, XattrFlags::empty()))?;
        }
        rustix::fs::futimens(&file, &times(attributes.mtime))?;
        Ok(())
    }

    /// Sets owner, mode, attributes and times. The owner first: changing it clears the
    /// set-id bits and capabilities.
    fn dress(&self, parent: &OwnedFd, name: &OsStr, attributes: &Attributes, is_symlink: bool) -> io::Result<()> {
        let (uid, gid) = (Uid::from_raw(attributes.uid), Gid::from_raw(attributes.gid));
        rustix::fs::chownat(parent, name, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW)?;
        if !is_symlink {
            rustix::fs::chmodat(parent, name, Mode::from_raw_mode(attributes.mode), AtFlags::empty())?;
        }
        for (key, value) in &attributes.xattrs {
            let path = through_proc(parent, name);
            optional(key, rustix::fs::lsetxattr(&path, key.as_str(), value, XattrFlags::empty()))?;
        }
        rustix::fs::utimensat(parent, name, &times(attributes.mtime), AtFlags::SYMLINK_NOFOLLOW)?;
        Ok(())
    }

    /// Returns how many entries were not made, and the first by name.
    pub(super) fn left_out(&self) -> Option<(usize, &Path)> {
        Some((self.left_out.len(), self.left_out.first()?))
    }

    fn leave_out(&mut self, parent: &OwnedFd, path: &Path, name: &OsStr) -> io::Result<()> {
        self.left_out.insert(path.to_owned());
        if is_there(parent, name) {
            self.remove(parent, name)?;
        }
        Ok(())
    }

    /// Hides whatever lower layers have of this name.
    pub(super) fn hide(&mut self, path: &Path) -> io::Result<()> {
        let Some(name) = path.file_name() else { return Ok(()) };
        let parent = self.parent(path)?;
        match rustix::fs::statat(&*parent, name, AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => Ok(rustix::fs::mknodat(&*parent, name, FileType::CharacterDevice, Mode::empty(), 0)?),
            // This layer has its own directory of the name: only what lay below is hidden.
            Ok(found) if FileType::from_raw_mode(found.st_mode) == FileType::Directory => self.make_opaque(path),
            Ok(_) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Hides whatever lower layers have in this directory.
    pub(super) fn make_opaque(&mut self, directory: &Path) -> io::Result<()> {
        let target = self.make_all(directory)?;
        let path = format!("/proc/self/fd/{}", target.as_raw_fd());
        Ok(rustix::fs::setxattr(path, "trusted.overlay.opaque", b"y", XattrFlags::empty())?)
    }

    /// Gives the directories their times. Call it last.
    pub(super) fn finish(mut self) -> io::Result<()> {
        for (path, mtime) in std::mem::take(&mut self.directories) {
            match self.resolve(&path) {
                Ok(directory) => {
                    rustix::fs::utimensat(&*directory, ".", &times(mtime), AtFlags::empty())?;
                }
                Err(Errno::NOENT | Errno::NOTDIR) => {} // a later entry replaced it
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Opens the directory that an entry belongs in, making it if the archive has not.
    fn parent(&mut self, path: &Path) -> io::Result<Rc<OwnedFd>> {
        let directory = path.parent().unwrap_or(Path::new(""));
        if let Some((known, fd)) = &self.recent
            && known == directory
        {
            return Ok(Rc::clone(fd));
        }
        let fd = self.make_all(directory)?;
        self.recent = Some((directory.to_owned(), Rc::clone(&fd)));
        Ok(fd)
    }

    fn make_all(&self, directory: &Path) -> io::Result<Rc<OwnedFd>> {
        match self.resolve(directory) {
            Err(Errno::NOENT) => {}
            other => return Ok(other?),
        }
        let Some(name) = directory.file_name() else { return Ok(Rc::clone(&self.root)) };
        let parent = self.make_all(directory.parent().unwrap_or(Path::new("")))?;
        self.check_depth(&parent)?;
        rustix::fs::mkdirat(&*parent, name, Mode::from_raw_mode(0o755))?;
        rustix::fs::chmodat(&*parent, name, Mode::from_raw_mode(0o755), AtFlags::empty())?;
        Ok(self.resolve(directory)?)
    }

    /// Refuses what could be made but not be removed again: links let an archive go deeper than any
    /// path is long, and removing a tree takes a descriptor for every directory above.
    fn check_depth(&self, parent: &OwnedFd) -> io::Result<()> {
        let path = fs::read_link(proc_path(parent))?;
        let depth = path.strip_prefix(&self.at).map_or(usize::MAX, |below| below.components().count());
        if depth >= Limits::DEFAULT.depth { Err(Errno::NAMETOOLONG.into()) } else { Ok(()) }
    }

    fn resolve(&self, directory: &Path) -> Result<Rc<OwnedFd>, Errno> {
        if directory.as_os_str().is_empty() {
            return Ok(Rc::clone(&self.root));
        }
        let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
        rustix::fs::openat2(&*self.root, directory, DIRECTORY, Mode::empty(), resolve).map(Rc::new)
    }

    fn make_directory(&mut self, parent: &OwnedFd, name: &OsStr) -> io::Result<()> {
        self.check_depth(parent)?;
        match rustix::fs::mkdirat(parent, name, Mode::from_raw_mode(0o700)) {
            Err(Errno::EXIST) => {}
            other => return Ok(other?),
        }
        let found = rustix::fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW)?;
        if FileType::from_raw_mode(found.st_mode) == FileType::Directory {
            return Ok(());
        }
        self.replacing(parent, name, || rustix::fs::mkdirat(parent, name, Mode::from_raw_mode(0o700)))
    }

    /// Makes a node, removing what has its name.
    fn replacing<T>(&mut self, parent: &OwnedFd, name: &OsStr, make: impl Fn() -> Result<T, Errno>) -> io::Result<T> {
        match make() {
            Err(Errno::EXIST) => {}
            other => return Ok(other?),
        }
        self.remove(parent, name)?;
        Ok(make()?)
    }

    fn remove(&mut self, parent: &OwnedFd, name: &OsStr) -> io::Result<()> {
        self.recent = None; // it may be the directory that goes
        match rustix::fs::unlinkat(parent, name, AtFlags::empty()) {
            Err(Errno::ISDIR) => fs::remove_dir_all(through_proc(parent, name)),
            other => Ok(other?),
        }
    }
}

fn is_there(parent: &OwnedFd, name: &OsStr) -> bool {
    rustix::fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW).is_ok()
}

fn proc_path(of: &OwnedFd) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", of.as_raw_fd()))
}

fn through_proc(parent: &OwnedFd, name: &OsStr) -> PathBuf {
    proc_path(parent).join(name)
}

/// A filesystem without user attributes or ACLs loses them, as it does for every other tool;
/// capabilities must not be lost, for the program would fail later.
fn optional(key: &str, result: Result<(), Errno>) -> io::Result<()> {
    match result {
        Err(Errno::OPNOTSUPP | Errno::PERM) if key != "security.capability" => Ok(()),
        other => Ok(other?),
    }
}

fn times((seconds, nanos): (i64, u32)) -> Timestamps {
    let at = Timespec { tv_sec: seconds, tv_nsec: nanos.into() };
    Timestamps { last_access: at, last_modification: at }
}
