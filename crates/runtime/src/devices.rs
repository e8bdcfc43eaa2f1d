//! Which devices may a container use? The rules, and on cgroup v2 the small
//! program that the kernel asks at every open and mknod of a device.
//!
//! On cgroup v1 the devices controller does this. Version 2 has none: there a
//! BPF program attached to the group answers instead
//! (kernel: Documentation/admin-guide/cgroup-v2.rst, "Device controller").
//! libcontainer has such a program only with C libraries, so this one is ours:
//! it has no maps and calls nothing, it only compares numbers.

/// What is asked for, as in the kernel's `BPF_DEVCG_ACC_*`.
const MKNOD: u32 = 1;
const READ: u32 = 2;
const WRITE: u32 = 4;
const ALL: u32 = MKNOD | READ | WRITE;

/// Sort of device, as in the kernel's `BPF_DEVCG_DEV_*`.
const BLOCK: u32 = 1;
const CHARACTER: u32 = 2;

/// One allowed kind of access. What no rule allows is refused.
struct Rule {
    sort: u32,
    /// Every number when absent.
    major: Option<u32>,
    /// Every number when absent.
    minor: Option<u32>,
    access: u32,
}

const fn character(major: u32, minor: Option<u32>) -> Rule {
    Rule { sort: CHARACTER, major: Some(major), minor, access: ALL }
}

/// What runc and Docker allow (runc: `libcontainer/specconv`, `AllowedDevices`;
/// moby: `oci/defaults.go`), but for two: the host's console (5:1), which a
/// container here never has, and tun (10:200), which runc took away in 1.2.
/// A node may be made of any device, since packages do so when they are
/// installed; it cannot be opened.
const ALLOWED: [Rule; 10] = [
    Rule { sort: CHARACTER, major: None, minor: None, access: MKNOD },
    Rule { sort: BLOCK, major: None, minor: None, access: MKNOD },
    character(1, Some(3)), // null
    character(1, Some(5)), // zero
    character(1, Some(7)), // full
    character(1, Some(8)), // random
    character(1, Some(9)), // urandom
    character(5, Some(0)), // tty
    character(5, Some(2)), // ptmx
    character(136, None),  // pts
];

/// What libcontainer allows on cgroup v1 beyond [`ALLOWED`], as `devices.deny` reads it.
pub(crate) const DENIED_ON_V1: [&str; 2] = ["c 5:1 rw", "c 10:200 rw"];

/// One instruction, as the kernel's `struct bpf_insn` lays it out.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Instruction {
    code: u8,
    /// Target register in the low four bits, source register in the high four.
    registers: u8,
    offset: i16,
    immediate: i32,
}

/// `r[target] = *(u32 *)(r[source] + offset)`
const LOAD: u8 = 0x61;
/// `r[target] = immediate`
const SET: u8 = 0xb7;
/// `r[target] = r[source]`
const COPY: u8 = 0xbf;
/// `(u32) r[target] &= immediate`
const AND: u8 = 0x54;
/// `(u32) r[target] >>= immediate`
const SHIFT: u8 = 0x74;
/// Goes on `offset` instructions later unless `r[target] == immediate`.
const UNLESS: u8 = 0x55;
/// Ends with the answer in register 0.
const EXIT: u8 = 0x95;

const ANSWER: u8 = 0;
/// Holds the kernel's `struct bpf_cgroup_dev_ctx` at the beginning.
const CONTEXT: u8 = 1;
const SORT: u8 = 2;
const ACCESS: u8 = 3;
const MAJOR: u8 = 4;
const MINOR: u8 = 5;
const SCRATCH: u8 = 6;

fn instruction(code: u8, target: u8, source: u8, offset: i16, immediate: u32) -> Instruction {
    // The kernel sign-extends it; every number here is far below the sign.
    Instruction { code, registers: source << 4 | target, offset, immediate: immediate as i32 }
}

/// Returns the program: it answers 1 to what a container may do with a device, and 0 to all else.
pub(crate) fn program() -> Vec<Instruction> {
    let mut program = vec![
        // The context's first word is the sort in the low half and the access in the high one.
        instruction(LOAD, SORT, CONTEXT, 0, 0),
        instruction(COPY, ACCESS, SORT, 0, 0),
        instruction(AND, SORT, 0, 0, 0xffff),
        instruction(SHIFT, ACCESS, 0, 0, 16),
        instruction(LOAD, MAJOR, CONTEXT, 4, 0),
        instruction(LOAD, MINOR, CONTEXT, 8, 0),
    ];
    for rule in &ALLOWED {
        program.extend(allow(rule));
    }
    program.extend([instruction(SET, ANSWER, 0, 0, 0), instruction(EXIT, 0, 0, 0, 0)]);
    program
}

