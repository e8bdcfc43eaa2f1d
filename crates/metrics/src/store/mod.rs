//! Where points are kept: rows for what is new, compressed rows of many for what is older, nothing for what is too old.
//!
//! Bounded in time as AWS keeps it (single seconds three hours, minutes 15 days, five minutes 63 days; AWS's hours after
//! that are not kept) and in room ([`CAP`]). Points are not in memory, only the names of metrics.

mod chunk;
mod fold;
mod index;
mod put;
mod read;

pub(crate) use index::Index;

/// Bytes of points on disk at most: the oldest go first. A day of 50 containers with 20 metrics each takes some 10 MB.
pub const CAP: u64 = 256 << 20;
/// Metrics (by unit) at most: when there are more, those that were quiet for longest go. Bounds the memory.
pub const SERIES: usize = 100_000;
