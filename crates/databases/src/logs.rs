//! DescribeDBLogFiles and DownloadDBLogFilePortion: what PostgreSQL has written, as files.
//!
//! PostgreSQL writes `postgresql.log.DATE-HOUR`; RDS shows it as `error/postgresql.log.DATE-HOUR` (user guide, "RDS for
//! PostgreSQL database log files").

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use aws_model::page::{Order, cut};
use aws_model::{Answer, Answering, AwsError, Call, Door};
use orchestrator::{CallCx, Handle};
use platform_core::rds::instance::Instance;
use serde_json::{Value, json};

use crate::run::Places;

/// The door to logs.
pub struct LogFiles {
    handle: Handle,
    /// Where databases write them; none where none runs.
    places: Option<Places>,
}

impl LogFiles {
    /// Makes the door.
    pub fn new(handle: Handle, places: Option<Places>) -> Self {
        Self { handle, places }
    }

    /// Returns the folder of an instance's logs, by its identifier or its ARN; none where none runs.
    fn folder(&self, call: &Call) -> Result<Option<PathBuf>, AwsError> {
        let name = call.input.get("DBInstanceIdentifier").and_then(Value::as_str).unwrap_or_default();
        let id = name.rsplit(':').next().unwrap_or(name).to_ascii_lowercase();
        let cx = CallCx { region: call.region.clone(), access_key: call.access_key.clone() };
        let instance = self.handle.answer(&cx, |world, cx| {
            let found = world.records.all::<Instance>(cx.region).find(|instance| instance.id == id);
            found.ok_or_else(|| AwsError::new("DBInstanceNotFound", format!("DBInstance {id} not found.")))
        })?;
        Ok(self.places.as_ref().map(|places| places.place(&instance.resource).log()))
    }
}

impl Door for LogFiles {
    fn operations(&self) -> Vec<&'static str> {
        vec!["DescribeDBLogFiles", "DownloadDBLogFilePortion"]
    }

    fn call(&self, call: Call) -> Answering<'_> {
        Box::pin(async move {
            match call.operation.name() {
                "DescribeDBLogFiles" => describe(self, &call).await,
                _ => download(self, &call).await,
            }
        })
    }
}

/// What RDS puts before the names.
const BEFORE: &str = "error/";
/// "the file is truncated at 1 MB in size" (API reference, DownloadDBLogFilePortion).
const MOST_BYTES: u64 = 1024 * 1024;
/// "up to a maximum of 10000 lines".
const MOST_LINES: usize = 10_000;

#[derive(Debug, PartialEq, Eq)]
struct LogFile {
    name: String,
    written: u64,
    size: u64,
}

async fn describe(door: &LogFiles, call: &Call) -> Result<Answer, AwsError> {
    let text = |name: &str| call.input.get(name).and_then(Value::as_str);
    let number = |name: &str| call.input.get(name).and_then(Value::as_u64).unwrap_or_default();
    let part = text("FilenameContains").unwrap_or_default().to_owned();
    let (since, size) = (number("FileLastWritten"), number("FileSize"));
    let files = match door.folder(call)? {
        Some(folder) => blocking(move || list(&folder)).await?,
        None => Vec::new(),
    };
    let rows = files
        .into_iter()
        .filter(|file| file.name.contains(&part) && file.written >= since && (size == 0 || file.size > size))
        .map(|file| {
            let shown = json!({"LogFileName": file.name, "LastWritten": file.written, "Size": file.size});
            (file.name, shown)
        });
    let most = usize::try_from(number("MaxRecords")).unwrap_or(1000);
    let page = cut(rows, Order::Rising, text("Marker"), if most == 0 { 1000 } else { most });
    aws_model::call::answer(json!({"DescribeDBLogFiles": page.items, "Marker": page.next}))
}

async fn download(door: &LogFiles, call: &Call) -> Result<Answer, AwsError> {
    let text = |name: &str| call.input.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (name, marker) = (text("LogFileName"), call.input.get("Marker").and_then(Value::as_str));
    let lines = call.input.get("NumberOfLines").and_then(Value::as_u64).and_then(|lines| usize::try_from(lines).ok());
    let gone =
        || AwsError::new("DBLogFileNotFoundFault", format!("DBLog File: {name}, is not found on the DB instance"));
    let folder = door.folder(call)?.ok_or_else(gone)?;
    let from =
        match marker {
            None => None,
            // What this answers itself; RDS's own has the hour before it.
            Some(marker) => Some(marker.rsplit(':').next().and_then(|at| at.parse::<u64>().ok()).ok_or_else(|| {
                AwsError::new("InvalidParameterValue", "The value for parameter Marker is not valid.")
            })?),
        };
    let wanted = name.clone();
    let part = blocking(move || {
        let known = list(&folder)?.into_iter().any(|file| file.name == wanted);
        let path = folder.join(wanted.strip_prefix(BEFORE).unwrap_or(&wanted));
        if known { open(&path).and_then(|file| portion(&file, from, lines)).map(Some) } else { Ok(None) }
    });
    let part = part.await?.ok_or_else(gone)?;
    aws_model::call::answer(json!({
        "LogFileData": part.data,
        "Marker": part.end.to_string(),
        "AdditionalDataPending": part.pending,
    }))
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> Result<T, AwsError> {
    let done = tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(io::Error::other(error)));
    done.map_err(|error| AwsError::server(format!("the database's log could not be read: {error}")))
}