/// Ends with 1 when the rule allows what is asked; goes on behind itself otherwise.
fn allow(rule: &Rule) -> Vec<Instruction> {
    let mut block = vec![instruction(UNLESS, SORT, 0, 0, rule.sort)];
    if rule.access != ALL {
        // Nothing may be left of what is asked once the allowed is taken away.
        block.extend([
            instruction(COPY, SCRATCH, ACCESS, 0, 0),
            instruction(AND, SCRATCH, 0, 0, ALL & !rule.access),
            instruction(UNLESS, SCRATCH, 0, 0, 0),
        ]);
    }
    block.extend(rule.major.map(|major| instruction(UNLESS, MAJOR, 0, 0, major)));
    block.extend(rule.minor.map(|minor| instruction(UNLESS, MINOR, 0, 0, minor)));
    block.extend([instruction(SET, ANSWER, 0, 0, 1), instruction(EXIT, 0, 0, 0, 0)]);
    let length = block.len();
    for (index, step) in block.iter_mut().enumerate().filter(|(_, step)| step.code == UNLESS) {
        step.offset = i16::try_from(length - index - 1).expect("a rule has a handful of instructions");
    }
    block
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs a program as the kernel would, with registers of 64 bits.
    fn run(program: &[Instruction], sort: u32, access: u32, major: u32, minor: u32) -> u64 {
        let context = [access << 16 | sort, major, minor];
        let mut registers = [0u64; 11];
        let mut at = 0;
        loop {
            let Instruction { code, registers: named, offset, immediate } = program[at];
            let (target, source) = (usize::from(named & 15), usize::from(named >> 4));
            at += 1;
            match code {
                LOAD => {
                    assert_eq!(source, usize::from(CONTEXT), "only the context can be read");
                    registers[target] = context[usize::try_from(offset).unwrap() / 4].into();
                }
                SET => registers[target] = immediate as i64 as u64,
                COPY => registers[target] = registers[source],
                AND => registers[target] = u64::from(registers[target] as u32 & immediate as u32),
                SHIFT => registers[target] = u64::from(registers[target] as u32 >> immediate),
                UNLESS if registers[target] != immediate as i64 as u64 => at += usize::try_from(offset).unwrap(),
                UNLESS => {}
                EXIT => return registers[usize::from(ANSWER)],
                other => panic!("instruction {other:#x}"),
            }
        }
    }

    /// The rule in words, apart from the program.
    fn may(sort: u32, access: u32, major: u32, minor: u32) -> bool {
        let usual = matches!((major, minor), (1, 3 | 5 | 7 | 8 | 9) | (5, 0 | 2) | (136, _));
        access == MKNOD || (sort == CHARACTER && usual)
    }

    #[test]
    fn only_the_usual_devices_can_be_opened_and_any_node_can_be_made() {
        let program = program();
        let numbers = [0, 1, 2, 3, 5, 7, 8, 9, 10, 136, 137, 200, 229, 254, 0xfff, 0xf_ffff];
        for sort in [BLOCK, CHARACTER] {
            for access in 1..=ALL {
                for (major, minor) in numbers.iter().flat_map(|major| numbers.map(|minor| (*major, minor))) {
                    let said = run(&program, sort, access, major, minor);
                    let wanted = u64::from(may(sort, access, major, minor));
                    assert_eq!(said, wanted, "sort {sort} access {access} device {major}:{minor}");
                }
            }
        }
    }

    #[test]
    fn the_hosts_disks_memory_console_and_tun_are_refused() {
        let program = program();
        for (sort, major, minor) in
            [(BLOCK, 254, 0), (BLOCK, 8, 0), (CHARACTER, 1, 1), (CHARACTER, 5, 1), (CHARACTER, 10, 200)]
        {
            for access in [READ, WRITE, READ | WRITE, READ | MKNOD, ALL] {
                assert_eq!(run(&program, sort, access, major, minor), 0, "{sort} {major}:{minor} {access}");
            }
        }
    }

    /// A sort that the kernel does not have yet gets nothing.
    #[test]
    fn an_unknown_sort_is_refused() {
        assert_eq!(run(&program(), 3, MKNOD, 1, 3), 0);
    }

    #[test]
    fn an_instruction_is_laid_out_as_the_kernel_reads_it() {
        assert_eq!(size_of::<Instruction>(), 8);
        assert!(program().len() < 4096, "the kernel's limit of old");
    }
}
