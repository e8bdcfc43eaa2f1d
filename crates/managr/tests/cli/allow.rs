//! Who may use a platform, with two users of this machine. Only root can be two users:
//! run by another user, as all else here may be, these tests are skipped.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;

use crate::sandbox::{MANIFEST, Run, Sandbox};

/// The user `nobody`, and its group.
const NOBODY: u32 = 65534;

/// Runs a verb as `nobody`, in the same directory.
fn as_nobody(sandbox: &Sandbox, args: &[&str]) -> Run {
    std::fs::set_permissions(sandbox.path(), PermissionsExt::from_mode(0o755)).unwrap();
    // The program itself may lie where only root comes. A process of its own copies it: a file that this one had open
    // for writing may still be open in the child of another test's fork, and cannot be run until that has become its
    // program (ETXTBSY).
    let program = sandbox.path().join("managr");
    if !program.exists() {
        let copied = std::process::Command::new("cp").arg(env!("CARGO_BIN_EXE_managr")).arg(&program).status();
        assert!(copied.unwrap().success());
    }
    let like = sandbox.command(args);
    let mut command = std::process::Command::new(program);
    command.args(args).current_dir(sandbox.path()).stdin(std::process::Stdio::null()).env_clear();
    command.envs(like.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.env_remove("MANAGR_DATA_DIR").uid(NOBODY).gid(NOBODY);
    sandbox.told(command.output().unwrap())
}

/// Flags of a start, and what the environment says of who starts it.
type Way = (&'static [&'static str], &'static [(&'static str, &'static str)]);

/// Starts a platform as root, which `variables` say was another user before.
fn start(sandbox: &Sandbox, more: &[&str], variables: &[(&str, &str)]) {
    let mut command = sandbox.command(&["platform", "start", "--engine", "simulated"]);
    let started = sandbox.told(command.args(more).envs(variables.iter().copied()).output().unwrap());
    assert_eq!(started.code, Some(0), "{}", started.err);
}

#[test]
fn another_user_is_told_who_may_and_what_would_let_them_in() {
    testhost::needs_root!();
    let sandbox = Sandbox::with_manifest(MANIFEST);
    start(&sandbox, &[], &[]);
    let verbs: [&[&str]; 7] = [
        &["status"],
        &["ps"],
        &["logs", "local"],
        &["up", "--detach"],
        &["down"],
        &["platform", "status"],
        &["platform", "reset"],
    ];
    for verb in verbs {
        let run = as_nobody(&sandbox, verb);
        assert_eq!((run.code, run.out.as_str()), (Some(1), ""), "{verb:?}: {}", run.err);
        for words in ["user nobody (uid 65534) may not use this platform: it is for root", "--allow user:nobody"] {
            assert!(run.err.contains(words), "{verb:?}: no `{words}` in {}", run.err);
        }
    }
    assert_eq!(sandbox.run(&["platform", "status"]).code, Some(0), "root's own");
    let again = sandbox.run(&["platform", "start", "--engine", "simulated", "--allow", "user:nobody"]);
    assert!(again.err.contains("it was not told of --allow"), "{}", again.err);
    assert_eq!(sandbox.run(&["platform", "stop"]).code, Some(0));
}

#[test]
fn who_is_named_and_who_became_root_to_start_it_are_let_in() {
    testhost::needs_root!();
    let ways: [Way; 4] = [
        (&["--allow", "user:nobody"], &[]),
        (&["--allow=user:1", "--allow=group:nogroup"], &[]),
        (&["--allow", "everybody"], &[]),
        (&[], &[("SUDO_UID", "65534")]),
    ];
    for (flags, variables) in ways {
        let sandbox = Sandbox::with_manifest(MANIFEST);
        start(&sandbox, flags, variables);
        let run = as_nobody(&sandbox, &["platform", "status"]);
        assert_eq!(run.code, Some(0), "{flags:?} {variables:?}: {}", run.err);
        assert_eq!(sandbox.run(&["platform", "stop"]).code, Some(0));
    }
}

#[test]
fn nobody_is_named_who_is_not_there() {
    for (who, words) in [("user:no-such-user", "has no user `no-such-user`"), ("root", "write user:NAME, group:NAME")] {
        let run = Sandbox::new().run(&["platform", "start", "--allow", who]);
        assert_eq!(run.code, Some(2), "{}", run.err);
        assert!(run.err.contains(words), "{}", run.err);
    }
}

#[test]
fn a_platform_that_others_can_reach_says_so_at_its_start() {
    let sandbox = Sandbox::new();
    let listen = sandbox.endpoint().replace("http://127.0.0.1", "0.0.0.0");
    let said = sandbox.path().join("said");
    let mut command = sandbox.command(&["platform", "serve", "--engine", "simulated", "--listen", &listen]);
    command.env_remove("MANAGR_DATA_DIR").stderr(std::fs::File::create(&said).unwrap());
    let mut platform = command.spawn().unwrap();
    while sandbox.run(&["platform", "status"]).code != Some(0) {
        assert!(platform.try_wait().unwrap().is_none(), "it ended: {}", std::fs::read_to_string(&said).unwrap());
    }
    let told = std::fs::read_to_string(&said).unwrap();
    platform.kill().unwrap();
    platform.wait().unwrap();
    assert!(told.contains("WARN") && told.contains("reachable from other machines"), "{told}");
    assert!(told.contains("--allow everybody"), "{told}");
}

/// What root of another network namespace (a container, another machine) is answered by a platform on every address.
fn from_elsewhere(allow: &str) -> String {
    // All of it in a namespace of its own: this machine's network is not touched. The second one is the caller's.
    let script = format!(
        "set -e; ip link set lo up; unshare --net sleep 600 & there=$!\n\
         until [ \"$(readlink /proc/$there/ns/net)\" != \"$(readlink /proc/self/ns/net)\" ]; do :; done\n\
         ip link add here type veth peer name there netns $there\n\
         ip addr add 10.9.8.1/24 dev here; ip link set here up\n\
         nsenter --net=/proc/$there/ns/net sh -c 'ip addr add 10.9.8.2/24 dev there; ip link set there up'\n\
         {} platform serve --engine simulated --listen 0.0.0.0:4566 {allow} 2>/dev/null & platform=$!\n\
         until curl --silent --output /dev/null http://127.0.0.1:4566/_managr/status; do :; done\n\
         nsenter --net=/proc/$there/ns/net curl --silent --write-out '%{{http_code}}' http://10.9.8.1:4566/_managr/status\n\
         kill $there $platform; wait",
        env!("CARGO_BIN_EXE_managr")
    );
    let output = std::process::Command::new("unshare").args(["--net", "sh", "-c", &script]).output().unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[test]
fn another_machine_is_refused_though_its_root_asks_until_everybody_is_let_in() {
    testhost::needs_root!();
    let said = from_elsewhere("");
    assert!(said.contains("403") && said.contains("callers from other machines, and from containers"), "{said}");
    let said = from_elsewhere("--allow everybody");
    assert!(said.contains("200") && said.contains(r#""engine":"simulated""#), "{said}");
}
