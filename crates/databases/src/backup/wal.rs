//! What the files of the WAL are called. Pure.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A place in the WAL; written as PostgreSQL does, `1A/2B00028`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lsn(pub u64);

impl fmt::Display for Lsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:X}/{:X}", self.0 >> 32, self.0 & 0xffff_ffff)
    }
}

impl Lsn {
    /// Reads one as PostgreSQL writes it.
    pub fn parse(text: &str) -> Option<Self> {
        let (high, low) = text.split_once('/')?;
        let part = |text| u32::from_str_radix(text, 16).ok().map(u64::from);
        Some(Self(part(high)? << 32 | part(low)?))
    }
}

impl Serialize for Lsn {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Lsn {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("no place in the WAL"))
    }
}

/// One file of the WAL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Segment {
    /// Which history it belongs to: a server that was restored to a point in time begins another.
    pub timeline: u32,
    /// Its number from the beginning of the WAL.
    pub number: u64,
}

impl Segment {
    /// Returns the segment that holds the byte *before* a place, as `pg_walfile_name` does: what ends at the end of a
    /// segment is in that segment.
    pub fn ending(timeline: u32, at: Lsn, size: u64) -> Self {
        Self { timeline, number: at.0.saturating_sub(1) / size.max(1) }
    }

    /// Returns the segment that holds the byte at a place.
    pub fn beginning(timeline: u32, at: Lsn, size: u64) -> Self {
        Self { timeline, number: at.0 / size.max(1) }
    }

    /// Returns the file's name, for segments of `size` bytes.
    pub fn name(self, size: u64) -> String {
        let each = per_id(size);
        format!("{:08X}{:08X}{:08X}", self.timeline, self.number / each, self.number % each)
    }

    /// Reads a file's name; anything else than a segment's is none.
    pub fn parse(name: &str, size: u64) -> Option<Self> {
        let plain = name.len() == 24 && name.bytes().all(|byte| byte.is_ascii_digit() || (b'A'..=b'F').contains(&byte));
        if !plain {
            return None;
        }
        let part = |at: usize| u32::from_str_radix(&name[at..at + 8], 16).ok();
        let each = per_id(size);
        let low = u64::from(part(16)?);
        (low < each).then_some(())?;
        Some(Self { timeline: part(0)?, number: u64::from(part(8)?) * each + low })
    }

    /// Returns all segments from one to another.
    pub fn until(self, last: Self) -> impl Iterator<Item = Self> {
        (self.number..=last.number).map(move |number| Self { number, ..self })
    }
}

fn per_id(size: u64) -> u64 {
    (0x1_0000_0000 / size.max(1)).max(1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MIB16: u64 = 16 << 20;

    #[test]
    fn names_are_postgresqls_own() {
        // pg_walfile_name('16/B374D848') of its manual, and one byte on either side of a segment's end.
        let at = |text: &str| Segment::ending(1, Lsn::parse(text).unwrap(), MIB16).name(MIB16);
        assert_eq!(at("16/B374D848"), "0000000100000016000000B3");
        assert_eq!(at("0/2000000"), "000000010000000000000001");
        assert_eq!(at("0/2000001"), "000000010000000000000002");
        assert_eq!(at("1/0"), "0000000100000000000000FF");
        assert_eq!(Segment::beginning(1, Lsn(0x200_0000), MIB16).number, 2);
    }

    #[test]
    fn other_files_of_the_folder_are_no_segments() {
        for name in [
            "00000002.history",
            "000000010000000000000001.part",
            "archive_status",
            "00000001000000000000000g",
            "000000010000000000000100",
            "0000000100000000000000ff",
        ] {
            assert_eq!(Segment::parse(name, MIB16), None, "{name}");
        }
    }

    proptest! {
        #[test]
        fn a_name_is_read_as_it_was_written(timeline in 1_u32.., number in 0_u64..0x00ff_ffff, shift in 20_u32..=30, lsn: u64) {
            let size = 1_u64 << shift;
            let segment = Segment { timeline, number: number % (u64::from(u32::MAX) * per_id(size)) };
            prop_assert_eq!(Segment::parse(&segment.name(size), size), Some(segment));
            prop_assert_eq!(Lsn::parse(&Lsn(lsn).to_string()), Some(Lsn(lsn)));
        }
    }
}