fn list(folder: &Path) -> io::Result<Vec<LogFile>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other?,
    };
    let mut files = Vec::new();
    for entry in entries {
        let entry = entry?;
        let found = match fs::symlink_metadata(entry.path()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            other => other?,
        };
        let Some(name) = entry.file_name().to_str().map(|name| format!("{BEFORE}{name}")) else { continue };
        if found.is_file() {
            let written = found.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
            files.push(LogFile { name, written: u64::try_from(written).unwrap_or(u64::MAX), size: found.len() });
        }
    }
    files.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(files)
}

fn open(path: &Path) -> io::Result<File> {
    // The folder is PostgreSQL's: what was a file a moment ago may be a link out of it.
    let flags = rustix::fs::OFlags::NOFOLLOW.bits().cast_signed();
    File::options().read(true).custom_flags(flags).open(path)
}

#[derive(Debug, PartialEq, Eq)]
struct Portion {
    data: String,
    /// Where the next begins.
    end: u64,
    pending: bool,
}

/// Reads whole lines from a place on, or the last ones.
fn portion(file: &File, from: Option<u64>, lines: Option<usize>) -> io::Result<Portion> {
    let size = file.metadata()?.len();
    let start = from.unwrap_or_else(|| size.saturating_sub(MOST_BYTES)).min(size);
    let mut bytes = vec![0; usize::try_from((size - start).min(MOST_BYTES)).unwrap_or(0)];
    let mut read = 0;
    while read < bytes.len() {
        match file.read_at(&mut bytes[read..], start + read as u64)? {
            0 => break,
            more => read += more,
        }
    }
    bytes.truncate(read);
    let most = lines.unwrap_or(MOST_LINES).clamp(1, MOST_LINES);
    let ends: Vec<usize> = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1).collect();
    let (begin, end) = match from {
        // From a place on: so many lines, or all of a last one that is being written.
        Some(_) if ends.len() > most => (0, ends[most - 1]),
        Some(_) if start + (read as u64) < size => (0, ends.last().copied().unwrap_or(read)),
        Some(_) => (0, read),
        // The last ones; a line whose begin is not here is left out.
        None => {
            let whole = bytes.last().is_none_or(|byte| *byte == b'\n');
            let keep = if whole { most } else { most.saturating_sub(1) };
            let begin = if ends.len() > keep { ends[ends.len() - keep - 1] } else { 0 };
            let cut = if begin == 0 && start > 0 { ends.first().copied().unwrap_or(0) } else { begin };
            (cut, read)
        }
    };
    let data = String::from_utf8_lossy(&bytes[begin..end]).into_owned();
    let end = start + end as u64;
    Ok(Portion { data, end, pending: end < size })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, from: Option<u64>, lines: Option<usize>) -> (String, u64, bool) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        fs::write(&path, text).unwrap();
        let Portion { data, end, pending } = portion(&open(&path).unwrap(), from, lines).unwrap();
        (data, end, pending)
    }

    #[test]
    fn the_last_lines_come_without_a_marker_and_the_first_from_zero() {
        assert_eq!(check("a\nb\nc\n", None, None), ("a\nb\nc\n".into(), 6, false));
        assert_eq!(check("a\nb\nc\n", None, Some(2)), ("b\nc\n".into(), 6, false));
        assert_eq!(check("a\nb\nc", None, Some(2)), ("b\nc".into(), 5, false));
        assert_eq!(check("a\nb\nc\n", Some(0), Some(2)), ("a\nb\n".into(), 4, true));
        assert_eq!(check("a\nb\nc\n", Some(4), Some(2)), ("c\n".into(), 6, false));
        assert_eq!(check("a\n", Some(99), None), (String::new(), 2, false));
        assert_eq!(check("", None, None), (String::new(), 0, false));
    }

    #[test]
    fn a_link_out_of_the_folder_is_no_log() {
        let dir = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("/etc/passwd", dir.path().join("postgresql.log.x")).unwrap();
        fs::write(dir.path().join("postgresql.log.y"), "hello").unwrap();
        let names: Vec<String> = list(dir.path()).unwrap().into_iter().map(|file| file.name).collect();
        assert_eq!(names, ["error/postgresql.log.y"]);
        assert!(open(&dir.path().join("postgresql.log.x")).is_err());
        assert_eq!(list(&dir.path().join("none")).unwrap(), []);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        /// Page by page it is the whole file.
        #[test]
        fn nothing_is_left_out_or_double(text in "([a-z]{0,9}\n?){0,60}", lines in 1_usize..7) {
            let (mut whole, mut at) = (String::new(), 0);
            loop {
                let (data, end, pending) = check(&text, Some(at), Some(lines));
                whole += &data;
                prop_assert!(end > at || !pending);
                at = end;
                if !pending {
                    break;
                }
            }
            prop_assert_eq!(whole, text);
        }
    }
}
