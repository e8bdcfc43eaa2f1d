//! What is the value of an expression? The language's own rules; names are [`Scope`]'s business.
//!
//! hcl-rs parses; its own evaluation stops at the first unknown name, so that the walk over the tree is done here.

use std::collections::BTreeMap;

use hcl::edit::expr::{
    BinaryOp, BinaryOperator, Conditional, Expression, ForExpr, Object, ObjectKey, Traversal, UnaryOperator,
};
use hcl::edit::structure::{Block, Body};
use hcl::edit::{Decorated, Ident};

use super::functions;
use super::scope::{Key, Scope};
use super::value::Value;

/// Why an expression has no value. It never holds a value of a variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault(pub(super) String);

/// Names that an expression sees besides those of its module: `each`, `count`, and those of `for`.
#[derive(Debug, Default)]
pub(super) struct Frame<'p> {
    names: BTreeMap<String, Value>,
    parent: Option<&'p Frame<'p>>,
    /// Of a template: its file and its text. Nothing is seen in it but what it was given.
    template: Option<(&'p str, &'p str)>,
}

impl<'p> Frame<'p> {
    /// Returns the names that an instance of a block sees.
    pub(super) fn of(key: &Key, each: &Value) -> Self {
        let mut frame = Self::default();
        match key {
            Key::Only => {}
            Key::Index(index) => {
                let index = BTreeMap::from([("index".to_owned(), Value::number(*index as f64))]);
                frame.names.insert("count".to_owned(), Value::Map(index));
            }
            Key::Name(name) => {
                let each =
                    BTreeMap::from([("key".to_owned(), name.as_str().into()), ("value".to_owned(), each.clone())]);
                frame.names.insert("each".to_owned(), Value::Map(each));
            }
        }
        frame
    }

    /// Returns a frame of these names only: what a template sees.
    pub(super) fn only(names: BTreeMap<String, Value>, path: &'p str, text: &'p str) -> Self {
        Self { names, parent: None, template: Some((path, text)) }
    }

    /// Returns the template that it is of: its file and its text.
    pub(super) fn template(&self) -> Option<(&'p str, &'p str)> {
        self.template.or_else(|| self.parent.and_then(Frame::template))
    }

    /// Returns a frame inside of this one.
    pub(super) fn inside(&'p self, names: impl IntoIterator<Item = (String, Value)>) -> Self {
        Self { names: names.into_iter().collect(), parent: Some(self), template: None }
    }

    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.names.get(name).or_else(|| self.parent.and_then(|parent| parent.get(name)))
    }
}

