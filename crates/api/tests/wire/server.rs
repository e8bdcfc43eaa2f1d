//! A front on a port of its own, over truths in memory and an engine that runs nothing.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

use api::{Options, State};
use aws_model::Service;
use aws_model::task_definition::TaskDefinition;
use exec::{ExecuteCommand, SessionManager};
use orchestrator::{Begin, Clock, Driver, Engine, Routes, WorldDoor};
use parameters::TagDoor;
use platform_core::world::Task;
use platform_core::{World, ssm};
use session::reach::BoxFuture;
use session::{Duplex, Reach, ReachError, SessionTarget, Size, Terminal};
use store::Store;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};

struct Still;

impl Engine for Still {
    fn architecture(&self) -> Option<&'static str> {
        None
    }

    fn begin(&self, _: Begin) {}
    fn adopt(&self, _: Vec<(Arc<Task>, Arc<TaskDefinition>)>) {}
    fn reset(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async {})
    }
}

impl Routes for Still {
    fn apply(&self, _: &World) {}
}

/// Containers whose every command sends back what it is sent, behind its own name.
struct Echo;

impl Reach for Echo {
    fn terminal<'a>(
        &'a self,
        at: &'a SessionTarget,
        command: &'a str,
        _: Size,
    ) -> BoxFuture<'a, Result<Terminal, ReachError>> {
        let (ours, mut theirs) = tokio::io::duplex(1 << 16);
        let hello = format!("{} runs {command}: ", at.container);
        let ended = async move {
            let (mut reader, mut writer) = tokio::io::split(&mut theirs);
            let _ = writer.write_all(hello.as_bytes()).await;
            let _ = tokio::io::copy(&mut reader, &mut writer).await;
            None
        };
        let terminal = Terminal { stream: Box::new(ours), resize: Box::new(|_| {}), ended: Box::pin(ended) };
        Box::pin(std::future::ready(Ok(terminal)))
    }

    fn dial<'a>(
        &'a self,
        _: &'a SessionTarget,
        host: Option<&'a str>,
        port: u16,
    ) -> BoxFuture<'a, std::io::Result<Box<dyn Duplex>>> {
        let (ours, mut theirs) = tokio::io::duplex(1 << 16);
        let hello = format!("{}:{port}: ", host.unwrap_or("localhost"));
        tokio::spawn(async move {
            let (mut reader, mut writer) = tokio::io::split(&mut theirs);
            let _ = writer.write_all(hello.as_bytes()).await;
            let _ = tokio::io::copy(&mut reader, &mut writer).await;
        });
        Box::pin(std::future::ready(Ok(Box::new(ours) as Box<dyn Duplex>)))
    }
}

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) sessions: session::Sessions,
    pub(crate) metrics: metrics::Metrics,
    pub(crate) facts: mpsc::UnboundedSender<orchestrator::Fact>,
    stop: Option<oneshot::Sender<()>>,
    served: tokio::task::JoinHandle<std::io::Result<()>>,
    // What the platform holds while it lives.
    _dir: tempfile::TempDir,
}

impl Server {
    pub(crate) async fn start() -> Self {
        Self::with(Options { extra_hosts: vec!["platform.test".into()], ..Options::default() }).await
    }

    pub(crate) async fn with(options: Options) -> Self {
        Self::with_engine(options, true).await
    }

    /// A front whose engine runs containers that sessions reach, or none.
    pub(crate) async fn with_engine(options: Options, runs: bool) -> Self {
        Self::with_doors(options, runs, None).await
    }

