//! A container's root filesystem: overlay, working directory, volumes. All
//! paths inside the image are resolved within it, whatever its symlinks say.

use std::fs;
use std::io::{self, Read};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, PermissionsExt, chown, lchown, symlink};
use std::path::{Path, PathBuf};

use nix::fcntl::{OFlag, OpenHow, ResolveFlag, open, openat2};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sys::stat::{Mode, SFlag, mkdirat, mknod};

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
        for dir in [paths.upper(), paths.work(), root.clone()] {
            fs::create_dir_all(&dir).map_err(|error| mount_fault("make a directory", error))?;
        }
        // The top directory of an overlay has the attributes of its upper one.
        copy_owner_and_mode(top, &paths.upper()).map_err(|error| mount_fault("prepare the writable layer", error))?;
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

    /// Reads a text file of the image; empty when it is not there.
    pub(crate) fn read(&self, path: &str) -> String {
        let Ok(file) = self.open(path, OFlag::O_RDONLY | OFlag::O_NONBLOCK) else {
            return String::new();
        };
        let mut bytes = Vec::new();
        // An image may hold anything under this name: never read without bound.
        let _ = fs::File::from(file).take(4 << 20).read_to_end(&mut bytes);
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
            let source = PathBuf::from(format!("/proc/self/fd/{}", source.as_raw_fd()));
            copy_owner_and_mode(&source, volume)?;
            copy_below(&source, volume)
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

/// Copies through a symbolic link in `from`, as is needed for `/proc/self/fd/N`.
fn copy_owner_and_mode(from: &Path, to: &Path) -> io::Result<()> {
    let meta = fs::metadata(from)?;
    chown(to, Some(meta.uid()), Some(meta.gid()))?;
    fs::set_permissions(to, fs::Permissions::from_mode(meta.mode() & 0o7777))
}

fn copy_below(from: &Path, to: &Path) -> io::Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        let meta = fs::symlink_metadata(&source)?;
        let kind = meta.file_type();
        if kind.is_symlink() {
            symlink(fs::read_link(&source)?, &target)?;
            lchown(&target, Some(meta.uid()), Some(meta.gid()))?;
            continue;
        }
        if kind.is_dir() {
            fs::create_dir(&target)?;
            copy_below(&source, &target)?;
        } else if kind.is_file() {
            fs::copy(&source, &target)?;
        } else if !kind.is_socket() {
            let sort = SFlag::from_bits_truncate(meta.mode() & SFlag::S_IFMT.bits());
            mknod(&target, sort, Mode::from_bits_truncate(meta.mode()), meta.rdev())?;
        } else {
            continue;
        }
        // Owner first: changing it takes away setuid bits.
        copy_owner_and_mode(&source, &target)?;
        if kind.is_file() {
            fs::File::open(&target)?.set_modified(meta.modified()?)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_what_overlayfs_would_read_as_a_separator() {
        assert_eq!(escape(Path::new("/a:b,c\\d")), "/a\\:b\\,c\\\\d");
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
        copy_below(&from, &to).unwrap();
        assert_eq!(fs::read_to_string(to.join("sub/file")).unwrap(), "text");
        assert_eq!(fs::metadata(to.join("sub/file")).unwrap().mode() & 0o7777, 0o4750);
        assert_eq!(fs::read_link(to.join("link")).unwrap(), Path::new("sub/file"));
    }
}