impl Scope<'_> {
    /// Returns an expression's value.
    pub(super) fn eval(&self, expression: &Expression, frame: &Frame<'_>) -> Result<Value, Fault> {
        self.budget().spend(|| self.evaluated(expression, frame))
    }

    fn evaluated(&self, expression: &Expression, frame: &Frame<'_>) -> Result<Value, Fault> {
        Ok(match expression {
            Expression::Null(_) => Value::Null,
            Expression::Bool(value) => Value::Bool(*value.value()),
            Expression::Number(number) => match (number.value().as_i64(), number.value().as_u64()) {
                (Some(whole), _) => Value::Number(whole.into()),
                (None, Some(whole)) => Value::Number(whole.into()),
                (None, None) => number.value().as_f64().map_or(Value::Null, Value::number),
            },
            Expression::String(text) => text.value().as_str().into(),
            Expression::Array(values) => {
                Value::List(values.iter().map(|value| self.element(value, frame)).collect::<Result<_, _>>()?)
            }
            Expression::Object(object) => self.object(object, frame)?,
            Expression::StringTemplate(template) => self.quoted(template, frame)?,
            Expression::HeredocTemplate(heredoc) => self.heredoc(heredoc, frame)?,
            Expression::Parenthesis(inner) => self.eval(inner.inner(), frame)?,
            Expression::Variable(name) => self.name(name.as_str(), &[], frame)?,
            Expression::Conditional(conditional) => self.conditional(conditional, frame)?,
            Expression::FuncCall(call) => functions::call(self, call, frame)?,
            Expression::Traversal(traversal) => self.traversal(traversal, frame)?,
            Expression::UnaryOp(operation) => {
                let value = self.eval(&operation.expr, frame)?;
                if value.is_unknown().is_some() {
                    return Ok(value);
                }
                match operation.operator.value() {
                    UnaryOperator::Not => Value::Bool(!truth(&value)?),
                    UnaryOperator::Neg => hide_like(&[&value], Value::number(-number(&value)?)),
                }
            }
            Expression::BinaryOp(operation) => self.binary(operation, frame)?,
            Expression::ForExpr(expression) => self.each(expression, frame)?,
        })
    }

    /// Returns an element of a collection: one that has no value does not take the others with it.
    fn element(&self, expression: &Expression, frame: &Frame<'_>) -> Result<Value, Fault> {
        match self.eval(expression, frame) {
            Err(fault) if self.run.strict.get() == 0 => Ok(Value::unknown(fault.0)),
            other => other,
        }
    }

    fn object(&self, object: &Object, frame: &Frame<'_>) -> Result<Value, Fault> {
        let mut values = BTreeMap::new();
        for (key, value) in object {
            let key = match key {
                ObjectKey::Ident(ident) => ident.as_str().to_owned(),
                // `name = ...` where the parser sees a variable is a name; only `(name) = ...` is an expression.
                ObjectKey::Expression(Expression::Variable(ident)) => ident.as_str().to_owned(),
                ObjectKey::Expression(expression) => match key_of(&self.eval(expression, frame)?) {
                    Ok(key) => key,
                    Err(unknown) => return Ok(Value::unknown(unknown)),
                },
            };
            values.insert(key, self.element(value.expr(), frame)?);
        }
        Ok(Value::Map(values))
    }

    fn conditional(&self, conditional: &Conditional, frame: &Frame<'_>) -> Result<Value, Fault> {
        let condition = self.eval(&conditional.cond_expr, frame)?;
        if let Some(unknown) = condition.is_unknown() {
            let (yes, no) = (self.lenient(&conditional.true_expr, frame), self.lenient(&conditional.false_expr, frame));
            return Ok(if yes == no { yes } else { Value::unknown(unknown) });
        }
        let (chosen, other) = match truth(&condition)? {
            true => (&conditional.true_expr, &conditional.false_expr),
            false => (&conditional.false_expr, &conditional.true_expr),
        };
        let value = self.eval(chosen, frame)?;
        // Both branches have one type, whichever is taken; a text has it already.
        if matches!(value, Value::Text(_) | Value::Null) {
            return Ok(value);
        }
        Ok(self.eval(other, frame).map_or(value.clone(), |other| super::convert::like(value, &other)))
    }

    fn binary(&self, operation: &BinaryOp, frame: &Frame<'_>) -> Result<Value, Fault> {
        let left = self.eval(&operation.lhs_expr, frame)?;
        let operator = *operation.operator.value();
        match (operator, left.as_bool()) {
            (BinaryOperator::And, Some(false)) => return Ok(Value::Bool(false)),
            (BinaryOperator::Or, Some(true)) => return Ok(Value::Bool(true)),
            _ => {}
        }
        let right = self.eval(&operation.rhs_expr, frame)?;
        match (operator, right.as_bool()) {
            (BinaryOperator::And, Some(false)) => return Ok(Value::Bool(false)),
            (BinaryOperator::Or, Some(true)) => return Ok(Value::Bool(true)),
            _ => {}
        }
        if let BinaryOperator::Eq | BinaryOperator::NotEq = operator {
            return Ok(match left.equals(&right) {
                Ok(equal) => Value::Bool(equal == (operator == BinaryOperator::Eq)),
                Err(unknown) => Value::unknown(unknown),
            });
        }
        if let Some(unknown) = left.is_unknown().or_else(|| right.is_unknown()) {
            return Ok(Value::unknown(unknown));
        }
        if let BinaryOperator::And | BinaryOperator::Or = operator {
            let (left, right) = (truth(&left)?, truth(&right)?);
            return Ok(Value::Bool(if operator == BinaryOperator::And { left && right } else { left || right }));
        }
        let (l, r) = (number(&left)?, number(&right)?);
        let result = match operator {
            BinaryOperator::LessEq => return Ok(Value::Bool(l <= r)),
            BinaryOperator::GreaterEq => return Ok(Value::Bool(l >= r)),
            BinaryOperator::Less => return Ok(Value::Bool(l < r)),
            BinaryOperator::Greater => return Ok(Value::Bool(l > r)),
            BinaryOperator::Plus => l + r,
            BinaryOperator::Minus => l - r,
            BinaryOperator::Mul => l * r,
            BinaryOperator::Div if r == 0.0 => return Err(Fault("a division by zero".to_owned())),
            BinaryOperator::Div => l / r,
            BinaryOperator::Mod if r == 0.0 => return Err(Fault("a division by zero".to_owned())),
            _ => l % r,
        };
        Ok(hide_like(&[&left, &right], Value::number(decimal(result))))
    }

    fn each(&self, expression: &ForExpr, frame: &Frame<'_>) -> Result<Value, Fault> {
        let intro = &expression.intro;
        let collection = self.eval(&intro.collection_expr, frame)?;
        let pairs = match pairs(&collection) {
            Ok(pairs) => pairs,
            Err(Some(unknown)) => return Ok(Value::unknown(unknown)),
            Err(None) => return Err(Fault(format!("`for` over {}", collection.kind()))),
        };
        let (mut list, mut map, mut groups) = (Vec::new(), BTreeMap::new(), BTreeMap::<String, Vec<Value>>::new());
        for (key, value) in pairs {
            let inside = frame.inside(names(intro.key_var.as_ref(), &intro.value_var, key, value));
            if let Some(condition) = &expression.cond {
                let condition = self.eval(&condition.expr, &inside)?;
                if let Some(unknown) = condition.is_unknown() {
                    return Ok(Value::unknown(unknown));
                }
                if !truth(&condition)? {
                    continue;
                }
            }
            let value = self.element(&expression.value_expr, &inside)?;
            let Some(key) = &expression.key_expr else {
                list.push(value);
                continue;
            };
            let key = match key_of(&self.eval(key, &inside)?) {
                Ok(key) => key,
                Err(unknown) => return Ok(Value::unknown(unknown)),
            };
            if expression.grouping {
                groups.entry(key).or_default().push(value);
            } else {
                map.insert(key, value);
            }
        }
        Ok(match (&expression.key_expr, expression.grouping) {
            (None, _) => Value::List(list),
            (Some(_), false) => Value::Map(map),
            (Some(_), true) => Value::Map(groups.into_iter().map(|(key, values)| (key, Value::List(values))).collect()),
        })
    }

    fn traversal(&self, traversal: &Traversal, frame: &Frame<'_>) -> Result<Value, Fault> {
        if let Expression::Variable(name) = &traversal.expr {
            return self.name(name.as_str(), &traversal.operators, frame);
        }
        let value = self.eval(&traversal.expr, frame)?;
        self.follow(value, &traversal.operators, frame)
    }

    /// Returns nested blocks of a name as a list of maps; `dynamic` ones are unrolled.
    pub(super) fn blocks(&self, body: &Body, name: &str, frame: &Frame<'_>) -> Value {
        let mut found = Vec::new();
        for block in body.blocks() {
            if block.has_ident(name) {
                found.push(self.block(&block.body, frame));
            } else if dynamic_name(block) == Some(name) {
                found.extend(self.dynamic(block, frame));
            }
        }
        Value::List(found)
    }

    /// Returns whether it is known how many blocks of a name there are.
    pub(super) fn dynamic_is_told(&self, body: &Body, name: &str, frame: &Frame<'_>) -> bool {
        let ours = body.blocks().filter(|block| dynamic_name(block) == Some(name));
        ours.into_iter().all(|block| self.rounds(block, frame).is_ok())
    }

    fn block(&self, body: &Body, frame: &Frame<'_>) -> Value {
        let mut values: BTreeMap<String, Value> = body
            .attributes()
            .map(|attribute| (attribute.key.as_str().to_owned(), self.lenient(&attribute.value, frame)))
            .collect();
        for block in body.blocks() {
            let name = dynamic_name(block).unwrap_or(block.ident.as_str());
            values.insert(name.to_owned(), self.blocks(body, name, frame));
        }
        Value::Map(values)
    }

    fn dynamic(&self, block: &Block, frame: &Frame<'_>) -> Vec<Value> {
        let Some(content) = block.body.get_blocks("content").next() else { return Vec::new() };
        let rounds = self.rounds(block, frame).unwrap_or_default();
        rounds.into_iter().map(|names| self.block(&content.body, &frame.inside([names]))).collect()
    }

    /// Returns the name that each round of a `dynamic` block sees and what it stands for, or what the number of
    /// rounds depends on.
    pub(super) fn rounds(&self, block: &Block, frame: &Frame<'_>) -> Result<Vec<(String, Value)>, String> {
        let Some(each) = block.body.get_attribute("for_each") else { return Ok(Vec::new()) };
        let iterator = match block.body.get_attribute("iterator").map(|attribute| &attribute.value) {
            Some(Expression::Variable(name)) => name.as_str().to_owned(),
            _ => dynamic_name(block).unwrap_or_default().to_owned(),
        };
        let collection = self.eval(&each.value, frame).map_err(|fault| fault.0)?;
        let pairs = match pairs(&collection) {
            Ok(pairs) => pairs,
            Err(Some(unknown)) => return Err(unknown),
            Err(None) if collection == Value::Null => Vec::new(),
            Err(None) => return Err(format!("`for_each` over {}", collection.kind())),
        };
        let named = |(key, value)| {
            let both = BTreeMap::from([("key".to_owned(), key), ("value".to_owned(), value)]);
            (iterator.clone(), Value::Map(both))
        };
        Ok(pairs.into_iter().map(named).collect())
    }
}

