//! Which kernel calls may a container make? Facts only: the profile that Docker gives to every
//! container, as moby/profiles publishes it (read at commit cd3bed8, June 2026), for the calls that
//! exist on 64-bit machines. What is in none of these lists is refused.

use nix::libc;

use crate::supervisor::capabilities;

/// Numbers that the C library's list does not have yet. From 424 on they are the same everywhere
/// (the kernel's `scripts/syscall.tbl`).
mod recent {
    pub(super) const CACHESTAT: i64 = 451;
    pub(super) const FCHMODAT2: i64 = 452;
    pub(super) const MAP_SHADOW_STACK: i64 = 453;
    pub(super) const FUTEX_WAKE: i64 = 454;
    pub(super) const FUTEX_WAIT: i64 = 455;
    pub(super) const FUTEX_REQUEUE: i64 = 456;
    pub(super) const STATMOUNT: i64 = 457;
    pub(super) const LISTMOUNT: i64 = 458;
    pub(super) const SETXATTRAT: i64 = 463;
    pub(super) const GETXATTRAT: i64 = 464;
    pub(super) const LISTXATTRAT: i64 = 465;
    pub(super) const REMOVEXATTRAT: i64 = 466;
}
#[cfg(target_arch = "x86_64")]
const IO_PGETEVENTS: i64 = 333;
#[cfg(target_arch = "aarch64")]
const IO_PGETEVENTS: i64 = 292;

