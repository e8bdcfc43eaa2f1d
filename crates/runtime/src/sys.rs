//! The few kernel calls that need `unsafe`. Each wrapper is safe to call as its
//! own documentation says; nothing else in the product is unsafe.

use std::ffi::CString;
use std::io::{self, IoSliceMut};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::path::Path;

use nix::libc;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, UnixAddr, recvmsg};
use nix::unistd::{ForkResult, fork};
use seccompiler::sock_filter;
use tokio::io::unix::AsyncFd;

use crate::devices::Instruction;

/// Duplicates a descriptor to a number from ten on, closed on execution.
pub(crate) fn duplicate_high(fd: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    // SAFETY: fcntl with integers on a descriptor that is open for the call.
    let raw = unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_DUPFD_CLOEXEC, 10) };
    if raw < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel just returned this descriptor to us, so nothing else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(raw) })
}

/// Opens a handle on a child that cannot be mistaken for a later process.
pub(crate) fn pidfd_open(pid: i32) -> io::Result<OwnedFd> {
    // SAFETY: pidfd_open takes two integers and no pointers.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel just returned this descriptor to us, so nothing else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as RawFd) })
}

/// Sends a signal through a process handle.
pub(crate) fn pidfd_signal(pidfd: BorrowedFd<'_>, signal: i32) -> io::Result<()> {
    // SAFETY: the descriptor is open for the call; a null siginfo is allowed and
    // means "as kill(2) does".
    let done = unsafe {
        libc::syscall(libc::SYS_pidfd_send_signal, pidfd.as_raw_fd(), signal, std::ptr::null::<libc::siginfo_t>(), 0)
    };
    if done < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Gives every signal its default action. Rust ignores SIGPIPE and a parent may
/// ignore others; a container must start with none of that.
pub(crate) fn reset_signals() {
    for signal in 1..=64 {
        // SAFETY: SIG_DFL is a valid action; the call fails harmlessly for
        // SIGKILL, SIGSTOP and the two that the C library keeps.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
    }
}

/// Closes every file from `first` on, no matter who owns it.
///
/// Only for a forked child that runs none of its parent's code afterwards.
pub(crate) fn close_from(first: u32) {
    // SAFETY: takes integers only. Descriptors owned by values in this process
    // become invalid, which is sound because the caller never returns to code
    // that uses them.
    unsafe { libc::syscall(libc::SYS_close_range, first, u32::MAX, 0) };
}

/// Closes every file but standard input, output, error and one more, no matter who owns it.
///
/// Only for a process that uses none of the others afterwards.
pub(crate) fn close_all_but(kept: BorrowedFd<'_>) {
    let kept = kept.as_raw_fd().unsigned_abs();
    for (first, last) in [(3, kept.saturating_sub(1)), (kept.saturating_add(1).max(3), u32::MAX)] {
        if first <= last {
            // SAFETY: takes integers only; see [`close_from`].
            unsafe { libc::syscall(libc::SYS_close_range, first, last, 0) };
        }
    }
}

/// Takes over a descriptor that the parent process named to it; not open is an error.
pub(crate) fn inherited(raw: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: fcntl with integers; the kernel reports a number that is not open.
    check(unsafe { libc::fcntl(raw, libc::F_SETFD, libc::FD_CLOEXEC) })?;
    // SAFETY: it is open, and nothing in this process owns it: the process has only just begun, and
    // the number came with its arguments, each once.
    Ok(unsafe { OwnedFd::from_raw_fd(raw) })
}

/// Returns a file through a mount of its own that is read-only and has no place in any tree.
///
/// A program that is executed through it cannot be written to through `/proc/PID/exe`: that leads
/// back to this mount. Linux 5.12 (`mount_setattr`), which libcontainer needs as well.
pub(crate) fn read_only_view(path: &Path) -> io::Result<OwnedFd> {
    /// The kernel's `mount_attr`, first version.
    #[repr(C)]
    struct Attributes {
        set: u64,
        clear: u64,
        propagation: u64,
        userns: u64,
    }
    const READ_ONLY: u64 = 0x1;
    const NO_SETUID: u64 = 0x2;
    const NO_DEVICES: u64 = 0x4;
    let path = CString::new(path.as_os_str().as_encoded_bytes())?;
    let flags = libc::OPEN_TREE_CLONE | libc::OPEN_TREE_CLOEXEC;
    // SAFETY: the path is a string that ends in a zero byte and outlives the call.
    let fd = unsafe { libc::syscall(libc::SYS_open_tree, libc::AT_FDCWD, path.as_ptr(), flags) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel just returned this descriptor to us, so nothing else owns it.
    let view = unsafe { OwnedFd::from_raw_fd(fd as RawFd) };
    let wanted = Attributes { set: READ_ONLY | NO_SETUID | NO_DEVICES, clear: 0, propagation: 0, userns: 0 };
    // SAFETY: the descriptor is open, the path is empty and ends in a zero byte, and the kernel reads
    // as many bytes of the structure as it has.
    let done = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            view.as_raw_fd(),
            c"".as_ptr(),
            libc::AT_EMPTY_PATH,
            &raw const wanted,
            size_of::<Attributes>(),
        )
    };
    if done < 0 { Err(io::Error::last_os_error()) } else { Ok(view) }
}

