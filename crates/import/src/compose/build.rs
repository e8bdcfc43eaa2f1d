//! Which images are built, under which names, and with which files that are not there yet?

use deploy_core::manifest::Image;

use super::draft::Draft;
use super::image::{Origin, repository};
use super::source::Source;

/// Images that are built, each once, and the files that they need.
#[derive(Default)]
pub(super) struct Images {
    pub(super) images: Vec<(String, Image)>,
    /// What Compose tags them with.
    tags: Vec<(String, String)>,
    pub(super) files: Vec<(String, String)>,
}

impl Images {
    /// Returns what the container's `image` says.
    pub(super) fn image(&mut self, source: &mut Source<'_>, draft: &Draft, name: &str) -> String {
        match &draft.origin {
            Origin::Registry(image) => {
                let untagged = repository(image).0;
                if let Some((_, built)) = self.tags.iter().find(|(tag, _)| tag == untagged) {
                    return built.clone();
                }
                if draft.copied.is_empty() {
                    return image.clone();
                }
                let text = copying(image, draft);
                let dockerfile = self.file(source, name, text);
                for copied in &draft.copied {
                    let why = format!(
                        "Fargate has nothing of this machine: `{dockerfile}` copies `{}` to `{}`",
                        copied.from, copied.to
                    );
                    source.leave(format!("services.{}.volumes", draft.name), copied.line, why);
                }
                self.add(name, Image { dockerfile: Some(dockerfile), ..Image::default() })
            }
            Origin::Built { spec, image, inline } => {
                let mut spec = spec.clone();
                if let Some(text) = inline {
                    spec.dockerfile = Some(self.file(source, name, text.clone()));
                }
                let is_same = |known: &Image| {
                    let known = Image { repository: None, ..known.clone() };
                    known == spec
                };
                if let Some((known, _)) = self.images.iter().find(|(_, known)| is_same(known)) {
                    return known.clone();
                }
                let Some((image, line)) = image else { return self.add(name, spec) };
                spec.repository = self.repository(source, draft, image, *line);
                let name = self.add(name, spec);
                self.tags.push((repository(image).0.to_owned(), name.clone()));
                name
            }
        }
    }

    fn add(&mut self, name: &str, spec: Image) -> String {
        let mut name = image_name(name);
        while self.images.iter().any(|(known, _)| *known == name) {
            name.push_str("-2");
        }
        self.images.push((name.clone(), spec));
        name
    }

    /// The tag that Compose gives the image says which repository it is pushed to.
    fn repository(&mut self, source: &mut Source<'_>, draft: &Draft, image: &str, line: usize) -> Option<String> {
        let here = format!("services.{}.image", draft.name);
        let (name, has_host) = repository(image);
        let is_good = name.len() > 1
            && name
                .split(['/', '.', '_', '-'])
                .all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()));
        let is_taken = self.images.iter().any(|(_, known)| known.repository.as_deref() == Some(name));
        if !is_good || is_taken {
            source.leave(here, line, format!("`{name}` was not taken for a repository of its image"));
            return None;
        }
        let why = match has_host {
            true => format!("it is pushed to the repository `{name}` of ECR, with the tag of the stage"),
            false => format!("it is pushed to the repository `{name}`, with the tag of the stage"),
        };
        source.leave(here, line, why);
        Some(name.to_owned())
    }

    fn file(&mut self, source: &Source<'_>, name: &str, text: String) -> String {
        let plain = format!("Dockerfile.{name}");
        let path = if source.folder.contains_key(&plain) { format!("{plain}.managr") } else { plain };
        self.files.push((path.clone(), text));
        path
    }
}

/// ECR takes names of lower-case letters and digits, with single hyphens between them.
fn image_name(name: &str) -> String {
    let lower = name.to_ascii_lowercase();
    let parts: Vec<&str> = lower.split(|c: char| !c.is_ascii_alphanumeric()).filter(|part| !part.is_empty()).collect();
    let name = parts.join("-");
    let name = name.get(..60).unwrap_or(&name).trim_end_matches('-');
    if name.is_empty() { "image".to_owned() } else { name.to_owned() }
}

fn copying(image: &str, draft: &Draft) -> String {
    let mut text = format!("FROM {image}\n");
    for copied in &draft.copied {
        let has_blank = [&copied.from, &copied.to].iter().any(|path| path.contains(' '));
        match has_blank {
            true => text.push_str(&format!("COPY [\"{}\", \"{}\"]\n", copied.from, copied.to)),
            false => text.push_str(&format!("COPY {} {}\n", copied.from, copied.to)),
        }
    }
    text
}
