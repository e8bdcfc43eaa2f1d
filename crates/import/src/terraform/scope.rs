//! What does a name stand for? One module, called with its arguments, in one stage; everything is looked up lazily.
//!
//! A reference that only AWS can resolve is an unknown value with its address, never a failure.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::{Rc, Weak};
use std::sync::OnceLock;

use hcl::edit::expr::Expression;

use super::budget::Budget;
use super::computed;
use super::convert;
use super::eval::{Fault, Frame};
use super::files::{Files, Item, Module, local_source};
use super::schema::{self, Shape};
use super::sensitive::{Rules, looks_sensitive};
use super::truth::{Truth, filled};
use super::value::Value;
use crate::{Folder, Left};

/// Used if the caller gives no state.
static NOTHING: OnceLock<Truth> = OnceLock::new();

/// Calls inside of calls; a module that calls itself must end somewhere.
const DEEPEST: usize = 16;

/// One evaluation of a folder: a workspace, its variables' files, and what it found out about the account.
#[derive(Debug)]
pub(super) struct Run<'a> {
    pub(super) folder: &'a Folder,
    pub(super) files: &'a Files,
    /// Directory of the root module.
    pub(super) root: String,
    /// `terraform.workspace`.
    pub(super) workspace: String,
    pub(super) rules: Rules,
    /// What Terraform itself found out.
    pub(super) truth: &'a Truth,
    pub(super) region: OnceCell<Option<String>>,
    pub(super) account: OnceCell<Option<String>>,
    /// The evaluation needed the account, and it is unknown.
    pub(super) account_assumed: Cell<bool>,
    /// The evaluation needed the region, and it is unknown.
    pub(super) region_assumed: Cell<bool>,
    /// Depth of `try` and `can`, in which a fault is an answer.
    pub(super) strict: Cell<u32>,
    pub(super) left: RefCell<Vec<Left>>,
}

/// Which instance of a block with `count` or `for_each`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Key {
    Only,
    Index(usize),
    Name(String),
}

/// Returns what Terraform found out, unless that would show what is hidden. In a document of containers only what is
/// unknown is taken from it: the document in a state has every password in it.
fn preferred(own: Result<Value, Fault>, truth: Value, path: &str) -> Value {
    let own = own.unwrap_or_else(|fault| Value::unknown(fault.0));
    if path.ends_with(".container_definitions") {
        let (Value::Text(text), Some(found)) = (&own, truth.shown()) else { return own };
        let is_known = text.unknowns().next().is_none();
        return if is_known { own } else { filled(text, &found, path).map_or(own, Value::Text) };
    }
    if own.any_secret().is_some() { own } else { truth }
}

/// Returns the types of a resource's attributes, where they are known.
pub(super) fn shape(item: &Item) -> Option<&'static Shape> {
    schema::shape(item.label(0)).filter(|_| item.block.has_ident("resource"))
}

/// What a module is given.
#[derive(Debug)]
enum Args<'a> {
    /// The values of a root module's variables.
    Values(BTreeMap<String, Value>),
    /// What its caller writes. It is evaluated when it is needed: an argument may need an output of a module
    /// whose own arguments need an output of this one, and Terraform sees no circle in that. The caller outlives it:
    /// a holder of a scope holds its root.
    Call { caller: Weak<Scope<'a>>, item: &'a Item, key: Key, each: Value },
}

/// Arguments of a `module` block that are Terraform's own.
const META: [&str; 6] = ["source", "version", "count", "for_each", "providers", "depends_on"];

/// A module with its arguments.
#[derive(Debug)]
pub(super) struct Scope<'a> {
    pub(super) run: Rc<Run<'a>>,
    pub(super) module: &'a Module,
    /// `module.app.` or nothing.
    pub(super) prefix: String,
    /// Labels and keys of the calls that lead here, from the root.
    pub(super) calls: Vec<(String, Key)>,
    args: Args<'a>,
    /// Itself, for the modules that it calls.
    me: Weak<Self>,
    memo: RefCell<BTreeMap<String, Value>>,
    busy: RefCell<BTreeSet<String>>,
    children: RefCell<BTreeMap<String, Rc<Scope<'a>>>>,
}

