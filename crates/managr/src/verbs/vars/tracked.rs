//! Says that a file with secrets is in the repository, where it is read or written.

use std::path::Path;

use deploy::vars::is_tracked;

use super::home::Home;
use crate::context::Context;

/// Says it of the file that a stage's values are kept in.
pub(super) fn tell(cx: &Context, home: &Home) {
    if let Home::File(path) = home {
        tell_file(cx, path);
    }
}

/// Says it of a file.
pub(super) fn tell_file(cx: &Context, path: &Path) {
    if is_tracked(Path::new("."), path) {
        let shown = path.display();
        cx.ui.say(&format!(
            "{shown} is in the repository, so everyone who has the repository can read its secrets; `git rm --cached {shown}`, and new values"
        ));
    }
}
