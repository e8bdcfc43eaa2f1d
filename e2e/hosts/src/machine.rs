//! A machine that runs: qemu as a child, a throw-away layer above the image's disk, the port to its agent.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::image::last;
use crate::port::Answer;
use crate::port::Port;
use crate::{Fault, Image};

/// How long a boot may take: 30 s on an idle machine, some minutes on a busy one.
const BOOT: Duration = Duration::from_secs(600);

/// How long the longest script may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(600);

/// A machine; it ends, and its files go, when this is dropped.
pub struct Machine {
    qemu: Child,
    port: Port,
    run: PathBuf,
    booted_in: Duration,
}

impl Machine {
    /// Boots the image and puts `programs`, without their debug information, into `/usr/local/bin`.
    ///
    /// # Errors
    /// It does not come up; what its console says is in the words.
    pub fn boot(image: &Image, run: &Path, programs: &[PathBuf]) -> Result<Self, Fault> {
        let begun = Instant::now();
        fs::create_dir_all(run).map_err(Fault::path(run))?;
        let socket = run.join("agent.sock");
        let layer = run.join("disk.qcow2");
        let programs = archive(run, programs)?;
        let disk = image.file("disk.raw");
        tool(Command::new("qemu-img").args(["create", "-q", "-f", "qcow2", "-F", "raw", "-b"]).arg(&disk).arg(&layer))?;
        let log = run.join("qemu.log");
        let said = fs::File::create(&log).map_err(Fault::path(&log))?;
        let mut command = Command::new("qemu-system-x86_64");
        command
            .args(["-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2", "-m", "2048", "-M", "q35"])
            .args(["-nodefaults", "-no-user-config", "-display", "none"])
            .arg("-kernel")
            .arg(image.file("kernel"))
            .arg("-initrd")
            .arg(image.file("initrd"))
            .args([
                "-append",
                "console=ttyS0 quiet mitigations=off random.trust_cpu=on systemd.show_status=0 net.ifnames=0",
            ])
            .args(["-drive", &format!("if=virtio,file={},format=qcow2,cache=unsafe", layer.display())])
            .args(["-drive", &format!("if=virtio,file={},format=raw,readonly=on", programs.display())])
            .args(["-serial", &format!("file:{}", run.join("console").display())])
            .args(["-device", "virtio-serial"])
            .args(["-chardev", &format!("socket,id=agent,path={},server=on,wait=off", socket.display())])
            .args(["-device", "virtserialport,chardev=agent,name=agent", "-device", "virtio-rng-pci"])
            // A card and a route, as people have them; nothing is behind it, so that no check leaves this machine.
            .args(["-nic", "user,model=virtio-net-pci,restrict=on"])
            .stdin(Stdio::null())
            .stdout(said.try_clone().map_err(Fault::path(&log))?)
            .stderr(said);
        let qemu = command.spawn().map_err(|error| Fault(format!("could not start qemu-system-x86_64: {error}")))?;
        let mut child = Ended(Some(qemu));
        let port = loop {
            if let Ok(port) = Port::connect(&socket) {
                break port;
            }
            if child.has_ended() || begun.elapsed() > BOOT {
                return Err(Fault(format!("qemu did not start: {}", fs::read_to_string(&log).unwrap_or_default())));
            }
            sleep(Duration::from_millis(20));
        };
        let qemu = child.0.take().ok_or_else(|| Fault("qemu has no process".into()))?;
        let mut machine = Self { qemu, port, run: run.to_owned(), booted_in: Duration::ZERO };
        machine.await_boot()?;
        let unpacked = machine.run("tar -xf /dev/vdb -C /usr/local/bin")?;
        if unpacked.code != 0 {
            return Err(Fault(format!("the programs did not arrive: {}", unpacked.text)));
        }
        machine.booted_in = begun.elapsed();
        Ok(machine)
    }

    /// Returns how long it took until it took scripts.
    pub fn booted_in(&self) -> Duration {
        self.booted_in
    }

    /// Runs a script as root, by bash, to its end.
    ///
    /// # Errors
    /// The machine is gone, began anew, or is silent for too long.
    pub fn run(&mut self, script: &str) -> Result<Answer, Fault> {
        self.port.run(script, PATIENCE)
    }

    /// Waits for another boot than the last, and until that has started what it starts.
    ///
    /// # Errors
    /// It does not come up.
    pub fn await_boot(&mut self) -> Result<(), Fault> {
        let up = self.port.await_boot(BOOT);
        // "degraded" is an answer as well: what a check needs it asks for itself.
        let settled = up.and_then(|()| self.run("systemctl is-system-running --wait"));
        settled.map(drop).map_err(|Fault(words)| {
            let console = fs::read_to_string(self.run.join("console")).unwrap_or_default();
            Fault(format!("{words}; its console says:\n{}", last(&console)))
        })
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = self.qemu.kill();
        let _ = self.qemu.wait();
        let _ = fs::remove_dir_all(&self.run);
    }
}

/// Ends qemu when the way to a machine was not gone to its end.
struct Ended(Option<Child>);

impl Ended {
    fn has_ended(&mut self) -> bool {
        self.0.as_mut().is_none_or(|child| !matches!(child.try_wait(), Ok(None)))
    }
}

impl Drop for Ended {
    fn drop(&mut self) {
        if let Some(mut child) = self.0.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Packs stripped copies of programs into an archive that is as long as a disk must be.
fn archive(run: &Path, programs: &[PathBuf]) -> Result<PathBuf, Fault> {
    let folder = run.join("programs");
    fs::create_dir_all(&folder).map_err(Fault::path(&folder))?;
    for program in programs {
        let name = program.file_name().ok_or_else(|| Fault(format!("{} is no program", program.display())))?;
        tool(Command::new("strip").arg("-o").arg(folder.join(name)).arg(program))?;
    }
    let archive = run.join("programs.tar");
    // Sparse files, and blocks of 1 MiB: a disk is a whole number of sectors.
    tool(
        Command::new("tar")
            .args(["-b", "2048", "--owner=0", "--group=0", "-cf"])
            .arg(&archive)
            .arg("-C")
            .arg(&folder)
            .arg("."),
    )?;
    Ok(archive)
}

fn tool(command: &mut Command) -> Result<(), Fault> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output =
        command.stdin(Stdio::null()).output().map_err(|error| Fault(format!("could not start {name}: {error}")))?;
    if output.status.success() {
        return Ok(());
    }
    Err(Fault(format!("{name} ended with {}: {}", output.status, String::from_utf8_lossy(&output.stderr).trim_end())))
}
