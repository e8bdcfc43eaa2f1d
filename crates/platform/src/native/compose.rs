//! What the runtime is asked to run for one container: definition, image and secrets put together.
//!
//! Docker's rules for what an image says and a definition overrides: an entry point given in the
//! definition drops the image's command (amazon-ecs-agent passes both to the Docker Engine, whose
//! `merge` in daemon/commit.go does this).

use std::collections::BTreeMap;

use aws_model::task_definition::{ContainerDefinition, TaskDefinition};
use images::ImageConfig;
use platform_core::world::Task;
use runtime::{ContainerSpec, Mount, MountSource, Ulimit};

const MIB: u64 = 1 << 20;

/// Everything that one container's specification is made of.
pub(super) struct Parts<'a> {
    pub(super) spec: &'a TaskDefinition,
    /// With the task's overrides applied.
    pub(super) container: &'a ContainerDefinition,
    pub(super) image: &'a ImageConfig,
    pub(super) lower_dirs: Vec<std::path::PathBuf>,
    /// Values of the definition's secrets, by variable name.
    pub(super) secrets: Vec<(String, String)>,
    /// Variables of the platform's own (metadata endpoint, region).
    pub(super) platform: Vec<(String, String)>,
}

/// Returns the runtime's specification; an error names the field that makes it impossible.
pub(super) fn container_spec(parts: Parts<'_>) -> Result<ContainerSpec, String> {
    let Parts { spec, container, image, lower_dirs, secrets, platform } = parts;
    let argv = argv(container, image);
    if argv.is_empty() {
        return Err(format!(
            "No command specified: container {} and its image have neither entryPoint nor command",
            container.name
        ));
    }
    let linux = container.linux_parameters.clone().unwrap_or_default();
    let capabilities = linux.capabilities.clone().unwrap_or_default();
    let mounts = mounts(spec, container, image)?;
    Ok(ContainerSpec {
        name: container.name.clone(),
        lower_dirs,
        argv,
        env: environment(container, image, secrets, platform),
        cwd: container.working_directory.clone().filter(|d| !d.is_empty()).unwrap_or_else(|| image.working_dir.clone()),
        user: container.user.clone().filter(|u| !u.is_empty()).unwrap_or_else(|| image.user.clone()),
        seeded: seeded(&mounts, image),
        mounts,
        readonly_rootfs: container.readonly_root_filesystem,
        cap_add: capabilities.add,
        cap_drop: capabilities.drop,
        ulimits: container.ulimits.iter().map(ulimit).collect(),
        init: linux.init_process_enabled.unwrap_or(false),
        memory_bytes: container.memory.and_then(mib),
        memory_reservation_bytes: container.memory_reservation.and_then(mib),
        cpu_shares: u64::try_from(container.cpu).ok().filter(|cpu| *cpu > 0).map(|cpu| cpu.max(2)),
        sysctls: container.system_controls.iter().map(|s| (s.namespace.clone(), s.value.clone())).collect(),
        hostname: None,
        shm_bytes: None,
        no_new_privileges: false,
    })
}

fn argv(container: &ContainerDefinition, image: &ImageConfig) -> Vec<String> {
    let given = |list: &Option<Vec<String>>| list.clone().filter(|l| !l.is_empty());
    match given(&container.entry_point) {
        Some(entry) => entry.into_iter().chain(given(&container.command).unwrap_or_default()).collect(),
        None => {
            let command = given(&container.command).unwrap_or_else(|| image.cmd.clone());
            image.entrypoint.iter().cloned().chain(command).collect()
        }
    }
}

/// Later wins: image, definition, secrets, platform. Order of first mention is kept.
fn environment(
    container: &ContainerDefinition,
    image: &ImageConfig,
    secrets: Vec<(String, String)>,
    platform: Vec<(String, String)>,
) -> Vec<(String, String)> {
    let from_image = image.env.iter().map(|line| match line.split_once('=') {
        Some((name, value)) => (name.to_owned(), value.to_owned()),
        None => (line.clone(), String::new()),
    });
    let plain = container.environment.iter().map(|v| (v.name.clone(), v.value.clone()));
    let mut order = Vec::new();
    let mut values = BTreeMap::new();
    for (name, value) in from_image.chain(plain).chain(secrets).chain(platform) {
        if values.insert(name.clone(), value).is_none() {
            order.push(name);
        }
    }
    order.into_iter().filter_map(|name| values.remove(&name).map(|value| (name, value))).collect()
}

