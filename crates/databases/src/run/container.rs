//! What does a server's container look like? No I/O.

use runtime::{ContainerSpec, Mount, MountSource, TaskSpec, Ulimit};

use super::Instance;
use super::place::{CONTAINER, INSIDE, Place, task_of};
use super::program::Program;

/// How the container is called that makes a data directory.
pub(crate) const INITDB: &str = "initdb";
/// For the workers of one query that share their work; counted as memory.
const SHM: u64 = 256 << 20;

/// Returns the task of a database.
pub(crate) fn task(instance: &Instance) -> TaskSpec {
    TaskSpec {
        id: task_of(&instance.resource),
        hostname: Some(instance.id.chars().take(63).collect()),
        memory_bytes: Some(instance.memory_bytes).filter(|bytes| *bytes > 0),
        ..TaskSpec::default()
    }
}

/// Returns the container of the server.
pub(crate) fn server(place: &Place, program: &Program) -> ContainerSpec {
    let data = format!("{INSIDE}/data");
    let config = format!("config_file={INSIDE}/conf/postgresql.conf");
    of(CONTAINER, place, program, &["postgres", "-D", &data, "-c", &config])
}

/// Returns the container that makes a new data directory.
pub(crate) fn initdb(place: &Place, program: &Program) -> ContainerSpec {
    let data = format!("{INSIDE}/data.new");
    let locale = format!("--locale={}", program.locale);
    // Who comes in is said by our own file; these are for the moment in which there is none.
    let argv = [
        "initdb",
        "--pgdata",
        &data,
        "--username",
        super::files::SUPERUSER,
        "--auth-local=peer",
        "--auth-host=reject",
        "--data-checksums",
        "--encoding=UTF8",
        &locale,
    ];
    of(INITDB, place, program, &argv)
}

fn of(name: &str, place: &Place, program: &Program, argv: &[&str]) -> ContainerSpec {
    let bind = |target: String, source, readonly| Mount { target, source: MountSource::Bind(source), readonly };
    let mut mounts = program.mounts.clone();
    mounts.push(bind(INSIDE.to_owned(), place.folder().to_owned(), false));
    // Who may come in is not the server's to change, whatever runs in it.
    mounts.push(bind(format!("{INSIDE}/conf"), place.conf(), true));
    mounts.push(bind(format!("{INSIDE}/tls"), place.tls(), true));
    let options = vec!["mode=1777".to_owned()];
    let tmp = MountSource::Tmpfs { size_bytes: Some(16 << 20), options };
    mounts.push(Mount { target: "/tmp".to_owned(), source: tmp, readonly: false });
    let mut argv: Vec<String> = argv.iter().map(|word| (*word).to_owned()).collect();
    argv[0] = format!("{}/{}", program.bin, argv[0]);
    let bin = &program.bin;
    ContainerSpec {
        name: name.to_owned(),
        lower_dirs: program.layers.clone(),
        argv,
        env: [
            ("PATH", format!("{bin}:/usr/local/bin:/usr/bin:/bin")),
            ("LANG", program.locale.to_owned()),
            ("PGDATA", format!("{INSIDE}/data")),
            ("PGHOST", format!("{INSIDE}/socket")),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .to_vec(),
        user: format!("{}:{}", program.uid, program.gid),
        mounts,
        readonly_rootfs: true,
        cap_drop: vec!["ALL".to_owned()],
        ulimits: vec![Ulimit { name: "nofile".to_owned(), soft: 65536, hard: 65536 }],
        shm_bytes: Some(SHM),
        no_new_privileges: true,
        ..ContainerSpec::default()
    }
}
