//! A container's captured output: written by its supervisor in segments, read
//! by the platform from a position that it can keep across restarts.
//!
//! A segment's name carries how many lines came before it, so a reader whose
//! segment is gone knows exactly how many lines it missed.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// A segment is closed when it has this many bytes.
const SEGMENT_BYTES: u64 = 8 << 20;
/// The oldest segments go when all of them together have more bytes.
const TOTAL_BYTES: u64 = 64 << 20;
/// A line longer than this is cut, as Docker does.
pub(crate) const LONGEST_LINE: usize = 16 << 10;
/// Bytes before each line: time (8), stream (1), flags (1), unused (2), length (4).
const HEADER: usize = 16;

/// Which of its outputs a container wrote to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LogStream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// A place between two lines. The default is the beginning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LogPosition {
    segment: u64,
    offset: u64,
    line: u64,
}

impl LogPosition {
    /// Returns how many lines come before this position: a number that a reader can keep.
    pub fn line(self) -> u64 {
        self.line
    }
}

/// A line of output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// When it was complete, in milliseconds since 1970.
    pub at_ms: u64,
    /// Where it was written.
    pub stream: LogStream,
    /// The line without its newline.
    pub bytes: Vec<u8>,
    /// Whether the line goes on in the next entry of this stream (it was too long).
    pub partial: bool,
}

/// What a reader finds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogEntry {
    /// A line.
    Line(LogLine),
    /// Lines that were dropped because they were not read in time.
    Dropped {
        /// How many.
        lines: u64,
    },
}

/// A part of the output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogRead {
    /// Entries in the order they were captured.
    pub entries: Vec<LogEntry>,
    /// Where to read on.
    pub next: LogPosition,
    /// Whether there was nothing more at that moment.
    pub at_end: bool,
    /// Whether the container has ended, so that after the end nothing will come.
    pub complete: bool,
}

/// Why output could not be read.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// A file failed.
    #[error("could not read captured output at {}", path.display())]
    Read {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

struct Segment {
    number: u64,
    first_line: u64,
    path: PathBuf,
}

fn segments(dir: &Path) -> io::Result<Vec<Segment>> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let name = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        if let Some((number, line)) = name.split_once('-')
            && let (Ok(number), Ok(first_line)) = (number.parse(), line.parse())
        {
            found.push(Segment { number, first_line, path });
        }
    }
    found.sort_by_key(|segment| segment.number);
    Ok(found)
}

/// Returns the position that has `line` lines before it; where those are gone already, reading on
/// from it says how many.
pub(crate) fn seek(dir: &Path, line: u64) -> Result<LogPosition, LogError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| LogError::Read { path, source }
    };
    let found = segments(dir).map_err(failed(dir))?.into_iter().rev().find(|s| s.first_line <= line);
    let Some(segment) = found else { return Ok(LogPosition { segment: 0, offset: 0, line }) };
    let bytes = fs::read(&segment.path).map_err(failed(&segment.path))?;
    let mut position = LogPosition { segment: segment.number, offset: 0, line: segment.first_line };
    let mut rest = &bytes[..];
    while position.line < line
        && let Some((_, after)) = parse(rest)
    {
        position.offset += (rest.len() - after.len()) as u64;
        position.line += 1;
        rest = after;
    }
    Ok(position)
}

/// Reads entries after `from`, about `limit` bytes of them at most.
pub(crate) fn read(dir: &Path, from: LogPosition, limit: usize, ended: bool) -> Result<LogRead, LogError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| LogError::Read { path, source }
    };
    let mut read = LogRead { entries: Vec::new(), next: from, at_end: true, complete: ended };
    let mut budget = limit;
    for segment in segments(dir).map_err(failed(dir))? {
        if segment.number < read.next.segment {
            continue;
        }
        // A segment that was restarted after a loss keeps its number until a reader has read from it.
        let renamed = read.next.offset == 0 && segment.first_line > read.next.line;
        if segment.number > read.next.segment || renamed {
            let lines = segment.first_line.saturating_sub(read.next.line);
            if lines > 0 {
                read.entries.push(LogEntry::Dropped { lines });
            }
            read.next = LogPosition { segment: segment.number, offset: 0, line: segment.first_line };
        }
        let mut file = match File::open(&segment.path) {
            Ok(file) => file,
            // Dropped by its writer just now: the next segment's name says what was lost.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(source) => return Err(LogError::Read { path: segment.path, source }),
        };
        file.seek(SeekFrom::Start(read.next.offset)).map_err(failed(&segment.path))?;
        let mut bytes = Vec::new();
        file.take((budget + HEADER + LONGEST_LINE) as u64).read_to_end(&mut bytes).map_err(failed(&segment.path))?;
        let mut rest = &bytes[..];
        while let Some((line, after)) = parse(rest) {
            if budget == 0 {
                read.at_end = false;
                return Ok(read);
            }
            budget = budget.saturating_sub(rest.len() - after.len());
            read.next.offset += (rest.len() - after.len()) as u64;
            read.next.line += 1;
            read.entries.push(LogEntry::Line(line));
            rest = after;
        }
    }
    Ok(read)
}

