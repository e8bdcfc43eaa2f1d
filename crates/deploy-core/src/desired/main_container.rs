//! Which container is a service about? The one that a command runs in unless another is named.

use super::container::is_essential;
use crate::manifest::{Manifest, Service};

/// Returns the container of a service that people mean when they name none: the release command's,
/// or else the first essential one whose image the manifest builds, or else the first essential one, or
/// else the first. None when there is no such service.
pub fn main_container<'a>(manifest: &'a Manifest, service: &str) -> Option<&'a str> {
    let service = manifest.services.get(service)?;
    if let Some(release) = &service.release {
        return Some(&release.container);
    }
    let is_built = |name: &&str| {
        let container = service.containers.get(name);
        container.is_some_and(|container| manifest.images.contains(&container.image))
    };
    let found = essential(service).find(is_built).or_else(|| essential(service).next());
    found.or_else(|| service.containers.names().next())
}

fn essential(service: &Service) -> impl Iterator<Item = &str> {
    let containers = service.containers.iter();
    containers.filter(|(name, spec)| is_essential(service, name, spec)).map(|(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(service: &str) -> Option<String> {
        let text = format!("app = \"demo\"\n[images.app]\nrepository = \"demo/app\"\n{service}");
        let manifest = crate::parse("managr.toml", &text).unwrap_or_else(|errors| panic!("{errors:?}"));
        main_container(&manifest, "web").map(str::to_owned)
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
    fn a_service_that_is_not_there_has_none() {
        assert_eq!(main_container(&crate::parse("m", &format!("app = \"d\"\n{PROXY}")).expect("valid"), "x"), None);
    }
}
