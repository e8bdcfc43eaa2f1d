//! A service whose truth is the world: its table of pure operations, as a door.

use aws_model::call::document;
use aws_model::{Answer, Answering, AwsError, Call, Door};
use platform_core::{Kind, Operation};

use crate::{CallCx, Handle};

/// The operations of one table, answered from the world.
pub struct WorldDoor {
    handle: Handle,
    table: &'static [Operation],
}

impl WorldDoor {
    /// Makes a door of a table; its rows are in the order of their names.
    pub fn new(handle: Handle, table: &'static [Operation]) -> Self {
        debug_assert!(table.is_sorted_by_key(|row| row.name), "a table is in the order of its names");
        Self { handle, table }
    }

    async fn answer(&self, call: Call) -> Result<Answer, AwsError> {
        let name = call.operation.name();
        let row = self.table.binary_search_by_key(&name, |row| row.name);
        let row = row.map_err(|_| AwsError::server(format!("{name} is offered and has no row")))?;
        let cx = CallCx { region: call.region, access_key: call.access_key };
        let reply = match self.table[row].kind {
            Kind::Read(read) => self.handle.answer(&cx, |world, cx| read(world, cx, &call.input))?,
            Kind::Write(write) => self.handle.write(cx, |world, cx| write(world, cx, call.input)).await?,
        };
        document(reply).map(Answer::Document)
    }
}

impl Door for WorldDoor {
    fn operations(&self) -> Vec<&'static str> {
        self.table.iter().map(|row| row.name).collect()
    }

    fn call(&self, call: Call) -> Answering<'_> {
        Box::pin(self.answer(call))
    }
}
