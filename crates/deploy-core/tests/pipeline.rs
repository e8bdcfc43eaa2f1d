//! What the CI files of the example look like. The pictures are the specification.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use deploy_core::pipeline::{Auth, Options, Provider, Purpose, is_ours, write};
use deploy_core::{Manifest, parse};

const APP: &str = include_str!("../../../examples/managr/managr.toml");

const PREVIEWS: &str = "\n[previews]\nfrom = \"staging\"\nhost = \"{name}.staging.managr.ai\"\nttl = \"3d\"\n";

fn manifest(text: &str) -> Manifest {
    parse("managr.toml", text).unwrap()
}

fn written(provider: Provider, options: &Options, existing: Option<&str>) -> String {
    write(provider, Some(&manifest(&format!("{APP}{PREVIEWS}"))), options, existing).unwrap()
}

#[test]
fn bitbucket_by_tokens() {
    insta::assert_snapshot!(written(Provider::Bitbucket, &Options::default(), None));
}

#[test]
fn bitbucket_by_keys_without_previews() {
    let options =
        Options { auth: Auth::Keys, install: Some("pip install -q our-managr".to_owned()), ..Options::default() };
    insta::assert_snapshot!(write(Provider::Bitbucket, Some(&manifest(APP)), &options, None).unwrap());
}

#[test]
fn bitbucket_without_a_manifest() {
    let options = Options {
        auth: Auth::Keys,
        purpose: Purpose::Taskdef,
        container: Some("managr-app".to_owned()),
        ..Options::default()
    };
    insta::assert_snapshot!(write(Provider::Bitbucket, None, &options, None).unwrap());
    assert!(write(Provider::Github, None, &options, None).unwrap_err().to_string().contains("not for github"));
}

#[test]
fn github_by_tokens() {
    insta::assert_snapshot!(written(Provider::Github, &Options::default(), None));
}

#[test]
fn gitlab_by_tokens() {
    insta::assert_snapshot!(written(Provider::Gitlab, &Options::default(), None));
}

#[test]
fn what_is_the_users_stays_and_the_file_is_current_all_the_same() {
    for provider in [Provider::Bitbucket, Provider::Github, Provider::Gitlab] {
        let options = Options { branch: "trunk".to_owned(), ..Options::default() };
        let fresh = written(provider, &options, None);
        assert!(is_ours(&fresh) && Options::of(&fresh) == Some(options.clone()), "{fresh}");
        let edited = fresh.replace("echo \"no tests yet; write them here, between the marks\"", "./run-tests --all");
        assert_ne!(fresh, edited);
        assert_eq!(written(provider, &options, Some(&edited)), edited, "{}", provider.word());
        let stale = edited.replace("managr push staging", "managr push elsewhere");
        assert_eq!(written(provider, &options, Some(&stale)), edited, "{}", provider.word());
    }
}

#[test]
fn production_takes_images_over_only_where_tags_name_the_commit() {
    let of = |tag: &str| {
        let text = APP.replace("tag = \"staging-{commit}\"", &format!("tag = \"{tag}\""));
        write(Provider::Bitbucket, Some(&manifest(&text)), &Options::default(), None).unwrap()
    };
    assert!(of("{commit}").contains("managr push prod --from staging"));
    for tag in ["{branch}-{commit}", "latest"] {
        assert!(!of(tag).contains("--from"), "{tag}");
    }
}

#[test]
fn stages_are_found_by_their_usual_names_or_by_those_that_were_said() {
    let error = |text: &str, options: &Options| {
        write(Provider::Bitbucket, Some(&manifest(text)), options, None).unwrap_err().to_string()
    };
    let bare = "app = \"a\"\n[stages.qa]\n";
    let none = "the manifest has neither a stage for the main branch nor one for tags; there are qa";
    assert_eq!(error(bare, &Options::default()), none);
    let options = Options { staging: Some("qq".to_owned()), ..Options::default() };
    assert_eq!(error(bare, &options), "the manifest has no stage `qq`; there are qa");
    let options = Options { staging: Some("qa".to_owned()), ..Options::default() };
    let text = write(Provider::Bitbucket, Some(&manifest(bare)), &options, None).unwrap();
    assert!(text.contains("managr deploy qa --no-build --yes") && !text.contains("tags:\n"), "{text}");
}
