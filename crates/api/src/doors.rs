//! Which door an operation has.

use std::collections::HashMap;
use std::sync::Arc;

use aws_model::model::Operation;
use aws_model::{Door, Service};
use orchestrator::{Handle, WorldDoor};

/// Every operation that is answered, and by whom.
#[derive(Default, Clone)]
pub struct Doors {
    rows: HashMap<(Service, &'static str), Arc<dyn Door>>,
}

impl Doors {
    /// Returns the doors of the services whose truth is the world.
    pub fn of_world(handle: &Handle) -> Self {
        let world = |doors: Self, (service, table): &(Service, &'static [platform_core::Operation])| {
            doors.with(*service, WorldDoor::new(handle.clone(), table))
        };
        platform_core::TABLES.iter().fold(Self::default(), world)
    }

    /// Adds a door of a service.
    #[must_use]
    pub fn with(mut self, service: Service, door: impl Door + 'static) -> Self {
        let door: Arc<dyn Door> = Arc::new(door);
        for operation in door.operations() {
            let was = self.rows.insert((service, operation), door.clone());
            debug_assert!(was.is_none(), "{} {operation} has two doors", service.cli_name());
        }
        self
    }

    /// Returns the operations whose shapes are in the models but that have no door, as `SERVICE OPERATION`. There is
    /// none: `models/served.txt` holds what has a door, and the page of compatibility is made of it.
    pub fn unanswered(&self) -> Vec<String> {
        let described = Service::all().flat_map(|service| service.model().operations());
        let lacking = described.filter(|operation| self.door(*operation).is_none());
        lacking.map(|operation| format!("{} {}", operation.service().cli_name(), operation.name())).collect()
    }

    /// Returns the door of an operation, if it is answered.
    pub(crate) fn door(&self, operation: Operation) -> Option<&Arc<dyn Door>> {
        self.rows.get(&(operation.service(), operation.name()))
    }
}
