//! Which C library a program needs, read from the versions of the functions that it imports. Pure but for one call of objdump.

use std::path::Path;

use crate::shell::{Fault, cmd};

/// A release of glibc.
pub(crate) type Version = (u32, u32);

/// What a release may need at most: RHEL 7 and Amazon Linux 2 have 2.17 and 2.26, RHEL 8 2.28, Debian 11 and Ubuntu 20.04 2.31.
pub(crate) const OLDEST: Version = (2, 17);

/// A function that a program takes from the C library.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Import {
    pub(crate) name: String,
    pub(crate) version: Version,
    /// A weak one may be missing: the program looks before it calls.
    pub(crate) is_weak: bool,
}

/// Functions that got a newer version without being new: moved into libc.so from libpthread, libdl and libutil (2.34), made
/// functions where they had been macros (2.33), or changed in what they answer (2.28, 2.29, 2.32). Linking against an older
/// glibc finds all of them.
const MOVED: &[&str] = &[
    "__libc_start_main",
    "dlclose",
    "dlerror",
    "dlopen",
    "dlsym",
    "fcntl64",
    "fstat",
    "fstat64",
    "fstatat",
    "fstatat64",
    "exp2",
    "log",
    "log2",
    "lstat",
    "lstat64",
    "mknod",
    "mknodat",
    "openpty",
    "pow",
    "exp",
    "stat",
    "stat64",
];

/// Reads the dynamic symbols as `objdump -T` prints them.
pub(crate) fn imports(symbols: &str) -> Vec<Import> {
    symbols.lines().filter_map(import).collect()
}

fn import(line: &str) -> Option<Import> {
    let (flags, rest) = line.split_once("*UND*")?;
    let version = rest.split_whitespace().find_map(|word| word.trim_matches(['(', ')']).strip_prefix("GLIBC_"))?;
    let mut numbers = version.split('.').map(str::parse);
    let version = (numbers.next()?.ok()?, numbers.next()?.ok()?);
    let name = rest.split_whitespace().last()?.to_owned();
    Some(Import { name, version, is_weak: flags.split_whitespace().skip(1).any(|flag| flag == "w") })
}

/// Returns the newest version that a program cannot start without.
pub(crate) fn highest(imports: &[Import]) -> Option<Version> {
    imports.iter().filter(|import| !import.is_weak).map(|import| import.version).max()
}

/// Returns what `oldest` has not, under any version.
pub(crate) fn missing_in(oldest: Version, imports: &[Import]) -> Vec<&Import> {
    let is_moved = |import: &Import| {
        // glibc 2.38's headers send strtol and its kin to names of their own; older headers do not.
        let moved = MOVED.contains(&import.name.as_str()) || import.name.starts_with("__isoc23_");
        moved || import.name.starts_with("pthread_")
    };
    imports.iter().filter(|import| !import.is_weak && import.version > oldest && !is_moved(import)).collect()
}

/// Reads the imports of a program.
pub(crate) fn of(program: &Path) -> Result<Vec<Import>, Fault> {
    let found = imports(&cmd("objdump", &["--dynamic-syms"]).arg(program).read()?);
    match found.is_empty() {
        true => {
            Err(Fault::Wrong(format!("{} imports nothing from glibc: is it a dynamic program?", program.display())))
        }
        false => Ok(found),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LISTED: &str = "\
0000000000000000  w   DF *UND*\t0000000000000000 (GLIBC_2.28) statx
0000000000000000      DF *UND*\t0000000000000000 (GLIBC_2.34) pthread_create
0000000000000000      DF *UND*\t0000000000000000 (GLIBC_2.2.5) read
0000000000000000      DF *UND*\t0000000000000000 (GLIBC_2.36) pidfd_open
0000000000000000      DF *UND*\t0000000000000000 (GCC_3.0)   _Unwind_Resume
0000000000123456 g    DF .text\t0000000000000010  Base        ours
";

    #[test]
    fn the_newest_function_that_is_needed_decides_not_one_that_may_be_missing() {
        assert_eq!(highest(&imports(LISTED)), Some((2, 36)));
        assert_eq!(highest(&imports(&LISTED.replace("GLIBC_2.36", "GLIBC_2.5"))), Some((2, 34)));
        let weak = "0000000000000000  w   DF *UND*\t0000000000000000 (GLIBC_2.28) statx\n";
        assert_eq!(highest(&imports(weak)), None);
    }

    #[test]
    fn a_function_that_only_moved_is_no_new_one() {
        let imports = imports(LISTED);
        let missing: Vec<&str> = missing_in(OLDEST, &imports).iter().map(|import| import.name.as_str()).collect();
        assert_eq!(missing, ["pidfd_open"]);
    }

    #[test]
    fn versions_are_numbers_not_words() {
        assert!((2, 9) < OLDEST);
        assert_eq!(imports(LISTED)[2].version, (2, 2));
    }
}