/// Gives the calling process a new, empty session keyring, which its children share.
pub(crate) fn join_new_session_keyring() -> io::Result<()> {
    const JOIN_SESSION_KEYRING: libc::c_int = 1;
    // SAFETY: takes an integer and a null pointer, which means "without a name" (keyctl(2)).
    let done = unsafe { libc::syscall(libc::SYS_keyctl, JOIN_SESSION_KEYRING, std::ptr::null::<libc::c_char>()) };
    let error = io::Error::last_os_error();
    // A kernel without keyrings has none to share.
    if done < 0 && error.raw_os_error() != Some(libc::ENOSYS) { Err(error) } else { Ok(()) }
}

/// Has the kernel judge every further call of this process and its children by a program.
///
/// Unlike `seccompiler::apply_filter` it leaves `no_new_privs` as it is: setuid programs go on
/// working. The caller needs CAP_SYS_ADMIN then.
pub(crate) fn install_filter(program: &[sock_filter]) -> io::Result<()> {
    /// The kernel's `sock_fprog`.
    #[repr(C)]
    struct Program {
        len: libc::c_ushort,
        filter: *const sock_filter,
    }
    let len = libc::c_ushort::try_from(program.len()).map_err(|_| io::Error::other("the filter is too long"))?;
    let program = Program { len, filter: program.as_ptr() };
    // SAFETY: the structure says where `len` instructions are; the kernel copies them and keeps no pointer.
    let done = unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, 0, &raw const program) };
    if done < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Splits the process in two.
///
/// Only for a process with one thread: the container's init, and the way into a container.
pub(crate) fn split() -> nix::Result<ForkResult> {
    // SAFETY: the calling process has one thread (the supervisor's is single, and so are those
    // that it starts), so the child may run any code.
    unsafe { fork() }
}