    /// A front that has these doors in place of the platform's own.
    pub(crate) async fn with_doors(options: Options, runs: bool, doors: Option<api::Doors>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let account = "123456789012";
        let store = Store::ephemeral().unwrap();
        let now: secrets::Now = Arc::new(|| Clock::System.now());
        let images = images::ImageStore::open(&dir.path().join("images")).unwrap();
        let registry_options =
            registry::Options { host: address.to_string(), account: account.into(), anonymous: true };
        let (facts, receiver) = mpsc::unbounded_channel();
        let (driver, orchestrator) =
            Driver::open(store.clone(), Clock::System, account.into(), Arc::new(Still), Arc::new(Still), receiver)
                .unwrap();
        tokio::spawn(driver.run());
        let secrets = secrets::Secrets::open(store.clone(), None, account, now.clone()).unwrap();
        let parameters = parameters::Parameters::open(store.clone(), &secrets, account, now.clone()).unwrap();
        let sessions = session::Sessions::new(Arc::new(Echo));
        let kms = kms::Kms::open(store.clone(), secrets.sealer(), account, now.clone()).unwrap();
        let registry = registry::Registry::open(store.clone(), images, registry_options).unwrap();
        let metrics = metrics::Metrics::open(store.clone(), account, now.clone()).unwrap();
        let logs = logs::Logs::open(store, account, now).unwrap();
        let reached = runs.then(|| sessions.clone());
        let looked = metrics.clone();
        let scaling = scaling::Scaling::new(orchestrator.clone(), metrics.clone());
        tokio::spawn(scaling.clone().keep_telling());
        let mut state = State {
            doors: api::Doors::of_world(&orchestrator)
                .with(
                    Service::Acm,
                    certificates::Certificates::new(orchestrator.clone(), certificates::Keys::new(secrets.sealer())),
                )
                .with(Service::ApplicationAutoScaling, scaling)
                .with(Service::Ecr, registry.clone())
                .with(Service::Logs, logs.clone())
                .with(Service::CloudWatch, metrics.clone())
                .with(Service::Ecs, ExecuteCommand::new(orchestrator.clone(), reached.clone()))
                .with(Service::Rds, databases::LogFiles::new(orchestrator.clone(), None))
                .with(Service::SecretsManager, secrets.clone())
                .with(Service::Rds, rds::Passwords::new(orchestrator.clone(), secrets.clone()))
                .with(Service::Kms, kms.clone())
                .with(Service::Ssm, parameters.clone())
                .with(Service::Ssm, TagDoor::new(parameters.clone(), WorldDoor::new(orchestrator.clone(), ssm::TAGS)))
                .with(Service::Ssm, SessionManager::new(orchestrator.clone(), reached.clone())),
            orchestrator,
            registry,
            secrets,
            parameters,
            kms,
            logs,
            metrics,
            sessions: reached,
            account: account.into(),
            engine: "still".into(),
            notices: std::sync::Arc::new(Vec::new),
            started: Instant::now(),
        };
        assert_eq!(state.doors.unanswered(), Vec::<String>::new(), "models/served.txt names what nobody answers");
        if let Some(doors) = doors {
            state.doors = doors;
        }
        let (stop, stopped) = oneshot::channel::<()>();
        let shutdown = async {
            let _ = stopped.await;
        };
        let served = tokio::spawn(api::serve(listener, Arc::new(state), options, shutdown));
        Self { address, sessions, metrics: looked, facts, stop: Some(stop), served, _dir: dir }
    }

    /// Stops the front and waits for its end.
    pub(crate) async fn stop(mut self) {
        drop(self.stop.take());
        self.served.await.unwrap().unwrap();
    }

    /// Sends bytes as they are; returns everything until the connection ends.
    pub(crate) async fn raw(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// Sends one request with these header lines.
    pub(crate) async fn send(&self, line: &str, headers: &[&str], body: &str) -> String {
        let mut request = format!("{line} HTTP/1.1\r\nconnection: close\r\ncontent-length: {}\r\n", body.len());
        if !headers.iter().any(|h| h.starts_with("host:")) {
            request.push_str("host: 127.0.0.1\r\n");
        }
        headers.iter().for_each(|h| request.push_str(&format!("{h}\r\n")));
        self.raw(&format!("{request}\r\n{body}")).await
    }

    /// Calls a JSON operation with any credentials.
    pub(crate) async fn json(&self, scope: &str, target: &str, body: &str) -> String {
        self.send("POST /", &[&signed(scope), DATE, &format!("x-amz-target: {target}")], body).await
    }

    /// Calls a Query operation with any credentials.
    pub(crate) async fn query(&self, scope: &str, form: &str) -> String {
        self.send("POST /", &[&signed(scope), DATE, FORM], form).await
    }
}

pub(crate) const DATE: &str = "x-amz-date: 20260101T000000Z";
pub(crate) const FORM: &str = "content-type: application/x-www-form-urlencoded; charset=utf-8";

pub(crate) fn signed(scope: &str) -> String {
    format!(
        "authorization: AWS4-HMAC-SHA256 Credential=AKID/20260101/us-east-1/{scope}/aws4_request, \
         SignedHeaders=host;x-amz-date, Signature=00"
    )
}
