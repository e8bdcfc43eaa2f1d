//! ELBv2: everything is decided in `platform_core::elb`.

use platform_core::elb;

/// The operations offered.
pub(crate) const OPERATIONS: &[&str] = &NAMES;

const NAMES: [&str; elb::OPERATIONS.len()] = {
    let mut names = [""; elb::OPERATIONS.len()];
    let mut i = 0;
    while i < names.len() {
        names[i] = elb::OPERATIONS[i].name;
        i += 1;
    }
    names
};
