//! What does a template say? `${...}`, `%{ if }` and `%{ for }`, in strings, heredocs and files.

use hcl::edit::expr::Expression;
use hcl::edit::template::{
    Directive, Element, ForDirective, HeredocTemplate, IfDirective, StringTemplate, Strip, Template,
};

use super::eval::{Fault, Frame, names, pairs, truth};
use super::scope::Scope;
use super::value::{Piece, Text, Value};

impl Scope<'_> {
    /// Returns a quoted template's value: `"${x}"` is `x` itself, whatever its type.
    pub(super) fn quoted(&self, template: &StringTemplate, frame: &Frame<'_>) -> Result<Value, Fault> {
        let elements: Vec<&Element> = template.iter().collect();
        if let [Element::Interpolation(interpolation)] = elements.as_slice() {
            return self.eval(&interpolation.expr, frame);
        }
        let mut template: Template = elements.into_iter().cloned().collect::<Vec<_>>().into();
        stripped(&mut template, None);
        self.prepared(&template, frame).map(Value::Text)
    }

    /// Returns a heredoc's text.
    pub(super) fn heredoc(&self, heredoc: &HeredocTemplate, frame: &Frame<'_>) -> Result<Value, Fault> {
        let mut template = heredoc.template.clone();
        stripped(&mut template, heredoc.indent());
        self.prepared(&template, frame).map(Value::Text)
    }

    /// Returns the text of a file that is a template.
    pub(super) fn render(&self, template: &Template, frame: &Frame<'_>) -> Result<Text, Fault> {
        let mut template = template.clone();
        stripped(&mut template, None);
        self.prepared(&template, frame)
    }

    fn prepared(&self, template: &Template, frame: &Frame<'_>) -> Result<Text, Fault> {
        let mut out = Text::default();
        self.elements(&mut out, template, frame)?;
        Ok(if out.0.is_empty() { Text::plain("") } else { out })
    }

    fn elements(&self, out: &mut Text, template: &Template, frame: &Frame<'_>) -> Result<(), Fault> {
        for element in template.iter() {
            match element {
                Element::Literal(literal) => {
                    self.budget().charge(literal.value().len() as u64)?;
                    out.push(literal.value());
                }
                Element::Interpolation(interpolation) => out.append(self.interpolated(&interpolation.expr, frame)?),
                Element::Directive(directive) => match directive.as_ref() {
                    Directive::If(directive) => self.choice(out, directive, frame)?,
                    Directive::For(directive) => self.repetition(out, directive, frame)?,
                },
            }
        }
        Ok(())
    }

    /// One part that has no value does not take the rest of the text with it.
    fn interpolated(&self, expression: &Expression, frame: &Frame<'_>) -> Result<Text, Fault> {
        let value = match self.eval(expression, frame) {
            Err(fault) if self.run.strict.get() == 0 => return Ok(Text(vec![Piece::Unknown(fault.0)])),
            other => other?,
        };
        match (value.as_text(), value.any_unknown()) {
            (Some(text), _) => Ok(text),
            (None, Some(unknown)) => Ok(Text(vec![Piece::Unknown(unknown.to_owned())])),
            (None, None) => Err(Fault(format!("{} inside of a text", value.kind()))),
        }
    }

    fn choice(&self, out: &mut Text, directive: &IfDirective, frame: &Frame<'_>) -> Result<(), Fault> {
        let condition = self.eval(&directive.if_expr.cond_expr, frame)?;
        if let Some(unknown) = condition.is_unknown() {
            out.append(Text(vec![Piece::Unknown(unknown.to_owned())]));
            return Ok(());
        }
        match (truth(&condition)?, &directive.else_expr) {
            (true, _) => self.elements(out, &directive.if_expr.template, frame),
            (false, Some(otherwise)) => self.elements(out, &otherwise.template, frame),
            (false, None) => Ok(()),
        }
    }

    fn repetition(&self, out: &mut Text, directive: &ForDirective, frame: &Frame<'_>) -> Result<(), Fault> {
        let head = &directive.for_expr;
        let collection = self.eval(&head.collection_expr, frame)?;
        let pairs = match pairs(&collection) {
            Ok(pairs) => pairs,
            Err(Some(unknown)) => {
                out.append(Text(vec![Piece::Unknown(unknown)]));
                return Ok(());
            }
            Err(None) => return Err(Fault(format!("`for` over {}", collection.kind()))),
        };
        for (key, value) in pairs {
            let inside = frame.inside(names(head.key_var.as_ref(), &head.value_var, key, value));
            self.elements(out, &head.template, &inside)?;
        }
        Ok(())
    }
}