fn mounts(spec: &TaskDefinition, container: &ContainerDefinition, image: &ImageConfig) -> Result<Vec<Mount>, String> {
    let mut mounts: Vec<Mount> = Vec::new();
    let mut add = |mut mount: Mount| {
        mount.target = plain(&mount.target);
        mounts.retain(|m| m.target != mount.target);
        mounts.push(mount);
    };
    // What the image declares as a volume is scratch space of the container's own.
    for target in &image.volumes {
        add(Mount {
            target: target.clone(),
            source: volume(&format!("image-{}{}", container.name, slug(target))),
            readonly: false,
        });
    }
    for from in &container.volumes_from {
        let other = spec.container(&from.source_container).ok_or_else(|| {
            format!("volumesFrom names container {}, which is not in the task", from.source_container)
        })?;
        for point in &other.mount_points {
            add(Mount {
                target: point.container_path.clone(),
                source: volume(&point.source_volume),
                readonly: point.read_only || from.read_only,
            });
        }
    }
    for point in &container.mount_points {
        add(Mount {
            target: point.container_path.clone(),
            source: volume(&point.source_volume),
            readonly: point.read_only,
        });
    }
    for tmpfs in container.linux_parameters.iter().flat_map(|l| &l.tmpfs) {
        add(Mount {
            target: tmpfs.container_path.clone(),
            source: MountSource::Tmpfs { size_bytes: mib(tmpfs.size), options: tmpfs.mount_options.clone() },
            readonly: false,
        });
    }
    Ok(mounts)
}

/// `/data/` and `/data` are one folder.
fn plain(path: &str) -> String {
    let trimmed = path.trim_end_matches('/');
    if trimmed.is_empty() { path.to_owned() } else { trimmed.to_owned() }
}

/// Returns the volumes that begin with what the image has there: those for which the image
/// declares `VOLUME` with the same absolute path (ECS Developer Guide, "Use bind mounts with Amazon
/// ECS"). Any other begins empty, as there.
fn seeded(mounts: &[Mount], image: &ImageConfig) -> Vec<String> {
    let declared: Vec<String> = image.volumes.iter().map(|path| plain(path)).collect();
    let targets =
        mounts.iter().filter(|mount| matches!(mount.source, MountSource::Volume(_))).map(|mount| &mount.target);
    targets.filter(|target| declared.contains(target)).cloned().collect()
}

fn volume(name: &str) -> MountSource {
    MountSource::Volume(name.to_owned())
}

fn slug(path: &str) -> String {
    path.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect()
}

fn ulimit(limit: &aws_model::task_definition::Ulimit) -> Ulimit {
    // -1 is "unlimited" in ECS and in Docker.
    let value = |n: i64| u64::try_from(n).unwrap_or(u64::MAX);
    Ulimit { name: limit.name.clone(), soft: value(limit.soft_limit), hard: value(limit.hard_limit) }
}

fn mib(n: i64) -> Option<u64> {
    u64::try_from(n).ok().filter(|n| *n > 0).map(|n| n * MIB)
}

/// Returns a task's hard limits: thousandths of a processor, bytes of memory. Overrides are applied.
pub(super) fn task_limits(spec: &TaskDefinition, task: &Task) -> (Option<u32>, Option<u64>) {
    let (units, memory) = platform_core::ecs::effective_size(spec, task);
    let cpu = units.and_then(|units| u32::try_from(units * 1000 / 1024).ok()).filter(|millis| *millis > 0);
    (cpu, memory.and_then(mib))
}

