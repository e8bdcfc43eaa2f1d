//! A place on this machine for a test's databases: bridge, subnet and directories of its own.

#![allow(dead_code, reason = "each user takes a part")]

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::Arc;

use databases::run::{Certificate, Image, Instance, Later, News, Places, Servers, Surroundings};
use runtime::{Config, Runtime};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// The master user's password.
pub(crate) const PASSWORD: &str = "correct horse";

pub(crate) struct Ground {
    pub(crate) servers: Servers,
    pub(crate) runtime: Runtime,
    pub(crate) news: UnboundedReceiver<(String, News)>,
    pub(crate) config: Config,
}

/// Certificates that the test has made, and no registry.
struct Alone(PathBuf);

impl Surroundings for Alone {
    fn own_image(&self, _: u32) -> Later<'_, Result<Option<Image>, String>> {
        Box::pin(async { Ok(None) })
    }

    fn public_image(&self, major: u32) -> Later<'_, Result<Image, String>> {
        Box::pin(async move { Err(format!("postgres:{major} cannot be pulled in a test")) })
    }

    fn certificate(&self, _: Vec<String>) -> Later<'_, Result<Certificate, String>> {
        let read = |name: &str| std::fs::read_to_string(self.0.join(name)).map_err(|error| error.to_string());
        let made = read("test.crt").and_then(|chain| Ok(Certificate { chain, key: read("test.key")? }));
        Box::pin(async { made })
    }
}

pub(crate) fn config(number: u8, supervisor: PathBuf) -> Config {
    let state_dir = data(number).join("run");
    Config {
        run_dir: Config::default_run_dir(&state_dir),
        state_dir,
        bridge: format!("mgdb{number}"),
        subnet: (Ipv4Addr::new(10, 214, number, 0), 24),
        cgroup_parent: format!("mgdb{number}"),
        redirects: vec![],
        open_ports: vec![],
        supervisor: vec![supervisor.into(), "supervise".into()],
    }
}

/// Returns the directory of a test's platform.
pub(crate) fn data(number: u8) -> PathBuf {
    std::env::temp_dir().join(format!("managr-database-tests/{number}"))
}

/// Opens what is there, or an empty place.
pub(crate) async fn open(number: u8, supervisor: PathBuf) -> Ground {
    let config = config(number, supervisor);
    std::fs::create_dir_all(&config.state_dir).expect("/tmp is writable");
    let (sender, mut events) = unbounded_channel();
    let runtime = Runtime::open(config.clone(), sender).await.expect("the runtime opens");
    let (told, news) = unbounded_channel();
    let servers = Servers::new(runtime.clone(), Places::of(&data(number)), Arc::new(Alone(data(number))), told);
    let heard = servers.clone();
    tokio::spawn(async move {
        while let Some(event) = events.recv().await {
            heard.hear(&event);
        }
    });
    Ground { servers, runtime, news, config }
}

/// An instance like those that RDS's API makes.
pub(crate) fn instance(number: u8, resource: &str) -> Instance {
    Instance {
        id: "shop".to_owned(),
        resource: resource.to_owned(),
        major: 15,
        port: 5432,
        endpoint: "shop.abc.us-east-1.rds.localhost".to_owned(),
        user: "shop".to_owned(),
        verifier: std::fs::read_to_string(data(number).join("verifier")).expect("the test has written it"),
        parameters: BTreeMap::from([("rds.force_ssl".to_owned(), "0".to_owned())]),
        extensions: vec![],
        retention_days: 1,
        memory_bytes: 1 << 30,
    }
}
