//! A PostgreSQL of this machine for one test: TLS and SCRAM only, on 127.0.0.1 and, as if it were elsewhere, 127.0.0.2.

use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

use base64::Engine as _;
use tempfile::TempDir;

const BIN: &str = "/usr/lib/postgresql/15/bin";

/// The password of the user `shop`.
pub(crate) const PASSWORD: &str = "hunter2@/:x";

/// A server that is stopped at the end of a test.
pub(crate) struct Postgres {
    directory: TempDir,
    port: u16,
}

impl Postgres {
    pub(crate) fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let postgres = nix::unistd::User::from_name("postgres").unwrap().unwrap();
        let (user, group) = (postgres.uid.as_raw(), postgres.gid.as_raw());
        chown(directory.path(), Some(user), Some(group)).unwrap();
        let server = Self { directory, port };
        let data = server.data();
        server.run(
            "initdb",
            &[
                "-D",
                &data,
                "-U",
                "postgres",
                "--auth-local=trust",
                "--auth-host=reject",
                "--no-sync",
                "-E",
                "UTF8",
                "--locale=C.UTF-8",
            ],
        );
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        for (name, text) in [
            ("server.crt", pem("CERTIFICATE", made.cert.der())),
            ("server.key", pem("PRIVATE KEY", &made.signing_key.serialize_der())),
        ] {
            let path = PathBuf::from(&data).join(name);
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
            chown(&path, Some(user), Some(group)).unwrap();
        }
        std::fs::write(
            Path::new(&data).join("pg_hba.conf"),
            "local all all trust\nhostssl all all all scram-sha-256\n",
        )
        .unwrap();
        let options = format!(
            "-c port={port} -c listen_addresses=127.0.0.1,127.0.0.2 -c unix_socket_directories={} -c ssl=on -c fsync=off -c shared_buffers=16MB",
            server.directory.path().display()
        );
        server.run("pg_ctl", &["-D", &data, "-w", "-l", &format!("{data}/log"), "-o", &options, "start"]);
        server.sql("postgres", &format!("CREATE ROLE shop LOGIN PASSWORD '{PASSWORD}'"));
        server
    }

    fn data(&self) -> String {
        self.directory.path().join("data").display().to_string()
    }

    /// Runs a program as the server's user, who may pass through no directory of ours but the server's own.
    fn run(&self, program: &str, args: &[&str]) -> String {
        let mut command = Command::new("runuser");
        command.args(["-u", "postgres", "--"]).arg(Path::new(BIN).join(program)).args(args).current_dir("/");
        // pg_ctl's server would keep a pipe open.
        let log = tempfile::tempfile().unwrap();
        let out = command
            .stdout(log.try_clone().unwrap())
            .stderr(log.try_clone().unwrap())
            .stdin(std::process::Stdio::null());
        let ended = out.status().unwrap();
        let mut log = log;
        std::io::Seek::rewind(&mut log).unwrap();
        let said = std::io::read_to_string(log).unwrap();
        assert!(ended.success(), "{program}: {said}");
        said
    }

    /// Runs SQL as the superuser; returns rows as psql prints them bare.
    pub(crate) fn sql(&self, database: &str, sql: &str) -> String {
        let (host, port) = (self.directory.path().display().to_string(), self.port.to_string());
        self.run(
            "psql",
            &[
                "-X",
                "-At",
                "-v",
                "ON_ERROR_STOP=1",
                "-h",
                &host,
                "-p",
                &port,
                "-U",
                "postgres",
                "-d",
                database,
                "-c",
                sql,
            ],
        )
    }

    /// Makes a database that belongs to the user `shop`.
    pub(crate) fn database(&self, name: &str) {
        self.sql("postgres", &format!("CREATE DATABASE {name} OWNER shop"));
        self.sql(name, "CREATE EXTENSION pg_trgm; ALTER SCHEMA public OWNER TO shop");
    }

    /// Returns the URL of a database at an address.
    pub(crate) fn url(&self, address: &str, database: &str) -> String {
        format!("postgres://shop:hunter2%40%2F%3Ax@{address}:{}/{database}", self.port)
    }
}

fn pem(kind: &str, der: &[u8]) -> String {
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    let lines: Vec<&str> = text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN {kind}-----\n{}\n-----END {kind}-----\n", lines.join("\n"))
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let data = self.data();
        self.run("pg_ctl", &["-D", &data, "-m", "immediate", "stop"]);
    }
}