/// A part of a template in the order of the source.
enum Token<'t> {
    Literal(&'t mut String),
    /// `${...}`, or one `%{ ... }`, and what it strips.
    Marker(Strip),
}

/// Takes out of a template's literals what `~` strips and what `<<-` unindents, as HCL's scanner does: line by line.
///
/// The parser unindents literals outside of directives only; `indent` of it is put back first.
fn stripped(template: &mut Template, indent: Option<usize>) {
    if let Some(indent) = indent {
        put_back(template, &" ".repeat(indent));
    }
    let mut tokens = Vec::new();
    flatten(template, &mut tokens);
    let strips: Vec<Strip> =
        tokens.iter().map(|token| if let Token::Marker(strip) = token { *strip } else { Strip::None }).collect();
    let mut lines: Vec<Vec<String>> = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        let Token::Literal(literal) = token else {
            lines.push(Vec::new());
            continue;
        };
        let mut split: Vec<String> = literal.split_inclusive('\n').map(str::to_owned).collect();
        if let (Some(Strip::End | Strip::Both), Some(first)) =
            (at.checked_sub(1).map(|before| strips[before]), split.first_mut())
        {
            *first = first.trim_start().to_owned();
        }
        if let (Some(Strip::Start | Strip::Both), Some(last)) = (strips.get(at + 1), split.last_mut()) {
            *last = last.trim_end().to_owned();
        }
        lines.push(split);
    }
    if indent.is_some() {
        unindent(&mut lines, &tokens);
    }
    for (token, lines) in tokens.into_iter().zip(lines) {
        if let Token::Literal(literal) = token {
            *literal = lines.concat();
        }
    }
}

/// A line that begins with a directive counts as not indented; a blank one does not count.
fn unindent(lines: &mut [Vec<String>], tokens: &[Token<'_>]) {
    let (mut least, mut starts) = (usize::MAX, true);
    let mut adjusted = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        if matches!(token, Token::Marker(_)) && std::mem::take(&mut starts) {
            least = 0;
        }
        for (index, line) in lines[at].iter().enumerate() {
            let rest = line.trim_start();
            if std::mem::replace(&mut starts, line.ends_with('\n')) && !(rest.is_empty() && line.ends_with('\n')) {
                least = least.min(line.chars().count() - rest.chars().count());
                adjusted.push((at, index));
            }
        }
    }
    for (at, index) in adjusted {
        lines[at][index] = lines[at][index].chars().skip(least).collect();
    }
}

fn put_back(template: &mut Template, pad: &str) {
    let count = template.len();
    let mut starts = true;
    for (at, element) in template.iter_mut().enumerate() {
        let Element::Literal(literal) = element else {
            starts = false;
            continue;
        };
        let mut padded = String::new();
        for line in literal.split_inclusive('\n') {
            if starts && line != "\n" {
                padded.push_str(pad);
            }
            padded.push_str(line);
            starts = line.ends_with('\n');
        }
        if starts && at + 1 < count {
            padded.push_str(pad);
        }
        *literal.as_mut() = padded;
    }
}

fn flatten<'t>(template: &'t mut Template, tokens: &mut Vec<Token<'t>>) {
    for element in template.iter_mut() {
        match element {
            Element::Literal(literal) => tokens.push(Token::Literal(literal.as_mut())),
            Element::Interpolation(interpolation) => tokens.push(Token::Marker(interpolation.strip)),
            Element::Directive(directive) => match directive.as_mut() {
                Directive::If(directive) => {
                    tokens.push(Token::Marker(directive.if_expr.strip));
                    flatten(&mut directive.if_expr.template, tokens);
                    if let Some(otherwise) = &mut directive.else_expr {
                        tokens.push(Token::Marker(otherwise.strip));
                        flatten(&mut otherwise.template, tokens);
                    }
                    tokens.push(Token::Marker(directive.endif_expr.strip));
                }
                Directive::For(directive) => {
                    tokens.push(Token::Marker(directive.for_expr.strip));
                    flatten(&mut directive.for_expr.template, tokens);
                    tokens.push(Token::Marker(directive.endfor_expr.strip));
                }
            },
        }
    }
}
