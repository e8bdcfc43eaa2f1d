//! A host for tests: its own bridge, subnet, control groups and directories, so
//! that test files run beside each other, and a root filesystem of busybox.

#![allow(dead_code, reason = "each test file uses a part")]

use std::fs;
use std::net::Ipv4Addr;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use runtime::{
    Config, ContainerSpec, Event, LogEntry, LogPosition, LogStream, RunAs, Runtime, TaskNetwork, TaskSpec,
    TerminalCommand,
};
use tokio::sync::mpsc;

const TESTKIT: &str = env!("CARGO_BIN_EXE_runtime-testkit");
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Host {
    pub(crate) runtime: Runtime,
    pub(crate) config: Config,
    pub(crate) layers: Vec<PathBuf>,
    events: mpsc::UnboundedReceiver<Event>,
}

pub(crate) struct Exit {
    pub(crate) code: i32,
    pub(crate) signal: Option<i32>,
    pub(crate) oom: bool,
}

/// `number` is the test's own: it names the bridge and the subnet.
pub(crate) fn config(number: u8) -> Config {
    assert!(nix::unistd::geteuid().is_root(), "these tests need root: they make real containers");
    let state_dir = PathBuf::from(format!("/tmp/managr-runtime-tests/{number}"));
    Config {
        run_dir: Config::default_run_dir(&state_dir),
        state_dir,
        bridge: format!("mgtest{number}"),
        subnet: (Ipv4Addr::new(10, 213, number, 0), 24),
        cgroup_parent: format!("mgtest{number}"),
        redirects: vec![],
        open_ports: vec![],
        supervisor: vec![TESTKIT.into(), "supervise".into()],
    }
}

/// Makes a host on which an earlier, failed run has left nothing.
pub(crate) async fn host(number: u8) -> Host {
    host_of(config(number)).await
}

/// Makes a host with settings of the test's own.
pub(crate) async fn host_of(config: Config) -> Host {
    runtime::purge_debris(&config).await.expect("debris of an earlier run goes");
    let _ = fs::remove_dir_all(&config.state_dir);
    fs::create_dir_all(&config.state_dir).unwrap();
    let layers = layers(&config.state_dir.join("image"));
    open(config, layers).await
}

pub(crate) async fn open(config: Config, layers: Vec<PathBuf>) -> Host {
    let (sender, events) = mpsc::unbounded_channel();
    let runtime = Runtime::open(config.clone(), sender).await.expect("the runtime opens");
    Host { runtime, config, layers, events }
}

/// Two layers, topmost first; the lower one has a file that the upper replaces.
fn layers(dir: &Path) -> Vec<PathBuf> {
    let (base, top) = (dir.join("base"), dir.join("top"));
    for path in ["bin", "etc", "tmp", "proc", "sys", "dev", "data/sub", "home/web"] {
        fs::create_dir_all(base.join(path)).unwrap();
    }
    fs::create_dir_all(top.join("etc")).unwrap();
    fs::copy("/bin/busybox", base.join("bin/busybox")).unwrap();
    let list = Command::new("/bin/busybox").arg("--list").output().unwrap();
    for applet in String::from_utf8(list.stdout).unwrap().lines().filter(|name| *name != "busybox") {
        symlink("busybox", base.join("bin").join(applet)).unwrap();
    }
    fs::write(base.join("etc/passwd"), "root:x:0:0::/root:/bin/sh\nweb:x:33:34::/home/web:/bin/sh\n").unwrap();
    fs::write(base.join("etc/group"), "root:x:0:\nwww:x:34:\nlogs:x:50:web\n").unwrap();
    fs::write(base.join("etc/layer"), "base").unwrap();
    fs::write(top.join("etc/layer"), "top").unwrap();
    fs::write(base.join("data/seed"), "from the image\n").unwrap();
    fs::write(base.join("data/sub/owned"), "").unwrap();
    fs::set_permissions(base.join("tmp"), fs::Permissions::from_mode(0o1777)).unwrap();
    fs::set_permissions(base.join("data"), fs::Permissions::from_mode(0o750)).unwrap();
    chown(base.join("data"), Some(33), Some(34)).unwrap();
    chown(base.join("data/sub/owned"), Some(33), Some(50)).unwrap();
    vec![top, base]
}

