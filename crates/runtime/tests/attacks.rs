//! A hostile container: root inside, with the one capability that can be added. It must stay inside.
//!
//! The attackers are Perl, which every Debian has: it can make any kernel call by its number.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::time::{Duration, Instant};

use nix::libc;
use runtime::{ContainerSpec, FaultKind, Mount, MountSource, RunAs, StartError, TerminalCommand};
use support::{Host, host, typed};

const PATIENCE: Duration = Duration::from_secs(30);

/// A host with a task whose containers have Perl.
async fn place(number: u8) -> Host {
    let mut host = host(number).await;
    host.layers.insert(0, support::program(&host.config.state_dir.join("perl"), "/usr/bin/perl"));
    host.task("t").await;
    host
}

/// A container that runs a Perl script and may trace others.
fn attacker(host: &Host, name: &str, script: &str) -> ContainerSpec {
    let mut spec = host.script(name, "");
    spec.argv = ["perl", "-e", script].map(str::to_owned).to_vec();
    spec.env = vec![("PATH".into(), "/usr/bin:/bin".into())];
    spec.cap_add = vec!["SYS_PTRACE".into()];
    spec
}

/// Stops every process that appears in the container as early as it can, and looks through it.
fn watcher(marker: &str, let_go: bool) -> String {
    let (ptrace, wait4) = (libc::SYS_ptrace, libc::SYS_wait4);
    let (seize, interrupt, detach) = (libc::PTRACE_SEIZE, libc::PTRACE_INTERRUPT, libc::PTRACE_DETACH);
    let detach = if let_go { format!("syscall({ptrace}, {detach}, $p + 0, 0, 0) if $held;") } else { String::new() };
    format!(
        r#"
        $| = 1;
        sub status {{ open(my $f, '<', "/proc/$_[0]/status") or return (); my $t = join('', <$f>);
            return ($t =~ /CapPrm:\s*(\w+)/, $t =~ /CapEff:\s*(\w+)/, $t =~ /CapBnd:\s*(\w+)/, $t =~ /Seccomp:\s*(\d)/); }}
        my @own = status('self'); my $may = hex($own[2]); my $root = (stat('/'))[0];
        my (%seen, $count, $held_up, $enough);
        print "watching\n";
        until (-e '/tmp/stop') {{
            opendir(my $d, '/proc') or next;
            for my $p (grep {{ /^\d+$/ && $_ != $$ && !$seen{{$_}} }} readdir $d) {{
                $seen{{$p}} = 1; $count++;
                my $held = syscall({ptrace}, {seize}, $p + 0, 0, 0) == 0;
                if ($held) {{ syscall({ptrace}, {interrupt}, $p + 0, 0, 0); syscall({wait4}, $p + 0, 0, {wall}, 0); $held_up++; }}
                if ($count >= 20 && $held_up >= 20 && !$enough++) {{ open(my $f, '>', '/tmp/enough'); }}
                print "ESCAPED to the host's root through $p\n" if -e "/proc/$p/root{marker}";
                if (my @its = status($p)) {{
                    for (0..2) {{ print "ESCAPED with capabilities $its[$_] of $p\n" if hex($its[$_]) & ~$may; }}
                    print "ESCAPED the filter with $p\n" if $its[3] ne '2';
                }}
                if (my @exe = stat("/proc/$p/exe")) {{
                    if ($exe[0] != $root) {{
                        print "ESCAPED into the host's program of $p\n" if open(my $f, '+<', "/proc/$p/exe");
                        print "ESCAPED to what the host's program of $p may\n" if chmod(0755, "/proc/$p/exe");
                    }}
                }}
                if (opendir(my $fds, "/proc/$p/fd")) {{
                    for my $fd (readdir $fds) {{
                        my $to = readlink("/proc/$p/fd/$fd") or next;
                        print "ESCAPED through descriptor $to of $p\n" if $to =~ m{{managr|cgroup|^/proc|^/sys|pidfd|^\w+:\[\d+\]$}} && $to !~ /^(pipe|socket)/;
                    }}
                }}
                {detach}
            }}
        }}
        print "saw $count and held up $held_up\n";
        "#,
        wall = libc::__WALL,
    )
}