/// Calls that every container may make, whatever their arguments.
#[rustfmt::skip]
pub(super) const EVERYWHERE: &[i64] = &[
    // Processes, their identity and their limits.
    libc::SYS_capget, libc::SYS_capset, libc::SYS_execve, libc::SYS_execveat, libc::SYS_exit, libc::SYS_exit_group,
    libc::SYS_get_robust_list, libc::SYS_getcpu, libc::SYS_getcwd, libc::SYS_getegid, libc::SYS_geteuid,
    libc::SYS_getgid, libc::SYS_getgroups, libc::SYS_getpeername, libc::SYS_getpgid, libc::SYS_getpid,
    libc::SYS_getppid, libc::SYS_getpriority, libc::SYS_getrandom, libc::SYS_getresgid, libc::SYS_getresuid,
    libc::SYS_getrlimit, libc::SYS_getrusage, libc::SYS_getsid, libc::SYS_gettid, libc::SYS_getuid,
    libc::SYS_ioprio_get, libc::SYS_ioprio_set, libc::SYS_kill, libc::SYS_landlock_add_rule,
    libc::SYS_landlock_create_ruleset, libc::SYS_landlock_restrict_self, libc::SYS_membarrier, libc::SYS_pidfd_open,
    libc::SYS_pidfd_send_signal, libc::SYS_prctl, libc::SYS_prlimit64, libc::SYS_process_mrelease,
    libc::SYS_process_vm_readv, libc::SYS_process_vm_writev, libc::SYS_ptrace, libc::SYS_restart_syscall,
    libc::SYS_rseq, libc::SYS_sched_get_priority_max, libc::SYS_sched_get_priority_min, libc::SYS_sched_getaffinity,
    libc::SYS_sched_getattr, libc::SYS_sched_getparam, libc::SYS_sched_getscheduler,
    libc::SYS_sched_rr_get_interval, libc::SYS_sched_setaffinity, libc::SYS_sched_setattr, libc::SYS_sched_setparam,
    libc::SYS_sched_setscheduler, libc::SYS_sched_yield, libc::SYS_seccomp, libc::SYS_set_robust_list,
    libc::SYS_set_tid_address, libc::SYS_setfsgid, libc::SYS_setfsuid, libc::SYS_setgid, libc::SYS_setgroups,
    libc::SYS_setpgid, libc::SYS_setpriority, libc::SYS_setregid, libc::SYS_setresgid, libc::SYS_setresuid,
    libc::SYS_setreuid, libc::SYS_setrlimit, libc::SYS_setsid, libc::SYS_setuid, libc::SYS_sysinfo,
    libc::SYS_tgkill, libc::SYS_tkill, libc::SYS_umask, libc::SYS_uname, libc::SYS_wait4, libc::SYS_waitid,
    // Memory.
    libc::SYS_brk, libc::SYS_madvise, recent::MAP_SHADOW_STACK, libc::SYS_memfd_create, libc::SYS_memfd_secret,
    libc::SYS_mincore, libc::SYS_mlock, libc::SYS_mlock2, libc::SYS_mlockall, libc::SYS_mmap, libc::SYS_mprotect,
    libc::SYS_mremap, libc::SYS_mseal, libc::SYS_msync, libc::SYS_munlock, libc::SYS_munlockall, libc::SYS_munmap,
    libc::SYS_pkey_alloc, libc::SYS_pkey_free, libc::SYS_pkey_mprotect, libc::SYS_remap_file_pages, libc::SYS_shmat,
    libc::SYS_shmctl, libc::SYS_shmdt, libc::SYS_shmget,
    // Signals, time and waiting for each other.
    libc::SYS_adjtimex, libc::SYS_clock_adjtime, libc::SYS_clock_getres, libc::SYS_clock_gettime,
    libc::SYS_clock_nanosleep, libc::SYS_eventfd2, libc::SYS_futex, recent::FUTEX_REQUEUE, recent::FUTEX_WAIT,
    libc::SYS_futex_waitv, recent::FUTEX_WAKE, libc::SYS_getitimer, libc::SYS_gettimeofday, libc::SYS_mq_getsetattr,
    libc::SYS_mq_notify, libc::SYS_mq_open, libc::SYS_mq_timedreceive, libc::SYS_mq_timedsend, libc::SYS_mq_unlink,
    libc::SYS_msgctl, libc::SYS_msgget, libc::SYS_msgrcv, libc::SYS_msgsnd, libc::SYS_nanosleep,
    libc::SYS_rt_sigaction, libc::SYS_rt_sigpending, libc::SYS_rt_sigprocmask, libc::SYS_rt_sigqueueinfo,
    libc::SYS_rt_sigreturn, libc::SYS_rt_sigsuspend, libc::SYS_rt_sigtimedwait, libc::SYS_rt_tgsigqueueinfo,
    libc::SYS_semctl, libc::SYS_semget, libc::SYS_semop, libc::SYS_semtimedop, libc::SYS_setitimer,
    libc::SYS_sigaltstack, libc::SYS_signalfd4, libc::SYS_timer_create, libc::SYS_timer_delete,
    libc::SYS_timer_getoverrun, libc::SYS_timer_gettime, libc::SYS_timer_settime, libc::SYS_timerfd_create,
    libc::SYS_timerfd_gettime, libc::SYS_timerfd_settime, libc::SYS_times,
    // Sockets and waiting for input.
    libc::SYS_accept, libc::SYS_accept4, libc::SYS_bind, libc::SYS_connect, libc::SYS_epoll_create1,
    libc::SYS_epoll_ctl, libc::SYS_epoll_pwait, libc::SYS_epoll_pwait2, libc::SYS_fanotify_mark,
    libc::SYS_getsockname, libc::SYS_getsockopt, libc::SYS_inotify_add_watch, libc::SYS_inotify_init1,
    libc::SYS_inotify_rm_watch, libc::SYS_io_cancel, libc::SYS_io_destroy, libc::SYS_io_getevents,
    libc::SYS_io_setup, libc::SYS_io_submit, libc::SYS_listen, libc::SYS_ppoll, libc::SYS_pselect6,
    libc::SYS_recvfrom, libc::SYS_recvmmsg, libc::SYS_recvmsg, libc::SYS_sendfile, libc::SYS_sendmmsg,
    libc::SYS_sendmsg, libc::SYS_sendto, libc::SYS_setsockopt, libc::SYS_shutdown, libc::SYS_socketpair,
    IO_PGETEVENTS,
    // Files and directories.
    recent::CACHESTAT, libc::SYS_chdir, libc::SYS_close, libc::SYS_close_range, libc::SYS_copy_file_range,
    libc::SYS_dup, libc::SYS_dup3, libc::SYS_faccessat, libc::SYS_faccessat2, libc::SYS_fadvise64,
    libc::SYS_fallocate, libc::SYS_fchdir, libc::SYS_fchmod, libc::SYS_fchmodat, recent::FCHMODAT2,
    libc::SYS_fchown, libc::SYS_fchownat, libc::SYS_fcntl, libc::SYS_fdatasync, libc::SYS_fgetxattr,
    libc::SYS_flistxattr, libc::SYS_flock, libc::SYS_fremovexattr, libc::SYS_fsetxattr, libc::SYS_fstat,
    libc::SYS_fstatfs, libc::SYS_fsync, libc::SYS_ftruncate, libc::SYS_getdents64, libc::SYS_getxattr,
    recent::GETXATTRAT, libc::SYS_ioctl, libc::SYS_lgetxattr, libc::SYS_linkat, recent::LISTMOUNT,
    libc::SYS_listxattr, recent::LISTXATTRAT, libc::SYS_llistxattr, libc::SYS_lremovexattr, libc::SYS_lseek,
    libc::SYS_lsetxattr, libc::SYS_mkdirat, libc::SYS_mknodat, libc::SYS_name_to_handle_at, libc::SYS_newfstatat,
    libc::SYS_openat, libc::SYS_openat2, libc::SYS_pipe2, libc::SYS_pread64, libc::SYS_preadv, libc::SYS_preadv2,
    libc::SYS_pwrite64, libc::SYS_pwritev, libc::SYS_pwritev2, libc::SYS_read, libc::SYS_readahead,
    libc::SYS_readlinkat, libc::SYS_readv, libc::SYS_removexattr, recent::REMOVEXATTRAT, libc::SYS_renameat,
    libc::SYS_renameat2, libc::SYS_setxattr, recent::SETXATTRAT, libc::SYS_splice, libc::SYS_statfs,
    recent::STATMOUNT, libc::SYS_statx, libc::SYS_symlinkat, libc::SYS_sync, libc::SYS_sync_file_range,
    libc::SYS_syncfs, libc::SYS_tee, libc::SYS_truncate, libc::SYS_unlinkat, libc::SYS_utimensat,
    libc::SYS_vmsplice, libc::SYS_write, libc::SYS_writev,
];

