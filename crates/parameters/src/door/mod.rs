//! Parameter Store as a service: which operation is answered by what. The front has held every input against the model
//! before.
//!
//! Parameter policies and data types other than `text` are refused by name.

mod answers;
mod changes;
mod input;
mod reads;
mod tags;

use aws_model::call::{Row, answer_by, names};
use aws_model::{Answering, AwsError, Call, Door, row};
use serde::Serialize;
use serde_json::{Value, json};

pub use self::tags::TagDoor;
use crate::Parameters;

/// In the order of their names.
const ROWS: &[Row<Parameters>] = &[
    row!("DeleteParameter", changes::delete),
    row!("DeleteParameters", changes::delete_all),
    row!("DescribeParameters", reads::describe),
    row!("GetParameter", reads::get),
    row!("GetParameterHistory", reads::history),
    row!("GetParameters", reads::get_all),
    row!("GetParametersByPath", reads::by_path),
    row!("LabelParameterVersion", changes::label),
    row!("PutParameter", changes::put),
    row!("UnlabelParameterVersion", changes::unlabel),
];

/// The operations that are answered, by name.
const OPERATIONS: &[&str] = &names::<_, { ROWS.len() }>(ROWS);

impl Door for Parameters {
    fn operations(&self) -> Vec<&'static str> {
        OPERATIONS.to_vec()
    }

    fn call(&self, call: Call) -> Answering<'_> {
        answer_by(ROWS, self, call)
    }
}

/// What an operation comes to.
type Answered = Result<Value, AwsError>;

fn written<T: Serialize>(answers: impl Iterator<Item = T>) -> Answered {
    let answers = answers.map(serde_json::to_value).collect::<Result<Vec<_>, _>>();
    answers.map(Value::Array).map_err(|_| AwsError::server("an answer could not be written"))
}

fn with_token(mut answer: Value, next: Option<String>) -> Value {
    if let Some(next) = next {
        answer["NextToken"] = json!(next);
    }
    answer
}