#[tokio::test]
async fn a_container_that_traces_whatever_enters_it_stays_inside() {
    let mut host = place(160).await;
    let marker = host.config.state_dir.join("marker");
    fs::write(&marker, "the host's").unwrap();
    host.start(attacker(&host, "c", &watcher(marker.to_str().unwrap(), true))).await;
    host.wait_for_output("c", "watching").await;
    // Twenty that it saw and twenty that it held up are enough to tell; on a busy machine that takes it longer.
    let mut is_enough = false;
    for round in 0..400 {
        if is_enough && round >= 40 {
            break;
        }
        if round % 2 == 0 {
            let outcome =
                host.runtime.exec("t", "c", vec!["ls".into(), "/tmp".into()], vec![], PATIENCE).await.unwrap();
            is_enough = String::from_utf8_lossy(&outcome.output).contains("enough");
        } else {
            let command = TerminalCommand { run_as: RunAs::Root, ..typed(&["true"]) };
            host.runtime.attach("t", "c", command).await.unwrap().ended().await;
        }
    }
    host.runtime.exec("t", "c", vec!["touch".into(), "/tmp/stop".into()], vec![], PATIENCE).await.unwrap();
    host.exit("t", "c").await;
    let said = host.output("t", "c").await;
    assert!(!said.contains("ESCAPED"), "{said}");
    let numbers: Vec<u32> = said.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    assert!(numbers.iter().all(|number| *number >= 20), "the attacker has seen too little to tell: {said}");
    host.finish().await;
}

#[tokio::test]
async fn a_container_that_holds_up_what_enters_it_can_still_be_ended() {
    let mut host = place(161).await;
    host.start(attacker(&host, "c", &watcher("/none", false))).await;
    host.wait_for_output("c", "watching").await;
    let begun = Instant::now();
    for _ in 0..2 {
        let _ = host.runtime.exec("t", "c", vec!["true".into()], vec![], Duration::from_millis(500)).await;
    }
    host.runtime.signal("t", "c", libc::SIGKILL).await.unwrap();
    host.exit("t", "c").await;
    assert!(begun.elapsed() < Duration::from_secs(40), "{:?}", begun.elapsed());
    host.finish().await;
}

#[tokio::test]
async fn calls_that_reach_beyond_a_container_are_refused_in_it() {
    let mut host = place(162).await;
    let user = libc::CLONE_NEWUSER;
    let calls = [
        ("keyctl", libc::SYS_keyctl, "0, -3, 0, 0, 0".to_owned()),
        ("add_key", libc::SYS_add_key, "0, 0, 0, 0, -3".to_owned()),
        ("request_key", libc::SYS_request_key, "0, 0, 0, 0".to_owned()),
        ("io_uring_setup", libc::SYS_io_uring_setup, "4, 0".to_owned()),
        ("userfaultfd", libc::SYS_userfaultfd, "1".to_owned()),
        ("bpf", libc::SYS_bpf, "0, 0, 0".to_owned()),
        ("perf_event_open", libc::SYS_perf_event_open, "0, 0, 0, 0, 0".to_owned()),
        ("unshare", libc::SYS_unshare, user.to_string()),
        ("clone", libc::SYS_clone, format!("{}, 0, 0, 0, 0", user | libc::SIGCHLD)),
        ("setns", libc::SYS_setns, "0, 0".to_owned()),
        ("vsock", libc::SYS_socket, format!("{}, {}, 0", libc::AF_VSOCK, libc::SOCK_STREAM)),
        ("alg", libc::SYS_socket, format!("{}, {}, 0", libc::AF_ALG, libc::SOCK_SEQPACKET)),
        ("mount", libc::SYS_mount, "0, 0, 0, 0, 0".to_owned()),
        ("open_by_handle_at", libc::SYS_open_by_handle_at, "0, 0, 0".to_owned()),
        ("personality", libc::SYS_personality, "4".to_owned()),
        ("clone3", libc::SYS_clone3, "0, 0".to_owned()),
        ("socket", libc::SYS_socket, format!("{}, {}, 0", libc::AF_INET, libc::SOCK_STREAM)),
        ("getpid", libc::SYS_getpid, String::new()),
    ];
    let line = |(name, number, arguments): &(&str, i64, String)| {
        let comma = if arguments.is_empty() { "" } else { ", " };
        format!(
            "my $r = syscall({number}{comma}{arguments}); exit 0 if $r == 0 && '{name}' eq 'clone'; \
                 print '{name} ', ($r < 0 ? $! + 0 : 'done'), \"\\n\";\n"
        )
    };
    let script: String = calls.iter().map(line).collect();
    let refused = calls.map(|(name, ..)| match name {
        "clone3" => format!("{name} {}\n", libc::ENOSYS),
        "socket" | "getpid" => format!("{name} done\n"),
        _ => format!("{name} {}\n", libc::EPERM),
    });
    let (code, said) = host.run(attacker(&host, "c", &script)).await;
    assert_eq!((code, said), (0, refused.concat()));
    // A command that enters has the same filter.
    host.start(host.script("idle", "exec sleep 1000")).await;
    let argv = vec!["perl".to_owned(), "-e".to_owned(), script];
    let outcome = host.runtime.exec("t", "idle", argv, vec![], PATIENCE).await.unwrap();
    assert_eq!(String::from_utf8(outcome.output).unwrap(), refused.concat());
    host.finish().await;
}

