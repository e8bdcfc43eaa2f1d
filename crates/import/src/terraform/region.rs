//! What stands for the region where no provider tells it? Never a fact: a question is asked about it.
//!
//! ARNs of what has a name of its own need a region, and a folder must not lose every secret for want of one.

use std::collections::BTreeSet;

use deploy_core::desired::DEFAULT_REGION;
use regex::Regex;

use crate::{Folder, Left, Place};

/// Returns the only region that the folder's files name, or one that stands for it.
pub(super) fn stand_in(folder: &Folder) -> String {
    let named = named(folder);
    match named.iter().collect::<Vec<_>>().as_slice() {
        [only] => (*only).clone(),
        _ => DEFAULT_REGION.to_owned(),
    }
}

/// Returns whether a text is a region's name: `<AWS-region>` is a place that was never filled in.
pub(super) fn is_region(text: &str) -> bool {
    let words: Vec<&str> = text.split('-').collect();
    let is_word = |word: &&str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase());
    matches!(words.as_slice(), [first @ .., last] if first.len() >= 2 && first.iter().all(is_word)
        && !last.is_empty() && last.bytes().all(|b| b.is_ascii_digit()))
}

/// Asks for the region of a stage.
pub(super) fn question(folder: &Folder, root: &str, stage: &str) -> Left {
    let named = named(folder);
    let named: Vec<&str> = named.iter().map(String::as_str).collect();
    let seen = match named.as_slice() {
        [] => "nothing in the folder tells it".to_owned(),
        [only] => format!("its provider does not tell it, and {only} is the only one that its files name"),
        more => format!("its provider does not tell it, and its files name {}", more.join(", ")),
    };
    let source = if root.is_empty() { ".".to_owned() } else { root.to_owned() };
    Left::new(
        format!("the AWS region of stage {stage}"),
        Place { source, line: None },
        format!("{seen}: {} stands for it in ARNs; say it with --region and import again", stand_in(folder)),
    )
}

fn named(folder: &Folder) -> BTreeSet<String> {
    let region = Regex::new(
        r"\b(?:us|eu|ap|sa|ca|me|af|il|mx|cn)(?:-gov)?-(?:north|south|east|west|central|northeast|northwest|southeast|southwest)-[1-9]",
    );
    let Ok(region) = region else { return BTreeSet::new() };
    let is_read = |path: &&String| !path.contains(".terraform/") && !path.ends_with(".md");
    let texts = folder.iter().filter(|(path, _)| is_read(path)).map(|(_, text)| text);
    texts.flat_map(|text| region.find_iter(text)).map(|found| found.as_str().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        assert_eq!(stand_in(&Folder::from([("a.tf".to_owned(), text.to_owned())])), expected);
    }

    #[test]
    fn the_only_region_that_is_named_stands_for_it() {
        check("zones = [\"eu-west-1a\", \"eu-west-1b\"]", "eu-west-1");
        check("a = \"eu-west-1\" b = \"us-gov-west-1\"", DEFAULT_REGION);
        check("name = \"eu-west-wing\"", DEFAULT_REGION);
    }
}
