//! A machine of the test's own, as far as its network goes: whatever is done to
//! links, rules and switches there, this machine does not feel.

#![allow(dead_code, reason = "each test file uses a part")]

use std::fs::File;
use std::future::Future;
use std::os::fd::AsRawFd;
use std::process::Command;

use nix::sched::{CloneFlags, setns, unshare};

/// Runs a test in a network namespace of its own, which ends with it.
pub(crate) fn isolated<F: Future<Output = ()>>(test: impl FnOnce() -> F + Send + 'static) {
    let ended = std::thread::spawn(move || {
        unshare(CloneFlags::CLONE_NEWNET).expect("this test needs root");
        ip("link set lo up");
        // Its threads are children of this one, and so in the same namespace.
        tokio::runtime::Runtime::new().unwrap().block_on(test());
    })
    .join();
    if let Err(panic) = ended {
        std::panic::resume_unwind(panic);
    }
}

/// Runs `ip` in the namespace of the calling thread.
pub(crate) fn ip(arguments: &str) {
    let done = Command::new("ip").args(arguments.split(' ')).status().unwrap();
    assert!(done.success(), "ip {arguments}");
}

/// Runs nft commands in the namespace of the calling thread.
pub(crate) fn nft(commands: &str) {
    let done = Command::new("nft").arg(commands).output().unwrap();
    assert!(done.status.success(), "{commands}: {}", String::from_utf8_lossy(&done.stderr));
}

/// Runs a program in the namespace of a process, to its end.
pub(crate) fn within(namespace: &str, program: &[&str]) -> std::process::Child {
    Command::new("nsenter")
        .arg(format!("--net={namespace}"))
        .args(program)
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap()
}

/// Another machine on a network with this one. It is there for as long as the value.
pub(crate) struct Neighbour {
    namespace: File,
}

impl Neighbour {
    /// `network` is the first three bytes; this machine is `.1` on link `here`, the neighbour `.2`.
    pub(crate) fn new(here: &str, network: &str) -> Self {
        let made = std::thread::spawn(|| {
            unshare(CloneFlags::CLONE_NEWNET).unwrap();
            File::open("/proc/thread-self/ns/net").unwrap()
        });
        let neighbour = Self { namespace: made.join().unwrap() };
        let namespace = neighbour.path();
        ip(&format!("link add {here} type veth peer name eth0"));
        // `ip` takes a name below /run/netns, a process or a path.
        ip(&format!("link set eth0 netns {namespace}"));
        ip(&format!("addr add {network}.1/24 dev {here}"));
        ip(&format!("link set {here} up"));
        let (address, gateway) = (format!("{network}.2/24"), format!("{network}.1"));
        neighbour.within(move || {
            ip("link set lo up");
            ip(&format!("addr add {address} dev eth0"));
            ip("link set eth0 up");
            ip(&format!("route add default via {gateway}"));
        });
        neighbour
    }

    /// Path of its namespace.
    pub(crate) fn path(&self) -> String {
        format!("/proc/{}/fd/{}", std::process::id(), self.namespace.as_raw_fd())
    }

    /// Does something there, on a thread that ends with it.
    pub(crate) fn within<T: Send + 'static>(&self, act: impl FnOnce() -> T + Send + 'static) -> T {
        let namespace = self.namespace.try_clone().unwrap();
        let act = move || {
            setns(namespace, CloneFlags::CLONE_NEWNET).unwrap();
            act()
        };
        std::thread::spawn(act).join().unwrap()
    }
}
