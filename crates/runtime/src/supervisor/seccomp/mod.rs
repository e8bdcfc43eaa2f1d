//! Which filter of kernel calls does a container run under? Docker's default profile, as on Fargate.
//! No I/O: the same capabilities give the same program, byte for byte.
//!
//! A refused call answers EPERM. `clone3` and calls younger than the profile answer ENOSYS, as under
//! Docker and runc, so that C libraries fall back to what they used before. A call of another
//! architecture (32-bit programs) ends the process with SIGSYS: Docker allows those, and we have no
//! table for them.

mod calls;

use std::collections::BTreeMap;

use nix::libc;
use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch, sock_filter,
};

use super::capabilities::{Set, has};

#[cfg(target_arch = "x86_64")]
const MACHINE: TargetArch = TargetArch::x86_64;
#[cfg(target_arch = "aarch64")]
const MACHINE: TargetArch = TargetArch::aarch64;

/// The youngest call that the profile knows (`removexattrat`).
const YOUNGEST: u32 = 466;
/// Every flag of `clone` that makes a namespace.
const NAMESPACES: u64 = (libc::CLONE_NEWNS
    | libc::CLONE_NEWCGROUP
    | libc::CLONE_NEWUTS
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWUSER
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWNET) as u64;
/// `personality`: asking, Linux's own, 32-bit addresses, and without randomness, each alone or both.
const PERSONALITIES: [u64; 5] = [0x0, 0x8, 0x20000, 0x20008, 0xffff_ffff];

/// Returns the program for a container with these capabilities.
pub(super) fn program(capabilities: Set) -> Result<BpfProgram, BackendError> {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = BTreeMap::new();
    let with = calls::WITH_CAPABILITY.iter().filter(|(needed, _)| has(capabilities, *needed));
    let more = with.flat_map(|(_, calls)| calls.iter());
    for call in calls::EVERYWHERE.iter().chain(calls::OF_THIS_MACHINE).chain(more) {
        rules.insert(*call, Vec::new());
    }
    // The kernel takes 32 bits of these arguments; a filter that compared 64 could be bypassed.
    let when = |argument, operator, value| {
        let condition = SeccompCondition::new(argument, SeccompCmpArgLen::Dword, operator, value)?;
        SeccompRule::new(vec![condition])
    };
    rules.insert(libc::SYS_clone, vec![when(0, SeccompCmpOp::MaskedEq(NAMESPACES), 0)?]);
    let personality = |value: &u64| when(0, SeccompCmpOp::Eq, *value);
    rules.insert(libc::SYS_personality, PERSONALITIES.iter().map(personality).collect::<Result<_, _>>()?);
    // Not AF_ALG (the kernel's ciphers) and not AF_VSOCK (a virtual machine's host).
    let family = |operator, value: libc::c_int| when(0, operator, value as u64);
    rules.insert(
        libc::SYS_socket,
        vec![
            family(SeccompCmpOp::Lt, libc::AF_ALG)?,
            family(SeccompCmpOp::Eq, libc::AF_NFC)?,
            family(SeccompCmpOp::Gt, libc::AF_VSOCK)?,
        ],
    );
    let refuse = SeccompAction::Errno(libc::EPERM as u32);
    let filter: BpfProgram = SeccompFilter::new(rules, refuse, SeccompAction::Allow, MACHINE)?.try_into()?;
    // Jumps count from where they are, so a program may be put behind another.
    Ok(unknown_calls().into_iter().chain(filter).collect())
}

/// Answers ENOSYS for `clone3`, for calls younger than the profile, and for those of the x32
/// interface, which have a high bit set; goes on behind its end otherwise.
fn unknown_calls() -> [sock_filter; 4] {
    let instruction = |code: u32, jt, jf, k| sock_filter { code: code as u16, jt, jf, k };
    let jump = libc::BPF_JMP | libc::BPF_K;
    // The number is the first member of the kernel's `seccomp_data`.
    [
        instruction(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 0),
        instruction(jump | libc::BPF_JGT, 1, 0, YOUNGEST),
        instruction(jump | libc::BPF_JEQ, 0, 1, libc::SYS_clone3 as u32),
        instruction(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ERRNO | libc::ENOSYS as u32),
    ]
}

#[cfg(test)]
mod tests {
    use super::super::capabilities::{SYS_CHROOT, SYS_PTRACE, set};
    use super::*;

    /// Runs a program as the kernel would; 32 bits at a time, little-endian.
    fn answer(program: &[sock_filter], arch: u32, call: i64, arguments: &[u64]) -> String {
        let mut data = vec![call as u32, arch, 0, 0];
        for index in 0..6 {
            let value = arguments.get(index).copied().unwrap_or(0);
            data.extend([value as u32, (value >> 32) as u32]);
        }
        let (mut at, mut held) = (0, 0);
        loop {
            let instruction = &program[at];
            at += 1;
            let code = u32::from(instruction.code);
            let truth = match code & 0xf0 {
                libc::BPF_JEQ => held == instruction.k,
                libc::BPF_JGT => held > instruction.k,
                libc::BPF_JGE => held >= instruction.k,
                _ => false,
            };
            match code & 0x07 {
                libc::BPF_LD => held = data[instruction.k as usize / 4],
                libc::BPF_ALU if code & 0xf0 == libc::BPF_AND => held &= instruction.k,
                libc::BPF_JMP if code & 0xf0 == libc::BPF_JA => at += instruction.k as usize,
                libc::BPF_JMP => at += usize::from(if truth { instruction.jt } else { instruction.jf }),
                libc::BPF_RET => {
                    return match instruction.k {
                        libc::SECCOMP_RET_ALLOW => "allowed".to_owned(),
                        libc::SECCOMP_RET_KILL_PROCESS => "killed".to_owned(),
                        other => std::io::Error::from_raw_os_error((other & 0xffff) as i32).kind().to_string(),
                    };
                }
                _ => panic!("unknown instruction {code:#x}"),
            }
        }
    }

