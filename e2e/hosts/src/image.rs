//! Keeps a machine's disk between runs, for as long as its recipe is the same.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::Fault;
use crate::recipe::{self, Extent, Release};

/// A disk, a kernel and an initrd; runs write into a layer of their own above the disk.
pub struct Image {
    folder: PathBuf,
}

impl Image {
    /// Returns the image in `folder`, made now if it is not there or its recipe changed.
    ///
    /// # Errors
    /// It could not be made: what the script said is in `FOLDER.log`.
    pub fn ensure(folder: &Path, release: Release, extent: Extent, say: &dyn Fn(String)) -> Result<Self, Fault> {
        let image = Self { folder: folder.to_owned() };
        let note = folder.join("recipe.txt");
        let wanted = recipe::text(release, extent);
        if fs::read_to_string(&note).is_ok_and(|had| had == wanted) {
            return Ok(image);
        }
        let begun = Instant::now();
        say(format!("making a machine of {release} out of Debian packages"));
        let scripts = folder.with_extension("scripts");
        fs::create_dir_all(&scripts).map_err(Fault::path(&scripts))?;
        for (name, text) in [("agent.sh", recipe::AGENT), ("image.sh", recipe::MAKE)] {
            let path = scripts.join(name);
            fs::write(&path, text).map_err(Fault::path(&path))?;
        }
        let log = folder.with_extension("log");
        let file = fs::File::create(&log).map_err(Fault::path(&log))?;
        let ended = Command::new("bash")
            .arg(scripts.join("image.sh"))
            .args([release.suite(), &recipe::packages(release, extent)])
            .args([folder, &scripts])
            .stdin(Stdio::null())
            .stdout(file.try_clone().map_err(Fault::path(&log))?)
            .stderr(file)
            .status();
        let words = fs::read_to_string(&log).unwrap_or_default();
        match ended {
            Ok(status) if status.success() => {}
            Ok(status) => return Err(Fault(format!("the machine's image was not made ({status}): {}", last(&words)))),
            Err(error) => return Err(Fault(format!("could not start bash: {error}"))),
        }
        fs::write(&note, wanted).map_err(Fault::path(&note))?;
        say(format!("made it in {:.0} s", begun.elapsed().as_secs_f64()));
        Ok(image)
    }

    /// Returns the file `name` of the image.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

/// Returns the last lines of a text.
pub(crate) fn last(text: &str) -> String {
    let lines: Vec<&str> = text.trim_end().lines().collect();
    lines[lines.len().saturating_sub(12)..].join("\n")
}
