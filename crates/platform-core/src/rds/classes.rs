//! The classes of instances, and their memory (RDS user guide, "Hardware specifications for DB instance classes").

/// Name without `db.`, vCPUs, memory in MiB.
pub(super) const CLASSES: &[(&str, u32, u64)] = &[
    ("m7g.large", 2, 8 << 10),
    ("m7g.xlarge", 4, 16 << 10),
    ("m7g.2xlarge", 8, 32 << 10),
    ("m7g.4xlarge", 16, 64 << 10),
    ("m7g.8xlarge", 32, 128 << 10),
    ("m7g.12xlarge", 48, 192 << 10),
    ("m7g.16xlarge", 64, 256 << 10),
    ("r7g.large", 2, 16 << 10),
    ("r7g.xlarge", 4, 32 << 10),
    ("r7g.2xlarge", 8, 64 << 10),
    ("r7g.4xlarge", 16, 128 << 10),
    ("r7g.8xlarge", 32, 256 << 10),
    ("r7g.12xlarge", 48, 384 << 10),
    ("r7g.16xlarge", 64, 512 << 10),
    ("t3.micro", 2, 1 << 10),
    ("t3.small", 2, 2 << 10),
    ("t3.medium", 2, 4 << 10),
    ("t3.large", 2, 8 << 10),
    ("t3.xlarge", 4, 16 << 10),
    ("t3.2xlarge", 8, 32 << 10),
    ("t4g.micro", 2, 1 << 10),
    ("t4g.small", 2, 2 << 10),
    ("t4g.medium", 2, 4 << 10),
    ("t4g.large", 2, 8 << 10),
    ("t4g.xlarge", 4, 16 << 10),
    ("t4g.2xlarge", 8, 32 << 10),
];

/// Returns the bytes of memory of a class; of the smallest for one that is not known.
pub(super) fn memory(class: &str) -> u64 {
    find(class).map_or(1 << 30, |(_, _, mib)| mib << 20)
}

/// Returns a class's row.
pub(super) fn find(class: &str) -> Option<&'static (&'static str, u32, u64)> {
    let name = class.strip_prefix("db.")?;
    CLASSES.iter().find(|(known, _, _)| *known == name)
}