pub(crate) fn task(id: &str) -> TaskSpec {
    TaskSpec { id: id.to_owned(), ..TaskSpec::default() }
}

impl Host {
    /// Makes a task and returns where it is.
    pub(crate) async fn task(&self, id: &str) -> TaskNetwork {
        self.runtime.ensure_task(&task(id)).await.expect("the task is made")
    }

    /// A container that runs a shell script.
    pub(crate) fn script(&self, name: &str, script: &str) -> ContainerSpec {
        ContainerSpec {
            name: name.to_owned(),
            lower_dirs: self.layers.clone(),
            argv: ["sh", "-c", script].map(str::to_owned).to_vec(),
            ..ContainerSpec::default()
        }
    }

    /// Starts a container in task `t` and returns its process.
    pub(crate) async fn start(&self, spec: ContainerSpec) -> i32 {
        self.runtime.ensure_started("t", spec).await.expect("the container starts").pid
    }

    /// Runs a script in task `t` to its end and returns its output.
    pub(crate) async fn run(&mut self, spec: ContainerSpec) -> (i32, String) {
        let name = spec.name.clone();
        self.start(spec).await;
        let exit = self.exit("t", &name).await;
        (exit.code, self.output("t", &name).await)
    }

    /// Waits for an event.
    pub(crate) async fn wait<T>(&mut self, what: &str, mut find: impl FnMut(Event) -> Option<T>) -> T {
        let search = async {
            loop {
                let event = self.events.recv().await.expect("the runtime lives");
                if let Some(found) = find(event) {
                    return found;
                }
            }
        };
        tokio::time::timeout(PATIENCE, search).await.unwrap_or_else(|_| panic!("waited for {what}"))
    }

    /// Waits for the end of a container.
    pub(crate) async fn exit(&mut self, task: &str, name: &str) -> Exit {
        self.wait(&format!("the end of {name}"), |event| match event {
            Event::Exited { task: t, container, exit_code, signal, oom, .. } if t == task && container == name => {
                Some(Exit { code: exit_code, signal, oom })
            }
            _ => None,
        })
        .await
    }

    /// Returns all output so far, standard error marked.
    pub(crate) async fn output(&self, task: &str, name: &str) -> String {
        self.output_from(task, name, LogPosition::default()).0
    }

    pub(crate) fn output_from(&self, task: &str, name: &str, from: LogPosition) -> (String, LogPosition) {
        let read = self.runtime.logs(task, name, from).expect("the output can be read");
        assert!(read.at_end);
        let mut text = String::new();
        for entry in read.entries {
            match entry {
                LogEntry::Line(line) => {
                    if line.stream == LogStream::Stderr {
                        text += "! ";
                    }
                    text += &String::from_utf8(line.bytes).unwrap();
                    text += "\n";
                }
                LogEntry::Dropped { lines } => text += &format!("({lines} dropped)\n"),
            }
        }
        (text, read.next)
    }

    /// Waits until a container of task `t` has written a text.
    pub(crate) async fn wait_for_output(&mut self, name: &str, text: &str) {
        while !self.output("t", name).await.contains(text) {
            self.wait(&format!("`{text}`"), |event| match event {
                Event::LogAvailable { container, .. } => (container == name).then_some(()),
                _ => None,
            })
            .await;
        }
    }

    /// Purges and checks that nothing of this host is left.
    pub(crate) async fn finish(self) {
        self.runtime.purge().await.expect("the purge succeeds");
        assert_nothing_left(&self.config, "");
        assert!(!links().contains(&self.config.bridge));
        let rules = Command::new("nft").args(["list", "tables"]).output().unwrap();
        let rules = String::from_utf8(rules.stdout).unwrap();
        assert!(!rules.contains(&format!("managr_{}\n", self.config.bridge)), "{rules}");
        fs::remove_dir_all(&self.config.state_dir).unwrap();
    }
}

