//! A terminal in a running container: what a person finds there.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod support;

use std::time::Duration;

use runtime::{Attached, FaultKind, RunAs, StartError, TerminalCommand};
use support::{Host, host, typed};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const PATIENCE: Duration = Duration::from_secs(30);

fn sh(script: &str) -> TerminalCommand {
    typed(&["sh", "-c", script])
}

/// A container of task `t` in which nothing happens.
async fn idle(number: u8) -> Host {
    let mut host = host(number).await;
    host.task("t").await;
    let mut spec = host.script("c", "echo up; exec sleep 1000");
    spec.init = true;
    host.start(spec).await;
    host.wait_for_output("c", "up").await;
    host
}

impl Host {
    async fn attach(&self, command: TerminalCommand) -> Terminal {
        let attached = self.runtime.attach("t", "c", command).await;
        Terminal { attached: attached.unwrap_or_else(|error| panic!("{error}")), seen: String::new() }
    }
}

impl Host {
    async fn refuse(&self, container: &str, argv: &[&str]) -> (FaultKind, String) {
        match self.runtime.attach("t", container, typed(argv)).await {
            Err(StartError::Refused { kind, reason, .. }) => (kind, reason),
            Err(error) => panic!("{error:?}"),
            Ok(_) => panic!("it started"),
        }
    }
}

struct Terminal {
    attached: Attached,
    seen: String,
}

impl Terminal {
    async fn type_in(&mut self, text: &str) {
        self.attached.write_all(text.as_bytes()).await.unwrap();
    }

    /// Reads until a text is shown; forgets what was shown up to there.
    async fn expect(&mut self, text: &str) -> String {
        let read = async {
            loop {
                if let Some(at) = self.seen.find(text) {
                    let rest = self.seen.split_off(at + text.len());
                    return std::mem::replace(&mut self.seen, rest);
                }
                let mut chunk = [0; 4096];
                let count = self.attached.read(&mut chunk).await.unwrap();
                assert!(count > 0, "the end came before `{text}`, after `{}`", self.seen);
                self.seen += &String::from_utf8_lossy(&chunk[..count]);
            }
        };
        match tokio::time::timeout(PATIENCE, read).await {
            Ok(before) => before,
            Err(_) => panic!("waited for `{text}`; seen: {:?}", self.seen),
        }
    }

    /// Reads to the end. Returns what was shown and the exit code.
    async fn end(mut self) -> (String, Option<i32>) {
        let mut bytes = Vec::new();
        let end = async {
            self.attached.read_to_end(&mut bytes).await.unwrap();
            self.attached.ended().await
        };
        let code = tokio::time::timeout(PATIENCE, end).await.expect("the command ends");
        (self.seen + &String::from_utf8(bytes).unwrap(), code)
    }
}

#[tokio::test]
async fn a_command_has_a_terminal_of_the_size_asked_for_and_its_exit_code_is_told() {
    testhost::needs_root!();
    let host = idle(120).await;
    let script = "stty size; tty; test -t 0 && test -t 1 && test -t 2 && echo all; echo $TERM; echo err >&2; exit 42";
    let (text, code) = host.attach(sh(script)).await.end().await;
    assert_eq!(text, "24 80\r\n/dev/pts/0\r\nall\r\nxterm-256color\r\nerr\r\n");
    assert_eq!(code, Some(42));
    let (text, code) = host.attach(sh("kill -TERM $$")).await.end().await;
    assert_eq!((text.as_str(), code), ("", Some(143)));
    host.finish().await;
}

#[tokio::test]
async fn a_new_size_is_told_to_the_programs() {
    testhost::needs_root!();
    let host = idle(121).await;
    let script = "trap 'stty size' WINCH; echo ready; while :; do sleep 0.02; done";
    let mut terminal = host.attach(sh(script)).await;
    terminal.expect("ready").await;
    terminal.attached.resize(101, 33).unwrap();
    terminal.expect("33 101").await;
    let resizer = terminal.attached.resizer();
    resizer.resize(250, 60).unwrap();
    terminal.expect("60 250").await;
    drop(terminal);
    resizer.resize(1, 1).expect("a terminal that is gone takes no notice");
    host.finish().await;
}

#[tokio::test]
async fn what_is_typed_is_echoed_and_edited_as_on_any_terminal() {
    testhost::needs_root!();
    let host = idle(122).await;
    let mut terminal = host.attach(sh("read line; echo \"<$line>\"; exec cat")).await;
    terminal.type_in("wrong\x15ab\u{e9}\x7fc\n").await;
    // An erased character takes all of its bytes with it.
    terminal.expect("<abc>\r\n").await;
    terminal.type_in("\x04").await;
    assert_eq!(terminal.end().await.1, Some(0));
    host.finish().await;
}

#[tokio::test]
async fn an_interrupt_ends_the_foreground_command_and_not_the_shell() {
    testhost::needs_root!();
    let host = idle(123).await;
    let mut terminal = host.attach(typed(&["sh", "-i"])).await;
    terminal.type_in("PS1=; sleep 1001 & echo one-$((1+1))\n").await;
    terminal.expect("one-2").await;
    terminal.type_in("echo st''art; sleep 1002; echo code-$?\n").await;
    terminal.expect("start").await;
    running(&host, "sleep 1002", true).await;
    terminal.type_in("\x03").await;
    running(&host, "sleep 1002", false).await;
    terminal.type_in("kill -0 $! && echo al''ive\n").await;
    terminal.expect("alive").await;
    // A stopped command resumes on request.
    terminal.type_in("sleep 1003\n").await;
    running(&host, "sleep 1003", true).await;
    terminal.type_in("\x1a").await;
    terminal.expect("Stopped").await;
    running(&host, "T sleep 1003", true).await;
    terminal.type_in("fg\n").await;
    running(&host, "T sleep 1003", false).await;
    terminal.type_in("\x03").await;
    running(&host, "sleep 1003", false).await;
    terminal.type_in("kill $!; exit 5\n").await;
    let (text, code) = terminal.end().await;
    assert_eq!(code, Some(5), "{text}");
    host.finish().await;
}

