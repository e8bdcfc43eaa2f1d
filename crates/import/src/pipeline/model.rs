//! What do pipelines of every vendor have in common? Jobs, when they run, and what their commands do.

use super::shell::Variables;
use super::yaml::{At, Member, Node};

/// When a job runs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct When {
    pub(super) branches: Vec<String>,
    pub(super) tags: Vec<String>,
    pub(super) is_pull_request: bool,
    /// By hand, by a schedule, by another pipeline: not by what is pushed.
    pub(super) is_apart: bool,
}

impl When {
    /// Whether it runs on tags and on no branch.
    pub(super) fn is_of_tags(&self) -> bool {
        !self.tags.is_empty() && self.branches.is_empty()
    }

    /// Whether one commit can start both.
    pub(super) fn meets(&self, other: &Self) -> bool {
        let any = |when: &Self| when.branches.is_empty() && when.tags.is_empty();
        let shares = |a: &[String], b: &[String]| a.iter().any(|one| b.contains(one));
        any(self) || any(other) || shares(&self.branches, &other.branches) || shares(&self.tags, &other.tags)
    }

    pub(super) fn words(&self) -> String {
        let mut parts = Vec::new();
        if !self.branches.is_empty() {
            parts.push(format!("branch {}", self.branches.join(", ")));
        }
        if !self.tags.is_empty() {
            parts.push(format!("tags {}", self.tags.join(", ")));
        }
        if self.is_pull_request {
            parts.push("pull requests".to_owned());
        }
        match (parts.is_empty(), self.is_apart) {
            (true, true) => "by hand or by a schedule".to_owned(),
            (true, false) => "every push".to_owned(),
            (false, _) => parts.join(" and "),
        }
    }
}

/// A part of a job that does something.
#[derive(Debug, Clone)]
pub(super) struct Part {
    pub(super) what: What,
    /// The leaf that says it.
    pub(super) id: At,
    /// Line of its first line.
    pub(super) line: usize,
    /// Its name, for what it hands on; of GitHub.
    pub(super) step: Option<String>,
    /// The whole step, of GitHub.
    pub(super) whole: Option<Node>,
    /// Variables of this part only.
    pub(super) variables: Variables,
    /// Directory of this part only.
    pub(super) directory: Option<String>,
}

/// What a part does it with.
#[derive(Debug, Clone)]
pub(super) enum What {
    /// Lines of shell.
    Script(String),
    /// An action of GitHub, or a pipe of Bitbucket, and what it is given.
    Uses(String, Vec<Member>),
}

/// A job, or a step of Bitbucket.
#[derive(Debug, Clone)]
pub(super) struct Job {
    /// What it is called.
    pub(super) name: String,
    /// Its key, where other jobs name it by one.
    pub(super) key: String,
    /// Which jobs follow each other: a pipeline of Bitbucket, a file of GitHub.
    pub(super) flow: String,
    pub(super) when: When,
    /// Name of the environment that it deploys to.
    pub(super) environment: Option<String>,
    pub(super) is_manual: bool,
    /// The job as it is written, anchors and `extends` resolved.
    pub(super) node: Node,
    /// Line of it.
    pub(super) at: At,
    pub(super) parts: Vec<Part>,
    pub(super) variables: Variables,
    /// Outputs that others ask for, of GitHub.
    pub(super) outputs: Vec<(String, String)>,
}

/// An image that is built.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Build {
    /// References that it gets.
    pub(super) tags: Vec<String>,
    /// Build arguments; without a value it is that of a variable of the same name.
    pub(super) args: Vec<(String, Option<String>)>,
    pub(super) context: Option<String>,
    pub(super) dockerfile: Option<String>,
    pub(super) target: Option<String>,
    pub(super) platform: Option<String>,
    pub(super) pushes: bool,
    /// Where it is said.
    pub(super) at: At,
    /// What the command says and the manifest has no word for.
    pub(super) lost: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Deploy {
    pub(super) cluster: Option<String>,
    pub(super) service: Option<String>,
    pub(super) family: Option<String>,
    /// Whether tasks are only started again, so that they take what a tag names then.
    pub(super) is_forced: bool,
}

/// What a command does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Action {
    Build(Build),
    Tag {
        from: String,
        to: String,
    },
    Push {
        reference: String,
        is_every_tag: bool,
    },
    Deploy(Deploy),
    /// A part of what managr does: why nothing of it is needed.
    Ours(&'static str),
    /// Something that a deploy by managr does in another way: what to do.
    Instead(&'static str),
    /// Nothing that we know.
    Own,
}