/// Older calls of x86-64, which newer machines have not.
#[cfg(target_arch = "x86_64")]
#[rustfmt::skip]
pub(super) const OF_THIS_MACHINE: &[i64] = &[
    libc::SYS_arch_prctl, libc::SYS_modify_ldt,
    // uretprobe, which the kernel itself puts into traced programs.
    335, libc::SYS_alarm, libc::SYS_fork, libc::SYS_get_thread_area, libc::SYS_getpgrp, libc::SYS_pause,
    libc::SYS_set_thread_area, libc::SYS_vfork, libc::SYS_eventfd, libc::SYS_signalfd, libc::SYS_time,
    libc::SYS_epoll_create, libc::SYS_epoll_ctl_old, libc::SYS_epoll_wait, libc::SYS_epoll_wait_old,
    libc::SYS_inotify_init, libc::SYS_poll, libc::SYS_select, libc::SYS_access, libc::SYS_chmod, libc::SYS_chown,
    libc::SYS_creat, libc::SYS_dup2, libc::SYS_futimesat, libc::SYS_getdents, libc::SYS_lchown, libc::SYS_link,
    libc::SYS_lstat, libc::SYS_mkdir, libc::SYS_mknod, libc::SYS_open, libc::SYS_pipe, libc::SYS_readlink,
    libc::SYS_rename, libc::SYS_rmdir, libc::SYS_stat, libc::SYS_symlink, libc::SYS_unlink, libc::SYS_utime,
    libc::SYS_utimes,
];

/// Calls of 64-bit ARM alone.
#[cfg(target_arch = "aarch64")]
pub(super) const OF_THIS_MACHINE: &[i64] = &[libc::SYS_sync_file_range2];

/// Calls that come with a capability, by its number. The profile has more of these; no container
/// here can have the other capabilities.
pub(super) const WITH_CAPABILITY: &[(u8, &[i64])] = &[
    (capabilities::SYS_CHROOT, &[libc::SYS_chroot]),
    // `ptrace` and `process_vm_*` need no capability on kernels from 4.8 on.
    (capabilities::SYS_PTRACE, &[libc::SYS_kcmp, libc::SYS_pidfd_getfd, libc::SYS_process_madvise]),
];