/// Waits until a command runs in the container, or does not.
async fn running(host: &Host, command: &str, wanted: bool) {
    let not = if wanted { "" } else { "!" };
    // The bracket keeps the search from finding itself. The state comes first: `T` is stopped.
    let pattern = command.replace("sleep", "[s]leep");
    let script = format!("until {not} ps -o stat,args | tr -s ' ' | grep -q '{pattern}$'; do usleep 20000; done");
    let found = host.runtime.exec("t", "c", sh(&script).argv, vec![], PATIENCE).await.unwrap();
    assert_eq!(found.exit_code, Some(0), "waited for `{command}` to be there: {wanted}");
}

#[tokio::test]
async fn bash_finds_nothing_to_complain_of() {
    testhost::needs_root!();
    let mut host = host(124).await;
    host.layers.insert(0, support::bash(&host.config.state_dir.join("bash")));
    host.task("t").await;
    host.start(host.script("c", "exec sleep 1000")).await;
    let mut terminal = host.attach(typed(&["/bin/bash", "--norc", "-i"])).await;
    terminal.type_in("PS1='$ '; sleep 1001 & jobs; echo do''ne\n").await;
    let begun = terminal.expect("done").await;
    assert!(!begun.contains("job control"), "{begun}");
    assert!(begun.contains("Running"), "{begun}");
    terminal.type_in("kill %1; exit 3\n").await;
    assert_eq!(terminal.end().await.1, Some(3));
    host.finish().await;
}

#[tokio::test]
async fn a_plain_user_owns_the_terminal_and_can_open_it_by_every_name() {
    testhost::needs_root!();
    let host = host(125).await;
    host.task("t").await;
    let mut spec = host.script("c", "exec sleep 1000");
    spec.user = "web".into();
    spec.cwd = "/srv/app".into();
    spec.env = vec![("A".into(), "1".into()), ("B".into(), "1".into()), ("TERM".into(), "vt100".into())];
    host.start(spec).await;
    let script = "id -u; pwd; echo $A$B$TERM; stat -c '%u %g %a' $(tty); \
                  echo by-name > $(tty) && echo by-tty > /dev/tty && exec 3<>/dev/ptmx && echo ptmx";
    let env = vec![("B".to_owned(), "2".to_owned())];
    let terminal = host.attach(TerminalCommand { env, ..sh(script) }).await;
    let (text, code) = terminal.end().await;
    assert_eq!(text, "33\r\n/srv/app\r\n12vt100\r\n33 5 620\r\nby-name\r\nby-tty\r\nptmx\r\n");
    assert_eq!(code, Some(0));

    // Root, where it is asked for, as root is in a container.
    let script = "id; pwd; echo $A $HOME $LANG; stat -c %u $(tty); chown 33 /tmp && touch /srv/app/x && echo may";
    let terminal = host.attach(TerminalCommand { run_as: RunAs::Root, ..sh(script) }).await;
    let (text, code) = terminal.end().await;
    assert_eq!(text, "uid=0(root) gid=0(root)\r\n/srv/app\r\n1 /root C.UTF-8\r\n0\r\nmay\r\n");
    assert_eq!(code, Some(0));
    host.finish().await;
}

#[tokio::test]
async fn a_terminal_that_cannot_be_had_is_refused_in_words() {
    testhost::needs_root!();
    let mut host = idle(126).await;
    let (kind, reason) = host.refuse("c", &["no-such-program"]).await;
    assert_eq!(kind, FaultKind::CommandNotFound);
    assert!(reason.contains("no-such-program"), "{reason}");
    assert_eq!(host.refuse("c", &["/etc/layer"]).await.0, FaultKind::CommandNotExecutable);
    assert_eq!(host.refuse("c", &[]).await.0, FaultKind::BadRequest);
    assert_eq!(host.refuse("d", &["sh"]).await.0, FaultKind::NoSuchContainer);
    host.runtime.signal("t", "c", 9).await.unwrap();
    host.exit("t", "c").await;
    assert_eq!(host.refuse("c", &["sh"]).await.0, FaultKind::NoSuchContainer);
    let gone = host.runtime.attach("no-task", "c", sh("true")).await;
    assert!(matches!(gone, Err(StartError::Task(_))));
    host.finish().await;
}

#[tokio::test]
async fn ten_megabytes_pass_in_both_directions_unchanged() {
    testhost::needs_root!();
    let host = idle(127).await;
    let mut terminal = host.attach(sh("stty raw -echo; echo ready; exec cat")).await;
    terminal.expect("ready\n").await;
    // Every byte value, never in the same order twice.
    let sent: Vec<u8> = (0..10_u32 << 20).map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let (mut reader, mut writer) = tokio::io::split(terminal.attached);
    let typed = sent.clone();
    let typing = tokio::spawn(async move {
        writer.write_all(&typed).await.unwrap();
        writer
    });
    let mut shown = terminal.seen.into_bytes();
    let whole = async {
        while shown.len() < sent.len() {
            let count = reader.read_buf(&mut shown).await.unwrap();
            assert!(count > 0, "the end came after {} bytes", shown.len());
        }
    };
    tokio::time::timeout(PATIENCE * 4, whole).await.expect("all of it arrives");
    assert!(shown == sent, "it arrived changed");
    drop(typing.await.unwrap());
    host.finish().await;
}