/// Returns the disk that a task may fill: what it says, or what Fargate gives to one that does not
/// (20 GiB from platform version 1.4.0 on).
pub(super) fn task_storage(asked: Option<u64>) -> u64 {
    const DEFAULT_GIB: u64 = 20;
    asked.unwrap_or(DEFAULT_GIB) << 30
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(
        container: serde_json::Value,
        image: ImageConfig,
        read: impl Fn(&ContainerSpec) -> String,
        expected: &str,
    ) {
        let spec: TaskDefinition =
            serde_json::from_value(json!({"family": "f", "containerDefinitions": [container]})).unwrap();
        let parts = Parts {
            spec: &spec,
            container: &spec.container_definitions[0],
            image: &image,
            lower_dirs: Vec::new(),
            secrets: vec![("KEY".into(), "s3cret".into())],
            platform: vec![("AWS_REGION".into(), "us-east-1".into())],
        };
        let said = container_spec(parts).map_or_else(|e| format!("error: {e}"), |s| read(&s));
        assert_eq!(said, expected);
    }

    fn image() -> ImageConfig {
        ImageConfig {
            entrypoint: vec!["/entry".into()],
            cmd: vec!["serve".into()],
            env: vec!["PATH=/bin".into(), "MODE=image".into()],
            ..ImageConfig::default()
        }
    }

    #[test]
    fn commands_follow_dockers_rules() {
        let argv = |s: &ContainerSpec| s.argv.join(" ");
        check(json!({"name": "c"}), image(), argv, "/entry serve");
        check(json!({"name": "c", "command": ["x"]}), image(), argv, "/entry x");
        check(json!({"name": "c", "entryPoint": ["/e"]}), image(), argv, "/e");
        check(json!({"name": "c", "entryPoint": ["/e"], "command": ["x"]}), image(), argv, "/e x");
        check(
            json!({"name": "c"}),
            ImageConfig::default(),
            argv,
            "error: No command specified: container c and its image have neither entryPoint nor command",
        );
    }

    #[test]
    fn a_definition_overrides_the_image_and_secrets_override_both() {
        let env = |s: &ContainerSpec| s.env.iter().map(|(k, v)| format!("{k}={v}")).collect::<Vec<_>>().join(" ");
        check(
            json!({"name": "c", "environment": [{"name": "MODE", "value": "task"}, {"name": "KEY", "value": "plain"}]}),
            image(),
            env,
            "PATH=/bin MODE=task KEY=s3cret AWS_REGION=us-east-1",
        );
    }

    #[test]
    fn a_task_may_fill_what_it_says_or_twenty_gib() {
        assert_eq!([None, Some(21)].map(|asked| task_storage(asked) >> 30), [20, 21]);
    }

    #[test]
    fn a_volume_begins_with_the_images_files_only_where_the_image_declares_one() {
        let declares =
            |paths: &[&str]| ImageConfig { volumes: paths.iter().map(|path| (*path).to_owned()).collect(), ..image() };
        let seeded = |s: &ContainerSpec| s.seeded.join(" ");
        let container = json!({"name": "c", "mountPoints": [{"sourceVolume": "v", "containerPath": "/data"}]});
        check(container.clone(), declares(&[]), seeded, "");
        check(container.clone(), declares(&["/data/"]), seeded, "/data");
        check(container, declares(&["/data/sub"]), seeded, "/data/sub");
        let tmpfs = json!({"name": "c", "linuxParameters": {"tmpfs": [{"containerPath": "/data", "size": 1}]}});
        check(tmpfs, declares(&["/data"]), seeded, "");
    }

    #[test]
    fn mounts_of_another_container_are_taken_over_and_own_ones_win() {
        let spec: TaskDefinition = serde_json::from_value(json!({"family": "f", "containerDefinitions": [
            {"name": "a", "mountPoints": [{"sourceVolume": "v", "containerPath": "/x"}, {"sourceVolume": "w", "containerPath": "/y"}]},
            {"name": "b", "volumesFrom": [{"sourceContainer": "a", "readOnly": true}], "mountPoints": [{"sourceVolume": "u", "containerPath": "/y"}]},
        ]}))
        .unwrap();
        let got = mounts(&spec, &spec.container_definitions[1], &ImageConfig::default()).unwrap();
        let said: Vec<String> = got.iter().map(|m| format!("{} {:?} {}", m.target, m.source, m.readonly)).collect();
        assert_eq!(said, ["/x Volume(\"v\") true", "/y Volume(\"u\") false"]);
    }
}