/// A resource or data source, one of its instances.
#[derive(Debug, Clone)]
pub(super) struct Instance<'a> {
    pub(super) scope: Rc<Scope<'a>>,
    pub(super) item: &'a Item,
    pub(super) key: Key,
    pub(super) each: Value,
}

impl<'a> Scope<'a> {
    /// Returns a root module with its variables' values.
    pub(super) fn root(run: Rc<Run<'a>>, module: &'a Module, args: BTreeMap<String, Value>) -> Rc<Self> {
        Self::new(run, module, String::new(), Vec::new(), Args::Values(args))
    }

    fn new(
        run: Rc<Run<'a>>,
        module: &'a Module,
        prefix: String,
        calls: Vec<(String, Key)>,
        args: Args<'a>,
    ) -> Rc<Self> {
        let (memo, busy, children) = Default::default();
        Rc::new_cyclic(|me| Self { run, module, prefix, calls, args, me: me.clone(), memo, busy, children })
    }

    /// Returns what this module is given for a variable.
    fn argument_of(&self, name: &str) -> Option<Value> {
        match &self.args {
            Args::Values(values) => values.get(name).cloned(),
            Args::Call { caller, item, key, each } => {
                let written = item.attribute(name).filter(|_| !META.contains(&name))?;
                let caller = caller.upgrade().expect("the root that holds the caller is held by whoever asks");
                let at = item.place.clone();
                Some(self.budget().at(&at, || caller.lenient(written, &Frame::of(key, each))))
            }
        }
    }

    /// Adds the resources that only Terraform knows of: those of modules that are not in the folder.
    pub(super) fn add_known(root: &Rc<Self>, instances: &mut Vec<Instance<'a>>) {
        let truth = root.run.truth;
        let described: BTreeSet<String> = instances.iter().map(Instance::address).collect();
        let modules: BTreeSet<String> = instances.iter().map(|one| one.scope.prefix.clone()).collect();
        for (address, key, item) in &truth.items {
            if described.contains(address) {
                continue;
            }
            let own = format!("{}.{}{}", item.label(0), item.label(1), key.suffix());
            let prefix = address.strip_suffix(&own).unwrap_or_default().to_owned();
            // What a module of the folder no longer describes is about to be deleted.
            if prefix.is_empty() || modules.contains(&prefix) {
                continue;
            }
            let nothing = Args::Values(BTreeMap::new());
            let scope = Self::new(Rc::clone(&root.run), &truth.nowhere, prefix, Vec::new(), nothing);
            instances.push(Instance { scope, item, key: key.clone(), each: Value::Null });
        }
    }

    /// Evaluates once; a name that needs itself is unknown.
    fn once(&self, name: String, make: impl FnOnce() -> Result<Value, Fault>) -> Result<Value, Fault> {
        if let Some(value) = self.memo.borrow().get(&name) {
            return Ok(value.clone());
        }
        if !self.busy.borrow_mut().insert(name.clone()) {
            return Ok(Value::unknown(format!("{}{name}", self.prefix)));
        }
        let made = make();
        self.busy.borrow_mut().remove(&name);
        let value = made?;
        self.memo.borrow_mut().insert(name, value.clone());
        Ok(value)
    }

