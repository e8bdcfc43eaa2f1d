//! Reads an expression.

use super::MathError;
use super::ast::{Expression, Operator};
use super::lex::{Token, lex};

/// How deep an expression may go: a text of 2,048 characters must not fill the stack.
const DEEPEST: usize = 60;
/// The minus of `-a` binds weaker than `^` and stronger than `*`.
const MINUS: u8 = 6;

/// Reads an expression.
///
/// # Errors
/// When the text is none.
pub fn parse(text: &str) -> Result<Expression, MathError> {
    let mut parser = Parser { tokens: lex(text)?, at: 0, depth: 0 };
    let expression = parser.expression(0)?;
    match parser.next() {
        None => Ok(expression),
        Some(token) => Err(MathError::new(format!("Unexpected '{}'", token.word()))),
    }
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
}

impl Parser {
    fn next(&mut self) -> Option<Token> {
        let token = self.tokens.get(self.at).cloned();
        self.at += 1;
        token
    }

    fn take(&mut self, mark: char) -> bool {
        let is_next = self.tokens.get(self.at) == Some(&Token::Mark(mark));
        self.at += usize::from(is_next);
        is_next
    }

    /// Reads what binds at least as strongly as `least`.
    fn expression(&mut self, least: u8) -> Result<Expression, MathError> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(MathError::new("The expression is too deeply nested"));
        }
        let mut left = self.operand()?;
        while let Some(Token::Operator(operator)) = self.tokens.get(self.at) {
            let operator = *operator;
            if operator.rank() < least {
                break;
            }
            self.at += 1;
            // Powers are read from the right.
            let above = if operator == Operator::Power { operator.rank() } else { operator.rank() + 1 };
            let right = self.expression(above)?;
            left = Expression::Binary(operator, Box::new(left), Box::new(right));
        }
        self.depth -= 1;
        Ok(left)
    }

    fn operand(&mut self) -> Result<Expression, MathError> {
        match self.next() {
            Some(Token::Number(number)) => Ok(Expression::Number(number)),
            Some(Token::Text(text)) => Ok(Expression::Text(text)),
            Some(Token::Name(name)) if self.take('(') => Ok(Expression::Call(name, self.items(')')?)),
            Some(Token::Name(name)) => Ok(Expression::Name(name)),
            Some(Token::Operator(Operator::Subtract)) => Ok(Expression::Minus(Box::new(self.expression(MINUS)?))),
            Some(Token::Mark('[')) => Ok(Expression::Array(self.items(']')?)),
            Some(Token::Mark('(')) => {
                let inner = self.expression(0)?;
                match self.take(')') {
                    true => Ok(inner),
                    false => Err(self.unexpected()),
                }
            }
            _ => {
                self.at -= 1;
                Err(self.unexpected())
            }
        }
    }

    /// Reads `a, b` up to a mark.
    fn items(&mut self, end: char) -> Result<Vec<Expression>, MathError> {
        let mut items = Vec::new();
        if self.take(end) {
            return Ok(items);
        }
        loop {
            items.push(self.expression(0)?);
            if self.take(end) {
                return Ok(items);
            }
            if !self.take(',') {
                return Err(self.unexpected());
            }
        }
    }

    fn unexpected(&self) -> MathError {
        match self.tokens.get(self.at) {
            Some(token) => MathError::new(format!("Unexpected '{}'", token.word())),
            None => MathError::new("The expression is not complete"),
        }
    }
}
