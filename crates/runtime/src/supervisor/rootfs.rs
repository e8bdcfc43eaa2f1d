//! A container's root filesystem: overlay, working directory, volumes. All
//! paths inside the image are resolved within it, whatever its symlinks say.

use std::fs;
use std::io::{self, Read};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, chown, fchown, symlink};
use std::path::{Path, PathBuf};

use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, OpenHow, ResolveFlag, open, openat, openat2, readlinkat};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sys::stat::{Mode, SFlag, fchmod, fstat, fstatat, mkdirat};
use nix::unistd::{Gid, Uid, fchownat, mkfifoat, symlinkat};

use crate::config::ContainerPaths;
use crate::wire::{Fault, FaultKind};

/// Mount options must fit a page; above this the short way is taken.
const LONGEST_OPTIONS: usize = 4000;

fn mount_fault(what: &str, error: impl std::fmt::Display) -> Fault {
    Fault::new(FaultKind::Mount, format!("could not {what}: {error}"))
}

/// A mounted overlay; unmounted when dropped, which a running container does
/// not notice: it has a mount of its own.
pub(crate) struct Overlay {
    root: PathBuf,
    dir: OwnedFd,
}

impl Drop for Overlay {
    fn drop(&mut self) {
        let _ = umount2(&self.root, MntFlags::MNT_DETACH);
    }
}

impl Overlay {
    /// Mounts the layers, topmost first, with the container's own layer on top.
    pub(crate) fn mount(layers: &[PathBuf], paths: &ContainerPaths) -> Result<Self, Fault> {
        let Some(top) = layers.first() else {
            return Err(Fault::new(FaultKind::BadRequest, "the image has no layers"));
        };
        for layer in layers {
            if !layer.is_dir() {
                return Err(mount_fault("use a layer", format!("{} is not a directory", layer.display())));
            }
        }
        let root = paths.rootfs();
        let is_new = !paths.upper().exists();
        for dir in [paths.upper(), paths.work(), root.clone()] {
            fs::create_dir_all(&dir).map_err(|error| mount_fault("make a directory", error))?;
        }
        // The top directory of an overlay has the attributes of its upper one.
        if is_new {
            copy_owner_and_mode(top, &paths.upper())
                .map_err(|error| mount_fault("prepare the writable layer", error))?;
        }
        let upper = format!("upperdir={},workdir={}", escape(&paths.upper()), escape(&paths.work()));
        let long = layers.iter().map(|layer| escape(layer)).collect::<Vec<_>>().join(":");
        let mut options = format!("lowerdir={long},{upper}");
        let mut from = None;
        if options.len() > LONGEST_OPTIONS {
            let dir = paths.run.join("l");
            options = format!("lowerdir={},{upper}", shorten(layers, &dir)?);
            from = Some(dir);
        }
        if let Some(dir) = &from {
            std::env::set_current_dir(dir).map_err(|error| mount_fault("enter a directory", error))?;
        }
        // A device node in the image or made in the container opens nothing. What a
        // container needs is in /dev, which is a filesystem of its own.
        let mounted = mount(Some("overlay"), &root, Some("overlay"), MsFlags::MS_NODEV, Some(options.as_str()));
        if from.is_some() {
            std::env::set_current_dir("/").map_err(|error| mount_fault("enter /", error))?;
        }
        mounted.map_err(|error| mount_fault("mount the root filesystem", error.desc()))?;
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let dir = open(&root, flags, Mode::empty()).map_err(|errno| {
            let _ = umount2(&root, MntFlags::MNT_DETACH);
            mount_fault("open the root filesystem", errno.desc())
        })?;
        Ok(Self { root, dir })
    }

    /// Opens a path of the container as the container would see it.
    fn open(&self, path: &str, flags: OFlag) -> nix::Result<OwnedFd> {
        let how = OpenHow::new()
            .flags(flags | OFlag::O_CLOEXEC)
            .resolve(ResolveFlag::RESOLVE_IN_ROOT | ResolveFlag::RESOLVE_NO_MAGICLINKS);
        openat2(&self.dir, path, how)
    }

    /// Refuses an image in which a place of the kernel's is something else than a directory.
    ///
    /// libcontainer makes links in `/dev` before it has left the host's tree, by paths that would
    /// follow one of the image's; what Docker mounts there must be an ordinary directory as well
    /// (runc, GHSA-fh74-hm69-rqjw).
    pub(crate) fn check_system_dirs(&self) -> Result<(), Fault> {
        for name in ["proc", "sys", "dev"] {
            match fstatat(&self.dir, name, AtFlags::AT_SYMLINK_NOFOLLOW) {
                Ok(found) if SFlag::from_bits_truncate(found.st_mode & SFlag::S_IFMT.bits()) != SFlag::S_IFDIR => {
                    return Err(Fault::new(FaultKind::Mount, format!("`/{name}` in the image is not a directory")));
                }
                Ok(_) | Err(Errno::ENOENT) => {}
                Err(errno) => return Err(mount_fault(&format!("look at `/{name}`"), errno.desc())),
            }
        }
        Ok(())
    }