    /// Returns a variable: its argument, its default, or an unknown value.
    pub(super) fn variable(&self, name: &str) -> Result<Value, Fault> {
        let path = format!("{}var.{name}", self.prefix);
        self.once(format!("var.{name}"), || {
            let item = Module::named(&self.module.variables, &[name]);
            // `nullable = false`: null is as good as nothing.
            let taken = |value: &Value| {
                let nullable = item.and_then(|item| item.attribute("nullable"));
                *value != Value::Null || nullable.is_none_or(|nullable| nullable.as_bool() != Some(false))
            };
            let given = match (self.argument_of(name).filter(taken), item.and_then(|item| item.attribute("default"))) {
                (Some(value), _) => value,
                (None, Some(default)) => self.eval_in(item, default)?,
                (None, None) => return Ok(Value::unknown(path.clone())),
            };
            let declared = item
                .and_then(|item| item.attribute("sensitive"))
                .is_some_and(|expression| expression.as_bool() == Some(true));
            let kind = item.and_then(|item| item.attribute("type"));
            let value = match kind {
                Some(kind) => convert::to_type(self, given, kind),
                None => given,
            };
            Ok(self.run.rules.applied(&path, declared, value))
        })
    }

    /// Returns what evaluating has cost so far.
    pub(super) fn budget(&self) -> &Budget {
        &self.run.files.budget
    }

    /// Returns a local value.
    pub(super) fn local(&self, name: &str) -> Result<Value, Fault> {
        let Some((expression, place)) = self.module.locals.get(name) else {
            return Ok(Value::unknown(format!("{}local.{name}", self.prefix)));
        };
        let make = || self.budget().at(place, || self.eval(expression, &Frame::default()));
        self.once(format!("local.{name}"), make)
    }

    /// Returns the instances of a block, or what decides how many there are. Terraform may know better.
    pub(super) fn keys(&self, item: &Item) -> Result<Vec<(Key, Value)>, String> {
        let told = self.told_keys(item);
        if let Err(unknown) = &told {
            let known = self.run.truth.keys(&self.address(item, &Key::Only));
            if !known.is_empty() {
                return Ok(known.into_iter().map(|key| (key, Value::unknown(unknown.as_str()))).collect());
            }
        }
        told
    }

    fn told_keys(&self, item: &Item) -> Result<Vec<(Key, Value)>, String> {
        if let Some(count) = item.attribute("count") {
            let count = self.eval_in(Some(item), count).map_err(|fault| fault.0)?;
            if let Some(unknown) = count.is_unknown() {
                return Err(unknown.to_owned());
            }
            let count = count.as_number().or(count.as_bool().map(f64::from)).unwrap_or(0.0) as usize;
            // Each instance is looked at, several times.
            self.budget().at(&item.place, || self.budget().fits(count as u64 * 1024)).map_err(|fault| fault.0)?;
            return Ok((0..count).map(|index| (Key::Index(index), Value::Null)).collect());
        }
        let Some(each) = item.attribute("for_each") else {
            return Ok(vec![(Key::Only, Value::Null)]);
        };
        match self.eval_in(Some(item), each).map_err(|fault| fault.0)? {
            Value::Map(values) => Ok(values.into_iter().map(|(key, value)| (Key::Name(key), value)).collect()),
            Value::List(values) => values
                .into_iter()
                .map(|value| match value.as_text().and_then(|text| text.known()) {
                    Some(key) => Ok((Key::Name(key), value)),
                    None => Err(value.any_unknown().unwrap_or("for_each").to_owned()),
                })
                .collect(),
            Value::Null => Ok(Vec::new()),
            other => Err(other.is_unknown().unwrap_or("for_each").to_owned()),
        }
    }

    /// Returns the called module of a `module` block; nothing for one that is not in the folder.
    pub(super) fn child(&self, item: &'a Item, key: &Key, each: &Value) -> Option<Rc<Self>> {
        let dir = local_source(&self.module.dir, item).filter(|_| self.calls.len() < DEEPEST)?;
        let module = self.run.files.modules.get(&dir)?;
        let name = format!("{}{}", item.label(0), key.suffix());
        if let Some(child) = self.children.borrow().get(&name) {
            return Some(Rc::clone(child));
        }
        let mut calls = self.calls.clone();
        calls.push((item.label(0).to_owned(), key.clone()));
        let prefix = format!("{}module.{name}.", self.prefix);
        let args = Args::Call { caller: Weak::clone(&self.me), item, key: key.clone(), each: each.clone() };
        let child = Self::new(Rc::clone(&self.run), module, prefix, calls, args);
        self.children.borrow_mut().insert(name, Rc::clone(&child));
        Some(child)
    }

