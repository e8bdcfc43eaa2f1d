//! What does a template say? `${...}`, `%{ if }` and `%{ for }`, in strings, heredocs and files.

use hcl::edit::expr::Expression;
use hcl::edit::template::{Directive, Element, ForDirective, IfDirective, StringTemplate, Strip, Template};

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
        let mut out = Text::default();
        self.elements(&mut out, &elements, frame, (Strip::None, Strip::None))?;
        Ok(Value::Text(out))
    }

    /// Returns a template's text.
    pub(super) fn render(&self, template: &Template, frame: &Frame<'_>) -> Result<Text, Fault> {
        let mut out = Text::default();
        self.elements(&mut out, &template.iter().collect::<Vec<_>>(), frame, (Strip::None, Strip::None))?;
        Ok(if out.0.is_empty() { Text::plain("") } else { out })
    }

    /// `around` is what the directive that these elements are in strips from their ends.
    fn elements(
        &self,
        out: &mut Text,
        elements: &[&Element],
        frame: &Frame<'_>,
        around: (Strip, Strip),
    ) -> Result<(), Fault> {
        for (index, element) in elements.iter().enumerate() {
            match element {
                Element::Literal(literal) => {
                    let before = index.checked_sub(1).map_or(around.0, |before| closes(elements[before]));
                    let after = elements.get(index + 1).map_or(around.1, |after| opens(after));
                    let mut text = literal.value().as_str();
                    if matches!(before, Strip::End | Strip::Both) {
                        text = text.trim_start();
                    }
                    if matches!(after, Strip::Start | Strip::Both) {
                        text = text.trim_end();
                    }
                    out.push(text);
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
        let otherwise = directive.else_expr.as_ref();
        let (template, around) = match (truth(&condition)?, otherwise) {
            (true, otherwise) => {
                let end = otherwise.map_or(directive.endif_expr.strip, |otherwise| otherwise.strip);
                (&directive.if_expr.template, (directive.if_expr.strip, end))
            }
            (false, Some(otherwise)) => (&otherwise.template, (otherwise.strip, directive.endif_expr.strip)),
            (false, None) => return Ok(()),
        };
        self.elements(out, &template.iter().collect::<Vec<_>>(), frame, around)
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
        let elements: Vec<_> = head.template.iter().collect();
        for (key, value) in pairs {
            let inside = frame.inside(names(head.key_var.as_ref(), &head.value_var, key, value));
            self.elements(out, &elements, &inside, (head.strip, directive.endfor_expr.strip))?;
        }
        Ok(())
    }
}

/// Returns what an element strips from the text before it.
fn opens(element: &Element) -> Strip {
    match element {
        Element::Literal(_) => Strip::None,
        Element::Interpolation(interpolation) => interpolation.strip,
        Element::Directive(directive) => match directive.as_ref() {
            Directive::If(directive) => directive.if_expr.strip,
            Directive::For(directive) => directive.for_expr.strip,
        },
    }
}

/// Returns what an element strips from the text behind it.
fn closes(element: &Element) -> Strip {
    match element {
        Element::Literal(_) => Strip::None,
        Element::Interpolation(interpolation) => interpolation.strip,
        Element::Directive(directive) => match directive.as_ref() {
            Directive::If(directive) => directive.endif_expr.strip,
            Directive::For(directive) => directive.endfor_expr.strip,
        },
    }
}