/// Returns the name of the blocks that a `dynamic` block makes.
pub(super) fn dynamic_name(block: &Block) -> Option<&str> {
    block.labels.first().filter(|_| block.has_ident("dynamic")).map(|label| label.as_str())
}

/// Returns the names that one round of a loop sees.
pub(super) fn names(
    key_name: Option<&Decorated<Ident>>,
    value_name: &Decorated<Ident>,
    key: Value,
    value: Value,
) -> Vec<(String, Value)> {
    let mut names = vec![(value_name.as_str().to_owned(), value)];
    names.extend(key_name.map(|name| (name.as_str().to_owned(), key)));
    names
}

/// Returns the rounds of a loop over a collection, or what the collection depends on.
pub(super) fn pairs(collection: &Value) -> Result<Vec<(Value, Value)>, Option<String>> {
    match collection {
        Value::List(values) => {
            Ok(values.iter().enumerate().map(|(at, value)| (Value::number(at as f64), value.clone())).collect())
        }
        Value::Map(values) => Ok(values.iter().map(|(key, value)| (key.as_str().into(), value.clone())).collect()),
        other => Err(other.is_unknown().map(str::to_owned)),
    }
}

fn key_of(value: &Value) -> Result<String, String> {
    if let Some(unknown) = value.is_unknown() {
        return Err(unknown.to_owned());
    }
    value.as_text().and_then(|text| text.known()).ok_or_else(|| "a key that is no text".to_owned())
}

/// Returns a truth, or a fault.
pub(super) fn truth(value: &Value) -> Result<bool, Fault> {
    value.as_bool().ok_or_else(|| Fault(format!("{} where true or false is expected", value.kind())))
}

/// Returns a number, or a fault.
pub(super) fn number(value: &Value) -> Result<f64, Fault> {
    value.as_number().ok_or_else(|| Fault(format!("{} where a number is expected", value.kind())))
}

/// Terraform calculates in decimals: 0.1 + 0.2 is 0.3. Fifteen digits of a double are what was meant.
fn decimal(number: f64) -> f64 {
    if number.fract() == 0.0 { number } else { format!("{number:.14e}").parse().unwrap_or(number) }
}

/// Returns a result that is as sensitive as what it was made of.
pub(super) fn hide_like(from: &[&Value], result: Value) -> Value {
    match from.iter().find_map(|value| value.any_secret()) {
        Some(of) => result.hidden(of),
        None => result,
    }
}
