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

#[test]
fn production_may_come_from_a_branch_its_own_or_that_of_staging() {
    let of = |provider: Provider, branch: &str, more: &str| {
        let text = format!("{APP}\n[pipeline]\nbranch = \"main\"\nproduction-branch = \"{branch}\"\n{more}");
        write(provider, Some(&manifest(&text)), &Options::default(), None).unwrap()
    };
    let own = of(Provider::Bitbucket, "release", "");
    assert!(own.contains("    main:\n") && own.contains("    release:\n") && !own.contains("  tags:\n"), "{own}");
    let same = of(Provider::Bitbucket, "main", "");
    assert_eq!(same.matches("    main:\n").count(), 1);
    let at = |text: &str, what: &str| text.find(what).unwrap_or_else(|| panic!("no {what} in {text}"));
    assert!(at(&same, "name: Staging\n") < at(&same, "name: Images and plan\n"));
    assert!(
        same.contains("trigger: manual") && !of(Provider::Bitbucket, "main", "approval = false\n").contains("manual")
    );
    let own = of(Provider::Github, "release", "");
    assert!(own.contains("branches: [\"main\", \"release\"]") && !own.contains("    tags: ["), "{own}");
    assert!(own.contains("github.ref == 'refs/heads/release'"), "{own}");
    assert!(of(Provider::Github, "main", "").contains("  production-plan:\n    needs: staging\n"));
    let own = of(Provider::Gitlab, "release", "");
    assert_eq!(own.matches("$CI_COMMIT_BRANCH == \"release\"").count(), 3, "{own}");
    let same = of(Provider::Gitlab, "main", "");
    assert!(
        same.contains("stages: [test, build, deploy, plan, release]") && same.contains("  stage: release\n"),
        "{same}"
    );
}

#[test]
fn sizes_images_machines_and_limits_are_the_manifests() {
    let words = "\n[pipeline]\nauth = \"keys\"\nimage = \"ours/ci:1\"\nsize = \"2x\"\ntimeout = \"90s\"\nrunners = [\"self-hosted\", \"linux\"]\n";
    let of = |provider: Provider| {
        write(provider, Some(&manifest(&format!("{APP}{words}"))), &Options::default(), None).unwrap()
    };
    let text = of(Provider::Bitbucket);
    for line in ["image: ours/ci:1\n", "size: 2x\n", "max-time: 2\n", "runs-on: [self-hosted, linux]\n"] {
        assert!(text.contains(line), "{line} {text}");
    }
    assert!(
        !text.contains("oidc: true") && text.matches("size: 2x").count() == 2,
        "only where images are built: {text}"
    );
    let text = of(Provider::Github);
    assert!(text.contains("runs-on: [self-hosted, linux]\n") && text.contains("timeout-minutes: 2\n"), "{text}");
    let text = of(Provider::Gitlab);
    assert!(text.contains("image: ours/ci:1\n") && text.contains("tags: [self-hosted, linux]\n"), "{text}");
    assert!(text.contains("timeout: 2 minutes\n"), "{text}");
    // The head holds what was asked for, not what the manifest says: a word that is taken out is gone.
    assert_eq!(Options::of(&text), Some(Options::default()));
}

#[test]
fn production_builds_its_own_images_where_they_are_built_differently() {
    let differs = "\n[stages.prod.images.server]\nargs = { API = \"https://api.example.com\" }\n";
    let text =
        write(Provider::Bitbucket, Some(&manifest(&format!("{APP}{differs}"))), &Options::default(), None).unwrap();
    assert!(text.contains("managr push prod"), "{text}");
    let only =
        "app = \"a\"\n[images.web]\n[stages.staging]\n[stages.prod]\n[stages.prod.images.web]\nargs = { A = \"b\" }\n";
    let text = write(Provider::Bitbucket, Some(&manifest(only)), &Options::default(), None).unwrap();
    assert!(text.contains("managr push prod\n") && !text.contains("--from"), "{text}");
}

#[test]
fn two_ways_to_build_an_image_may_not_share_a_tag() {
    let text = "app = \"a\"\n[images.web]\n[stages.staging]\ntag = \"{commit}\"\n[stages.prod]\ntag = \"{commit}\"\n[stages.prod.images.web]\ntarget = \"b\"\n";
    let errors = parse("managr.toml", text).unwrap_err();
    let words: Vec<String> = errors.errors().iter().map(ToString::to_string).collect();
    assert!(words.iter().any(|words| words.contains("built differently in `staging`")), "{words:?}");
    parse("managr.toml", &text.replacen("{commit}", "{stage}-{commit}", 1)).unwrap();
}

#[test]
fn every_mark_keeps_what_is_written_between() {
    for provider in [Provider::Bitbucket, Provider::Github, Provider::Gitlab] {
        let fresh = written(provider, &Options::default(), None);
        let mut edited = String::new();
        let mut count = 0;
        for line in fresh.split_inclusive('\n') {
            edited.push_str(line);
            if line.trim().starts_with("# managr: your ") {
                count += 1;
                edited.push_str(&format!("# mine {count}\n"));
            }
        }
        assert!(count >= 10, "{count}");
        assert!(!deploy_core::pipeline::is_edited(&edited));
        assert_eq!(written(provider, &Options::default(), Some(&edited)), edited);
        let broken = edited.replacen("managr push staging", "true", 1);
        assert!(edited != broken && deploy_core::pipeline::is_edited(&broken), "{broken}");
    }
}