/// Receives bytes from a Unix socket, and the descriptor that came with them.
///
/// Of several descriptors the last is returned and the others are closed.
pub(crate) fn receive(socket: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<(usize, Option<OwnedFd>)> {
    let mut space = nix::cmsg_space!([RawFd; 1]);
    let mut slices = [IoSliceMut::new(buffer)];
    let flags = MsgFlags::MSG_CMSG_CLOEXEC;
    let message = recvmsg::<UnixAddr>(socket.as_raw_fd(), &mut slices, Some(&mut space), flags)?;
    let mut received = None;
    for part in message.cmsgs()? {
        if let ControlMessageOwned::ScmRights(raw) = part {
            for raw in raw {
                // SAFETY: the kernel just made this descriptor for us, so nothing else owns it.
                received = Some(unsafe { OwnedFd::from_raw_fd(raw) });
            }
        }
    }
    Ok((message.bytes, received))
}

fn check(result: libc::c_int) -> io::Result<libc::c_int> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// Unlocks a terminal just made and opens the end that programs get.
pub(crate) fn open_peer(master: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    let unlocked: libc::c_int = 0;
    // SAFETY: the descriptor is open for the call, and the kernel only reads
    // one integer behind the pointer.
    check(unsafe { libc::ioctl(master.as_raw_fd(), libc::TIOCSPTLCK, &raw const unlocked) })?;
    let flags = libc::O_RDWR | libc::O_NOCTTY | libc::O_CLOEXEC;
    // SAFETY: takes integers only.
    let raw = check(unsafe { libc::ioctl(master.as_raw_fd(), libc::TIOCGPTPEER, flags) })?;
    // SAFETY: the kernel just returned this descriptor to us, so nothing else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(raw) })
}

/// Tells a terminal its size; its foreground processes get SIGWINCH.
pub(crate) fn set_terminal_size(terminal: BorrowedFd<'_>, cols: u16, rows: u16) -> io::Result<()> {
    let size = libc::winsize { ws_row: rows, ws_col: cols, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: the descriptor is open for the call, and the kernel only reads
    // the structure behind the pointer.
    check(unsafe { libc::ioctl(terminal.as_raw_fd(), libc::TIOCSWINSZ, &raw const size) }).map(drop)
}

/// Makes a terminal the controlling one of the calling process, which leads a session.
pub(crate) fn take_terminal(terminal: BorrowedFd<'_>) -> io::Result<()> {
    // SAFETY: takes integers only.
    check(unsafe { libc::ioctl(terminal.as_raw_fd(), libc::TIOCSCTTY, 0) }).map(drop)
}

/// Lets tokio tell when a descriptor can be read or written; it must not block.
pub(crate) fn watch(descriptor: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: an owned descriptor is open and the same for as long as it lives,
    // and the value returned owns it and gives the ownership to nothing else.
    unsafe { AsyncFd::register(descriptor) }.map_err(io::Error::from)
}

const BPF_PROG_LOAD: libc::c_int = 5;
const BPF_PROG_ATTACH: libc::c_int = 8;
const BPF_PROG_QUERY: libc::c_int = 16;
const BPF_PROG_TYPE_CGROUP_DEVICE: u32 = 15;
const BPF_CGROUP_DEVICE: u32 = 6;
const BPF_F_ALLOW_MULTI: u32 = 2;

/// The parts of the kernel's `union bpf_attr` (include/uapi/linux/bpf.h) that are
/// used here. The kernel takes what is not given as zero.
#[repr(C)]
#[derive(Default)]
struct LoadProgram {
    sort: u32,
    count: u32,
    instructions: u64,
    license: u64,
    log_level: u32,
    log_size: u32,
    log: u64,
    kernel_version: u32,
    flags: u32,
    name: [u8; 16],
}

#[repr(C)]
#[derive(Default)]
struct AttachProgram {
    target: u32,
    program: u32,
    sort: u32,
    flags: u32,
}

#[repr(C)]
#[derive(Default)]
struct QueryPrograms {
    target: u32,
    sort: u32,
    query_flags: u32,
    attach_flags: u32,
    programs: u64,
    count: u32,
    reserved: u32,
    /// Newer kernels answer here too, whatever size we pass (`query.revision`).
    later: [u64; 28],
}

/// Lets the kernel check and take a program that judges uses of devices.
pub(crate) fn load_device_program(program: &[Instruction]) -> io::Result<OwnedFd> {
    let mut name = [0; 16];
    name[..14].copy_from_slice(b"managr_devices");
    let mut attributes = LoadProgram {
        sort: BPF_PROG_TYPE_CGROUP_DEVICE,
        count: u32::try_from(program.len()).map_err(io::Error::other)?,
        instructions: program.as_ptr() as u64,
        license: c"Apache-2.0".as_ptr() as u64,
        name,
        ..LoadProgram::default()
    };
    // SAFETY: the attributes are laid out as the kernel's and live for the call;
    // they point to `count` instructions and a string ended by a zero byte, both
    // alive for the call, which the kernel only reads.
    let raw = check_long(unsafe {
        libc::syscall(libc::SYS_bpf, BPF_PROG_LOAD, &raw mut attributes, size_of::<LoadProgram>())
    })?;
    // SAFETY: the kernel just returned this descriptor to us, so nothing else owns it.
    // It is closed on execution: the kernel gives every BPF descriptor that flag.
    Ok(unsafe { OwnedFd::from_raw_fd(raw as RawFd) })
}

/// Sets a program over a control group and all below it, beside those that are there.
pub(crate) fn attach_device_program(group: BorrowedFd<'_>, program: BorrowedFd<'_>) -> io::Result<()> {
    let mut attributes = AttachProgram {
        target: group.as_raw_fd() as u32,
        program: program.as_raw_fd() as u32,
        sort: BPF_CGROUP_DEVICE,
        flags: BPF_F_ALLOW_MULTI,
    };
    // SAFETY: the attributes are laid out as the kernel's, hold no pointers and
    // live for the call; both descriptors are open for it.
    check_long(unsafe {
        libc::syscall(libc::SYS_bpf, BPF_PROG_ATTACH, &raw mut attributes, size_of::<AttachProgram>())
    })
    .map(drop)
}

/// Counts the programs that judge uses of devices in a control group itself.
pub(crate) fn device_programs(group: BorrowedFd<'_>) -> io::Result<u32> {
    // Without room for them the kernel tells their number only.
    let mut attributes =
        QueryPrograms { target: group.as_raw_fd() as u32, sort: BPF_CGROUP_DEVICE, ..QueryPrograms::default() };
    // SAFETY: the attributes are laid out as the kernel's, as long as its longest
    // and live for the call; the kernel writes numbers into them and nowhere else,
    // for the pointer among them is null.
    let asked = check_long(unsafe {
        libc::syscall(libc::SYS_bpf, BPF_PROG_QUERY, &raw mut attributes, size_of::<QueryPrograms>())
    });
    asked.map(|_| attributes.count)
}

fn check_long(result: libc::c_long) -> io::Result<libc::c_long> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}