    /// Returns an output of this module, for who called it.
    pub(super) fn output(&self, name: &str) -> Result<Value, Fault> {
        match Module::named(&self.module.outputs, &[name]).and_then(|item| item.attribute("value")) {
            Some(expression) => {
                let item = Module::named(&self.module.outputs, &[name]);
                self.once(format!("output.{name}"), || self.eval_in(item, expression))
            }
            None => Ok(Value::unknown(format!("{}{name}", self.prefix))),
        }
    }

    /// Returns an attribute of an instance of a resource or data source: as Terraform found it out, computed, given, or
    /// unknown.
    pub(super) fn attribute(&self, item: &Item, key: &Key, each: &Value, name: &str) -> Value {
        let address = self.address(item, key);
        let path = format!("{address}.{name}");
        let made = self.once(path.clone(), || {
            let frame = Frame::of(key, each);
            let truth = self.run.truth.attribute(&address, name).cloned();
            let truth = truth.map(|truth| self.run.rules.applied(&path, false, truth));
            let is_block = item.block.body.has_blocks(name);
            if item.attribute(name).is_none() && !is_block {
                let computed = || computed::attribute(self, item, &frame, name);
                return Ok(truth.or_else(computed).unwrap_or_else(|| Value::unknown(path.as_str())));
            }
            let own = match (computed::attribute(self, item, &frame, name), item.attribute(name)) {
                (Some(value), _) => Ok(value),
                (None, Some(expression)) => self.budget().at(&item.place, || self.eval(expression, &frame)),
                (None, None) => Ok(self.blocks(&item.block.body, name, &frame)),
            };
            let own = match (own, truth) {
                (own, None) => own?,
                // What runs it may be newer than what the folder registers, and the reference says what is meant.
                (Ok(own), Some(_)) if name == "task_definition" && own.any_unknown().is_none() => own,
                (own, Some(truth)) => preferred(own, truth, &path),
            };
            let value = match shape(item) {
                Some(shape) => shape.conform(name, own),
                None => own,
            };
            Ok(if looks_sensitive(name) { value.hidden(&path) } else { value })
        });
        made.unwrap_or_else(|fault| Value::unknown(format!("{path}: {}", fault.0)))
    }

    /// Evaluates what stands in a block, and sees no names of its own.
    fn eval_in(&self, item: Option<&Item>, expression: &Expression) -> Result<Value, Fault> {
        match item {
            Some(item) => self.budget().at(&item.place, || self.eval(expression, &Frame::default())),
            None => self.eval(expression, &Frame::default()),
        }
    }

    /// Returns an argument as it is written, without computed attributes.
    pub(super) fn argument(&self, item: &Item, frame: &Frame<'_>, name: &str) -> Option<Value> {
        item.attribute(name).map(|expression| self.budget().at(&item.place, || self.lenient(expression, frame)))
    }

    /// Returns an instance's address in its root, such as `module.app.aws_lb.main[0]`.
    pub(super) fn address(&self, item: &Item, key: &Key) -> String {
        let labels = match item.block.ident.as_str() {
            "data" => format!("data.{}.{}", item.label(0), item.label(1)),
            "module" => format!("module.{}", item.label(0)),
            _ => format!("{}.{}", item.label(0), item.label(1)),
        };
        format!("{}{labels}{}", self.prefix, key.suffix())
    }