#[tokio::test]
async fn every_process_of_a_container_has_its_filter_and_its_capabilities() {
    let mut host = place(163).await;
    let look =
        "grep -E '^(CapInh|CapPrm|CapEff|CapBnd|CapAmb|NoNewPrivs|Seccomp):' /proc/self/status | cut -f2 | xargs echo";
    let expected = |held: &str| format!("0000000000000000 {held} {held} 00000000a80425fb 0000000000000000 0 2\n");
    let (root, none) = ("00000000a80425fb", "0000000000000000");
    for (name, user, init, held) in [("a", "", false, root), ("b", "web", false, none), ("c", "web", true, none)] {
        let mut spec = host.script(name, &format!("{look}; exec sleep 1000"));
        (spec.user, spec.init) = (user.to_owned(), init);
        host.start(spec).await;
        host.wait_for_output(name, "\n").await;
        assert_eq!(host.output("t", name).await, expected(held), "{name}");
        let argv = ["sh", "-c", look].map(str::to_owned).to_vec();
        let outcome = host.runtime.exec("t", name, argv, vec![], PATIENCE).await.unwrap();
        assert_eq!(String::from_utf8(outcome.output).unwrap(), expected(held), "a command in {name}");
    }
    host.finish().await;
}

#[tokio::test]
async fn nobody_writes_to_our_program_and_nobody_reads_what_another_container_is_told() {
    let mut host = place(164).await;
    let mut other = host.script("other", "exec sleep 1000");
    other.env.push(("PASSWORD".into(), "correct-horse-battery".into()));
    host.start(other).await;
    // Process 1 is our own small init.
    let script = r#"
        print "ESCAPED into our program\n" if open(my $f, '+<', '/proc/1/exe');
        # While it runs nobody can write to it anyway; what it may is no less a write.
        print chmod(0755, '/proc/1/exe') ? "ESCAPED to what our program may\n" : "$!\n";
        my ($own, $others) = ('our' . '-own-word', 'correct-horse' . '-battery');
        open(my $maps, '<', '/proc/1/maps') or die "maps: $!"; open(my $mem, '<:raw', '/proc/1/mem') or die "mem: $!";
        my %found;
        while (<$maps>) {
            my ($from, $to) = /^(\w+)-(\w+) r/ or next;
            next if /\[v/;
            sysseek($mem, hex($from), 0); my $text; sysread($mem, $text, hex($to) - hex($from));
            $found{$_} += () = $text =~ /\Q$_\E/g for ($own, $others);
        }
        print $found{$own} ? "reads its own\n" : "cannot read\n", $found{$others} ? "ESCAPED with a password\n" : "";
    "#;
    let mut spec = attacker(&host, "c", script);
    spec.env.push(("WORD".into(), "our-own-word".into()));
    spec.init = true;
    assert_eq!(host.run(spec).await.1, "Read-only file system\nreads its own\n");
    host.finish().await;
}

#[tokio::test]
async fn a_container_has_a_keyring_of_its_own() {
    let host = place(165).await;
    let keyrings = || -> BTreeSet<String> {
        let text = fs::read_to_string("/proc/keys").expect("the kernel has keyrings");
        text.lines()
            .filter(|line| line.contains("keyring") && line.contains("_ses"))
            .map(|line| line[..8].to_owned())
            .collect()
    };
    let before = keyrings();
    host.start(host.script("c", "exec sleep 1000")).await;
    assert!(keyrings().difference(&before).next().is_some(), "no session keyring was made");
    host.finish().await;
}

#[tokio::test]
async fn an_image_whose_devices_are_a_link_to_the_host_is_refused() {
    let host = host(166).await;
    host.task("t").await;
    for name in ["dev", "proc", "sys"] {
        let victim = host.config.state_dir.join("victim");
        fs::create_dir_all(&victim).unwrap();
        fs::write(victim.join("ptmx"), "the host's").unwrap();
        let layer = host.config.state_dir.join(format!("hostile-{name}"));
        fs::create_dir(&layer).unwrap();
        symlink(&victim, layer.join(name)).unwrap();
        // So that the link leads somewhere inside, too.
        fs::create_dir_all(layer.join(victim.strip_prefix("/").unwrap())).unwrap();
        let mut spec = host.script(name, "true");
        spec.lower_dirs.insert(0, layer);
        let refused = host.runtime.ensure_started("t", spec).await;
        let Err(StartError::Refused { kind, reason, .. }) = refused else { panic!("it has started: /{name}") };
        assert_eq!(kind, FaultKind::Mount, "{reason}");
        let left: Vec<_> = fs::read_dir(&victim).unwrap().flatten().map(|entry| entry.file_name()).collect();
        assert_eq!(left, ["ptmx"], "the host's directory was changed through /{name}");
        assert_eq!(fs::read_to_string(victim.join("ptmx")).unwrap(), "the host's");
    }
    host.finish().await;
}

#[tokio::test]
async fn other_users_of_the_host_reach_nothing_that_a_container_writes() {
    let mut host = place(167).await;
    let mut spec = host.script("c", "cp /bin/busybox /v/root && chmod 4755 /v/root && cp /v/root /root");
    spec.mounts = vec![Mount { target: "/v".into(), source: MountSource::Volume("v".into()), readonly: false }];
    assert_eq!(host.run(spec).await.0, 0);
    let task = host.config.state_dir.join("tasks/t");
    let written = [task.join("volumes/v/root"), task.join("containers/c/upper/root")];
    for file in written {
        let meta = fs::metadata(&file).unwrap();
        assert_eq!((meta.uid(), meta.mode() & 0o4000), (0, 0o4000), "it is a program that makes its caller root");
        let closed = file.ancestors().skip(1).take_while(|dir| *dir != host.config.state_dir);
        let closed = closed.filter(|dir| fs::metadata(dir).unwrap().permissions().mode() & 0o077 == 0).count();
        assert!(closed > 0, "every directory above {} lets others in", file.display());
    }
    host.finish().await;
}

#[tokio::test]
async fn a_container_has_the_usual_devices_and_no_other() {
    let mut host = place(168).await;
    let script = "cd /dev; find . -type b -o -type c | sort | xargs echo; ls | grep -v core | xargs echo; \
                  for f in /proc/kcore /proc/keys /proc/timer_list /proc/interrupts; do cat $f 2>/dev/null | head -c 9; done; \
                  ls /sys/firmware | wc -l; echo x 2>/dev/null >/proc/sys/kernel/hostname || echo kept";
    let (_, said) = host.run(host.script("c", script)).await;
    let devices = "./full ./null ./pts/ptmx ./random ./tty ./urandom ./zero\n";
    let names = "fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero\n";
    assert_eq!(said, format!("{devices}{names}0\nkept\n"));
    host.finish().await;
}