/// Removes segments that lie wholly before `upto`.
pub(crate) fn discard(dir: &Path, upto: LogPosition) -> Result<(), LogError> {
    let failed = |source| LogError::Read { path: dir.to_owned(), source };
    for segment in segments(dir).map_err(failed)? {
        if segment.number < upto.segment {
            remove(&segment.path).map_err(failed)?;
        }
    }
    Ok(())
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

/// Returns the first whole line and what follows it; a torn end is no line.
fn parse(bytes: &[u8]) -> Option<(LogLine, &[u8])> {
    let (head, rest) = bytes.split_first_chunk::<HEADER>()?;
    let length = u32::from_le_bytes(head[12..16].try_into().expect("four bytes")) as usize;
    let (body, rest) = rest.split_at_checked(length)?;
    let line = LogLine {
        at_ms: u64::from_le_bytes(head[..8].try_into().expect("eight bytes")),
        stream: if head[8] == 1 { LogStream::Stderr } else { LogStream::Stdout },
        partial: head[9] & 1 == 1,
        bytes: body.to_vec(),
    };
    Some((line, rest))
}

/// Writes a container's output. Only its supervisor does.
pub(crate) struct LogWriter {
    dir: PathBuf,
    file: File,
    number: u64,
    /// Lines before this segment.
    first_line: u64,
    size: u64,
    lines: u64,
    segment_bytes: u64,
    total_bytes: u64,
    batch: Vec<u8>,
    /// Lines in `batch`.
    waiting: u64,
    /// Whether lines before `batch` were lost that no segment's name tells of yet.
    lost: bool,
}

impl LogWriter {
    pub(crate) fn create(dir: &Path) -> io::Result<Self> {
        Self::with_bounds(dir, SEGMENT_BYTES, TOTAL_BYTES)
    }

    fn with_bounds(dir: &Path, segment_bytes: u64, total_bytes: u64) -> io::Result<Self> {
        fs::create_dir_all(dir)?;
        Ok(Self {
            dir: dir.to_owned(),
            file: open_segment(dir, 0, 0)?,
            number: 0,
            first_line: 0,
            size: 0,
            lines: 0,
            segment_bytes,
            total_bytes,
            batch: Vec::new(),
            waiting: 0,
            lost: false,
        })
    }

    /// Adds a line; nothing is visible to readers before [`LogWriter::flush`].
    pub(crate) fn push(&mut self, line: &LogLine) {
        self.batch.extend(line.at_ms.to_le_bytes());
        self.batch.push(u8::from(line.stream == LogStream::Stderr));
        self.batch.push(u8::from(line.partial));
        self.batch.extend([0, 0]);
        self.batch.extend((line.bytes.len() as u32).to_le_bytes());
        self.batch.extend(&line.bytes);
        self.lines += 1;
        self.waiting += 1;
    }

    /// Writes what was added, then drops the oldest segments beyond the bound.
    ///
    /// What finds no room is lost: a full disk must not fill the memory. A new segment begins behind
    /// a loss, and its name tells readers how many lines are missing.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        if self.batch.is_empty() {
            return Ok(());
        }
        let batch = std::mem::take(&mut self.batch);
        let waiting = std::mem::take(&mut self.waiting);
        let written = self.begin_behind_loss(self.lines - waiting).and_then(|()| self.file.write_all(&batch));
        if let Err(error) = written {
            // Nor may half a line be left in the file.
            let _ = self.file.set_len(self.size);
            self.lost = true;
            return Err(error);
        }
        self.size += batch.len() as u64;
        self.batch = batch;
        self.batch.clear();
        if self.size >= self.segment_bytes {
            self.begin_segment(self.lines)?;
            self.drop_oldest()?;
        }
        Ok(())
    }

    /// Tells of a loss behind which nothing came. The container has ended.
    pub(crate) fn close(&mut self) {
        let _ = self.begin_behind_loss(self.lines);
    }

    fn begin_behind_loss(&mut self, first_line: u64) -> io::Result<()> {
        if self.lost {
            self.begin_segment(first_line)?;
            self.lost = false;
        }
        Ok(())
    }

    fn begin_segment(&mut self, first_line: u64) -> io::Result<()> {
        if self.size == 0 {
            // No reader has read from it: it is restarted under its correct name.
            let old = segment_path(&self.dir, self.number, self.first_line);
            fs::rename(old, segment_path(&self.dir, self.number, first_line))?;
        } else {
            self.file = open_segment(&self.dir, self.number + 1, first_line)?;
            self.number += 1;
            self.size = 0;
        }
        self.first_line = first_line;
        Ok(())
    }

    fn drop_oldest(&self) -> io::Result<()> {
        let segments = segments(&self.dir)?;
        let sizes: Vec<u64> = segments.iter().map(|s| fs::metadata(&s.path).map_or(0, |meta| meta.len())).collect();
        let mut total: u64 = sizes.iter().sum();
        for (segment, size) in segments.iter().zip(sizes) {
            if total <= self.total_bytes || segment.number == self.number {
                break;
            }
            remove(&segment.path)?;
            total -= size;
        }
        Ok(())
    }
}

