//! The CI files that `managr pipeline` writes: held against their vendors' schemas, and the Bitbucket one run in a local
//! runner up to finished deploys on the embedded platform, which takes the pipeline's token as AWS would.

use std::path::Path;
use std::process::Stdio;

use e2e::server::{Server, free_port};

use crate::programs::{self, Build};
use crate::python::{self, Venv};
use crate::shell::{Fault, cmd, say};
use crate::tree::Tree;

/// Ends with other than 0 when something is not as it must be, and says what.
const SCRIPT: &str = "e2e/clients/check_pipelines.py";

pub(crate) fn check(tree: &Tree) -> Result<(), Fault> {
    let clients = Venv::ensure(tree, "clients", python::CLIENTS)?;
    let schemas = Venv::ensure(tree, "pipelines", &[python::SCHEMAS])?;
    let runner = Venv::bb_run(tree)?;
    let managr = programs::managr(tree, Build::Debug)?;
    let data = tree.scratch("pipelines-data")?;
    let repo = tree.scratch("pipelines-repo")?;
    for directory in [&data, &repo] {
        std::fs::remove_dir_all(directory).map_err(Fault::path(directory))?;
        std::fs::create_dir_all(directory).map_err(Fault::path(directory))?;
    }
    let (port, listener) = (free_port()?, free_port()?);
    let endpoint = format!("http://127.0.0.1:{port}");
    let serve = cmd(&managr, &["platform", "serve", "--listen", &format!("127.0.0.1:{port}")]);
    let mut serve = serve.env("MANAGR_DATA_DIR", &data).into_command();
    serve.stdout(Stdio::null()).stderr(Stdio::null());
    let server = Server::start(serve, port)?;
    let run = cmd(clients.program("python3"), &[SCRIPT]).dir(&tree.root);
    let run = run.env("AWS_ENDPOINT_URL", &endpoint).env("LISTENER", listener.to_string()).env("MANAGR", &managr);
    let run = run.env("MANAGR_DATA_DIR", &data).env("MANAGR_BUILDER", "buildah").env("REPO", &repo);
    let run = run.env("HELLO", tree.root.join("examples/hello"));
    let run = run.env("CHECK_JSONSCHEMA", schemas.program("check-jsonschema"));
    let run = match &runner {
        Some(runner) => run.env("BB_RUN", runner.program("bb-run")),
        None => {
            say("no Python from 3.12 on is here (pyenv or `uv python install` puts one there): scripts are not run");
            run
        }
    };
    let checked = run.run();
    drop(server);
    checked.and(purge(&managr, &data, &endpoint))
}

/// Containers and the load balancer outlive their platform.
fn purge(managr: &Path, data: &Path, endpoint: &str) -> Result<(), Fault> {
    cmd(managr, &["platform", "purge", "--endpoint", endpoint]).env("MANAGR_DATA_DIR", data).run()
}