/// Starts a platform process that can be killed. It holds a terminal when
/// `attach` says on what: task, container and command.
pub(crate) fn platform(config: &Config, plan: &[(TaskSpec, Vec<ContainerSpec>)], attach: &[&str]) -> Child {
    let file = config.state_dir.join("plan.json");
    fs::write(&file, serde_json::to_vec(plan).unwrap()).unwrap();
    Command::new(TESTKIT)
        .arg("platform")
        .arg(&config.state_dir)
        .arg(&config.bridge)
        .arg(config.subnet.0.to_string())
        .arg(file)
        .args(attach)
        .stdout(Stdio::piped())
        .spawn()
        .expect("the platform process starts")
}

pub(crate) fn links() -> Vec<String> {
    names("/sys/class/net")
}

fn names(dir: &str) -> Vec<String> {
    let Ok(entries) = fs::read_dir(dir) else { return Vec::new() };
    entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

/// Network namespaces that any process is in.
pub(crate) fn namespaces() -> Vec<String> {
    let mut found: Vec<String> = names("/proc")
        .iter()
        .filter_map(|pid| fs::read_link(format!("/proc/{pid}/ns/net")).ok())
        .map(|link| link.display().to_string())
        .collect();
    found.sort();
    found.dedup();
    found
}

/// Control groups of a host, or of one task of it.
pub(crate) fn cgroups(config: &Config, task: &str) -> Vec<PathBuf> {
    names("/sys/fs/cgroup")
        .iter()
        .map(|controller| Path::new("/sys/fs/cgroup").join(controller))
        .chain([PathBuf::from("/sys/fs/cgroup")])
        .map(|root| root.join(&config.cgroup_parent).join(task))
        .filter(|group| group.exists())
        .collect()
}

/// Mounts, processes, links, control groups and files of a task (of all, when empty).
pub(crate) fn assert_nothing_left(config: &Config, task: &str) {
    let tasks = config.state_dir.join("tasks").join(task);
    let marks = [tasks.display().to_string(), config.run_dir.join(task).display().to_string()];
    let mounts = fs::read_to_string("/proc/mounts").unwrap();
    for mark in &marks {
        assert!(!mounts.contains(mark.as_str()), "a mount is left: {mounts}");
    }
    for pid in names("/proc") {
        let line = fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        assert!(!line.contains(&marks[0]), "process {pid} is left: {line}");
    }
    assert_eq!(cgroups(config, task), Vec::<PathBuf>::new(), "control groups are left");
    assert!(!tasks.exists(), "files are left");
    assert!(!config.run_dir.join(task).exists(), "files are left");
    assert!(ports(config).is_empty() || !task.is_empty(), "links are left");
}

/// Links of tasks on the host's bridge.
pub(crate) fn ports(config: &Config) -> Vec<String> {
    names(&format!("/sys/class/net/{}/brif", config.bridge))
}

/// A command on a terminal of the usual size, as the container's user.
pub(crate) fn typed(argv: &[&str]) -> TerminalCommand {
    let argv = argv.iter().map(|arg| (*arg).to_owned()).collect();
    TerminalCommand { argv, env: vec![], run_as: RunAs::Container, size: (80, 24) }
}

/// Makes a layer with the host's bash and what it is linked to.
pub(crate) fn bash(dir: &Path) -> PathBuf {
    program(dir, "/bin/bash")
}

/// Makes a layer with one of the host's programs and what it is linked to.
pub(crate) fn program(dir: &Path, path: &str) -> PathBuf {
    let list = Command::new("ldd").arg(path).output().expect("ldd runs");
    let list = String::from_utf8(list.stdout).unwrap();
    let libraries = list.split_whitespace().filter(|word| word.starts_with('/'));
    for file in libraries.chain([path]) {
        let target = dir.join(&file[1..]);
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        fs::copy(file, target).unwrap();
    }
    dir.to_owned()
}
