//! Counts what an archive's reader takes, and stops it in time.
//!
//! The reader of archives (`tar`) reads an entry's long name and extended header whole into memory before it hands out
//! the entry. It finds out by itself where they end, so nothing here has to agree with it about the format: whatever it
//! reads between two entries is their preamble, and that is bounded. The same bytes are kept for as long as the entry
//! is looked at, because the map of a sparse file is in them, and `tar` does not report it.

use std::cell::{Cell, RefCell};
use std::io::{self, Read};
use std::os::fd::BorrowedFd;

use crate::limits::{Excess, Room};

/// How many bytes are written between two looks at the free space.
const LOOK_EVERY: u64 = 1 << 20;
const LOOK_EVERY_ENTRIES: u64 = 4096;

/// The account of one layer.
pub(super) struct Meter<'a> {
    room: &'a Room,
    /// The directory that is filled.
    target: BorrowedFd<'a>,
    /// Bytes read so far.
    position: Cell<u64>,
    entries: Cell<u64>,
    apparent: Cell<u64>,
    remembered: Cell<usize>,
    looked_at: Cell<u64>,
    /// Where the preamble at hand began; none while content is read.
    preamble: Cell<Option<u64>>,
    /// The preamble's bytes.
    tape: RefCell<Vec<u8>>,
    /// The first limit that was met. The decoder in between may wrap an error in its own words.
    excess: RefCell<Option<Excess>>,
}

impl<'a> Meter<'a> {
    pub(super) fn new(room: &'a Room, target: BorrowedFd<'a>) -> Self {
        Self {
            room,
            target,
            position: Cell::new(0),
            entries: Cell::new(0),
            apparent: Cell::new(0),
            remembered: Cell::new(0),
            looked_at: Cell::new(0),
            preamble: Cell::new(None),
            tape: RefCell::default(),
            excess: RefCell::default(),
        }
    }

    /// Says that the next entry is looked for from here on. What is left of the one before must
    /// have been read.
    pub(super) fn begin_preamble(&self) {
        self.tape.borrow_mut().clear();
        self.preamble.set(Some(self.position.get()));
    }

    /// Says that an entry was found: what is read from here on is its content.
    pub(super) fn begin_content(&self) -> io::Result<()> {
        self.preamble.set(None);
        let entries = self.entries.get() + 1;
        self.entries.set(entries);
        let limit = self.room.limits().layer_entries;
        if entries > limit {
            return Err(self.stop(Excess { of: "layer", what: "entries", limit }));
        }
        self.room.take_entries(1).map_err(|excess| self.stop(excess))?;
        if entries.is_multiple_of(LOOK_EVERY_ENTRIES) { self.look() } else { Ok(()) }
    }

    /// Returns what was read of the archive from `position` on, as far as it is in the preamble.
    pub(super) fn preamble_from(&self, position: u64) -> Vec<u8> {
        let tape = self.tape.borrow();
        let end = self.position.get();
        let start = end.saturating_sub(tape.len() as u64);
        let skip = usize::try_from(position.saturating_sub(start)).unwrap_or(usize::MAX);
        tape.get(skip..).unwrap_or_default().to_vec()
    }

    /// Refuses an entry that announces more than the layer may still have, before any of it is written.
    pub(super) fn expect(&self, bytes: u64) -> io::Result<()> {
        let limit = self.room.limits().layer_bytes;
        if bytes > limit.saturating_sub(self.position.get()) {
            return Err(self.stop(Excess { of: "layer", what: "bytes", limit }));
        }
        Ok(())
    }

    /// Charges for the size that a sparse file says it has.
    pub(super) fn take_apparent(&self, bytes: u64) -> io::Result<()> {
        let limit = self.room.limits().layer_apparent_bytes;
        let sum = self.apparent.get().saturating_add(bytes);
        self.apparent.set(sum);
        if sum > limit {
            return Err(self.stop(Excess { of: "layer", what: "bytes in sparse files, holes included", limit }));
        }
        Ok(())
    }

    /// Refuses a name that no system call would take.
    pub(super) fn check_name(&self, bytes: usize) -> io::Result<()> {
        let limit = self.room.limits().name_bytes;
        if bytes > limit {
            return Err(self.stop(Excess { of: "layer", what: "bytes in the name of an entry", limit: limit as u64 }));
        }
        Ok(())
    }

    /// Charges for a name that is kept until the layer's end.
    pub(super) fn remember(&self, bytes: usize) -> io::Result<()> {
        let limit = self.room.limits().remembered_bytes;
        let sum = self.remembered.get().saturating_add(bytes);
        self.remembered.set(sum);
        if sum > limit {
            let limit = limit as u64;
            return Err(self.stop(Excess { of: "layer", what: "bytes in names of directories and whiteouts", limit }));
        }
        Ok(())
    }

    /// Returns the limit that ended the layer, if one did.
    pub(super) fn excess(&self) -> Option<Excess> {
        self.excess.borrow().clone()
    }

    /// Returns bytes and entries read so far.
    pub(super) fn totals(&self) -> (u64, u64) {
        (self.position.get(), self.entries.get())
    }

    fn stop(&self, excess: Excess) -> io::Error {
        let error = io::Error::other(excess.to_string());
        self.excess.borrow_mut().get_or_insert(excess);
        error
    }

    fn took(&self, bytes: &[u8]) -> io::Result<()> {
        let count = bytes.len() as u64;
        let position = self.position.get() + count;
        self.position.set(position);
        if let Some(from) = self.preamble.get() {
            self.tape.borrow_mut().extend_from_slice(bytes);
            let limit = self.room.limits().preamble_bytes;
            if position - from > limit {
                let what = "bytes in the names and extended headers of one entry";
                return Err(self.stop(Excess { of: "layer", what, limit }));
            }
        }
        let limit = self.room.limits().layer_bytes;
        if position > limit {
            return Err(self.stop(Excess { of: "layer", what: "bytes", limit }));
        }
        self.room.take_bytes(count).map_err(|excess| self.stop(excess))?;
        if position - self.looked_at.get() >= LOOK_EVERY { self.look() } else { Ok(()) }
    }

    /// Leaves room on the disk for all other uses, the platform's own database first of all.
    fn look(&self) -> io::Result<()> {
        self.looked_at.set(self.position.get());
        let disk = rustix::fs::fstatvfs(self.target)?;
        let spare = self.room.limits().spare_bytes.min((disk.f_blocks * disk.f_frsize) / 20);
        if disk.f_bfree * disk.f_frsize >= spare {
            return Ok(());
        }
        Err(io::Error::new(
            io::ErrorKind::StorageFull,
            format!("fewer than {} MiB would be left on the disk of the image store", spare >> 20),
        ))
    }
}

/// A reader whose bytes are counted.
pub(super) struct Metered<'a, R> {
    pub(super) inner: R,
    pub(super) meter: &'a Meter<'a>,
}

impl<R: Read> Read for Metered<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.meter.took(&buffer[..count])?;
        Ok(count)
    }
}