    #[cfg(target_arch = "x86_64")]
    const OURS: u32 = 0xc000_003e;
    #[cfg(target_arch = "aarch64")]
    const OURS: u32 = 0xc000_00b7;

    fn check(capabilities: &[u8], call: i64, arguments: &[u64], expected: &str) {
        let program = program(set(capabilities)).unwrap();
        assert_eq!(
            answer(&program, OURS, call, arguments),
            expected,
            "call {call} {arguments:x?} with {capabilities:?}"
        );
    }

    const ALLOWED: &str = "allowed";
    const REFUSED: &str = "permission denied";
    const UNKNOWN: &str = "unsupported";

    #[test]
    fn ordinary_calls_are_allowed() {
        for call in calls::EVERYWHERE.iter().chain(calls::OF_THIS_MACHINE) {
            check(&[], *call, &[], ALLOWED);
        }
    }

    #[test]
    fn what_reaches_beyond_a_container_is_refused() {
        for call in [
            libc::SYS_keyctl,
            libc::SYS_add_key,
            libc::SYS_request_key,
            libc::SYS_bpf,
            libc::SYS_perf_event_open,
            libc::SYS_userfaultfd,
            libc::SYS_io_uring_setup,
            libc::SYS_io_uring_enter,
            libc::SYS_io_uring_register,
            libc::SYS_mount,
            libc::SYS_umount2,
            libc::SYS_pivot_root,
            libc::SYS_open_tree,
            libc::SYS_move_mount,
            libc::SYS_fsopen,
            libc::SYS_mount_setattr,
            libc::SYS_open_by_handle_at,
            libc::SYS_setns,
            libc::SYS_unshare,
            libc::SYS_kexec_load,
            libc::SYS_kexec_file_load,
            libc::SYS_init_module,
            libc::SYS_finit_module,
            libc::SYS_delete_module,
            libc::SYS_reboot,
            libc::SYS_swapon,
            libc::SYS_syslog,
            libc::SYS_clock_settime,
            libc::SYS_settimeofday,
            libc::SYS_acct,
            libc::SYS_quotactl,
            libc::SYS_sethostname,
            libc::SYS_vhangup,
            libc::SYS_mbind,
            libc::SYS_move_pages,
            libc::SYS_fanotify_init,
        ] {
            check(&[SYS_CHROOT, SYS_PTRACE], call, &[], REFUSED);
        }
    }

    #[test]
    fn some_calls_come_with_a_capability() {
        check(&[], libc::SYS_chroot, &[], REFUSED);
        check(&[SYS_CHROOT], libc::SYS_chroot, &[], ALLOWED);
        for call in [libc::SYS_kcmp, libc::SYS_pidfd_getfd, libc::SYS_process_madvise] {
            check(&[SYS_CHROOT], call, &[], REFUSED);
            check(&[SYS_PTRACE], call, &[], ALLOWED);
        }
    }

    #[test]
    fn a_new_process_shares_the_namespaces_of_the_old() {
        check(&[], libc::SYS_clone, &[libc::SIGCHLD as u64], ALLOWED);
        check(&[], libc::SYS_clone, &[(libc::CLONE_VM | libc::CLONE_THREAD | libc::CLONE_PARENT) as u64], ALLOWED);
        for bit in (0..64).filter(|bit| NAMESPACES >> bit & 1 == 1) {
            check(&[SYS_PTRACE], libc::SYS_clone, &[1 << bit | libc::SIGCHLD as u64], REFUSED);
        }
        assert_eq!(NAMESPACES, 0x7e02_0000);
    }

    #[test]
    fn sockets_are_of_every_family_but_two() {
        for (family, expected) in [
            (1, ALLOWED),
            (2, ALLOWED),
            (10, ALLOWED),
            (16, ALLOWED),
            (38, REFUSED),
            (39, ALLOWED),
            (40, REFUSED),
            (41, ALLOWED),
        ] {
            check(&[], libc::SYS_socket, &[family], expected);
            check(&[], libc::SYS_socket, &[family | 1 << 32], expected);
        }
    }

    #[test]
    fn a_personality_is_one_of_the_harmless() {
        for (value, expected) in
            [(0, ALLOWED), (8, ALLOWED), (0x20000, ALLOWED), (0xffff_ffff, ALLOWED), (0x40000, REFUSED), (4, REFUSED)]
        {
            check(&[], libc::SYS_personality, &[value], expected);
        }
    }

    #[test]
    fn what_a_c_library_tries_first_is_unknown_rather_than_refused() {
        check(&[], libc::SYS_clone3, &[], UNKNOWN);
        check(&[], i64::from(YOUNGEST) + 1, &[], UNKNOWN);
        check(&[], 0x4000_0000 | libc::SYS_getpid, &[], UNKNOWN);
    }

    #[test]
    fn the_calls_of_another_machine_end_the_process() {
        let program = program(0).unwrap();
        assert_eq!(answer(&program, 0x4000_0003, 20, &[]), "killed", "i386");
    }
}