fn open_segment(dir: &Path, number: u64, first_line: u64) -> io::Result<File> {
    fs::OpenOptions::new().create(true).append(true).mode(0o600).open(segment_path(dir, number, first_line))
}

fn segment_path(dir: &Path, number: u64, first_line: u64) -> PathBuf {
    dir.join(format!("{number:08}-{first_line:016}.log"))
}

/// Cuts a stream of bytes into lines.
pub(crate) struct LineCutter {
    stream: LogStream,
    rest: Vec<u8>,
}

impl LineCutter {
    pub(crate) fn new(stream: LogStream) -> Self {
        Self { stream, rest: Vec::new() }
    }

    /// Hands every line completed by `bytes` to `sink`.
    pub(crate) fn feed(&mut self, at_ms: u64, bytes: &[u8], mut sink: impl FnMut(&LogLine)) {
        let stream = self.stream;
        let mut emit = |bytes: Vec<u8>, partial| sink(&LogLine { at_ms, stream, bytes, partial });
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let (body, whole) = match piece.strip_suffix(b"\n") {
                Some(body) => (body, true),
                None => (piece, false),
            };
            self.rest.extend(body);
            while self.rest.len() > LONGEST_LINE {
                let after = self.rest.split_off(LONGEST_LINE);
                emit(std::mem::replace(&mut self.rest, after), true);
            }
            if whole {
                emit(std::mem::take(&mut self.rest), false);
            }
        }
    }

    /// Hands over a last line that has no newline.
    pub(crate) fn finish(&mut self, at_ms: u64, mut sink: impl FnMut(&LogLine)) {
        if !self.rest.is_empty() {
            let bytes = std::mem::take(&mut self.rest);
            sink(&LogLine { at_ms, stream: self.stream, bytes, partial: false });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> LogLine {
        LogLine { at_ms: 1, stream: LogStream::Stdout, bytes: text.into(), partial: false }
    }

    fn texts(read: &LogRead) -> Vec<String> {
        read.entries
            .iter()
            .map(|entry| match entry {
                LogEntry::Line(line) => String::from_utf8(line.bytes.clone()).unwrap(),
                LogEntry::Dropped { lines } => format!("({lines} dropped)"),
            })
            .collect()
    }

    fn cut(pieces: &[&str]) -> Vec<(usize, bool)> {
        let mut cutter = LineCutter::new(LogStream::Stdout);
        let mut seen = Vec::new();
        for piece in pieces {
            cutter.feed(0, piece.as_bytes(), |line| seen.push((line.bytes.len(), line.partial)));
        }
        cutter.finish(0, |line| seen.push((line.bytes.len(), line.partial)));
        seen
    }

    #[test]
    fn cuts_at_newlines_however_the_bytes_arrive() {
        assert_eq!(cut(&["a", "b\nc", "\n\nlast"]), [(2, false), (1, false), (0, false), (4, false)]);
        let long = "x".repeat(LONGEST_LINE + 5) + "\n";
        assert_eq!(cut(&[&long]), [(LONGEST_LINE, true), (5, false)]);
    }

    #[test]
    fn reads_on_from_where_it_was_across_segments() {
        let dir = tempfile::tempdir().unwrap();
        let mut writer = LogWriter::with_bounds(dir.path(), 40, 1 << 20).unwrap();
        let mut position = LogPosition::default();
        for round in 0..10 {
            for text in ["a", "b", "c"] {
                writer.push(&line(&format!("{text}{round}")));
                writer.flush().unwrap();
            }
            let read = read(dir.path(), position, 1 << 20, false).unwrap();
            assert_eq!(texts(&read), ["a", "b", "c"].map(|text| format!("{text}{round}")));
            assert!(read.at_end && !read.complete);
            position = read.next;
            discard(dir.path(), position).unwrap();
        }
        assert!(segments(dir.path()).unwrap().len() <= 2);
    }

    #[test]
    fn says_how_many_lines_were_dropped_when_nobody_read() {
        let dir = tempfile::tempdir().unwrap();
        let mut writer = LogWriter::with_bounds(dir.path(), 100, 300).unwrap();
        for number in 0..100 {
            writer.push(&line(&format!("{number:03}")));
            writer.flush().unwrap();
        }
        let read = read(dir.path(), LogPosition::default(), 1 << 20, true).unwrap();
        let Some(LogEntry::Dropped { lines }) = read.entries.first() else { panic!("{read:?}") };
        assert_eq!(*lines as usize + read.entries.len() - 1, 100);
        assert_eq!(texts(&read).last().unwrap(), "099");
    }

    /// Makes the writer's next writes fail, as a full disk does.
    fn fill_disk(writer: &mut LogWriter) -> File {
        std::mem::replace(&mut writer.file, fs::OpenOptions::new().write(true).open("/dev/full").unwrap())
    }

    #[test]
    fn says_how_many_lines_found_no_room_and_goes_on() {
        let dir = tempfile::tempdir().unwrap();
        let mut writer = LogWriter::create(dir.path()).unwrap();
        let push = |writer: &mut LogWriter, text: &str| {
            writer.push(&line(text));
            writer.flush()
        };
        push(&mut writer, "a").unwrap();
        let real = fill_disk(&mut writer);
        push(&mut writer, "b").unwrap_err();
        // The next one begins a segment of its own, on a disk that has room.
        push(&mut writer, "c").unwrap();
        drop(real);
        fill_disk(&mut writer);
        writer.push(&line("d"));
        writer.push(&line("e"));
        writer.flush().unwrap_err();
        writer.close();
        let read = read(dir.path(), LogPosition::default(), 1 << 20, true).unwrap();
        assert_eq!(texts(&read), ["a", "(1 dropped)", "c", "(2 dropped)"]);
        assert_eq!(read.next.line(), 5);
    }

    #[test]
    fn a_loss_before_the_first_line_is_told_too() {
        let dir = tempfile::tempdir().unwrap();
        let mut writer = LogWriter::create(dir.path()).unwrap();
        let real = fill_disk(&mut writer);
        writer.push(&line("a"));
        writer.flush().unwrap_err();
        writer.file = real;
        writer.push(&line("b"));
        writer.flush().unwrap();
        let read = read(dir.path(), LogPosition::default(), 1 << 20, true).unwrap();
        assert_eq!(texts(&read), ["(1 dropped)", "b"]);
    }

    #[test]
    fn stops_at_the_limit_and_says_that_there_is_more() {
        let dir = tempfile::tempdir().unwrap();
        let mut writer = LogWriter::create(dir.path()).unwrap();
        for text in ["one", "two", "three"] {
            writer.push(&line(text));
        }
        writer.flush().unwrap();
        let first = read(dir.path(), LogPosition::default(), 1, true).unwrap();
        assert_eq!((texts(&first), first.at_end), (vec!["one".to_owned()], false));
        let rest = read(dir.path(), first.next, 1 << 20, true).unwrap();
        assert_eq!((texts(&rest), rest.at_end), (vec!["two".to_owned(), "three".to_owned()], true));
    }

    #[test]
    fn ignores_a_line_that_was_being_written() {
        let dir = tempfile::tempdir().unwrap();
        let mut writer = LogWriter::create(dir.path()).unwrap();
        writer.push(&line("whole"));
        writer.push(&line("torn"));
        writer.batch.truncate(writer.batch.len() - 2);
        writer.flush().unwrap();
        let read = read(dir.path(), LogPosition::default(), 1 << 20, false).unwrap();
        assert_eq!(texts(&read), ["whole"]);
    }
}
