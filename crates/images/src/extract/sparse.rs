//! Where the holes of a sparse file are, so that they stay holes.
//!
//! `tar` hands out a sparse file (GNU's type `S`) with its holes filled: written as it is read, 73
//! bytes of an archive were gigabytes of zeros on the disk.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use tar::{EntryType, GnuExtSparseHeader, GnuSparseHeader};

use super::meter::Meter;
use super::{Placing, copy};

const BLOCK: u64 = 512;

/// A sparse file's map: where its data lies.
pub(super) struct Sparse {
    /// Offset and length, in ascending order.
    data: Vec<(u64, u64)>,
    /// The file's size, holes included.
    pub(super) size: u64,
}

impl Sparse {
    /// Reads the map of an entry that `tar` has found to be consistent; none for any other file.
    pub(super) fn of(entry: &tar::Entry<'_, impl Read>, meter: &Meter<'_>) -> io::Result<Option<Self>> {
        let header = entry.header();
        let (EntryType::GNUSparse, Some(gnu)) = (header.entry_type(), header.as_gnu()) else { return Ok(None) };
        let mut data = Vec::new();
        add(&gnu.sparse, &mut data)?;
        let mut more = gnu.is_extended();
        let following = meter.preamble_from(entry.raw_header_position() + BLOCK);
        let mut blocks = following.chunks_exact(BLOCK as usize);
        while more {
            let block = blocks.next().ok_or_else(|| io::Error::other("the map of a sparse file is cut off"))?;
            let mut extension = GnuExtSparseHeader::new();
            extension.as_mut_bytes().copy_from_slice(block);
            add(&extension.sparse, &mut data)?;
            more = extension.is_extended();
        }
        Ok(Some(Self { data, size: entry.size() }))
    }

    /// Writes the data where it belongs and nothing in between.
    pub(super) fn copy(&self, entry: &mut impl Read, buffer: &mut [u8], file: &mut File) -> Result<(), Placing> {
        file.set_len(self.size)?;
        let mut at = 0;
        for (offset, length) in &self.data {
            let hole = offset.saturating_sub(at);
            skip(entry, hole, buffer)?;
            file.seek(SeekFrom::Start(*offset))?;
            copy(&mut entry.take(*length), buffer, file)?;
            at = offset + length;
        }
        Ok(())
    }
}

fn add(from: &[GnuSparseHeader], to: &mut Vec<(u64, u64)>) -> io::Result<()> {
    for part in from.iter().filter(|part| !part.is_empty()) {
        to.push((part.offset()?, part.length()?));
    }
    Ok(())
}

/// Reads the zeros of a hole, which come out of no archive.
fn skip(entry: &mut impl Read, mut bytes: u64, buffer: &mut [u8]) -> Result<(), Placing> {
    while bytes > 0 {
        let part = buffer.len().min(usize::try_from(bytes).unwrap_or(usize::MAX));
        let count = entry.read(&mut buffer[..part]).map_err(Placing::Archive)?;
        if count == 0 {
            return Err(Placing::Archive(io::ErrorKind::UnexpectedEof.into()));
        }
        bytes -= count as u64;
    }
    Ok(())
}