    /// Reads a text file of the image; empty when it is not there, or is no file.
    pub(crate) fn read(&self, path: &str) -> String {
        // Looked at before it is opened: opening a device may do something.
        let Ok(found) = self.open(path, OFlag::O_PATH) else { return String::new() };
        if !fstat(&found).is_ok_and(|found| found.st_mode & SFlag::S_IFMT.bits() == SFlag::S_IFREG.bits()) {
            return String::new();
        }
        let Ok(file) = fs::File::open(format!("/proc/self/fd/{}", found.as_raw_fd())) else { return String::new() };
        let mut bytes = Vec::new();
        // An image may hold anything under this name: never read without bound.
        let _ = file.take(4 << 20).read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Makes a directory and those above it, as Docker does for the working directory.
    pub(crate) fn ensure_dir(&self, path: &str) -> Result<(), Fault> {
        let refuse = |errno: nix::Error| {
            let text = format!("cannot make the working directory `{path}`: {}", errno.desc());
            Fault::new(FaultKind::WorkingDirectory, text)
        };
        let dir = OFlag::O_PATH | OFlag::O_DIRECTORY;
        if self.open(path, dir).is_ok() {
            return Ok(());
        }
        let mut so_far = String::from("/");
        for name in path.split('/').filter(|name| !name.is_empty() && *name != ".") {
            let above = self.open(&so_far, dir).map_err(refuse)?;
            match mkdirat(&above, name, Mode::from_bits_truncate(0o755)) {
                Ok(()) | Err(nix::errno::Errno::EEXIST) => {}
                Err(errno) => return Err(refuse(errno)),
            }
            so_far.push_str(name);
            so_far.push('/');
        }
        self.open(path, dir).map(drop).map_err(refuse)
    }

    /// Makes a volume's directory; an empty one gets what the image has at `target`.
    pub(crate) fn fill_volume(&self, volume: &Path, target: &str) -> Result<(), Fault> {
        let fill = || -> io::Result<()> {
            let fresh = !volume.exists();
            if fresh {
                fs::DirBuilder::new().recursive(true).mode(0o755).create(volume)?;
                fs::set_permissions(volume, fs::Permissions::from_mode(0o755))?;
            }
            if fs::read_dir(volume)?.next().is_some() {
                return Ok(());
            }
            let Ok(source) = self.open(target, OFlag::O_RDONLY | OFlag::O_DIRECTORY) else {
                return Ok(());
            };
            let target = open(volume, WALK | OFlag::O_RDONLY, Mode::empty())?;
            copy_attributes(&source, &target)?;
            copy_below(&source, &target)
        };
        fill().map_err(|error| mount_fault(&format!("fill the volume for `{target}`"), error))
    }
}

/// Makes a volume's directory. Safe to repeat.
pub(crate) fn make_volume(volume: &Path) -> Result<(), Fault> {
    let make = || -> io::Result<()> {
        if volume.exists() {
            return Ok(());
        }
        fs::DirBuilder::new().recursive(true).mode(0o755).create(volume)?;
        fs::set_permissions(volume, fs::Permissions::from_mode(0o755))
    };
    make().map_err(|error| mount_fault("make a volume", error))
}

fn escape(path: &Path) -> String {
    path.display().to_string().replace('\\', "\\\\").replace(':', "\\:").replace(',', "\\,")
}

/// Gives the layers names of one or two characters, for images with many.
fn shorten(layers: &[PathBuf], dir: &Path) -> Result<String, Fault> {
    let link = || -> io::Result<String> {
        fs::create_dir_all(dir)?;
        let mut names = Vec::new();
        for (number, layer) in layers.iter().enumerate() {
            let name = format!("{number:x}");
            symlink(layer, dir.join(&name))?;
            names.push(name);
        }
        Ok(names.join(":"))
    };
    link().map_err(|error| mount_fault("shorten the layers' names", error))
}

fn copy_owner_and_mode(from: &Path, to: &Path) -> io::Result<()> {
    let meta = fs::metadata(from)?;
    chown(to, Some(meta.uid()), Some(meta.gid()))?;
    fs::set_permissions(to, fs::Permissions::from_mode(meta.mode() & 0o7777))
}

/// Never follows a link, and never waits for a pipe.
const WALK: OFlag = OFlag::O_NOFOLLOW.union(OFlag::O_CLOEXEC).union(OFlag::O_NONBLOCK);

fn copy_attributes(from: &OwnedFd, to: &OwnedFd) -> io::Result<()> {
    let found = fstat(from)?;
    // Owner first: changing it takes away setuid bits.
    fchown(to, Some(found.st_uid), Some(found.st_gid))?;
    Ok(fchmod(to, Mode::from_bits_truncate(found.st_mode & 0o7777))?)
}

/// Copies what is in one directory into another.
///
/// Another container of the task may have the volume already, and change it at any moment: every
/// step goes from one open directory to the next, makes what it writes to, and follows no link.
fn copy_below(from: &OwnedFd, to: &OwnedFd) -> io::Result<()> {
    let mut entries = Dir::from_fd(from.try_clone()?)?;
    for entry in entries.iter() {
        let entry = entry?;
        let name = entry.file_name();
        if matches!(name.to_bytes(), b"." | b"..") {
            continue;
        }
        let found = fstatat(from, name, AtFlags::AT_SYMLINK_NOFOLLOW)?;
        let kind = SFlag::from_bits_truncate(found.st_mode & SFlag::S_IFMT.bits());
        match kind {
            SFlag::S_IFLNK => {
                symlinkat(readlinkat(from, name)?.as_os_str(), to, name)?;
                let (uid, gid) = (Uid::from_raw(found.st_uid), Gid::from_raw(found.st_gid));
                fchownat(to, name, Some(uid), Some(gid), AtFlags::AT_SYMLINK_NOFOLLOW)?;
            }
            SFlag::S_IFDIR => {
                mkdirat(to, name, Mode::from_bits_truncate(0o700))?;
                let source = openat(from, name, WALK | OFlag::O_DIRECTORY, Mode::empty())?;
                let target = openat(to, name, WALK | OFlag::O_DIRECTORY, Mode::empty())?;
                copy_below(&source, &target)?;
                copy_attributes(&source, &target)?;
            }
            SFlag::S_IFREG => {
                let source = openat(from, name, WALK, Mode::empty())?;
                let fresh = WALK | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_WRONLY;
                let target = openat(to, name, fresh, Mode::from_bits_truncate(0o600))?;
                let (mut reader, mut writer) = (fs::File::from(source), fs::File::from(target));
                io::copy(&mut reader, &mut writer)?;
                let modified = reader.metadata()?.modified()?;
                let (source, target) = (OwnedFd::from(reader), OwnedFd::from(writer));
                copy_attributes(&source, &target)?;
                fs::File::from(target).set_modified(modified)?;
            }
            SFlag::S_IFIFO => {
                mkfifoat(to, name, Mode::from_bits_truncate(found.st_mode & 0o777))?;
                let (uid, gid) = (Uid::from_raw(found.st_uid), Gid::from_raw(found.st_gid));
                fchownat(to, name, Some(uid), Some(gid), AtFlags::AT_SYMLINK_NOFOLLOW)?;
            }
            // No process listens on a copied socket, and an image may not bring devices.
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    #[test]
    fn escapes_what_overlayfs_would_read_as_a_separator() {
        assert_eq!(escape(Path::new("/a:b,c\\d")), "/a\\:b\\,c\\\\d");
    }

    fn dir_of(path: &Path) -> OwnedFd {
        open(path, WALK | OFlag::O_DIRECTORY, Mode::empty()).unwrap()
    }

    /// A container of the task changes the volume while it is filled for another.
    #[test]
    fn writes_nowhere_else_while_somebody_changes_the_volume() {
        let dir = tempfile::tempdir().unwrap();
        let (from, to, victim) = (dir.path().join("from"), dir.path().join("to"), dir.path().join("victim"));
        for path in [&from.join("sub"), &to, &victim] {
            fs::create_dir_all(path).unwrap();
        }
        for number in 0..20 {
            fs::write(from.join(format!("sub/{number}")), "hostile").unwrap();
        }
        let over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    if fs::rename(to.join("sub"), to.join("was")).is_ok() {
                        let _ = symlink(&victim, to.join("sub"));
                    }
                }
            });
            for _ in 0..300 {
                let _ = copy_below(&dir_of(&from), &dir_of(&to));
                let _ = fs::remove_dir_all(to.join("was"));
                let _ = fs::remove_file(to.join("sub"));
                let _ = fs::remove_dir_all(to.join("sub"));
            }
            over.store(true, Ordering::Relaxed);
        });
        assert_eq!(fs::read_dir(&victim).unwrap().count(), 0, "a link was followed");
    }

    #[test]
    fn copies_a_tree_with_links_and_modes() {
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (dir.path().join("from"), dir.path().join("to"));
        fs::create_dir_all(from.join("sub")).unwrap();
        fs::create_dir(&to).unwrap();
        fs::write(from.join("sub/file"), "text").unwrap();
        fs::set_permissions(from.join("sub/file"), fs::Permissions::from_mode(0o4750)).unwrap();
        symlink("sub/file", from.join("link")).unwrap();
        copy_below(&dir_of(&from), &dir_of(&to)).unwrap();
        assert_eq!(fs::read_to_string(to.join("sub/file")).unwrap(), "text");
        assert_eq!(fs::metadata(to.join("sub/file")).unwrap().mode() & 0o7777, 0o4750);
        assert_eq!(fs::read_link(to.join("link")).unwrap(), Path::new("sub/file"));
    }
}