    /// Evaluates; a fault becomes an unknown value, unless the folder asks for faults with `try` or `can`.
    pub(super) fn lenient(&self, expression: &Expression, frame: &Frame<'_>) -> Value {
        self.eval(expression, frame).unwrap_or_else(|fault| Value::unknown(fault.0))
    }

    /// Returns the region; a stand-in, noted, where it is unknown.
    pub(super) fn region(&self) -> Value {
        match self.run.region.get() {
            Some(Some(region)) => region.as_str().into(),
            _ => {
                self.run.region_assumed.set(true);
                super::region::stand_in(self.run.folder).into()
            }
        }
    }

    /// Returns the account; a placeholder, noted, where it is unknown.
    pub(super) fn account(&self) -> String {
        match self.run.account.get() {
            Some(Some(account)) => account.clone(),
            _ => {
                self.run.account_assumed.set(true);
                super::NO_ACCOUNT.to_owned()
            }
        }
    }
}

impl Key {
    /// Returns how an address names it: `["staging"]`, `[0]` or nothing.
    pub(super) fn suffix(&self) -> String {
        match self {
            Self::Only => String::new(),
            Self::Index(index) => format!("[{index}]"),
            Self::Name(name) => format!("[\"{name}\"]"),
        }
    }
}

impl Instance<'_> {
    /// Returns the resource's type, such as `aws_lb`.
    pub(super) fn kind(&self) -> &str {
        self.item.label(0)
    }

    pub(super) fn address(&self) -> String {
        self.scope.address(self.item, &self.key)
    }

    /// Returns an attribute: computed, given, or unknown.
    pub(super) fn attribute(&self, name: &str) -> Value {
        self.scope.attribute(self.item, &self.key, &self.each, name)
    }

    /// Returns an argument that was written; null counts as not written.
    pub(super) fn given(&self, name: &str) -> Option<Value> {
        self.item.attribute(name)?;
        Some(self.attribute(name)).filter(|value| *value != Value::Null)
    }

    /// Returns nested blocks of a name, each as a map; `dynamic` ones too.
    pub(super) fn blocks(&self, name: &str) -> Vec<BTreeMap<String, Value>> {
        let frame = Frame::of(&self.key, &self.each);
        let mut blocks = self.scope.blocks(&self.item.block.body, name, &frame);
        let told = self.scope.dynamic_is_told(&self.item.block.body, name, &frame);
        if blocks.any_secret().is_none()
            && (blocks.any_unknown().is_some() || !told)
            && let Some(truth @ Value::List(_)) = self.scope.run.truth.attribute(&self.address(), name)
        {
            blocks = truth.clone();
        }
        let blocks = match shape(self.item) {
            Some(shape) => shape.conform(name, blocks),
            None => blocks,
        };
        match blocks {
            Value::List(values) => values
                .into_iter()
                .filter_map(|value| if let Value::Map(values) = value { Some(values) } else { None })
                .collect(),
            _ => Vec::new(),
        }
    }
}

impl<'a> Run<'a> {
    /// Returns an evaluation without workspace, values or state.
    pub(super) fn plain(folder: &'a Folder, files: &'a Files) -> Self {
        Self {
            folder,
            files,
            root: String::new(),
            workspace: "default".to_owned(),
            rules: Rules::default(),
            truth: NOTHING.get_or_init(Truth::default),
            region: OnceCell::new(),
            account: OnceCell::new(),
            account_assumed: Cell::new(false),
            region_assumed: Cell::new(false),
            strict: Cell::new(0),
            left: RefCell::new(Vec::new()),
        }
    }

    /// Returns a file's text; one that is not there is wanted.
    pub(super) fn file(&self, path: &str) -> Option<&'a str> {
        let text = self.folder.get(path);
        if text.is_none() {
            self.files.wanted.borrow_mut().insert(path.to_owned());
        }
        text.map(String::as_str)
    }

    /// Returns the root module's directory.
    pub(super) fn root(&self) -> &str {
        &self.root
    }
}
