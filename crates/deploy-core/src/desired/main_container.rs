//! Which container is a service about? The one that a command runs in unless another is named.

use super::container::is_essential;
use crate::manifest::{Manifest, Service, is_in};

/// Returns the container of a service in a stage that people mean when they name none: the release command's,
/// or else the first essential one whose image the manifest builds, or else the first essential one, or
/// else the first. None when there is no such service there.
pub fn main_container<'a>(manifest: &'a Manifest, stage: &str, service: &str) -> Option<&'a str> {
    let service = manifest.services.get(service).filter(|service| is_in(&service.stages, stage))?;
    if let Some(release) = &service.release {
        return Some(&release.container);
    }
    let is_built = |name: &&str| {
        let container = service.containers.get(name);
        container.is_some_and(|container| manifest.images.contains(&container.image))
    };
    let found = essential(service, stage).find(is_built).or_else(|| essential(service, stage).next());
    found.or_else(|| there(service, stage).next())
}

fn there<'a>(service: &'a Service, stage: &str) -> impl Iterator<Item = &'a str> {
    service.containers.iter().filter(|(_, spec)| is_in(&spec.stages, stage)).map(|(name, _)| name)
}

fn essential<'a>(service: &'a Service, stage: &str) -> impl Iterator<Item = &'a str> {
    let is_one = |name: &&str| service.containers.get(name).is_some_and(|spec| is_essential(service, name, spec));
    there(service, stage).filter(is_one)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(service: &str) -> Option<String> {
        let text = format!("app = \"demo\"\n[images.app]\nrepository = \"demo/app\"\n{service}");
        let manifest = crate::parse("managr.toml", &text).unwrap_or_else(|errors| panic!("{errors:?}"));
        main_container(&manifest, "prod", "web").map(str::to_owned)
    }

    const PROXY: &str = "[services.web.containers.proxy]\nimage = \"nginx:1\"\n";
    const APP: &str = "[services.web.containers.django]\nimage = \"app\"\n";
    const MIGRATE: &str = "[services.web.containers.migrate]\nimage = \"app\"\nessential = false\n";

    #[test]
    fn the_container_of_the_release_command_comes_first() {
        let release = "[services.web.release]\ncontainer = \"migrate\"\ncommand = [\"migrate\"]\n";
        assert_eq!(of(&[PROXY, APP, MIGRATE, release].concat()).as_deref(), Some("migrate"));
    }

    #[test]
    fn then_the_first_essential_one_that_is_built() {
        assert_eq!(of(&[MIGRATE, PROXY, APP].concat()).as_deref(), Some("django"));
    }

    #[test]
    fn then_the_first_essential_one() {
        assert_eq!(of(&[MIGRATE, PROXY].concat()).as_deref(), Some("proxy"));
    }

    #[test]
    fn a_container_of_another_stage_is_nobody() {
        let elsewhere = "stages = [\"local\"]\n[stages.prod]\n";
        assert_eq!(of(&[PROXY, APP, elsewhere].concat()).as_deref(), Some("proxy"));
        let nowhere = "[services.web]\nstages = [\"local\"]\n[stages.prod]\n";
        assert_eq!(of(&[nowhere, PROXY].concat()), None);
    }

    #[test]
    fn a_service_that_is_not_there_has_none() {
        assert_eq!(
            main_container(&crate::parse("m", &format!("app = \"d\"\n{PROXY}")).expect("valid"), "local", "x"),
            None
        );
    }
}
